//! A tier: a part of the edge that is watched by itself, and which requests it claims.

use super::route::{PATTERNS_MAX, PathPattern};

/// URIs that are nearly too long: nine tenths of what nginx, HAProxy and most others take by default.
pub const LONG_URI_BYTES: u32 = 8192 / 10 * 9;

/// A part of the edge that is watched by itself.
#[derive(Clone, Debug)]
pub struct Tier {
    pub(super) name: Box<str>,
    pub(super) hosts: Vec<Box<str>>,
    pub(super) paths: Vec<PathPattern>,
    pub(super) routes: Vec<PathPattern>,
    pub(super) long_uri_bytes: u32,
}

impl Tier {
    /// A tier that claims the requests for any of `hosts` (`app.example.com`, `*.example.com`) and `paths`; where either is
    /// empty it stands for all. `uri_bytes_max` is the longest URI that its server takes. The error is a sentence.
    pub fn new(
        name: &str,
        hosts: &[Box<str>],
        paths: &[Box<str>],
        routes: &[Box<str>],
        uri_bytes_max: u32,
    ) -> Result<Self, String> {
        label(name)?;
        if hosts.len().max(paths.len()).max(routes.len()) > PATTERNS_MAX {
            return Err(format!("has more than {PATTERNS_MAX} patterns of one kind"));
        }
        let patterns = |texts: &[Box<str>]| -> Result<Vec<_>, String> {
            texts.iter().map(|text| PathPattern::new(text)).collect()
        };
        Ok(Self {
            name: name.into(),
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase().into()).collect(),
            paths: patterns(paths)?,
            routes: patterns(routes)?,
            long_uri_bytes: uri_bytes_max / 10 * 9,
        })
    }

    pub(super) fn claims(&self, host: &str, path: Option<&str>) -> bool {
        let host_fits =
            self.hosts.is_empty() || self.hosts.iter().any(|wanted| host_fits(wanted, host));
        let path_fits = self.paths.is_empty()
            || path.is_some_and(|path| self.paths.iter().any(|pattern| pattern.fits(path)));
        host_fits && path_fits
    }
}

/// `*.example.com` fits every host below, and nothing else; ports do not count.
fn host_fits(wanted: &str, host: &str) -> bool {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    match wanted.strip_prefix('*') {
        Some(suffix) => {
            let split = host.len().checked_sub(suffix.len());
            split.is_some_and(|at| {
                at > 0 && host.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            })
        }
        None => host.eq_ignore_ascii_case(wanted),
    }
}

/// Whether `text` may be the name of a tier or a limit: it becomes a label value. The error is a sentence.
pub fn label(text: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(fits) {
        return Err("a name has 1 to 64 letters, digits, `-`, `_` or `.`".into());
    }
    Ok(())
}
