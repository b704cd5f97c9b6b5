# SPDX-License-Identifier: Apache-2.0
"""Judges the log lines that people grep for, against the MIDI file that was played.

Every number is worked out from the file: docs/architecture.md says what they count.
"""

import re

from mirror_oracle import LAG_BARS, TICK

PULSES = 24


def pulse(quarters):
    return int(quarters * PULSES)


def schedule_line(bar, plan, lines):
    """Ons and offs; an off on the closing line shows as the last pulse."""
    begin, end = lines[bar + LAG_BARS], lines[bar + LAG_BARS + 1]
    notes = [item for item in plan if item.bar == bar]
    low = min(pulse(item.on) for item in notes)
    high = max(pulse(min(max(item.offs), end - TICK)) for item in notes)
    return (rf"\[schedule_bar\] Bar {bar}: {2 * len(notes)} events in pulse "
            rf"\[{pulse(begin)}\.\.{pulse(end)}\), min={low} max={high}")


def life_of(bar, plan, lines):
    """A bar whose answer came in time."""
    return [
        rf"\[bar_boundary\] finished_bar={bar}, anchor=0",
        rf"\[enqueue\] Generation job for bar {bar} queued",
        rf"\[gen_worker\] Starting generation for bar {bar}",
        rf"\[gen_worker\] Bar {bar} generation done in \d+\.\d\ds",
        rf"\[scheduler\] Bar {bar} ready! Scheduling for playback",
        schedule_line(bar, plan, lines),
    ]


def late_life_of(bar):
    """A bar whose answer never came."""
    return [
        rf"\[bar_boundary\] finished_bar={bar}, anchor=0",
        rf"\[enqueue\] Generation job for bar {bar} queued",
        rf"\[scheduler\] Bar {bar} not ready yet",
    ]


def check_sequence(log, patterns):
    """Each is the end of just one line, and they come in this order."""
    last, failures = -1, []
    for pattern in patterns:
        found = [number for number, line in enumerate(log)
                 if re.search(rf"(?<!\S){pattern}$", line)]
        if len(found) != 1:
            failures.append(f"log: {len(found)} lines end in '{pattern}'")
        elif found[0] <= last:
            failures.append(f"log: '{pattern}' in line {found[0] + 1} comes too early")
        else:
            last = found[0]
    return failures


def check_absent(log, patterns):
    return [f"log: there should be no '{pattern}'"
            for pattern in patterns if any(re.search(pattern, line) for line in log)]


def jobs(log, event):
    """job_id to the other fields of that line."""
    found = {}
    for line in log:
        match = re.search(rf" {re.escape(event)} (.*)$", line)
        if match:
            fields = dict(re.findall(r"(\w+)=(\S+)", match.group(1)))
            found.setdefault(fields.get("job_id"), []).append(fields)
    return found


def check_job_ids(edge_log, service_log, bars):
    """Both programs tell of the same jobs: one for each bar with an answer to come."""
    queued, done = jobs(edge_log, "job.queued"), jobs(edge_log, "job.done")
    served = jobs(service_log, "job.done")
    failures = []
    for name, found in (("edge's job.done", done), ("service's job.done", served)):
        if found.keys() != queued.keys() or any(len(f) != 1 for f in found.values()):
            failures.append(f"{name}: jobs {sorted(found, key=str)}, queued were "
                            f"{sorted(queued, key=str)}")
    played = [fields[0].get("play_seq") for fields in queued.values()]
    if played != [str(bar) for bar in range(bars - LAG_BARS)]:
        failures.append(f"job.queued: play_seq {played}")
    for job, fields in queued.items():
        bar = served.get(job, [{}])[0].get("bar")
        if bar != fields[0].get("play_seq"):
            failures.append(f"job {job}: bar {bar} at the service, "
                            f"{fields[0].get('play_seq')} at the edge")
    return failures
