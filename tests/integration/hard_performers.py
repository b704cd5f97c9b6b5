# SPDX-License-Identifier: Apache-2.0
"""MIDI files that are awkward to play back: every one is legal, none is polite.

Positions are quarter notes. Both files have meters 4/4, 3/4, 6/8 and 4/4 again, notes
on bar lines and held over one or two of them, the pedal, keys struck again before they
are let go, early downbeats, a chord of forty keys and a bar in which nothing begins.
"""

import mido
from mido import Message, MetaMessage

#       4/4 from 0    3/4 from 16     6/8 from 25     4/4 from 37
LINES = (0, 4, 8, 12, 16, 19, 22, 25, 28, 31, 34, 37, 41, 45)
BARS = len(LINES) - 1
EMPTY_BAR = 9
PEDAL = ((2, 127), (5.5, 63), (17, 64), (18.5, 90), (20.5, 0), (38.25, 127))
NOTES = (  # on, off, pitch, velocity
    (3, 4.5, 96, 70), (7, 8, 96, 71),  # over the line; off just on it
    (9, 21, 97, 72),  # over three lines: begins once, sounds to its target's end
    (4.75, 5.75, 98, 50), (5.25, 6.25, 98, 51),  # struck again while held
    (6.5, 6.5, 99, 54),  # no sooner down than up
    (12, 12.25, 99, 52), (12, 12.5, 99, 53),  # twice at one instant
    (32, 32.25, 99, 55), (32, 32.5, 99, 56),
    (16 - 1 / 16, 16.5, 100, 80),  # an early downbeat
    (19 - 1 / 16, 19 - 1 / 32, 101, 81),  # one that ends before its line
    (22 - 1 / 4, 22.25, 102, 82),  # early, but too early for that
    (27.5, 31.5, 103, 83), (36.5, 38.75, 104, 84),
)


def performance():
    notes = [*NOTES]
    for bar, (begin, end) in enumerate(zip(LINES, LINES[1:])):
        if bar == EMPTY_BAR:
            continue
        for eighth in range(2 * (end - begin)):
            on = begin + eighth / 2 + eighth % 3 / 48  # off the clock's pulses too
            notes.append((on, on + 1 / 4, 30 + (5 * bar + eighth) % 20, 60 + eighth))
    notes += [(12, 13, 50 + key, 70) for key in range(40)]
    return notes


def meters(late):
    """The third change comes inside the bar before it, where `late` says so."""
    return [(0, 4, 4), (16, 3, 4), (25 - late, 6, 8), (37, 4, 4)]


def write_track(track, events, ticks_per_beat):
    """Events are (quarters, order at one instant, message)."""
    now = 0
    for at, _, message in sorted(events, key=lambda event: event[:2]):
        tick = round(at * ticks_per_beat)
        track.append(message.copy(time=tick - now))
        now = tick


def frame(tempos, late):
    return [(at, 0, MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)))
            for at, bpm in tempos] + [
        (at, 0, MetaMessage("time_signature", numerator=num, denominator=den))
        for at, num, den in meters(late)]


def write_type_0(path):
    """One track, 96 ticks a quarter, tempi inside bars, velocity 0 as note-off."""
    events = frame([(0, 160), (8, 132), (14, 200), (20.5, 150), (29, 240)], late=1.5)
    for on, off, pitch, velocity in performance():
        events.append((on, 2, Message("note_on", note=pitch, velocity=velocity)))
        events.append((off, 1 if off > on else 3,
                       Message("note_on", note=pitch, velocity=0)))
    events += [(at, 2, Message("control_change", control=64, value=value))
               for at, value in PEDAL]
    song = mido.MidiFile(type=0, ticks_per_beat=96)
    write_track(song.add_track(), events, 96)
    song.save(path)


def write_type_1(path):
    """Two hands on two channels, 960 ticks a quarter, and what a piano cannot play."""
    song = mido.MidiFile(type=1, ticks_per_beat=960)
    write_track(song.add_track("map"), frame([(0, 200), (19, 240)], late=0), 960)
    hands = [[(0, 0, Message("program_change", channel=c, program=4)),
              (1, 0, Message("sysex", data=(1, 2, 3))),
              (2, 0, Message("pitchwheel", channel=c, pitch=500)),
              (3, 0, Message("control_change", channel=c, control=7, value=90)),
              (4, 0, Message("aftertouch", channel=c, value=9))] for c in (0, 1)]
    for on, off, pitch, velocity in performance():
        hand = int(pitch >= 60)
        hands[hand].append((on, 2, Message("note_on", channel=hand, note=pitch,
                                           velocity=velocity)))
        hands[hand].append((off, 1 if off > on else 3,
                            Message("note_off", channel=hand, note=pitch)))
    hands[0] += [(at, 2, Message("control_change", channel=0, control=64, value=value))
                 for at, value in PEDAL]
    for hand, events in zip(("left", "right"), hands):
        write_track(song.add_track(hand), events, 960)
    song.save(path)
