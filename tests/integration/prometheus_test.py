# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes both programs while bars are played.

Every query of every panel of the dashboard must return numbers, both pages must pass
`promtool check metrics`, and docs/metrics.md must name just the metrics that exist.
Prints one line per failure; exit status 1 if there is one.
"""

import argparse
import json
import math
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

BARS = 12
BARS_BEFORE_QUERIES = 8  # at 240 BPM: about 10 s in, and 4 s are left
RATE_INTERVAL = "5s"
MAX_PANELS = 8


def free_ports(count):
    """Ports that nobody listens on; all held at once, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.read().decode()
    except urllib.error.HTTPError as error:  # Prometheus explains in the body
        return error.read().decode()


def wait_for(what, condition, seconds, process=None):
    """Polls until `condition` returns something true, and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"waiting for {what}: exit status {process.returncode}")
        try:
            result = condition()
        except OSError:
            result = None
        if result:
            return result
        time.sleep(0.1)
    raise RuntimeError(f"{what}: not within {seconds} s")


def types(page):
    """Metric name to type, without the page server's own."""
    found = re.findall(r"^# TYPE (\w+) (\w+)$", page, re.M)
    return {name: kind for name, kind in found if not name.startswith("exposer_")}


def bars_counted(page):
    values = re.findall(r"^antiphon_edge_bars_total\{[^}]*\} (\S+)$", page, re.M)
    return sum(float(value) for value in values)


def dashboard_queries(source_dir, failures):
    path = source_dir / "deploy/grafana/dashboards/antiphon.json"
    panels = json.loads(path.read_text())["panels"]
    if not 1 <= len(panels) <= MAX_PANELS:
        failures.append(f"dashboard: {len(panels)} panels, not 1 to {MAX_PANELS}")
    queries = []
    for panel in panels:
        if not panel.get("targets"):
            failures.append(f"panel '{panel['title']}': no query")
        queries += [(panel["title"], t["expr"]) for t in panel.get("targets", [])]
    return queries


def check_query(base, title, expr, failures):
    query = expr.replace("$__rate_interval", RATE_INTERVAL)
    url = f"{base}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    reply = json.loads(get(url))
    where = f"panel '{title}': {query}"
    if reply.get("status") != "success":
        failures.append(f"{where}: {reply.get('error', reply)}")
        return
    series = reply["data"]["result"]
    if not series:
        failures.append(f"{where}: no series")
    elif all(math.isnan(float(s["value"][1])) for s in series):
        failures.append(f"{where}: only NaN, though bars are played")


def check_page(name, page, failures):
    done = subprocess.run(["promtool", "check", "metrics"], input=page, text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        failures.append(f"promtool check metrics, {name}: {done.stdout}{done.stderr}")


def check_docs(source_dir, kinds, failures):
    text = (source_dir / "docs/metrics.md").read_text()
    rows = dict(re.findall(r"^\| `(antiphon_\w+)` \| (\w+) \|", text, re.M))
    named = {re.sub(r"_(bucket|sum|count)$", "", name)
             for name in re.findall(r"\bantiphon_\w+", text)}
    for name in sorted(kinds.keys() - rows.keys()):
        failures.append(f"docs/metrics.md: no row for {name}")
    for name in sorted(named - kinds.keys()):
        failures.append(f"docs/metrics.md: {name} is on neither page")
    for name in sorted(rows.keys() & kinds.keys()):
        if rows[name] != kinds[name]:
            failures.append(f"docs/metrics.md: {name} is a {kinds[name]}")


class Programs:
    """What this test starts; all of it ends with `stop`."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def start(self, name, command):
        with open(self.log(name), "wb") as log:
            process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL)
        self.running.append((name, process))
        return process

    def log(self, name):
        return self.folder / f"{name}.log"

    def stop(self):
        for _, process in reversed(self.running):
            if process.poll() is None:
                process.terminate()
        for _, process in reversed(self.running):
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def print_logs(self):
        for name, _ in self.running:
            print(f"--- the end of {name}'s log", file=sys.stderr)
            lines = self.log(name).read_text(errors="replace").splitlines()
            print("\n".join(lines[-15:]), file=sys.stderr)


def prometheus_config(source_dir, folder, edge_port, inference_port):
    text = (source_dir / "deploy/prometheus/prometheus.yml").read_text()
    for shipped, port in ((9465, edge_port), (9464, inference_port)):
        if text.count(f"127.0.0.1:{shipped}") != 1:
            raise RuntimeError(f"prometheus.yml does not scrape 127.0.0.1:{shipped} once")
        text = text.replace(f"127.0.0.1:{shipped}", f"127.0.0.1:{port}")
    path = folder / "prometheus.yml"
    path.write_text(text)
    return path


def run(args, folder, programs, failures):
    service, inference_port, edge_port, web = free_ports(4)
    config = prometheus_config(args.source_dir, folder, edge_port, inference_port)
    queries = dashboard_queries(args.source_dir, failures)
    base = f"http://127.0.0.1:{web}"
    inference = programs.start("inference", [
        args.inference, "--model=mirror", f"--listen=127.0.0.1:{service}",
        f"--metrics=127.0.0.1:{inference_port}"])
    prometheus = programs.start("prometheus", [
        "prometheus", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{web}",
        f"--storage.tsdb.path={folder / 'tsdb'}"])
    wait_for("the service", lambda: "ready on" in programs.log("inference").read_text(),
             15, inference)
    wait_for("prometheus", lambda: "Ready" in get(f"{base}/-/ready"), 20, prometheus)
    edge = programs.start("edge", [
        args.edge, "--source=file", f"--performer={args.performer}", "--tempo=240",
        f"--bars={BARS}", f"--service=127.0.0.1:{service}",
        f"--metrics=127.0.0.1:{edge_port}", f"--session-dir={folder / 'session'}"])

    edge_url = f"http://127.0.0.1:{edge_port}/metrics"
    wait_for("bars", lambda: bars_counted(get(edge_url)) >= BARS_BEFORE_QUERIES, 30, edge)
    for title, expr in queries:
        check_query(base, title, expr, failures)
    pages = {"edge": get(edge_url),
             "inference": get(f"http://127.0.0.1:{inference_port}/metrics")}
    if edge.poll() is not None:
        failures.append("the edge ended before the queries did")

    realtime = "\nantiphon_edge_playback_realtime 1\n" in pages["edge"]
    refused = "real-time priority 60 refused" in programs.log("edge").read_text()
    if realtime == refused:
        failures.append(f"antiphon_edge_playback_realtime is {int(realtime)}, "
                        f"but the log says that it was {'refused' if refused else 'granted'}")

    kinds = {}
    for name, page in pages.items():
        check_page(name, page, failures)
        kinds.update(types(page))
    check_docs(args.source_dir, kinds, failures)
    return f"{len(queries)} queries, {len(kinds)} metrics"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edge", type=Path, required=True)
    parser.add_argument("--inference", type=Path, required=True)
    parser.add_argument("--performer", type=Path, required=True)
    parser.add_argument("--source-dir", type=Path, required=True)
    args = parser.parse_args()
    for tool in ("prometheus", "promtool"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed (scripts/setup.sh)", file=sys.stderr)
            return 1
    failures = []
    summary = ""
    with tempfile.TemporaryDirectory(prefix="antiphon-prometheus-") as temporary:
        programs = Programs(Path(temporary))
        try:
            summary = run(args, Path(temporary), programs, failures)
        except (OSError, RuntimeError, ValueError) as error:
            failures.append(str(error))
        finally:
            programs.stop()
        if failures:
            programs.print_logs()
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    print(f"{summary or 'stopped early'}: {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
