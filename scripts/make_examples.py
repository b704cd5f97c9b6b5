#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the MIDI files in examples/: the rehearsal performers.

The music is this project's own. Every run writes the same bytes: the small unevenness
of hand-played notes comes from a fixed seed. Needs Debian's python3-mido, hence the
system's Python and not whichever comes first in PATH.
"""

import argparse
import random
from pathlib import Path

import mido

TICKS = 480
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
CHORDS = {"": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 10), "m7": (0, 3, 10),
          "maj7": (0, 4, 11)}


def pitch(name):
    """MIDI number of a name such as F#4 (C4 = 60)."""
    shift = {"#": 1, "b": -1}.get(name[1:-1], 0)
    return 12 * (int(name[-1]) + 1) + STEPS[name[0]] + shift


def chord(symbol):
    """Pitches between F2 and D4 of a symbol such as Am7."""
    root = symbol[:2] if symbol[1:2] in ("#", "b") else symbol[:1]
    base = pitch(root + "3")
    if base > pitch("E3"):
        base -= 12
    return [base + step for step in CHORDS[symbol[len(root):]]]


class Piece:
    """Collects notes in ticks, then writes a type 1 file with two tracks."""

    def __init__(self, num, den, tempos, seed):
        self.meter = (num, den)
        self.bar = TICKS * 4 * num // den
        self.tempos = tempos  # (bar, quarter notes per minute)
        self.events = []
        self.hand = random.Random(seed)

    def note(self, start, length, key, velocity):
        begin = max(0, start + self.hand.randint(-6, 9))
        end = begin + max(30, int(length * 0.92) + self.hand.randint(-12, 12))
        loud = velocity + self.hand.randint(-6, 6)
        self.events.append((begin, 1, mido.Message(
            "note_on", note=key, velocity=loud)))
        self.events.append((end, 0, mido.Message("note_off", note=key, velocity=64)))

    def pedal(self, bar):
        """Down just after the bar line, up just before the next."""
        for at, value in ((40, 100), (self.bar - 60, 0)):
            self.events.append((bar * self.bar + at, 2, mido.Message(
                "control_change", control=64, value=value)))

    def melody(self, bars):
        """One string a bar: PITCH:EIGHTHS or -:EIGHTHS, separated by blanks."""
        for number, text in enumerate(bars):
            at = number * self.bar
            for word in text.split():
                name, eighths = word.split(":")
                length = int(float(eighths) * TICKS / 2)
                if name != "-":
                    accent = 12 if at % self.bar == 0 else 0
                    self.note(at, length, pitch(name), 74 + accent)
                at += length
            assert at == (number + 1) * self.bar, (number, text)

    def chords(self, bars, pattern):
        """`pattern` lists (start, length, which chord tones) in eighths."""
        for number, symbol in enumerate(bars):
            tones = chord(symbol)
            for start, length, which in pattern:
                for index in which:
                    self.note(number * self.bar + start * TICKS // 2,
                              length * TICKS // 2, tones[index], 56)

    def swing(self):
        """Every second eighth of a beat comes at two thirds of it."""
        beat = TICKS
        self.events = [(at - at % beat + self.swung(at % beat), order, message)
                       for at, order, message in self.events]

    @staticmethod
    def swung(tick):
        return tick * 4 // 3 if tick < TICKS // 2 else (
            TICKS * 2 // 3 + (tick - TICKS // 2) * 2 // 3)

    def conductor_track(self):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name="tempo")])
        num, den = self.meter
        track.append(mido.MetaMessage(
            "time_signature", numerator=num, denominator=den))
        last = 0
        for bar, bpm in self.tempos:
            track.append(mido.MetaMessage(
                "set_tempo", tempo=mido.bpm2tempo(bpm), time=bar * self.bar - last))
            last = bar * self.bar
        return track

    def player_track(self):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name="human")])
        last = 0
        for at, _, message in sorted(self.events, key=lambda e: (e[0], e[1])):
            track.append(message.copy(time=at - last))
            last = at
        return track

    def save(self, path):
        song = mido.MidiFile(type=1, ticks_per_beat=TICKS)
        song.tracks += [self.conductor_track(), self.player_track()]
        song.save(path)


