#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of the sources that no compiler knows.

Who may include whom (main, then conductor or service, then leaf folders, then common),
where torch, gRPC, protobuf, prometheus, RtMidi, system headers and system calls may
appear, the licence line, include guards, file lengths, leftovers, and that CMake names
every source.
Prints one line per finding, FILE:LINE: RULE: text; exit status 1 if there is one.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

MAX_LINES = 600
MAX_README_LINES = 150
CODE = (".h", ".cc")
LICENSED = (".h", ".cc", ".proto", ".py", ".sh", ".cmake")
SKIPPED_FOLDERS = {".git", "build", "out", "__pycache__"}

# Headers of a leaf folder that are pure interfaces: any folder of the side may see them.
INTERFACES = {"edge/port/midi_port.h", "edge/client/accompanist.h",
              "inference/model/model.h"}
# What a folder may include beside itself, common/ and the interfaces of its side. A
# folder that is not named here is a leaf and gets nothing more.
ALSO_ALLOWED = {
    "edge": ("edge/",),
    "inference": ("inference/",),
    "inference/service": ("inference/engine/", "inference/aria/"),
    "inference/engine": ("inference/aria/",),
    "inference/evaluate": ("inference/aria/", "inference/engine/",
                           "inference/model/slot_book.h"),
    "inference/model": ("inference/aria/",),
    "inference/train": ("inference/aria/", "inference/engine/time_map.h",
                        "inference/model/"),
    "inference/tool": ("inference/aria/", "inference/engine/", "inference/evaluate/",
                       "inference/model/", "inference/train/",
                       "inference/model_answerer.h"),
}
# The playback thread must not reach anything that may block.
PLAYBACK_ALLOWED = ("edge/playback/", "edge/port/midi_port.h", "common/time/",
                    "common/music/", "common/midi/", "common/rt/")

# Third-party headers and the only places where they may be included.
HOMES = [
    (re.compile(r"(torch|ATen|c10)/"), "torch",
     re.compile(r"inference/(model|train)/[^/]+\.cc$|"
                r"tests/bench/plain_torch\.cc$")),
    (re.compile(r".*\.pb\.h$"), "protobuf",
     re.compile(r"edge/client/|inference/service/|tests/")),
    (re.compile(r"google/protobuf/"), "protobuf",
     re.compile(r"edge/client/|inference/service/|tests/")),
    (re.compile(r"grpc(pp)?/"), "grpc",
     re.compile(r"edge/client/|inference/service/|tests/")),
    (re.compile(r"prometheus/"), "prometheus", re.compile(r"common/metrics/")),
    (re.compile(r"toml\+\+/"), "toml++", re.compile(r"common/config_file\.cc$")),
    (re.compile(r"(rtmidi/)?RtMidi\.h$"), "rtmidi", re.compile(r"edge/port/|tests/")),
    (re.compile(r"jack/"), "jack", re.compile(r"tests/")),
    (re.compile(r"(arpa|linux|mach|net|netinet|sys)/|(avrt|dirent|dlfcn|execinfo|fcntl|"
                r"malloc|poll|pthread|sched|semaphore|signal|spawn|syslog|termios|"
                r"unistd|windows)\.h$"), "operating system",
     re.compile(r"common/rt/|edge/port/(jack_watch|rtmidi_port)\.cc$|"
                r"inference/|tests/|"
                r".*_test\.cc$")),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SYSTEM_CALL = re.compile(
    r"\b(clock_nanosleep|clock_gettime|nanosleep|usleep|sched_setscheduler|"
    r"pthread_setschedparam|setpriority|mlock|mlockall|sleep_for|sleep_until|"
    r"SleepFor)\b")
# gRPC takes deadlines as std::chrono::system_clock; its adapters may name it.
CLOCK_TYPE_HOMES = re.compile(r"common/rt/|edge/client/|inference/service/")
CLOCK_TYPE = re.compile(r"\b(steady_clock|system_clock|high_resolution_clock)\b")
SYSTEM_CALL_HOMES = re.compile(r"common/rt/|tests/(integration|bench)/")
LEFTOVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
MACHINE_PATH = re.compile(
    r"(?<![\w.$}~-])/(home|root|work|Users)/[\w.]|\b[A-Z]:\\\\?Users\b")


def list_files(root):
    """Tracked and new files; without git, everything outside the build folders."""
    git = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, text=True, check=False)
    top = subprocess.run(["git", "rev-parse", "--show-toplevel"], cwd=root,
                         capture_output=True, text=True, check=False)
    if git.returncode == 0 and Path(top.stdout.strip()) == root.resolve():
        names = [n for n in git.stdout.split("\0") if n]
    else:
        names = [p.relative_to(root).as_posix() for p in root.rglob("*")
                 if not SKIPPED_FOLDERS & set(p.relative_to(root).parts)]
    return sorted(n for n in names if (root / n).is_file())


