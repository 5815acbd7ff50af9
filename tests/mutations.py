#!/usr/bin/env python3
"""Breaks one promise of docs/durability.md after the other in a copy of the code, and says which seeds of the simulation find it.

SEEDS=1..101 are run on each, and where none of them finds it, the unit tests. The unchanged code must pass both; a mutation that neither
finds, or that no longer fits the code, ends the run with an error. Debug builds, one for each mutation, after one of all dependencies: half an hour on 2 cores."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / "target" / "mutations"
# Of its own: Cargo could not tell the copy's builds from those of the code.
BUILD = ROOT / "target" / "mutations-build"
SEEDS = os.environ.get("SEEDS", "1..101")

# So many seeds are named of each.
FIRST = 5

# What is broken; where; the code as it is; the code that breaks it.
MUTATIONS = [
    (
        "answered before the batch is appended",
        "src/app/fold/commit.rs",
        "waiting.push(Waiting { receipt, reply });",
        "drop(reply.send(Ok(receipt)));",
    ),
    ("answered before the sync", "src/journal/embedded/segment.rs", "    file.write(frame)?;\n    file.sync()\n", "    file.write(frame)\n"),
    (
        "a page's cursor is delivered before its events",
        "src/source/workos_api/poller.rs",
        "        self.workos.inlet.deliver(Delivery { events, records }).await\n    }\n\n    /// There is nothing",
        "        self.workos.inlet.deliver(Delivery { events: Vec::new(), records }).await?;\n"
        "        self.workos.inlet.deliver(Delivery { events, records: Vec::new() }).await\n    }\n\n    /// There is nothing",
    ),
    (
        "Datadog's mark is noted before the window was sent",
        "src/sink/datadog/metrics.rs",
        "            let batches = pack(move || counts(",
        "            self.ledger.note(u64::try_from(group.until).unwrap_or_default());\n            let batches = pack(move || counts(",
    ),
    (
        "a window is sent with the present time in place of its own",
        "src/sink/datadog/metrics.rs",
        "(Arc::clone(&self.style), self.interval, group.at)",
        "(Arc::clone(&self.style), self.interval, now.seconds())",
    ),
    (
        "windows that wait are sent as one",
        "src/sink/datadog/metrics.rs",
        "    let until = start + interval;\n",
        "    let until = (start + interval).max(snapshot.closed_until_seconds);\n",
    ),
    (
        "the memory of ids is lost by a restart",
        "src/engine/memory.rs",
        "    pub(super) dedup: Dedup,",
        "    #[serde(skip)]\n    pub(super) dedup: Dedup,",
    ),
    (
        "time does not wait for a batch that is being synced",
        "src/app/fold.rs",
        "    open.map_or(now, |stamp| now.min(stamp))",
        "    open.map_or(now, |_| now)",
    ),
    (
        "what may have been told is forgotten: an incident stays open with PagerDuty",
        "src/receiver/dispatcher/courier.rs",
        "            self.log.recall(incidents, audience, now);\n",
        "",
    ),
    (
        "events ahead of a wrong clock are passed over",
        "src/source/workos_api/page.rs",
        "take_while(|read| is_ahead(read)).count();",
        "take_while(|read| is_ahead(read)).take(0).count();",
    ),
]


def copy():
    """The files that Git knows, as they are in the working tree, in a package of their own."""
    shutil.rmtree(COPY, ignore_errors=True)
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, names.decode().split("\0")):
        (COPY / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, COPY / name)


def tested(arguments, environment):
    """The outcome of library tests on the copy as it is now. The words of other tests' failures would be no proof: a build must succeed."""
    # A mutation may leave something unused: that is not what is tested.
    environment = os.environ | {"CARGO_TARGET_DIR": str(BUILD), "RUSTFLAGS": ""} | environment
    cargo = ["cargo", "test", "--quiet", "--lib"]
    subprocess.run([*cargo, "--no-run"], cwd=COPY, env=environment, check=True, stderr=subprocess.DEVNULL)
    return subprocess.run([*cargo, "--", *arguments], cwd=COPY, env=environment, capture_output=True, text=True)


def failing(pattern, run, what):
    """What failed, as the output names it."""
    found = sorted(set(re.findall(pattern, run.stdout, re.M)))
    if (run.returncode != 0) != bool(found):
        sys.exit(f"{what} ended without a word about what failed:\n{run.stdout}\n{run.stderr}")
    return found


def seeds():
    """The seeds of the simulation that fail."""
    run = tested(["simulation::every_promise"], {"SIMULATION_SEEDS": SEEDS})
    return sorted(map(int, failing(r"^seed (\d+): ", run, "the simulation")))


def unit_tests():
    """The names of the unit tests that fail."""
    run = tested(["--skip", "simulation", "--skip", "backtest", "--skip", "fuzz"], {})
    names = failing(r"^    (\S+::\S+)$", run, "the unit tests")
    return [f"`{name.rsplit('::', 1)[1]}`" for name in names]


def some(found):
    """The first of them, and how many more there are."""
    more = f" and {len(found) - FIRST} more" if len(found) > FIRST else ""
    return ", ".join(map(str, found[:FIRST])) + more


def main():
    copy()
    if found := seeds() or unit_tests():
        sys.exit(f"unchanged code fails {found}")
    print(f"| mutation | found by seeds of {SEEDS}, or else by unit tests |\n| --- | --- |", flush=True)
    missed = []
    for name, path, before, after in MUTATIONS:
        file = COPY / path
        text = file.read_text()
        if text.count(before) != 1:
            sys.exit(f"{name}: {path} holds its code {text.count(before)} times; mend the mutation")
        file.write_text(text.replace(before, after))
        found = seeds() or unit_tests()
        file.write_text(text)
        print(f"| {name} | {some(found) or 'none'} |", flush=True)
        if not found:
            missed.append(name)
    if missed:
        sys.exit(f"found by nothing: {missed}")


if __name__ == "__main__":
    main()