def evening(path):
    """4/4 at 120: 24 bars of melody over broken chords, with pedal."""
    piece = Piece(4, 4, [(0, 120)], seed=4)
    part = ["E4:2 G4:2 C5:3 B4:1", "A4:2 C5:2 E5:4", "D5:2 C5:1 A4:1 F4:2 A4:2",
            "G4:6 -:2", "E4:2 G4:2 B4:3 A4:1", "A4:1 B4:1 C5:2 E5:2 C5:2",
            "D5:3 C5:1 B4:2 G4:2", "C5:6 -:2"]
    middle = ["A4:2 C5:2 E5:2 D5:2", "C5:1 B4:1 A4:2 E4:4", "F4:2 A4:2 D5:3 C5:1",
              "B4:4 G4:2 -:2", "E5:3 D5:1 C5:2 A4:2", "G4:2 A4:2 C5:2 E5:2",
              "F5:2 E5:1 D5:1 C5:2 B4:2", "B4:4 -:4"]
    piece.melody(part + middle + part)
    first = ["C", "Am", "Dm", "G7", "Cmaj7", "Am7", "G7", "C"]
    second = ["Am", "Am7", "Dm", "G7", "Am", "C", "Dm7", "G7"]
    piece.chords(first + second + first,
                 [(0, 2, (0,)), (2, 2, (1, 2)), (4, 2, (0,)), (6, 2, (1, 2))])
    for bar in range(8, 16):
        piece.pedal(bar)
    piece.save(path)


def waltz(path):
    """3/4 at 144: 24 bars, bass and two chords a bar."""
    piece = Piece(3, 4, [(0, 144)], seed=3)
    part = ["B4:4 D5:2", "G5:4 F#5:2", "E5:2 C5:2 E5:2", "D5:6", "C5:4 E5:2",
            "B4:2 A4:2 G4:2", "A4:2 F#4:2 D4:2", "G4:4 -:2"]
    other = ["E5:3 F#5:1 G5:2", "B4:4 E5:2", "D5:3 C5:1 B4:2", "A4:6",
             "C5:2 B4:2 A4:2", "D5:4 C5:2", "B4:2 A4:2 F#4:2", "A4:4 -:2"]
    piece.melody(part + other + part)
    first = ["G", "Em", "C", "D7", "Am", "G", "D7", "G"]
    second = ["Em", "Em", "G", "D7", "Am", "D7", "G", "D7"]
    piece.chords(first + second + first,
                 [(0, 2, (0,)), (2, 2, (1, 2)), (4, 2, (1, 2))])
    piece.save(path)


def jig(path):
    """6/8, 120 quarters (80 dotted quarters) a minute: 20 bars."""
    piece = Piece(6, 8, [(0, 120)], seed=6)
    part = ["D4:1 F4:1 A4:1 D5:2 C5:1", "A4:1 G4:1 F4:1 G4:3",
            "F4:1 A4:1 C5:1 F5:2 E5:1", "D5:3 A4:2 -:1",
            "Bb4:1 A4:1 G4:1 A4:1 G4:1 F4:1", "G4:1 F4:1 E4:1 C4:2 E4:1",
            "F4:2 A4:1 G4:1 E4:1 C4:1", "D4:5 -:1"]
    piece.melody(part + part[2:6] + part)
    first = ["Dm", "C", "F", "Dm", "Bb", "C", "F", "Dm"]
    piece.chords(first + first[2:6] + first, [(0, 3, (0, 2)), (3, 3, (1, 2))])
    piece.save(path)


