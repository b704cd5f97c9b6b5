#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Draws a session as a piano roll: session_svg.py session.mid session.svg

The tracks named `human` and `answer` get a colour each, eight bars to a row, with bar
lines and numbers from the tempo and meter track. If bars.jsonl lies beside the MIDI
file, each bar that is not an answer says what sounded instead. Readable on light and
dark backgrounds. Needs Debian's python3-mido, hence the system's Python and not
whichever comes first in PATH.
"""

import argparse
import json
import sys
from html import escape
from pathlib import Path

import mido

BARS_PER_ROW = 8
WIDTH, LEFT, RIGHT, TOP = 1200, 44, 16, 64
PIXELS_PER_PITCH, ROW_GAP = 5, 44
MAX_BARS = 4096
VOICES = ("human", "answer")
STYLE = """
  .back { fill: #ffffff } .text { fill: #24292f } .faint { fill: #6e7781 }
  .line { stroke: #8c959f } .octave { stroke: #d8dee4 }
  .human { fill: #0969da } .answer { fill: #d9480f }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117 } .text { fill: #e6edf3 } .faint { fill: #8b949e }
    .line { stroke: #6e7681 } .octave { stroke: #262c36 }
    .human { fill: #58a6ff } .answer { fill: #ff9e64 }
  }
  text { font: 12px system-ui, sans-serif } .title { font-size: 16px }
"""


def timed(track):
    now = 0
    for message in track:
        now += message.time
        yield now, message


def read_notes(song):
    """(voice, start, end, pitch, velocity) of both voices, in ticks."""
    notes = []
    for track in song.tracks:
        if track.name not in VOICES:
            continue
        sounding, last = {}, 0
        for now, message in timed(track):
            last = now
            if message.type == "note_on" and message.velocity > 0:
                sounding.setdefault((message.channel, message.note), []).append(
                    (now, message.velocity))
            elif message.type in ("note_on", "note_off"):
                struck = sounding.get((message.channel, message.note))
                if struck:
                    start, velocity = struck.pop(0)
                    notes.append((track.name, start, now, message.note, velocity))
        for (_, pitch), struck in sounding.items():
            notes += [(track.name, s, last, pitch, v) for s, v in struck]
    return notes


def read_meters(song):
    """Sorted (tick, bar length in ticks); 4/4 until the file says otherwise."""
    meters = {0: 4 * song.ticks_per_beat}
    for track in song.tracks:
        for now, message in timed(track):
            if message.type == "time_signature":
                meters[now] = (4 * song.ticks_per_beat * message.numerator
                               // message.denominator)
    return sorted(meters.items())


def bar_lines(meters, end):
    """Ticks of the bar lines, one beyond `end`. A meter change begins a bar."""
    lines, at = [0], 0
    while at < end and len(lines) <= MAX_BARS:
        length = [bar for tick, bar in meters if tick <= at][-1]
        following = [tick for tick, _ in meters if at < tick < at + length]
        at = following[0] if following else at + length
        lines.append(at)
    return lines


def tempo_text(song):
    """The tempi of the session in order, for the title."""
    tempi = []
    for track in song.tracks:
        for _, message in timed(track):
            if message.type == "set_tempo":
                text = f"{mido.tempo2bpm(message.tempo):.4g}"
                if not tempi or tempi[-1] != text:
                    tempi.append(text)
    shown = ", ".join(tempi[:4]) + (", …" if len(tempi) > 4 else "")
    return f"{shown or '120'} quarters a minute"


def read_remarks(path):
    """What sounded in each bar, by order of the lines; empty without the file."""
    remarks = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            bar = json.loads(line)
            text = bar.get("outcome", "")
            if text != "answer":
                text = f"{text} ({bar.get('reason', '')})"
            remarks.append(text)
    return remarks


class Roll:
    """Places ticks and pitches on the page, eight bars to a row."""

    def __init__(self, lines, notes):
        pitches = [note[3] for note in notes] or [60]
        self.low, self.high = min(pitches) - 2, max(pitches) + 2
        self.lines = lines
        self.rows = [lines[i:i + BARS_PER_ROW + 1]
                     for i in range(0, len(lines) - 1, BARS_PER_ROW)]
        # Every row has the scale of the longest one.
        self.span = max(row[-1] - row[0] for row in self.rows)
        self.height = (self.high - self.low + 1) * PIXELS_PER_PITCH
        self.total = TOP + len(self.rows) * (self.height + ROW_GAP)
        self.parts = []

    def x(self, row, tick):
        return LEFT + (tick - self.rows[row][0]) * (WIDTH - LEFT - RIGHT) / self.span

    def y(self, row, pitch):
        top = TOP + row * (self.height + ROW_GAP)
        return top + (self.high - pitch) * PIXELS_PER_PITCH

    def add(self, text):
        self.parts.append(text)

    def draw_grid(self, remarks):
        for row, lines in enumerate(self.rows):
            top, right = self.y(row, self.high), self.x(row, lines[-1])
            for pitch in range(self.low, self.high + 1):
                if pitch % 12 == 0:
                    y = self.y(row, pitch) + PIXELS_PER_PITCH
                    self.add(f'<path class="octave" d="M{LEFT} {y}H{right:.1f}"/>')
                    self.add(f'<text class="faint" x="6" y="{y}">C{pitch // 12 - 1}'
                             "</text>")
            for index, tick in enumerate(lines):
                x, number = self.x(row, tick), row * BARS_PER_ROW + index
                self.add(f'<path class="line" d="M{x:.1f} {top}v{self.height}"/>')
                if index < len(lines) - 1:
                    said = remarks[number] if number < len(remarks) else ""
                    said = "" if said == "answer" else " " + escape(said)
                    self.add(f'<text class="faint" x="{x + 3:.1f}" y="{top - 5}">'
                             f"{number}{said}</text>")

    def draw_note(self, voice, start, end, pitch, velocity):
        """A note over the end of a row goes on in the next."""
        for row, lines in enumerate(self.rows):
            begin, stop = max(start, lines[0]), min(end, lines[-1])
            if begin < stop or (begin == stop == start and begin < lines[-1]):
                width = max(1.5, self.x(row, stop) - self.x(row, begin) - 0.5)
                self.add(
                    f'<rect class="{voice}" x="{self.x(row, begin):.1f}" '
                    f'y="{self.y(row, pitch)}" width="{width:.1f}" '
                    f'height="{PIXELS_PER_PITCH}" rx="1" '
                    f'opacity="{0.45 + 0.55 * velocity / 127:.2f}"/>')

    def draw_head(self, title):
        self.add(f'<text class="text title" x="{LEFT}" y="24">{escape(title)}</text>')
        for index, voice in enumerate(VOICES):
            x = WIDTH - RIGHT - 180 + 90 * index
            self.add(f'<rect class="{voice}" x="{x}" y="14" width="14" height="10" '
                     'rx="1"/>')
            self.add(f'<text class="text" x="{x + 20}" y="24">{voice}</text>')

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} '
                f'{self.total}" width="{WIDTH}" height="{self.total}">\n'
                f"<style>{STYLE}</style>\n"
                f'<rect class="back" width="{WIDTH}" height="{self.total}"/>\n'
                + "\n".join(self.parts) + "\n</svg>\n")


def draw(song, remarks):
    notes = read_notes(song)
    # A note-off a moment after the last line begins no bar.
    rest = song.ticks_per_beat // 8
    end = max([1] + [max(note[1] + 1, note[2] - rest) for note in notes])
    lines = bar_lines(read_meters(song), end)
    roll = Roll(lines, notes)
    count = {voice: sum(n[0] == voice for n in notes) for voice in VOICES}
    roll.draw_head(f"{len(lines) - 1} bars, {tempo_text(song)}: {count['human']} notes "
                   f"played, {count['answer']} answered")
    roll.draw_grid(remarks)
    for note in notes:
        roll.draw_note(*note)
    return roll.svg()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("midi", type=Path)
    parser.add_argument("svg", type=Path)
    arguments = parser.parse_args()
    try:
        song = mido.MidiFile(arguments.midi)
        remarks = read_remarks(arguments.midi.parent / "bars.jsonl")
    except (OSError, EOFError, ValueError) as error:
        print(f"session_svg: cannot read {arguments.midi}: {error}", file=sys.stderr)
        sys.exit(1)
    arguments.svg.write_text(draw(song, remarks), encoding="utf-8")


if __name__ == "__main__":
    main()
