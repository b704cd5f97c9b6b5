# SPDX-License-Identifier: Apache-2.0
"""Judges what the demo leaves behind, from outside: session.mid, bars.jsonl, session.svg
and session.wav, against the MIDI file that played the musician.

Each check returns a list of failures, empty where all is well.
"""

import array
import json
import math
import wave
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from dataclasses import dataclass

import mido

from mirror_oracle import (LAG_BARS, TICK, Planned, Song, bar_and_place, notes_of,
                           planned, sounding)

P99_BOUND = 0.010
HANGING = 0.100  # an off this late is no jitter
TAIL_SECONDS = 10  # of reverberation, at most
SILENCE = 100  # of 32767, root mean square


@dataclass
class Take:
    """One performance: what was to be played, and where the demo left the rest."""
    performer: Song
    bars: int
    folder: object

    def __post_init__(self):
        self.lines = self.performer.bar_lines(self.bars)
        self.notes = notes_of(self.performer.events(), self.lines[-1])
        self.plan = planned(self.notes, self.lines, self.performer.seconds)
        self.session = Song(mido.MidiFile(self.folder / "session.mid"))

    def heard(self, voice):
        return notes_of(self.session.events(voice), self.session_lines()[-1])

    def session_lines(self):
        return self.session.bar_lines(self.bars)


def p99(values):
    values = sorted(values)
    return values[math.ceil(0.99 * len(values)) - 1] if values else math.inf


def by_pitch(notes):
    keys = defaultdict(list)
    for note in notes:
        keys[note.pitch].append(note)
    return keys


def compare(what, expected, heard, seconds):
    """Every expected note sounds once and ends, nothing else does."""
    failures, on_errors, off_errors = [], [], []
    wanted, got = by_pitch(expected), by_pitch(heard)
    for pitch in sorted(wanted.keys() | got.keys()):
        if ([n.velocity for n in wanted[pitch]] != [n.velocity for n in got[pitch]]):
            failures.append(
                f"{what}, pitch {pitch}: at "
                f"{[round(seconds(n.on), 3) for n in got[pitch]]} s, not at "
                f"{[round(n.on, 3) for n in wanted[pitch]]} s")
            continue
        for want, note in zip(wanted[pitch], got[pitch]):
            on_errors.append(abs(seconds(note.on) - want.on))
            off_errors.append(min(abs(seconds(note.off) - off) for off in want.offs))
            if off_errors[-1] > HANGING:
                failures.append(f"{what}, pitch {pitch} from {want.on:.3f} s: sounds to "
                                f"{seconds(note.off):.3f} s, not {want.offs}")
    for name, errors in (("begin", on_errors), ("end", off_errors)):
        if not p99(errors) <= P99_BOUND:
            failures.append(f"{what}: notes {name} off by {1000 * p99(errors):.2f} ms "
                            f"(p99), {1000 * P99_BOUND:.0f} allowed")
    return failures, (f"{what}: {len(on_errors)} notes, p99 of onsets "
                      f"{1000 * p99(on_errors):.2f} ms, of ends "
                      f"{1000 * p99(off_errors):.2f} ms")


def check_answer(take):
    """Track `answer` is the mirror of what the file plays."""
    seconds = take.performer.seconds
    return compare("answer", sounding(take.plan, seconds), take.heard("answer"),
                   take.session.seconds)


def check_answer_to_human(take):
    """Track `answer` is the mirror of track `human`: session.mid judged by itself.
    Only for performances of one tempo: where it changes inside a bar, ticks of
    session.mid are even in time and not in music."""
    seconds = take.session.seconds
    plan = planned(take.heard("human"), take.session_lines(), seconds)
    return compare("answer to human", sounding(plan, seconds), take.heard("answer"),
                   seconds)


def check_human(take):
    """Track `human` is what the file plays, at its true times."""
    seconds = take.performer.seconds
    expected = [Planned(0, seconds(n.on), [seconds(n.off)], n.pitch, n.velocity)
                for n in take.notes]
    return compare("human", expected, take.heard("human"), take.session.seconds)


def check_channels(take):
    """On one channel a key of the player would end the same key of the answer."""
    human = {n.channel for n in take.heard("human")}
    answer = {n.channel for n in take.heard("answer")}
    return [f"human and answer share channels {human & answer}"] if human & answer else []


