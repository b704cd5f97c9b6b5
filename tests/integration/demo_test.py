#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real programs, started by the demo's own script, judged from what they leave.

With the mirror as the model every bar of the player must sound again two bars later at
the same position: two plain performances and two hard ones. Then the log's vocabulary,
the ids of jobs in both logs, an edge without a service, and wrong arguments. The
performances run in two lanes beside each other: they are real time, the machine idles.
Needs Debian's python3-mido, hence the system's Python. Exit status 1 if anything fails.
"""

import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import mido

import hard_performers
from log_judge import (check_absent, check_job_ids, check_sequence, late_life_of,
                       life_of)
from mirror_oracle import Song
from session_judge import Take, judge

LOGGED_BARS = 3
LANES_APART = 1.5  # seconds: so that two demos never look for free ports at once
LATE_BARS = 5


@dataclass
class Performance:
    name: str
    performer: Path
    bars: int
    whole: bool = False  # to the file's end and two bars more, without --bars
    tempo: int = 0  # instead of the file's own
    one_tempo: bool = False


class Demo:
    """scripts/demo.sh of this source tree with the programs under test."""

    def __init__(self, programs):
        self.programs = programs
        self.source = Path(__file__).resolve().parents[2]
        if programs.resolve() != self.source / "build" / programs.parent.name / "bin":
            raise RuntimeError(f"{programs} is not where a CMake preset builds")
        self.environment = {**os.environ, "ANTIPHON_PRESET": programs.parent.name}

    def start(self, *arguments):
        return subprocess.Popen(
            [self.source / "scripts/demo.sh", "--no-build", *map(str, arguments)],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True)

    def run(self, *arguments, timeout=90):
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            end_session(process)
        return process.returncode, out, err


def end_session(process):
    """Whatever the script left behind in its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def members_of(session):
    """Ids of the processes of that session."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, number = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has just ended
            continue
        if int(number) == session and state != "Z":
            members.append(stat.parent.name)
    return members


def song_of(performance):
    midi = mido.MidiFile(performance.performer)
    song = Song(midi)
    if performance.tempo:
        song.tempos = [(0, mido.bpm2tempo(performance.tempo))]
    return song


def check_terminal(out, bars):
    """What the musician sees: one line a bar, in order."""
    seen = [int(n) for n in re.findall(r"^bar +(\d+)  ", out, re.M)]
    if seen != list(range(bars)):
        return [f"printed bars {seen}, not 0 to {bars - 1}"]
    return []


def play(demo, performance, folder):
    """Failures and figures of one performance."""
    arguments = ["--model", "mirror", "--performer", performance.performer,
                 "--out", folder]
    if not performance.whole:
        arguments += ["--bars", performance.bars]
    if performance.tempo:
        arguments += ["--tempo", performance.tempo]
    status, out, err = demo.run(*arguments)
    if status != 0 or err:
        return [f"demo.sh ended with {status}: {err}"], []
    take = Take(song_of(performance), performance.bars, folder)
    failures, figures = judge(take, performance.one_tempo)
    edge_log = (folder / "edge.log").read_text().splitlines()
    service_log = (folder / "inference.log").read_text().splitlines()
    for bar in range(LOGGED_BARS):
        failures += check_sequence(edge_log, life_of(bar, take.plan, take.lines))
    if performance.one_tempo:  # every bar of it has a note
        failures += check_job_ids(edge_log, service_log, performance.bars)
    failures += check_absent(edge_log, ["not ready yet"])
    failures += check_terminal(out, performance.bars)
    return failures, figures


def play_without_service(demo, performer, folder):
    """The edge keeps time, and says of each bar that nothing is there to play."""
    folder.mkdir()
    with open(folder / "edge.log", "w", encoding="utf-8") as log:
        status = subprocess.run(
            [demo.programs / "antiphon-edge", "--source=file",
             f"--performer={performer}", "--tempo=300", f"--bars={LATE_BARS}",
             "--service=127.0.0.1:1", "--metrics=", f"--session-dir={folder}"],
            stdout=subprocess.DEVNULL, stderr=log, timeout=30, check=False).returncode
    log = (folder / "edge.log").read_text().splitlines()
    failures = [f"ended with {status}"] if status else []
    for bar in range(LATE_BARS - 2):
        failures += check_sequence(log, late_life_of(bar))
    bars = [json.loads(line) for line in (folder / "bars.jsonl").read_text().splitlines()]
    reasons = [(bar["outcome"], bar["reason"]) for bar in bars[2:]]
    if reasons != [("silence", "unavailable")] * (LATE_BARS - 2):
        failures.append(f"bars.jsonl after the warm-up: {reasons}")
    return failures + check_absent(log, [r"ready!", r"\[schedule_bar\]"]), []


def interrupt(demo, folder):
    """Ctrl-C in the middle ends everything that the demo started."""
    process = demo.start("--model", "mirror", "--out", folder)
    try:
        for line in process.stdout:
            if line.startswith("bar "):
                break
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=15)
        left = members_of(process.pid)
    finally:
        end_session(process)
    failures = [f"processes {left} left behind"] if left else []
    if process.returncode != 130:
        failures.append(f"ended with {process.returncode}, not 130")
    return failures, []


def refuse(demo, folder):
    """Wrong usage: one clear line that names the value, exit status 2, no waiting."""
    folder.mkdir()
    text, empty, cut = folder / "text.mid", folder / "empty.mid", folder / "cut.mid"
    text.write_text("la la la")
    empty.touch()
    cut.write_bytes((demo.source / "examples/waltz_3_4.mid").read_bytes()[:200])
    cases = [(["--bars", "0"], "'0'"), (["--bars"], "--bars"), (["--sing"], "'--sing'"),
             (["--tempo", "5"], "'5'"), (["--tempo", "fast"], "'fast'"),
             (["--model", folder / "none"], "none'"),
             (["--model", folder], str(folder)),
             (["--performer", folder / "none.mid"], "none.mid'"),
             (["--performer", text], "text.mid"), (["--performer", empty], "empty.mid"),
             (["--performer", cut], "cut.mid")]
    failures = []
    for arguments, named in cases:
        model = [] if "--model" in arguments else ["--model", "mirror"]
        status, _, err = demo.run(*arguments, *model, "--out", folder / "out")
        if status != 2 or err.count("\n") != 1 or named not in err:
            failures.append(f"{arguments}: status {status}, said {err!r}")
    return failures, []


def lanes(demo, folder):
    """Two lists of (name, function): each runs in order, beside the other."""
    hard_0, hard_1 = folder / "hard_0.mid", folder / "hard_1.mid"
    hard_performers.write_type_0(hard_0)
    hard_performers.write_type_1(hard_1)
    evening = demo.source / "examples/evening_4_4.mid"
    bars = hard_performers.BARS

    def performed(performance):
        return (performance.name,
                lambda: play(demo, performance, folder / performance.name))

    return [
        [performed(Performance("evening_120", evening, 16, one_tempo=True)),
         performed(Performance("hard_type_1", hard_1, bars + 2, whole=True))],
        [performed(Performance("evening_240", evening, 16, tempo=240, one_tempo=True)),
         performed(Performance("hard_type_0", hard_0, bars)),
         ("no_service",
          lambda: play_without_service(demo, evening, folder / "no_service")),
         ("interrupted", lambda: interrupt(demo, folder / "interrupted"))],
    ]


def run_lane(steps):
    results = []
    for name, step in steps:
        start = time.monotonic()
        try:
            failures, figures = step()
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
            failures, figures = [repr(error)], []
        seconds = time.monotonic() - start
        print(f"{name}: {len(failures)} failures in {seconds:.0f} s", flush=True)
        results += [f"{name}: {failure}" for failure in failures]
        for figure in figures:
            print(f"  {name}, {figure}", flush=True)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, required=True,
                        help="folder of antiphon-edge and antiphon-inference")
    demo = Demo(parser.parse_args().programs)
    with tempfile.TemporaryDirectory(prefix="antiphon-demo-") as temporary:
        first, second = lanes(demo, Path(temporary))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            one = pool.submit(run_lane, first)
            time.sleep(LANES_APART)
            two = pool.submit(run_lane, second)
            failures = one.result() + two.result()
        failures += run_lane(
            [("refused", lambda: refuse(demo, Path(temporary) / "refused"))])
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
