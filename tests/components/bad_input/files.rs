//! What may lie where files are followed.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::world::{Case, World, rejected};
use super::{WINDOW_BOMB, bomb};
use crate::bytes::{gzip, zstd};
use crate::{installed, wait};

const TROUBLE: &str = "ssowatch_source_trouble_total{source=\"files\"}";

/// What the log says newly that holds `words`, without what differs from run to run.
fn said(world: &World, words: &str) -> String {
    let line = wait::until(&format!("the log says `{words}`"), || {
        let log = fs::read_to_string(world.daemon.path().join("log")).unwrap_or_default();
        log.lines().rfind(|line| line.contains(words)).map(str::to_owned)
    });
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let fields = &line["fields"];
    let detail = ["detail", "problem"].iter().find_map(|key| fields[key].as_str());
    let message = fields["message"].as_str().unwrap();
    let text = detail.map_or(message.to_owned(), |detail| format!("{detail}; {message}"));
    format!("log: {}", text.replace(&format!("{}/", world.daemon.path().display()), ""))
}

/// A file `name` with `bytes`, about which the log says something with `words`.
fn file(
    name: &'static str,
    sent: &str,
    file: &'static str,
    bytes: impl Into<Vec<u8>>,
    words: &'static str,
    moved: String,
) -> Case {
    let bytes = bytes.into();
    Case {
        name,
        sent: format!("a file `{file}`: {sent}"),
        moved,
        act: Box::new(move |world| {
            fs::write(world.daemon.path().join("logs").join(file), bytes).unwrap();
            said(world, words)
        }),
    }
}

/// Something that is no file.
fn thing(name: &'static str, sent: &str, words: &'static str, make: fn(&std::path::Path)) -> Case {
    Case {
        name,
        sent: sent.to_owned(),
        moved: TROUBLE.into(),
        act: Box::new(move |world| {
            make(&world.daemon.path().join("things"));
            said(world, words)
        }),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let of = |reason: &str| rejected("files", reason);
    let long = [&b"{\"id\": \""[..], &vec![b'x'; 10 << 20], b"\"}\n"].concat();
    let mut cut = gzip(&b"{\"hello\": 1}\n".repeat(10_000));
    cut.truncate(cut.len() / 2);
    vec![
        file(
            "a file of nonsense",
            "`hello`",
            "nonsense.ndjson",
            "hello\n",
            "nonsense.ndjson",
            of("not_json"),
        ),
        file(
            "a binary file",
            "a kilobyte of 0xFF",
            "binary.ndjson",
            [vec![0xFF; 1024], vec![b'\n']].concat(),
            "binary.ndjson",
            of("not_utf8"),
        ),
        file(
            "one long line",
            "10 MiB without a line end",
            "long.ndjson",
            long,
            "long.ndjson",
            of("too_large"),
        ),
        file(
            "gzip that breaks off",
            "the first half",
            "cut.ndjson.gz",
            cut,
            "cut.ndjson.gz",
            of("not_an_event"),
        ),
        file(
            "a gzip bomb",
            "128 MiB in 130 KiB",
            "bomb.ndjson.gz",
            bomb(b' ', 16, gzip),
            "bomb.ndjson.gz",
            of("too_large"),
        ),
        file(
            "a zstd bomb",
            "128 MiB in 12 KiB",
            "bomb.ndjson.zst",
            bomb(b'y', 16, zstd),
            "bomb.ndjson.zst",
            of("too_large"),
        ),
        file(
            "a zstd window bomb",
            "10 bytes that ask for 2 GiB",
            "window.ndjson.zst",
            WINDOW_BOMB,
            "window.ndjson.zst",
            of("bad_encoding"),
        ),
        thing("a FIFO", "a FIFO `fifo.ndjson`", "fifo.ndjson", |folder| {
            let made =
                Command::new(installed::program("mkfifo")).arg(folder.join("fifo.ndjson")).status();
            assert!(made.unwrap().success());
        }),
        thing(
            "a device",
            "a symbolic link `zero.ndjson` to `/dev/zero`",
            "zero.ndjson",
            |folder| {
                symlink("/dev/zero", folder.join("zero.ndjson")).unwrap();
            },
        ),
        Case {
            name: "a file that is cut while it is read",
            sent:
                "two good lines and a bad one in `short.ndjson`, then the same file with other ones"
                    .into(),
            moved: of("not_an_event"),
            act: Box::new(|world| {
                let path = world.daemon.path().join("logs/short.ndjson");
                fs::write(&path, format!("{}{}{{}}\n", world.good(), world.good())).unwrap();
                said(world, "short.ndjson");
                fs::write(&path, world.good()).unwrap();
                said(world, "not what it was")
            }),
        },
    ]
}
