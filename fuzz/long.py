#!/usr/bin/env python3
"""Searches with every target at once, or with those that are named, for MINUTES; prints the table of fuzz/README.md.

What is found lies in fuzz/found/TARGET, what the corpus grew to in fuzz/found/TARGET/grown. `make fuzz-long MINUTES=75` calls it."""

import os
import sys

from run import FUZZ, TARGETS, Run, built


def main():
    minutes = float(os.environ.get("MINUTES", "75"))
    program = built(FUZZ, FUZZ / "target")
    runs = [Run(program, target, FUZZ / "found", int(minutes * 60)) for target in sys.argv[1:] or TARGETS]
    print("| target | wall, min | CPU, min | executions | places: corpus → end | features: corpus → end | MB | what broke |")
    print("| --- | --: | --: | --: | --: | --: | --: | --- |", flush=True)
    results = [run.end() for run in runs]
    for result in results:
        reached = [f"{first:,} → {last:,}" for first, last in (result.places, result.features)]
        figures = [f"{result.wall / 60:.0f}", f"{result.cpu / 60:.1f}", f"{result.executions:,}", *reached, str(result.megabytes)]
        print(f"| `{result.target}` | {' | '.join(figures)} | {result.broke or 'nothing'} |")
    sys.exit(any(result.broke for result in results))


if __name__ == "__main__":
    main()
