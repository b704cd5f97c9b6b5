#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts libtorch for CPU use into the cache folder of the current user.

Downloads the wheels named in libtorch_pins.txt with pip (which checks the hashes),
unpacks only what a C++ build needs and prints the folder. A second run finds the
stamp file and needs no network. ANTIPHON_LIBTORCH=DIR takes an existing libtorch
instead: nothing is downloaded, DIR is checked and printed.

--cuda puts libtorch's CUDA half and the libraries it needs (libtorch_cuda_pins.txt) into
a folder beside, where the plugin of --device=cuda looks for them.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

PINS = Path(__file__).resolve().parent / "libtorch_pins.txt"
CUDA_PINS = PINS.with_name("libtorch_cuda_pins.txt")
STAMP = "antiphon-complete"
# The wheel's copies of protobuf, pybind11 and oneAPI headers would shadow the system's.
PRUNED_HEADERS = ("torch/include/google/", "torch/include/pybind11/",
                  "torch/include/oneapi/")
CUDA_OR_PYTHON = ("cuda", "python", "shm", "nvshmem", "cusparselt")
X86_LIBRARIES = ("libtorch_cpu.so", "libc10.so", "libgomp.so.1")
RUNTIME_LIBRARIES = ("libcudart.so.13", "libcupti.so.13")
GLIBC_TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_25", "manylinux_2_18",
              "manylinux_2_17", "manylinux2014")


def fail(message):
    print(f"fetch_libtorch: {message}", file=sys.stderr)
    sys.exit(1)


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "antiphon"


def pins_key(pins, machine):
    text = b"".join(file.read_bytes() for file in pins)
    return hashlib.sha256(text).hexdigest() + " " + machine


def is_complete(prefix, key):
    stamp = prefix / STAMP
    return stamp.is_file() and stamp.read_text().strip() == key


def check_existing(folder):
    """The wheel's layout has a torch/ folder; the official zip is that folder."""
    root = Path(folder)
    for base in (root / "torch", root):
        if (base / "include/ATen/ATen.h").is_file() and (
                base / "lib/libtorch_cpu.so").is_file():
            return root
    fail(f"ANTIPHON_LIBTORCH={folder} holds no include/ATen/ATen.h and "
         "lib/libtorch_cpu.so; point it at an unpacked libtorch or unset it")


def is_wanted(name, machine):
    """Says whether a file of a wheel belongs into the pruned prefix."""
    leaf = name.rsplit("/", 1)[-1]
    if name.startswith("torch/include/"):
        return not name.startswith(PRUNED_HEADERS)
    if name.startswith("nvidia/cu13/lib/"):
        return leaf in RUNTIME_LIBRARIES
    if name.startswith(("torch/lib/", "torch.libs/")):
        if machine == "x86_64":
            return leaf in X86_LIBRARIES
        return ".so" in leaf and not any(w in leaf for w in CUDA_OR_PYTHON)
    return ".dist-info/" in name and leaf.lower().startswith(("license", "notice"))


def is_wanted_cuda(name, machine):
    """Of all wheels what the CPU's prefix leaves out; header files nobody needs."""
    leaf = name.rsplit("/", 1)[-1]
    if name.startswith("torch/lib/"):
        return ".so" in leaf and any(w in leaf for w in ("cuda", "nvrtc", "nvshmem"))
    if name.startswith("nvidia/"):
        return ".so" in leaf
    return ".dist-info/" in name and leaf.lower().startswith(("license", "notice"))


def pip_command(pins, machine, destination):
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir",
               "--only-binary=:all:", "--require-hashes", "--quiet",
               "--disable-pip-version-check", "-d", str(destination),
               "--implementation", "cp", "--python-version", "311"]
    for file in pins:
        command += ["-r", str(file)]
    for tag in GLIBC_TAGS:
        command += ["--platform", f"{tag}_{machine}"]
    return command


def download(pins, machine, destination):
    """Runs pip and prints a sign of life every five seconds."""
    size = {"x86_64": 544, "aarch64": 433}[machine] if CUDA_PINS not in pins else 2513
    print(f"libtorch: downloading {size} MB", file=sys.stderr, flush=True)
    start = time.monotonic()
    pip = subprocess.Popen(pip_command(pins, machine, destination), stdout=sys.stderr)
    while True:
        try:
            code = pip.wait(timeout=5)
            break
        except subprocess.TimeoutExpired:
            print(f"libtorch: still downloading, {time.monotonic() - start:.0f} s",
                  file=sys.stderr, flush=True)
    if code != 0:
        fail(f"pip download ended with {code}; check the network (pip's own settings "
             "for proxy and mirror apply) or set ANTIPHON_LIBTORCH=DIR to a libtorch "
             "that is already there")


def unpack(wheels, wanted, machine, destination):
    for wheel in sorted(wheels.glob("*.whl")):
        print(f"libtorch: unpacking {wheel.name}", file=sys.stderr, flush=True)
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if not name.endswith("/") and wanted(name, machine):
                    archive.extract(name, destination)


def fetch(prefix, pins, wanted, machine):
    """Builds the prefix beside its final place, so that it is whole or absent."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    key = pins_key(pins, machine)
    with tempfile.TemporaryDirectory(dir=prefix.parent, prefix="fetch-") as scratch:
        wheels, tree = Path(scratch) / "wheels", Path(scratch) / "tree"
        wheels.mkdir()
        tree.mkdir()
        download(pins, machine, wheels)
        unpack(wheels, wanted, machine, tree)
        if CUDA_PINS not in pins:
            check_existing(tree)
        (tree / STAMP).write_text(key + "\n")
        if is_complete(prefix, key):
            return  # Another process was quicker.
        if prefix.exists():
            shutil.rmtree(prefix)
        tree.rename(prefix)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", type=Path,
                        help="target folder (default: libtorch-2.11.0-cpu, or -cuda, "
                             f"in {cache_folder()})")
    parser.add_argument("--cuda", action="store_true",
                        help="CUDA's half and libraries instead: 2.5 GB to download, "
                             "3.1 GB on disk")
    parser.add_argument("--check", action="store_true",
                        help="download nothing; exit 1 where libtorch is missing")
    arguments = parser.parse_args()

    existing = os.environ.get("ANTIPHON_LIBTORCH")
    if existing and not arguments.cuda:
        print(check_existing(existing))
        return
    machine = platform.machine()
    supported = ("x86_64",) if arguments.cuda else ("x86_64", "aarch64")
    if sys.platform != "linux" or machine not in supported:
        fail(f"no pinned wheel for {sys.platform} {machine}; unpack a libtorch "
             "2.11 yourself and set ANTIPHON_LIBTORCH=DIR")
    pins, wanted, name = [PINS], is_wanted, "libtorch-2.11.0-cpu"
    if arguments.cuda:
        pins, wanted, name = [PINS, CUDA_PINS], is_wanted_cuda, "libtorch-2.11.0-cuda"
    prefix = arguments.prefix or cache_folder() / name
    if not is_complete(prefix, pins_key(pins, machine)):
        if arguments.check:
            fail(f"nothing complete in {prefix}; run scripts/fetch_libtorch.py"
                 + (" --cuda" if arguments.cuda else ""))
        fetch(prefix, pins, wanted, machine)
    print(prefix)


if __name__ == "__main__":
    main()
