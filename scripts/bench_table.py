#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the rows of benches as a table: bench_table.py OUT.jsonl [NAME…] < rows

Reads JSON lines {"name","value","unit","target","holds"}, keeps those whose name begins
with a NAME (all where none is given), computes `holds` again from value and target
("<= 0.6", ">= 0.999", or null: reported only) and writes them to OUT.jsonl.
Exit status 1 if a row does not hold or there is none.
"""

import argparse
import json
import re
import sys
from pathlib import Path

TARGET = re.compile(r"^(<=|>=|<|>) (-?[0-9.]+(?:e[-+]?[0-9]+)?)$")
COMPARE = {
    "<=": lambda value, limit: value <= limit,
    ">=": lambda value, limit: value >= limit,
    "<": lambda value, limit: value < limit,
    ">": lambda value, limit: value > limit,
}


def holds(row):
    """True, False, or None where there is no target."""
    if row["target"] is None:
        return None
    match = TARGET.match(row["target"])
    if not match:
        raise ValueError(f"{row['name']}: target {row['target']!r} cannot be read")
    return COMPARE[match[1]](row["value"], float(match[2]))


def read_rows(lines, names):
    rows = []
    for line in lines:
        row = json.loads(line)
        if names and not row["name"].startswith(tuple(names)):
            continue
        row["holds"] = holds(row)
        rows.append({key: row[key] for key in ("name", "value", "unit", "target", "holds")})
    return rows


def print_table(rows):
    width = max(len(row["name"]) for row in rows)
    said = {None: "", True: "holds", False: "FAILS"}
    print(f"{'row':{width}}  {'value':>10} {'unit':7} {'target':>12}")
    for row in rows:
        print(f"{row['name']:{width}}  {row['value']:>10.4g} {row['unit']:7} "
              f"{row['target'] or '':>12}  {said[row['holds']]}".rstrip())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    try:
        rows = read_rows(sys.stdin, arguments.names)
    except (ValueError, KeyError, TypeError) as error:
        print(f"bench_table: not a row: {error}", file=sys.stderr)
        return 1
    if not rows:
        print("bench_table: no rows", file=sys.stderr)
        return 1
    arguments.out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    print_table(rows)
    failed = sum(row["holds"] is False for row in rows)
    held = sum(row["holds"] is True for row in rows)
    print(f"{len(rows)} rows in {arguments.out}: {held} hold, {failed} do not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
