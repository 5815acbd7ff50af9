"""One run of libFuzzer on one target, and what it says of itself."""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
TRIPLE = "x86_64-unknown-linux-gnu"
TARGETS = sorted(folder.name for folder in (FUZZ / "corpus").iterdir())

# Inputs: longer ones take longer and reach no more. One that takes a minute, or a gigabyte, is a finding.
OPTIONS = ["-max_len=4096", "-timeout=60", "-rss_limit_mb=1500", "-malloc_limit_mb=1000", "-print_final_stats=1"]


@dataclass
class Result:
    """What came of a run."""

    target: str
    wall: float
    cpu: float
    executions: int
    # Places (edges) and features that were reached: by the corpus, and at the end.
    places: tuple
    features: tuple
    megabytes: int
    # What broke, in its own words; nothing when nothing did.
    broke: str


class Run:
    """A process that searches; what it finds and says lies in `folder`, which is made anew unless it grows `on`."""

    def __init__(self, program, target, folder, seconds, on=False, options=()):
        self.target, self.folder, self.begun = target, folder / target, time.monotonic()
        if not on:
            shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "grown").mkdir(parents=True, exist_ok=True)
        corpus = FUZZ / "corpus" / target
        command = [program, self.folder / "grown", corpus, *OPTIONS, f"-max_total_time={seconds}", *options]
        command.append(f"-artifact_prefix={self.folder}/found-")
        with open(self.folder / "log", "w") as log:
            # The log tells what broke; a trace of each line would be a thousand lines of libFuzzer.
            environment = os.environ | {"FUZZ_TARGET": target, "RUST_BACKTRACE": "0"}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def end(self):
        """Waits for it."""
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - self.begun
        log = (self.folder / "log").read_text(errors="replace")
        seen = [tuple(map(int, pair)) for pair in re.findall(r"cov: (\d+) ft: (\d+)", log)] or [(0, 0)]
        start = re.search(r"INITED +cov: (\d+) ft: (\d+)", log)
        first = tuple(map(int, start.groups())) if start else seen[0]

        def figure(name):
            found = re.search(rf"stat::{name}: +(\d+)", log)
            return int(found[1]) if found else 0

        broke = re.search(r"panicked at (\S+):\n(.*)", log) or re.search(r"ERROR: (libFuzzer): (.*)", log)
        if self.process.returncode == 0:
            broke = None
        return Result(
            self.target,
            wall,
            used.ru_utime + used.ru_stime,
            figure("number_of_executed_units"),
            (first[0], max(places for places, _ in seen)),
            (first[1], max(features for _, features in seen)),
            figure("peak_rss_mb"),
            f"{broke[1]}: {broke[2][:120]}" if broke else "",
        )


def built(folder, into, environment=None):
    """The program of the package in `folder`, for which Cargo builds `into`; RUSTFLAGS say what libFuzzer needs (see the Makefile)."""
    command = ["cargo", "build", "--release", "--target", TRIPLE]
    environment = os.environ | {"CARGO_TARGET_DIR": str(into)} | (environment or {})
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return into / TRIPLE / "release" / "ssowatch-fuzz"