def hurry(path):
    """4/4 with tempo changes on bar lines: 96, 132, 80 at bars 0, 8, 16; 20 bars."""
    piece = Piece(4, 4, [(0, 96), (8, 132), (16, 80)], seed=8)
    slow = ["A4:3 B4:1 C5:4", "E5:2 D5:2 C5:2 B4:2", "A4:2 F4:2 A4:4", "G#4:6 -:2"]
    fast = ["E5:1 D5:1 C5:1 B4:1 A4:2 C5:2", "F5:1 E5:1 D5:1 C5:1 D5:4",
            "D5:1 C5:1 B4:1 A4:1 G#4:2 B4:2", "C5:2 B4:2 A4:4"]
    end = ["A4:2 C5:2 E5:4", "D5:3 C5:1 B4:4", "C5:2 A4:2 G#4:4", "A4:8"]
    piece.melody(slow + slow + fast + fast + end)
    first = ["Am", "C", "F", "E"]
    second = ["Am", "Dm", "E7", "Am"]
    piece.chords(first * 2 + second * 2 + ["Am", "Dm", "E7", "Am"],
                 [(0, 4, (0, 1, 2)), (4, 4, (0, 1, 2))])
    piece.save(path)


def swing(path):
    """4/4 at 160, swung eighths: a 12-bar blues in F, played twice."""
    piece = Piece(4, 4, [(0, 160)], seed=12)
    chorus = ["F4:1 A4:1 C5:1 D5:1 Eb5:1 D5:1 C5:1 A4:1", "Bb4:1 D5:1 F5:2 D5:1 C5:1 Bb4:2",
              "A4:1 C5:1 D5:1 C5:1 A4:1 F4:1 A4:2", "C5:1 Eb5:1 D5:1 C5:1 A4:2 -:2",
              "Bb4:1 D5:1 F5:1 D5:1 Ab4:1 Bb4:1 D5:2", "F5:1 D5:1 C5:1 Bb4:1 G#4:2 -:2",
              "A4:1 C5:1 F5:1 D5:1 C5:1 A4:1 F4:2", "D5:1 C5:1 A4:1 F#4:1 A4:2 C5:2",
              "D5:1 Bb4:1 G4:1 A4:1 Bb4:1 D5:1 F5:2", "E5:1 C5:1 Bb4:1 G4:1 E4:2 G4:2",
              "F4:1 A4:1 C5:1 A4:1 D5:1 C5:1 A4:2", "C5:1 Bb4:1 G4:1 E4:1 F4:2 -:2"]
    piece.melody(chorus + chorus)
    symbols = ["F7", "Bb7", "F7", "F7", "Bb7", "Bb7", "F7", "D7", "Gm7", "C7", "F7", "C7"]
    piece.chords(symbols + symbols, [(0, 2, (0,)), (2, 1, (1, 2)), (4, 2, (0,)), (7, 1, (1, 2))])
    piece.swing()
    piece.save(path)


def lament(path):
    """4/4 at 84 in C minor, harmonic: 16 bars of melody over chords."""
    piece = Piece(4, 4, [(0, 84)], seed=13)
    part = ["C5:3 D5:1 Eb5:2 D5:2", "C5:2 B4:2 C5:4", "F5:3 Eb5:1 D5:2 C5:2", "B4:4 G4:4",
            "Eb5:3 F5:1 G5:2 F5:2", "Eb5:2 D5:2 C5:4", "Ab4:2 C5:2 D5:2 B4:2", "C5:6 -:2"]
    piece.melody(part + part)
    symbols = ["Cm", "Cm", "Fm", "G7", "Cm", "Fm", "G7", "Cm"]
    piece.chords(symbols + symbols, [(0, 2, (0,)), (2, 2, (1, 2)), (4, 2, (0,)), (6, 2, (1, 2))])
    piece.save(path)


def main():
    default = Path(__file__).resolve().parent.parent / "examples"
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=default,
                        help="target folder (default: examples/)")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    evening(out / "evening_4_4.mid")
    waltz(out / "waltz_3_4.mid")
    jig(out / "jig_6_8.mid")
    hurry(out / "hurry_tempo_changes.mid")
    swing(out / "swing_4_4.mid")
    lament(out / "lament_4_4.mid")


if __name__ == "__main__":
    main()
