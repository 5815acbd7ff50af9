//! What comes as a body: webhooks, pushed events in every layout, logs of Datadog's shape, compressed bytes, lines.

use std::io::Read;

use crate::event::batch::{
    self, LINE_BYTES_MAX, LineReader, Packing, Shape, decompress as unpacked,
};
use crate::event::decode::{check_time, decode, decode_datadog_log, decode_with_care};
use crate::event::{
    AuthEvent, Body, Entry, Novelties, Privacy, Record, Source, Timestamp, Treatment,
};
use crate::source::signature::{sign, verify};

/// 2026-01-15T12:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_768_478_400_000);

const TOLERANCE_MILLIS: i64 = 180_000;

const SECRET: &str = "whsec_fuzz";

/// Zeros of an input that make the longest line, and how many stand for more than themselves.
const ZEROS_OF_A_LINE: usize = 4;
const ZEROS_MAX: usize = 9;

/// Large enough for every variant of the corpus, small enough to be passed.
const UNPACKED_BYTES_MAX: usize = 1 << 16;

pub(super) fn privacy() -> Privacy {
    Privacy::new(Treatment::Hash, b"key")
}

/// The header of a webhook up to the first line feed, then its body. Nothing but the header that was made with the secret passes,
/// however the body is.
pub(super) fn webhook(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (header, body) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let secrets = [SECRET.to_owned()];
    let header = std::str::from_utf8(header).ok();
    let passed = verify(&secrets, header, body, NOW, TOLERANCE_MILLIS).is_ok();
    let own = sign(SECRET, body, NOW);
    let digest = &own[own.len() - 64..];
    assert!(!passed || header.is_some_and(|header| header.to_ascii_lowercase().contains(digest)));
    assert!(verify(&secrets, Some(&own), body, NOW, TOLERANCE_MILLIS).is_ok());
    let touched = [body, b" "].concat();
    assert!(verify(&secrets, Some(&own), &touched, NOW, TOLERANCE_MILLIS).is_err());
    if let Ok(event) = decode(body, &privacy()) {
        kept(event);
    }
}

/// A pushed body. However it is laid out, what is decoded can be written down and read back, and means what the reader that
/// takes its time says that it means.
pub(super) fn events(body: &[u8]) {
    let privacy = privacy();
    let mut places = 0usize;
    batch::each(body, Shape::Events, &privacy, |_, event| {
        places += 1;
        if let Ok(event) = event {
            kept(event);
        }
    });
    assert!(places <= body.len() + 1, "{places} places in {} bytes", body.len());
    assert_eq!(decode(body, &privacy), decode_with_care(body, &privacy));
}

/// A body of Datadog's log intake. What is an event is the same event as a log of its own, and as the message of one.
pub(super) fn datadog_logs(body: &[u8]) {
    let privacy = privacy();
    batch::each(body, Shape::DatadogLogs, &privacy, |_, event| {
        if let Ok(event) = event {
            kept(event);
        }
    });
    let Ok(text) = std::str::from_utf8(body) else { return };
    let Ok(event) = decode_with_care(body, &privacy).map(without_novelties) else { return };
    let message = serde_json::json!({"message": text}).to_string();
    // A byte order mark stands before a body, not before a message.
    let logs = if text.starts_with('\u{feff}') { vec![text] } else { vec![text, &message] };
    for log in logs {
        let found = decode_datadog_log(log.as_bytes(), &privacy).map(without_novelties);
        assert_eq!(found.as_ref(), Ok(&event), "{log}");
    }
}

/// Which fields are not known depends on what stands around an event.
fn without_novelties(event: AuthEvent) -> AuthEvent {
    AuthEvent { novel: Vec::new(), ..event }
}

/// An event that was accepted goes into the journal, and comes out as it was. Nothing that is written for people has an e-mail
/// address in it.
fn kept(mut event: AuthEvent) {
    if let Body::Sso(sso) = &event.body
        && let Some(error) = &sso.error
    {
        assert!(!error.message.contains('@') && !error.code.contains('@'), "{error:?}");
    }
    let mut novelties = Novelties::default();
    novelties.take(&mut event);
    if let Some(record) = novelties.record() {
        written(&Entry { received_at: NOW, record });
    }
    // Whether it is refused for its time or not, this must be said without a panic.
    drop(check_time(&event, NOW));
    let entry = Entry { received_at: NOW, record: Record::Event { source: Source::Push, event } };
    written(&entry);
}

fn written(entry: &Entry) {
    let bytes = postcard::to_stdvec(entry).expect("every entry can be encoded");
    assert_eq!(postcard::from_bytes::<Entry>(&bytes).expect("it was written so"), *entry);
}

/// The encoding, then the bytes. Nothing more than the limit comes out; and as content of a file no more than can be.
pub(super) fn decompress(bytes: &[u8]) {
    let (encoding, body) = bytes.split_first().unwrap_or((&0, &[]));
    let names = ["gzip", "deflate", "zstd", "identity", "x-gzip", "br", "gzip, gzip", ""];
    let encoding = names[usize::from(*encoding) % names.len()];
    if let Ok(content) = unpacked(body, Some(encoding), UNPACKED_BYTES_MAX) {
        assert!(content.len() <= UNPACKED_BYTES_MAX);
    }
    let packing = Packing::of(&body[..body.len().min(Packing::MAGIC_BYTES)]);
    if let Ok(input) = packing.unpack(body) {
        let mut content = Vec::new();
        drop(input.take(UNPACKED_BYTES_MAX as u64).read_to_end(&mut content));
    }
}

/// The lines of a file that is read in pieces of some length: they are what stands between the line feeds. So that an input need
/// not be as long as the longest line, its first zeros stand for many bytes each.
pub(super) fn lines(bytes: &[u8]) {
    let (piece, short) = bytes.split_first().unwrap_or((&0, &[]));
    let (mut content, mut zeros) = (Vec::new(), 0);
    for byte in short {
        if *byte == 0 && zeros < ZEROS_MAX {
            zeros += 1;
            content.resize(content.len() + LINE_BYTES_MAX / ZEROS_OF_A_LINE, b'x');
        } else {
            content.push(*byte);
        }
    }
    let (content, stretch) = (&content[..], if zeros == 0 { 1 } else { 1 << 12 });
    let piece = (usize::from(*piece) + 1) * stretch;
    let input = std::io::BufReader::with_capacity(piece, content);
    let mut reader = LineReader::new(input, 0);
    let (mut consumed, mut number) = (0u64, 0);
    let mut wanted = content.split_inclusive(|byte| *byte == b'\n');
    while let Some(line) = reader.next_line().expect("memory can be read") {
        let want = wanted.next().expect("there are no more lines than line feeds");
        number += 1;
        consumed += line.consumed;
        assert_eq!((line.number, line.consumed), (number, want.len() as u64));
        assert_eq!(line.complete, want.ends_with(b"\n"));
        if let Ok(text) = line.content {
            assert!(text.len() <= LINE_BYTES_MAX && text == want.trim_ascii());
        }
    }
    assert_eq!(consumed, content.len() as u64);
}
