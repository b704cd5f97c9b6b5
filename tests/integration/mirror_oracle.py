# SPDX-License-Identifier: Apache-2.0
"""What the mirror must play, worked out from a MIDI file alone.

Shares no code with the programs: positions are exact fractions of quarter notes, times
come from the file's own tempo map. The rules are those of docs/architecture.md: bar k
sounds in bar k + 2; an onset less than min(1/32 note, 40 ms) before a bar line belongs
to the bar after it, at its line; a note still held at the cut lasts to the target's
end; what exceeds a shorter target is cut; a key struck again ends the note before it.
"""

from dataclasses import dataclass
from fractions import Fraction

LAG_BARS = 2  # from a bar to the bar in which its answer sounds
EARLY_QUARTERS = Fraction(1, 8)  # a 1/32 note
EARLY_SECONDS = 0.040
TICK = Fraction(1, 480)
NEAR = 2 * TICK  # an off this near the cut may count as held


@dataclass
class Note:
    """On and off in quarter notes from the start of the file."""
    on: Fraction
    off: Fraction
    pitch: int
    velocity: int
    channel: int


@dataclass
class Planned:
    """A note of the answer; the off may be any of several."""
    bar: int  # the human bar it answers
    on: object  # a Fraction of quarter notes or, where it sounds, seconds
    offs: list
    pitch: int
    velocity: int


class Song:
    """A MIDI file: events by quarter note, its tempi, meters and bar lines."""

    def __init__(self, midi):
        self.tracks = []  # (name, [(quarters, message)])
        tempos, meters = [(Fraction(0), 500_000)], [(Fraction(0), Fraction(4))]
        for track in midi.tracks:
            now, events = 0, []
            for message in track:
                now += message.time
                at = Fraction(now, midi.ticks_per_beat)
                if message.type == "set_tempo":
                    tempos.append((at, message.tempo))
                elif message.type == "time_signature":
                    meters.append((at, Fraction(4 * message.numerator,
                                                message.denominator)))
                elif not message.is_meta:
                    events.append((at, message))
            self.tracks.append((track.name, events))
        self.tempos = sorted(tempos, key=lambda tempo: tempo[0])
        self.meters = sorted(meters, key=lambda meter: meter[0])

    def seconds(self, quarters):
        total, last_at, last_us = Fraction(0), Fraction(0), self.tempos[0][1]
        for at, us in self.tempos:
            if at >= quarters:
                break
            total += (at - last_at) * last_us
            last_at, last_us = at, us
        return float((total + (quarters - last_at) * last_us) / 1_000_000)

    def bar_lines(self, bars):
        """Lines of that many bars and the last one's end."""
        lines = [Fraction(0)]
        while len(lines) <= bars:
            length = [m for at, m in self.meters if at <= lines[-1]][-1]
            lines.append(lines[-1] + length)
        return lines

    def events(self, name=None):
        """Channel messages of the tracks so named (of all), by time, in file order."""
        found = [event for track, events in self.tracks
                 if name in (None, track) for event in events]
        return sorted(found, key=lambda event: event[0])


def notes_of(events, end):
    """What sounds: a note ends when neither its key nor the pedal holds it."""
    notes, keyed, pedalled, pedal = [], {}, {}, set()

    def release(channel, pitch, at):
        note = keyed.pop((channel, pitch), None)
        if note is None:
            return
        if channel in pedal:
            pedalled.setdefault(channel, []).append(note)
        else:
            note.off = at

    for at, m in events:
        if at > end or m.type not in ("note_on", "note_off", "control_change"):
            continue
        if m.type == "control_change":
            if m.control == 64 and m.value >= 64:
                pedal.add(m.channel)
            elif m.control == 64 and m.channel in pedal:
                pedal.discard(m.channel)
                for note in pedalled.pop(m.channel, []):
                    note.off = at
            continue
        release(m.channel, m.note, at)
        if m.type == "note_on" and m.velocity > 0 and at < end:
            note = Note(at, None, m.note, m.velocity, m.channel)
            keyed[m.channel, m.note] = note
            notes.append(note)
    for note in notes:
        if note.off is None:
            note.off = end
    return notes


def bar_and_place(note, lines, seconds):
    """The bar a note belongs to, and its distance from that bar's line."""
    bar = max(k for k, line in enumerate(lines) if line <= note.on)
    if bar + 1 < len(lines):
        early = lines[bar + 1] - note.on
        if (early < EARLY_QUARTERS
                and seconds(lines[bar + 1]) - seconds(note.on) < EARLY_SECONDS):
            return bar + 1, Fraction(0)
    return bar, note.on - lines[bar]


def planned(notes, lines, seconds):
    """Every note of the answers in the bars between `lines`, by onset, in quarters."""
    bars, plan = len(lines) - 1, []
    for note in notes:
        bar, place = bar_and_place(note, lines, seconds)
        if bar + LAG_BARS >= bars:
            continue
        on, end = lines[bar + LAG_BARS] + place, lines[bar + LAG_BARS + 1]
        if on >= end:
            continue
        cut = lines[bar + 1]
        played = min(end, on + max(TICK, note.off - lines[bar] - place))
        offs = [end] if note.off > cut - NEAR else [played]
        if abs(note.off - cut) <= NEAR:
            offs.append(played)
        plan.append(Planned(bar, on, offs, note.pitch, note.velocity))
    return sorted(plan, key=lambda item: item.on)


def sounding(plan, seconds):
    """The plan in seconds; the answer has one channel, so a key struck again ends."""
    notes = []
    for i, item in enumerate(plan):
        again = [later.on for later in plan[i + 1:] if later.pitch == item.pitch]
        offs = [seconds(min([off] + again)) for off in item.offs]
        notes.append(Planned(item.bar, seconds(item.on), offs, item.pitch,
                             item.velocity))
    return notes