def expected_outcome(bar, notes_of_bar, answers):
    if bar < LAG_BARS:
        return "rest", "warm_up"
    if not notes_of_bar[bar - LAG_BARS]:
        return "rest", "no_input"
    return ("answer", "in_time") if answers else ("rest", "empty")


def check_bars(take):
    """One line a bar, none missing, each with its outcome and its count of notes."""
    text = (take.folder / "bars.jsonl").read_text(encoding="utf-8")
    records = [json.loads(line) for line in text.splitlines()]
    if [r["play_seq"] for r in records] != list(range(take.bars)):
        return [f"bars.jsonl: play_seq {[r['play_seq'] for r in records]}, not 0 to "
                f"{take.bars - 1}"]
    begun = Counter(bar_and_place(note, take.lines, take.performer.seconds)[0]
                    for note in take.notes)
    sent = Counter(item.bar + LAG_BARS for item in take.plan)
    failures = []
    for bar, record in enumerate(records):
        outcome, reason = expected_outcome(bar, begun, sent[bar])
        wanted = {"bar_index": bar, "epoch": records[0]["epoch"], "lag": 1,
                  "outcome": outcome, "reason": reason, "notes": sent[bar],
                  "sent": sent[bar], "late": 0, "model": "mirror",
                  "answers": bar - LAG_BARS if begun[bar - LAG_BARS] else None}
        found = {key: record[key] for key in wanted}
        if found != wanted:
            failures.append(f"bars.jsonl, bar {bar}: {found}, not {wanted}")
        if outcome == "answer" and not record["slack_ms"] > 0:
            failures.append(f"bars.jsonl, bar {bar}: slack {record['slack_ms']} ms")
    return failures


def check_wav(take):
    """Stereo, as long as the session and its reverberation, heard throughout."""
    length = take.performer.seconds(take.lines[-1])
    with wave.open(str(take.folder / "session.wav")) as sound:
        rate, frames = sound.getframerate(), sound.getnframes()
        form = (sound.getnchannels(), sound.getsampwidth())
        samples = array.array("h", sound.readframes(frames))
    if form != (2, 2) or rate != 48000:
        return [f"session.wav: {form} channels and bytes at {rate} Hz"]
    if not length <= frames / rate <= length + TAIL_SECONDS:
        return [f"session.wav: {frames / rate:.1f} s of a session of {length:.1f} s"]
    failures, second = [], 2 * rate
    for at in range(int(length)):
        part = samples[at * second:(at + 1) * second]
        level = math.sqrt(sum(x * x for x in part) / len(part))
        if level < SILENCE and busy(take, at, at + 1):
            failures.append(f"session.wav: silent in second {at}")
    return failures


def busy(take, begin, end):
    """Whether one of the player's notes begins in the first half of that time."""
    return any(begin <= take.performer.seconds(n.on) < (begin + end) / 2
               for n in take.notes)


def check_svg(take):
    """Well-formed, and each note is drawn (twice where it crosses a row's end)."""
    try:
        root = ElementTree.parse(take.folder / "session.svg").getroot()
    except ElementTree.ParseError as error:
        return [f"session.svg: {error}"]
    drawn = Counter(element.get("class") for element in root.iter()
                    if element.tag.endswith("}rect"))
    failures = []
    for voice in ("human", "answer"):
        notes = len(take.heard(voice))
        if not notes < drawn[voice] <= 2 * notes + 1:  # one is the legend's
            failures.append(f"session.svg: {drawn[voice]} boxes for {notes} notes of "
                            f"{voice}")
    return failures


def judge(take, one_tempo):
    """All failures, and a line for each measured part."""
    failures, figures = [], []
    parts = [check_human, check_answer] + [check_answer_to_human] * one_tempo
    for part in parts:
        found, figure = part(take)
        failures += found
        figures.append(figure)
    tick = max(us for _, us in take.session.tempos[1:]) * float(TICK) / 1000
    figures.append(f"one tick of session.mid: {tick:.2f} ms at most")
    for part in (check_channels, check_bars, check_wav, check_svg):
        failures += part(take)
    return failures, figures
