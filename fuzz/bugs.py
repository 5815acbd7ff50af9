#!/usr/bin/env python3
"""Puts bugs into a copy of the code, one for each target, and says how long each target takes to find its own.

Each target starts on fuzz/corpus, alone and in one thread, and searches for MINUTES=10 at most. A bug that is not found, or that no
longer fits the code, ends the run with an error. The next bug of a target waits for the next round, which is built anew.
`make fuzz-bugs` calls it; names of targets leave the others out."""

import os
import shutil
import subprocess
import sys

from run import FUZZ, Run, built

ROOT = FUZZ.parent
COPY = FUZZ / "target" / "bugs"
# Of its own: Cargo could not tell the copy's builds from those of the code.
BUILD = FUZZ / "target" / "bugs-build"

# The target; what is broken; where; the code as it is; the code that breaks it. Each is code that its target alone promises
# anything of, so that no other finds it first.
BUGS = [
    (
        "access_log",
        "who was refused with a 429 is forgotten where two parts of a second are joined",
        "src/event/edge/tally.rs",
        "        self.limited.merge(&other.limited);\n",
        "",
    ),
    (
        "checkpoint",
        "a length is believed that the bytes do not have",
        "src/store/mod.rs",
        "rest.split_at_checked(length).ok_or(LoadError::Empty)?;",
        "rest.split_at(length);",
    ),
    (
        "checkpoint",
        "a field is lost: how far sinks have come",
        "src/store/mod.rs",
        "    sent: BTreeMap<Box<str>, u64>,\n",
        "    #[serde(skip)]\n    sent: BTreeMap<Box<str>, u64>,\n",
    ),
    (
        "config",
        "messages repeat what a variable holds",
        "src/config/read.rs",
        "Err(Mistake { problem: variables.redact(&mistake.problem), ..mistake })",
        "Err(mistake)",
    ),
    (
        "datadog_logs",
        "what stands under `message` is taken for a text without a look",
        "src/event/decode/datadog.rs",
        "    let read = |raw: &str| serde_json::from_str::<String>(raw).ok();\n",
        "    let read = |raw: &str| match raw.contains('\\\\') {\n"
        "        true => serde_json::from_str::<String>(raw).ok(),\n"
        "        false => Some(raw[1..raw.len() - 1].to_owned()),\n    };\n",
    ),
    (
        "decompress",
        "a body of one byte is looked at for a header of two",
        "src/event/batch/encoding.rs",
        "    matches!(body, [method, flags, ..]\n"
        "        if method & 0x0F == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)\n",
        "    body[0] & 0x0F == 8 && u16::from_be_bytes([body[0], body[1]]) % 31 == 0\n",
    ),
    (
        "engine",
        "an event counts twice that comes again after the memory of ids has turned",
        "src/engine/dedup.rs",
        "if self.old.contains(&key) || !self.young.insert(key) {",
        "if !self.young.insert(key) {",
    ),
    (
        "events",
        "numbers with a leading zero pass the quick reader",
        "src/event/decode/quick.rs",
        "            Some(b'1'..=b'9') => {\n",
        "            Some(b'0'..=b'9') => {\n",
    ),
    (
        "events_api",
        "the cursor runs ahead of the clock with an item that is no event",
        "src/source/workos_api/page.rs",
        "Timestamp::parse(&text)).filter(|at| *at <= now);",
        "Timestamp::parse(&text));",
    ),
    (
        "journal",
        "a broken tail that is shorter than a head is left where it is",
        "src/journal/embedded/segment.rs",
        "        if broken == 0 {\n",
        "        if broken < HEAD_BYTES as u64 {\n",
    ),
    (
        "lines",
        "a line is too long only where it was not held",
        "src/event/batch/line.rs",
        "if !held_all || line.len() > LINE_BYTES_MAX { Err(too_long()) } else { Ok(line) };",
        "if held_all { Ok(line) } else { Err(too_long()) };",
    ),
    (
        "log_format",
        "a status of four digits passes",
        "src/event/edge/line.rs",
        "[b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] =>",
        "[b'1'..=b'9', b'0'..=b'9', b'0'..=b'9', ..] =>",
    ),
    (
        "nats_intake",
        "what was read of a message before its break is kept",
        "src/journal/nats/intake.rs",
        "        delivery.records.truncate(records);\n",
        "",
    ),
    (
        "nats_parts",
        "a part may have a number beyond the last",
        "src/journal/nats/part.rs",
        "(version == VERSION && head.part < head.parts).then_some",
        "(version == VERSION).then_some",
    ),
    (
        "query",
        "marked work may end before it begins",
        "src/web/decision/marker.rs",
        "if !(0..=LENGTH_MILLIS_MAX).contains(&until.millis_since(from)) {",
        "if until.millis_since(from) > LENGTH_MILLIS_MAX {",
    ),
    (
        "query",
        "the gate takes the beginning of a connection's id for the id",
        "src/web/gate/mod.rs",
        "find(|view| *view.label() == **id) else {",
        "find(|view| view.label().starts_with(&**id)) else {",
    ),
    (
        "scenario",
        "ranks begin at 0",
        "src/simulate/scenario/check.rs",
        "if (1..=connections).contains(&rank) {",
        "if rank <= connections {",
    ),
    (
        "syslog",
        "a line's length is counted from where the last piece ended",
        "src/source/edge/syslog/frames.rs",
        "Some(at) if self.searched + at - self.done <= self.bytes_max => {",
        "Some(at) if at <= self.bytes_max => {",
    ),
    (
        "webhook",
        "the digits of a signature are cut in pairs without a look",
        "src/source/signature.rs",
        "hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());",
        "hex.len() == 64;",
    ),
]


def copy():
    """The files that Git knows, as they are in the working tree, in a package of their own."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, names.decode().split("\0")):
        (COPY / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, COPY / name)


def put_in(bugs):
    copy()
    for target, what, path, before, after in bugs:
        text = (COPY / path).read_text()
        if text.count(before) != 1:
            sys.exit(f"{target}: {path} holds its code {text.count(before)} times; mend the bug ({what})")
        (COPY / path).write_text(text.replace(before, after))


def rounds(wanted):
    """The first bugs of all targets, then the second ones."""
    left = [bug for bug in BUGS if not wanted or bug[0] in wanted]
    while left:
        first = {bug[0]: bug for bug in reversed(left)}
        yield [bug for bug in left if first[bug[0]] is bug]
        left = [bug for bug in left if first[bug[0]] is not bug]


def main():
    seconds = int(float(os.environ.get("MINUTES", "10")) * 60)
    shutil.rmtree(COPY, ignore_errors=True)
    print("| target | what was broken | wall, s | CPU, s | executions | what the target said |")
    print("| --- | --- | --: | --: | --: | --- |", flush=True)
    missed = []
    for bugs in rounds(sys.argv[1:]):
        put_in(bugs)
        program = built(COPY / "fuzz", BUILD)
        for target, what, *_ in bugs:
            result = Run(program, target, BUILD / "found", seconds).end()
            figures = f"{result.wall:.1f} | {result.cpu:.1f} | {result.executions:,}"
            print(f"| `{target}` | {what} | {figures} | {result.broke or 'not found'} |", flush=True)
            if not result.broke:
                missed.append(target)
    if missed:
        sys.exit(f"not found: {missed}")


if __name__ == "__main__":
    main()
