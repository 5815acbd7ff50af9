#!/usr/bin/env python3
"""The same work side by side: sign-in events from a file into four counters of each connection, until the totals are right.

`benches/peers.py [--binary target/release/ssowatch] [--runs 3]` prints the table of docs/performance.md. Needs Debian's `mtail` and
`rsyslog`. The file is what `ssowatch simulate` makes of a scenario: over a million events of 500 connections, the same on every
machine. Each program reads it as its users have it read files: mtail and rsyslog count lines by pattern and by JSON, Python's own
`json` is there as the plain script that anybody could write. ssowatch runs as the daemon that is shipped: what it has read is
durable, each event counts once, sign-ins are joined, windows kept and judged, and searchable on disk. CPU is that of the whole
process, user and system, until its totals are those of the file; nobody else does more than count. A program whose totals stand
still before that has lost the rest: `counted` is what it came to in its worst run."""

import argparse
import collections
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = ROOT / "scenarios/01-workos-2025-10-10-authkit-28pct.yaml"
STEPS = ["started", "succeeded", "failed", "timed_out"]
PATIENCE_SECONDS = 300
STILL_SECONDS = 10

MTAIL = r'''
counter sign_ins by step, connection
/"event":"authentication\.sso_(?P<step>\w+)".*"connection_id":"(?P<connection>\w+)"/ {
  sign_ins[$step][$connection]++
}
'''

# The format of impstats says how many of each name; the name is the step and the connection.
RSYSLOG = '''
module(load="imfile" mode="inotify")
module(load="mmjsonparse")
module(load="impstats" interval="1" format="json" resetCounters="off" log.file="{folder}/stats" log.syslog="off" ruleset="none")
ruleset(name="none") {{ }}
dyn_stats(name="sign_ins" resettable="off" maxCardinality="1000000" unusedMetricLife="86400")
input(type="imfile" file="{events}" tag="events" ruleset="count" freshStartTail="off")
ruleset(name="count") {{
  action(type="mmjsonparse" cookie="")
  if $!event startswith "authentication.sso_" then {{
    set $.key = $!event & ":" & $!data!sso!connection_id;
    set $.known = dyn_inc("sign_ins", $.key);
  }}
}}
global(workDirectory="{folder}" maxMessageSize="64k")
'''

PYTHON = '''
import collections, json, sys
counts = collections.Counter()
for line in open(sys.argv[1], "rb"):
    event = json.loads(line)
    if event["event"].startswith("authentication.sso_"):
        counts[event["event"], event["data"]["sso"]["connection_id"]] += 1
totals = collections.Counter()
for (name, _), count in counts.items():
    totals[name.removeprefix("authentication.sso_")] += count
print(json.dumps(totals))
'''


def usage(pid):
    """CPU seconds and peak MB of a process that runs."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))
    return cpu, peak * 1024 / 1e6


def to_its_end(command, read):
    """A program that stops by itself: CPU, MB, seconds, and the totals that `read` finds in what it printed."""
    begun = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        out.seek(0)
        text = out.read().decode()
    if status != 0:
        sys.exit(f"{command[0]} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6, seconds, read(text)


def until_right(command, folder, totals, want):
    """A program that goes on: the same, once `totals` are as they should be, or have not changed for `STILL_SECONDS`."""
    begun = changed = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found, took = {}, (0, 0)
        while found != want and (not found or time.monotonic() - changed < STILL_SECONDS):
            if time.monotonic() - begun > PATIENCE_SECONDS or process.poll() is not None:
                sys.exit(f"{command[0]} came to {found}, not to {want}")
            time.sleep(0.2)
            now = totals()
            if now != found:
                found, changed, took = now, time.monotonic(), usage(process.pid)
        return *took, changed - begun, found
    finally:
        process.terminate()
        process.wait()


def of_mtail(text):
    totals = collections.Counter()
    for metric in json.loads(text)["sign_ins"]:
        for value in metric["LabelValues"]:
            totals[value["Labels"][0]] += value["Value"]["Value"]
    return dict(totals)


def mtail(folder, events, _binary, _want):
    program = folder / "sign_ins.mtail"
    program.write_text(MTAIL)
    return to_its_end(["mtail", "--one_shot", "--progs", program, "--logs", events, "--log_dir", folder], of_mtail)


def python(_folder, events, _binary, _want):
    return to_its_end([sys.executable, "-c", PYTHON, events], json.loads)


def rsyslog(folder, events, _binary, want):
    config, stats = folder / "rsyslog.conf", folder / "stats"
    config.write_text(RSYSLOG.format(folder=folder, events=events))

    def totals():
        lines = stats.read_text().splitlines() if stats.exists() else []
        newest = next((line for line in reversed(lines) if '"sign_ins"' in line and line.rstrip().endswith("}")), None)
        if newest is None:
            return {}
        found = collections.Counter()
        for name, count in json.loads(newest[newest.index("{") :])["values"].items():
            found[name.split(":")[0].removeprefix("authentication.sso_")] += count
        return dict(found)

    return until_right(["rsyslogd", "-n", "-f", config, "-i", folder / "pid"], folder, totals, want)


def ssowatch(folder, events, binary, want):
    config, log = folder / "ssowatch.yaml", folder / "ssowatch.log"
    config.write_text(
        'data_dir: ./data\nhttp: { admin: { listen: "127.0.0.1:9497" }, intake: { listen: "127.0.0.1:9498" } }\n'
        f'sources: {{ files: [ {{ path: "{events}" }} ] }}\n'
    )
    series = re.compile(r'^sso_authentication_events_total\{type="authentication\.sso_(\w+)"\} (\d+)$', re.M)

    def totals():
        try:
            with urllib.request.urlopen("http://127.0.0.1:9497/metrics", timeout=10) as answer:
                return {step: int(count) for step, count in series.findall(answer.read().decode()) if int(count)}
        except OSError:
            return {}

    return until_right([binary.resolve(), "run", "--config", config], folder, totals, want)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/ssowatch")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        events = scratch / "events.ndjson"
        with events.open("wb") as file:
            subprocess.run([options.binary, "simulate", SCENARIO], stdout=file, stderr=subprocess.DEVNULL, check=True)
        want, count = collections.Counter(), 0
        for line in events.open():
            count += 1
            name = json.loads(line)["event"]
            if name.startswith("authentication.sso_"):
                want[name.removeprefix("authentication.sso_")] += 1
        want = dict(want)
        print(f"{count:,} events, {events.stat().st_size / 1e6:.0f} MB; load {os.getloadavg()[0]:.1f}\n")
        print("| program | events a CPU second | spread | ratio | peak memory | seconds | counted |\n| --- | --: | --- | --: | --: | --: | --: |", flush=True)
        first = None
        for program in [ssowatch, mtail, rsyslog, python]:
            runs = []
            for run in range(options.runs):
                folder = scratch / f"{program.__name__}-{run}"
                folder.mkdir()
                cpu, peak, seconds, found = program(folder, events, options.binary, want)
                runs.append((count / cpu, peak, seconds, sum(found.values()) / sum(want.values())))
            rates, peaks, seconds, counted = zip(*runs)
            rate = statistics.median(rates)
            first = first or rate
            print(
                f"| {program.__name__} | {rate:,.0f} | {min(rates):,.0f} – {max(rates):,.0f} | {first / rate:.1f} "
                f"| {statistics.median(peaks):.0f} MB | {statistics.median(seconds):.1f} | {min(counted):.2%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
