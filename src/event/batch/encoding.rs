//! Compressed bodies, undone within a limit.

use std::borrow::Cow;
use std::io::Read;

use crate::event::Reason;
use crate::event::decode::Rejection;

/// Largest window of a zstd body, as a power of two: 8 MiB, which RFC 9659 sets for HTTP. A frame may ask for
/// gigabytes.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Undoes a `Content-Encoding`: none, `identity`, `gzip`, `deflate` or `zstd`. `bytes_max` limits what comes
/// out, so that a small body cannot fill the memory.
pub fn decompress<'a>(
    body: &'a [u8],
    encoding: Option<&str>,
    bytes_max: usize,
) -> Result<Cow<'a, [u8]>, Rejection> {
    if body.is_empty() {
        return Ok(Cow::Borrowed(body));
    }
    let encoding = encoding.unwrap_or("identity").trim().to_ascii_lowercase();
    let mut reader: Box<dyn Read + 'a> = match encoding.as_str() {
        "" | "identity" => {
            return if body.len() > bytes_max {
                Err(too_large(bytes_max))
            } else {
                Ok(Cow::Borrowed(body))
            };
        }
        "gzip" | "x-gzip" => Box::new(flate2::bufread::MultiGzDecoder::new(body)),
        // HTTP means zlib by `deflate`; some clients send what the word says, without zlib's header.
        "deflate" if is_zlib(body) => Box::new(flate2::bufread::ZlibDecoder::new(body)),
        "deflate" => Box::new(flate2::bufread::DeflateDecoder::new(body)),
        "zstd" => {
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(body).map_err(|_| broken("zstd"))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| broken("zstd"))?;
            Box::new(decoder)
        }
        _ => {
            let problem = "`Content-Encoding` is not known; use gzip, deflate, zstd or none";
            return Err(Rejection::new(Reason::BadEncoding, problem));
        }
    };
    let mut out = Vec::new();
    let limit = bytes_max as u64 + 1;
    reader.by_ref().take(limit).read_to_end(&mut out).map_err(|_| broken(&encoding))?;
    if out.len() > bytes_max {
        return Err(too_large(bytes_max));
    }
    Ok(Cow::Owned(out))
}

/// Whether `body` begins with zlib's header: method 8, and a check sum over two bytes.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..]
        if method & 0x0F == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

fn broken(encoding: &str) -> Rejection {
    Rejection::new(Reason::BadEncoding, format!("the body is not valid {encoding}, or cut off"))
}

fn too_large(bytes_max: usize) -> Rejection {
    let problem =
        format!("the body has more than {bytes_max} bytes when decompressed; send smaller batches");
    Rejection::new(Reason::TooLarge, problem)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    #[test]
    fn bodies_are_decompressed_up_to_a_limit() {
        let plain = vec![b'a'; 100_000];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&plain).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(&plain[..], 0).unwrap();
        for (body, encoding) in [(&gzip, "gzip"), (&zstd, "zstd"), (&plain, "identity")] {
            assert_eq!(*decompress(body, Some(encoding), 100_000).unwrap(), *plain, "{encoding}");
            let bomb = decompress(body, Some(encoding), 99_999).unwrap_err();
            assert_eq!(bomb.reason, Reason::TooLarge, "{encoding}");
        }
        assert_eq!(
            decompress(&gzip[..50], Some("gzip"), 100_000).unwrap_err().reason,
            Reason::BadEncoding
        );
        assert_eq!(decompress(&gzip, Some("br"), 100_000).unwrap_err().reason, Reason::BadEncoding);
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(plain: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(plain: &[u8]) -> Vec<u8> {
        zstd::encode_all(plain, 0).unwrap()
    }

    #[test]
    fn every_way_to_write_an_encoding_is_read() {
        let members = [gzip(b"hello, "), gzip(b"world")].concat();
        let frames = [zstd(b"hello, "), zstd(b"world")].concat();
        let plain = b"hello, world";
        let cases: [(&str, Option<&str>, Vec<u8>); 9] = [
            ("no header", None, plain.to_vec()),
            ("an empty header", Some(""), plain.to_vec()),
            ("gzip in capitals with spaces", Some(" GZIP "), gzip(plain)),
            ("gzip by its old name", Some("x-gzip"), gzip(plain)),
            ("gzip in two members", Some("gzip"), members),
            ("zstd in two frames", Some("zstd"), frames),
            ("deflate with zlib's header", Some("deflate"), zlib(plain)),
            ("deflate without", Some("deflate"), deflate(plain)),
            ("zstd", Some("zstd"), zstd(plain)),
        ];
        for (name, encoding, body) in cases {
            assert_eq!(*decompress(&body, encoding, 12).unwrap(), *plain, "{name}");
        }
        for encoding in ["gzip", "deflate", "zstd", "identity"] {
            assert!(decompress(b"", Some(encoding), 12).unwrap().is_empty(), "{encoding}");
        }
    }

    #[test]
    fn a_zstd_frame_that_asks_for_a_huge_window_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(b"hello").unwrap();
        let body = encoder.finish().unwrap();
        let rejection = decompress(&body, Some("zstd"), 1000).unwrap_err();
        assert_eq!(rejection.reason, Reason::BadEncoding);
    }

    proptest::proptest! {
        #[test]
        fn property_test_what_comes_out_never_exceeds_the_limit(
            plain in proptest::collection::vec(0u8..4, 0..3000),
            limit in 0usize..4000,
            damage in proptest::option::of((0usize..3000, proptest::num::u8::ANY)),
        ) {
            let bodies = [
                ("gzip", gzip(&plain)),
                ("deflate", zlib(&plain)),
                ("deflate", deflate(&plain)),
                ("zstd", zstd(&plain)),
            ];
            for (encoding, mut body) in bodies {
                if let Some((place, byte)) = damage {
                    let place = place % body.len();
                    body[place] = byte;
                }
                let outcome = decompress(&body, Some(encoding), limit);
                if let Ok(out) = &outcome {
                    proptest::prop_assert!(out.len() <= limit);
                }
                if damage.is_none() {
                    proptest::prop_assert_eq!(outcome.is_ok(), plain.len() <= limit);
                }
            }
        }
    }
}