def read_text(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def is_test(name):
    return name.startswith("tests/") or name.endswith("_test.cc")


def strip_comments(line):
    """Good enough for single lines: what follows // is prose."""
    return line.split("//", 1)[0]


def include_finding(name, target):
    """Says what is wrong with `name` including the repository's header `target`."""
    if ".." in Path(target).parts:
        return "includes by a relative path"
    side = target.split("/")[0]
    if side == "tests":
        return None if is_test(name) else "includes a test"
    if side not in ("common", "edge", "inference") or name.startswith("tests/"):
        return None
    own_side, folder = name.split("/")[0], str(Path(name).parent)
    is_fake = Path(target).name.startswith("fake_")
    if is_fake and not is_test(name) and not Path(name).name.startswith("fake_"):
        return "a fake is for tests"
    if is_fake and own_side == side:
        return None
    if folder == "edge/playback" and not is_test(name):
        allowed = target.startswith(PLAYBACK_ALLOWED)
        return None if allowed else "playback may not see this header"
    if side == "common" or target.startswith(folder + "/"):
        return None
    if own_side != side:
        return f"{own_side}/ may not include {side}/"
    if target in INTERFACES or target.startswith(ALSO_ALLOWED.get(folder, ())):
        return None
    return "a leaf folder may not include another"


def check_includes(name, lines):
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, target = match.groups()
        for pattern, library, home in HOMES:
            if pattern.match(target) and not home.match(name):
                yield number, "include", f"{library} header {target} has no place here"
        problem = include_finding(name, target) if quote == '"' else None
        if problem:
            yield number, "include", f"{target}: {problem}"


def check_calls(name, lines):
    for number, line in enumerate(lines, 1):
        code = strip_comments(line)
        call = None
        if not SYSTEM_CALL_HOMES.match(name):
            call = SYSTEM_CALL.search(code)
        if not call and not is_test(name) and not CLOCK_TYPE_HOMES.match(name):
            call = CLOCK_TYPE.search(code)
        if call:
            yield number, "system-call", f"{call.group(1)} belongs into common/rt"
        main_or_test = name.endswith("main.cc") or is_test(name)
        if re.search(r"\bgetenv\b", code) and not main_or_test:
            yield number, "getenv", "the environment is read in main.cc only"


def check_guard(name, lines):
    guard = "ANTIPHON_" + re.sub(r"[^A-Za-z0-9]", "_", name).upper() + "_"
    for wanted in (f"#ifndef {guard}", f"#define {guard}", f"#endif  // {guard}"):
        if wanted not in lines:
            yield 1, "guard", f"no line '{wanted}'"


def check_cmake(name, root):
    for folder in Path(name).parents:
        listing = root / folder / "CMakeLists.txt"
        if listing.is_file():
            relative = Path(name).relative_to(folder).as_posix()
            if re.search(r"(?<![\w/])" + re.escape(relative) + r"\b",
                         listing.read_text(encoding="utf-8")):
                return
    yield 1, "cmake", "no CMakeLists.txt on the way up names this file"


def check_text(name, lines):
    for number, line in enumerate(lines, 1):
        if LEFTOVER.search(line):
            yield number, "leftover", line.strip()[:80]
        if MACHINE_PATH.search(line):
            yield number, "machine-path", line.strip()[:80]


def check_file(root, name, text):
    lines = text.splitlines()
    suffix = Path(name).suffix
    if suffix in LICENSED or Path(name).name in ("CMakeLists.txt", "Dockerfile"):
        spdx = re.compile(r"^(//|#) SPDX-License-Identifier: Apache-2\.0$")
        if not any(spdx.match(line) for line in lines[:2]):
            yield 1, "licence", "no SPDX line at the top"
        if len(lines) > MAX_LINES:
            yield MAX_LINES, "length", f"{len(lines)} lines, {MAX_LINES} at most"
    if name == "README.md" and len(lines) > MAX_README_LINES:
        yield MAX_README_LINES, "length", f"{MAX_README_LINES} lines at most"
    yield from check_text(name, lines)
    if suffix in CODE:
        yield from check_includes(name, lines)
        yield from check_calls(name, lines)
    if suffix == ".h":
        yield from check_guard(name, lines)
    if suffix == ".cc":
        yield from check_cmake(name, root)


def findings(root):
    for name in list_files(root):
        text = read_text(root / name)
        if text is not None:
            for number, rule, message in check_file(root, name, text):
                yield f"{name}:{number}: {rule}: {message}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path,
                        default=Path(__file__).resolve().parent.parent,
                        help="tree to check (default: this repository)")
    root = parser.parse_args().root
    if not root.is_dir():
        print(f"check_sources: no folder {root}", file=sys.stderr)
        sys.exit(2)
    found = list(findings(root))
    for line in found:
        print(line)
    print(f"check_sources: {len(found)} findings", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
