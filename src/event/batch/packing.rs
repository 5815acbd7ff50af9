//! Recorded files, plain or compressed, told apart by their first bytes rather than by their names.

use std::io::{self, BufRead, Read};

/// How a recorded file is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip, in one member or several.
    Gzip,
    /// zstd, in one frame or several.
    Zstd,
}

/// Reads the content of a recorded file.
pub enum Unpacked<R: BufRead> {
    /// As it is.
    Plain(R),
    /// gzip.
    Gzip(flate2::bufread::MultiGzDecoder<R>),
    /// zstd. Frames with a window over 128 MiB, the format's own limit for decoders, are refused.
    Zstd(zstd::stream::read::Decoder<'static, R>),
}

impl Packing {
    /// First bytes that tell how a file is compressed.
    pub const MAGIC_BYTES: usize = 4;

    /// How a file that begins with `head` is compressed. Fewer than [`Packing::MAGIC_BYTES`] are
    /// plain.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 0x08, _, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// The content of `input`, which is compressed like this.
    pub fn unpack<R: BufRead>(self, input: R) -> io::Result<Unpacked<R>> {
        Ok(match self {
            Self::Plain => Unpacked::Plain(input),
            Self::Gzip => Unpacked::Gzip(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Zstd => Unpacked::Zstd(zstd::stream::read::Decoder::with_buffer(input)?),
        })
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buffer),
            Self::Gzip(input) => input.read(buffer),
            Self::Zstd(input) => input.read(buffer),
        }
    }
}

impl<R: BufRead> std::fmt::Debug for Unpacked<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Gzip(_) => "Gzip",
            Self::Zstd(_) => "Zstd",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn every_packing_is_told_by_its_first_bytes_and_read() {
        let plain = b"{\"id\":\"event_1\"}\n".repeat(1000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&plain).unwrap();
        let cases = [
            (Packing::Plain, plain.clone()),
            (Packing::Gzip, gzip.finish().unwrap()),
            (Packing::Zstd, zstd::encode_all(&plain[..], 0).unwrap()),
        ];
        for (packing, bytes) in cases {
            assert_eq!(Packing::of(&bytes[..Packing::MAGIC_BYTES]), packing);
            let twice = [&bytes[..], &bytes[..]].concat();
            let mut content = Vec::new();
            packing.unpack(&twice[..]).unwrap().read_to_end(&mut content).unwrap();
            assert_eq!(content, plain.repeat(2), "{packing:?} in two parts");
        }
        assert_eq!(Packing::of(b"{}"), Packing::Plain);
    }
}
