#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a bench claims of itself is not believed: bench_table computes it again."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TABLE = Path(__file__).resolve().parent / "bench_table.py"


def row(name, value, target, holds):
    return {"name": name, "value": value, "unit": "ms", "target": target, "holds": holds}


def run(rows, *names):
    """(exit status, rows written, what was printed)"""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bench.jsonl"
        done = subprocess.run(
            [sys.executable, str(TABLE), str(out), *names], text=True, check=False,
            input="".join(json.dumps(r) + "\n" for r in rows), capture_output=True)
        lines = out.read_text().splitlines() if out.exists() else []
    return done.returncode, [json.loads(line) for line in lines], done.stdout + done.stderr


class BenchTable(unittest.TestCase):
    def test_holds_is_computed_from_value_and_target(self):
        cases = [(0.6, "<= 0.6", True), (0.61, "<= 0.6", False), (0.5, "< 0.5", False),
                 (0.999, ">= 0.999", True), (3, "> 3", False), (-1, ">= -2.5e-1", False),
                 (7, None, None)]
        for value, target, holds in cases:
            for claimed in (True, False, None):
                status, rows, _ = run([row("a", value, target, claimed)])
                self.assertEqual(rows[0]["holds"], holds, (value, target))
                self.assertEqual(status, 1 if holds is False else 0)

    def test_rows_are_chosen_by_the_beginning_of_their_name(self):
        rows = [row("follower_jitter", 1, None, None), row("emission_error", 1, None, None)]
        _, chosen, _ = run(rows, "emi", "pulse")
        self.assertEqual([r["name"] for r in chosen], ["emission_error"])

    def test_what_cannot_be_judged_is_an_error(self):
        for bad in ([], [{"name": "a"}], [row("a", 1, "about 3", True)]):
            status, rows, said = run(bad)
            self.assertEqual((status, rows), (1, []))
            self.assertIn("bench_table:", said)


if __name__ == "__main__":
    unittest.main()
