#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws phase errors over time: follower_bench --trace | timing_svg.py docs/timing.svg

Standard input: a line of column names, the first being seconds, then one line a pulse.
Two panels, the whole error and a closer look; readable on light and dark backgrounds.
"""

import argparse
import sys
from pathlib import Path

WIDTH, LEFT, RIGHT = 900, 52, 24
PANELS = ((86, 200, -10, 40, 10), (330, 200, -4, 4, 1))  # top, height, low, high, step
BOTTOM = 570
FROM, TO = -6, 10  # seconds
NAMES = {  # column: (class, what it is), in the order of drawing
    "average_96": ("average", "moving average of 96 intervals"),
    "loop_2hz": ("quick", "delay-locked loop, 2 Hz"),
    "loop_0.1hz": ("quiet", "delay-locked loop, 0.1 Hz"),
    "follower": ("ours", "Antiphon"),
}
STYLE = """
  .back { fill: #ffffff } .text { fill: #24292f } .faint { fill: #6e7781 }
  .grid { stroke: #d8dee4 } .zero { stroke: #8c959f }
  .ours { stroke: #0969da; stroke-width: 2.2 } .quick { stroke: #bc4c00 }
  .quiet { stroke: #1a7f37 } .average { stroke: #a5a0c8 }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117 } .text { fill: #e6edf3 } .faint { fill: #8b949e }
    .grid { stroke: #262c36 } .zero { stroke: #6e7681 }
    .ours { stroke: #58a6ff } .quick { stroke: #ff9e64 }
    .quiet { stroke: #56d364 } .average { stroke: #6b6794 }
  }
  path { fill: none; stroke-width: 1.3 }
  text { font: 12px system-ui, sans-serif } .title { font-size: 16px }
"""


def read_trace(lines):
    names = next(lines).split()
    rows = [[float(cell) for cell in line.split()] for line in lines]
    rows = [row for row in rows if FROM <= row[0] <= TO]
    seconds = [row[0] for row in rows]
    return seconds, {name: [row[i] for row in rows]
                     for i, name in enumerate(names) if i > 0}


def x_of(seconds):
    return LEFT + (seconds - FROM) * (WIDTH - LEFT - RIGHT) / (TO - FROM)


def curve(seconds, errors, panel, style):
    top, height, low, high, _ = panel
    points = []
    for at, error in zip(seconds, errors):
        shown = min(max(error, low), high)
        points.append(f"{x_of(at):.1f} {top + (high - shown) * height / (high - low):.1f}")
    return f'<path class="{style}" d="M{"L".join(points)}"/>'


def axes(panel):
    top, height, low, high, step = panel
    parts = []
    for error in range(low, high + 1, step):
        y = top + (high - error) * height / (high - low)
        style = "zero" if error == 0 else "grid"
        parts.append(f'<path class="{style}" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="faint" x="{LEFT - 8}" y="{y + 4:.1f}" '
                     f'text-anchor="end">{error}</text>')
    for second in range(FROM, TO + 1, 2):
        x = x_of(second)
        style = "zero" if second == 0 else "grid"
        parts.append(f'<path class="{style}" d="M{x:.1f} {top}v{height}"/>')
        parts.append(f'<text class="faint" x="{x:.1f}" y="{top + height + 16}" '
                     f'text-anchor="middle">{second} s</text>')
    return parts


def draw(seconds, errors):
    parts = [f'<text class="text title" x="{LEFT}" y="24">Phase error one pulse ahead, in '
             "milliseconds</text>",
             f'<text class="faint" x="{LEFT}" y="42">1 ms of jitter, one pulse in a hundred '
             "3 to 10 ms late; at 0 s the tempo goes from 120 to 126</text>"]
    for index, (style, what) in enumerate(reversed(list(NAMES.values()))):
        x = LEFT + (0, 110, 305, 490)[index]
        parts.append(f'<path class="{style}" d="M{x} 62h22"/>')
        parts.append(f'<text class="text" x="{x + 28}" y="66">{what}</text>')
    for panel in PANELS:
        parts += axes(panel)
        parts += [curve(seconds, errors[name], panel, style)
                  for name, (style, _) in NAMES.items()]
    parts.append(f'<text class="faint" x="{LEFT}" y="{PANELS[1][0] - 10}">closer</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {BOTTOM}" '
            f'width="{WIDTH}" height="{BOTTOM}">\n<style>{STYLE}</style>\n'
            f'<rect class="back" width="{WIDTH}" height="{BOTTOM}"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("svg", type=Path)
    arguments = parser.parse_args()
    try:
        seconds, errors = read_trace(sys.stdin)
        text = draw(seconds, errors)
    except (StopIteration, ValueError, KeyError) as error:
        print(f"timing_svg: not a trace of follower_bench: {error!r}", file=sys.stderr)
        return 1
    arguments.svg.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
