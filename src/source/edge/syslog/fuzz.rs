//! Fuzzing: see `crate::fuzz`.

use super::frames::Frames;
use super::message::message;

/// Small, so that inputs reach it.
const BYTES_MAX: usize = 64;

/// How long the pieces are in which a stream comes, then the stream. However it is cut, the same messages come out of it, none over
/// the limit; what is behind their headers is an end of them.
pub(crate) fn syslog(bytes: &[u8]) {
    let (size, stream) = bytes.split_first().unwrap_or((&0, &[]));
    let whole = cut([stream].into_iter());
    assert_eq!(cut(stream.chunks(usize::from(*size) + 1)), whole);
    for sent in &whole.0 {
        assert!(sent.len() <= BYTES_MAX, "{} bytes", sent.len());
        assert!(sent.ends_with(message(sent)));
    }
}

/// The messages, and how many were too long.
fn cut<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, usize) {
    let (mut frames, mut messages, mut too_long) = (Frames::new(BYTES_MAX), Vec::new(), 0);
    for piece in pieces {
        too_long += frames.push(piece);
        messages.extend(frames.whole().map(<[u8]>::to_vec));
        frames.forget();
    }
    messages.extend(frames.rest().map(<[u8]>::to_vec));
    (messages, too_long)
}
