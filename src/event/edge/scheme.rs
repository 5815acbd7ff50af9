//! What the operator says about the edge, as far as reading its lines needs it: formats, tiers and their routes, who is
//! internal, and whom declared limits count.

use std::borrow::Cow;
use std::collections::HashSet;

use super::address::Internal;
use super::format::{Format, FormatConfig};
use super::hasher::Seed;
use super::line::HEADERS_MAX;
use super::route::{self, PathPattern};
use super::tier::{LONG_URI_BYTES, Tier};
use super::watch::{Key, Watch};

/// Tiers, and formats of one's own, at most.
pub const TIERS_MAX: usize = 32;

/// Declared limits at most: a line is held against each.
pub const LIMITS_MAX: usize = 32;

/// The tier of lines that no tier claims.
pub const DEFAULT_TIER: &str = "default";

/// The route of requests that the server could not read.
pub const NO_ROUTE: &str = "none";

/// Everything that reading a line needs.
#[derive(Clone, Debug)]
pub struct Scheme {
    formats: Vec<Format>,
    tiers: Vec<Tier>,
    internal: Internal,
    watches: Vec<Watch>,
    headers: Vec<Box<str>>,
    /// Segments of all patterns that stand for themselves.
    named: HashSet<Box<str>, Seed>,
}

/// Where a request belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Located<'s> {
    pub(super) tier: &'s str,
    pub(super) route: Cow<'s, str>,
    pub(super) long_uri_bytes: u32,
    /// The limits that may count it, a bit each.
    pub(super) watches: u32,
}

impl Default for Scheme {
    fn default() -> Self {
        Self::new(&[], Vec::new(), Internal::default(), Vec::new())
            .expect("nothing is wrong with nothing")
    }
}

impl Scheme {
    /// Checks and assembles. The error names the key under `edge` first, in backquotes.
    pub fn new(
        formats: &[FormatConfig],
        tiers: Vec<Tier>,
        internal: Internal,
        watches: Vec<Watch>,
    ) -> Result<Self, String> {
        let many = |key: &str, count: usize, max: usize| {
            if count > max {
                Err(format!("`edge.{key}` has {count} entries; at most {max}"))
            } else {
                Ok(())
            }
        };
        many("formats", formats.len(), TIERS_MAX)?;
        many("tiers", tiers.len(), TIERS_MAX)?;
        many("limits", watches.len(), LIMITS_MAX)?;
        twice("formats", formats.iter().map(|format| &*format.name))?;
        twice("tiers", tiers.iter().map(|tier| &*tier.name))?;
        twice("limits", watches.iter().map(|watch| &*watch.name))?;
        let mut headers: Vec<Box<str>> = Vec::new();
        let of_limits = watches.iter().filter_map(|watch| match &watch.key {
            Key::Header(name) => Some(name),
            Key::Client | Key::Account | Key::Internal => None,
        });
        for name in internal.headers().iter().map(|mark| &mark.header).chain(of_limits) {
            if !headers.contains(name) {
                headers.push(name.clone());
            }
        }
        if headers.len() > HEADERS_MAX {
            let names = headers.join(", ");
            return Err(format!(
                "`edge.limits` and `edge.internal` look at the headers {names}; at most {HEADERS_MAX} together"
            ));
        }
        let mut all = Format::built_in(&headers);
        for config in formats {
            let format = Format::own(config, &headers);
            all.push(
                format.map_err(|error| format!("`edge.formats`: `{}`: {error}", config.name))?,
            );
        }
        let of_tiers = tiers.iter().flat_map(|tier| tier.paths.iter().chain(&tier.routes));
        let patterns = of_tiers.chain(watches.iter().flat_map(|watch| &watch.paths));
        let named = patterns.flat_map(PathPattern::named).map(Into::into).collect();
        Ok(Self { formats: all, tiers, internal, watches, headers, named })
    }

    /// The format of this name; the error lists all.
    pub fn format(&self, name: &str) -> Result<&Format, String> {
        self.formats.iter().find(|format| format.name() == name).ok_or_else(|| {
            let names: Vec<_> = self.formats.iter().map(Format::name).collect();
            format!("there is no format of this name; known are {}", names.join(", "))
        })
    }

    /// Who is internal.
    #[must_use]
    pub fn internal(&self) -> &Internal {
        &self.internal
    }

    /// The declared limits, as far as lines are concerned.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// The place of a watched header on a line.
    pub(super) fn header(&self, name: &str) -> Option<usize> {
        self.headers.iter().position(|known| **known == *name)
    }

    /// Whether the host says anything about where a request belongs.
    pub(super) fn needs_host(&self) -> bool {
        self.tiers.iter().any(|tier| !tier.hosts.is_empty())
    }

    /// Adds the shape of `path` to `shape`: paths of one shape belong to one place.
    pub(super) fn shape_into(&self, path: &str, shape: &mut String) {
        route::shape_into(path, |segment| self.named.contains(segment), shape);
    }

    /// Where a request for `path` on `host` belongs. A tier that is `given` with the log is final; otherwise the first tier
    /// that claims it.
    pub(super) fn locate<'s>(
        &'s self,
        given: Option<&'s str>,
        host: &str,
        path: Option<&str>,
    ) -> Located<'s> {
        let tier = match given {
            Some(name) => self.tiers.iter().find(|tier| *tier.name == *name),
            None => self.tiers.iter().find(|tier| tier.claims(host, path)),
        };
        let name = given.or(tier.map(|tier| &*tier.name)).unwrap_or(DEFAULT_TIER);
        let pattern = |patterns: &'s [PathPattern]| {
            patterns.iter().find(|pattern| path.is_some_and(|path| pattern.fits(path)))
        };
        let route = match (path, tier.and_then(|tier| pattern(&tier.routes))) {
            (_, Some(route)) => Cow::Borrowed(route.as_str()),
            (Some(path), None) => Cow::Owned(route::fold(path)),
            (None, None) => Cow::Borrowed(NO_ROUTE),
        };
        let mut watches = 0;
        for (bit, watch) in self.watches.iter().enumerate() {
            let tier_fits = watch.tier.as_deref().is_none_or(|wanted| wanted == name);
            if tier_fits && (watch.paths.is_empty() || pattern(&watch.paths).is_some()) {
                watches |= 1 << bit;
            }
        }
        let long_uri_bytes = tier.map_or(LONG_URI_BYTES, |tier| tier.long_uri_bytes);
        Located { tier: name, route, long_uri_bytes, watches }
    }
}

fn twice<'a>(key: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            Err(format!("`edge.{key}`: the name `{}` is there twice; choose another", pair[0]))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: &[&str]) -> Vec<Box<str>> {
        items.iter().map(|item| (*item).into()).collect()
    }

    fn scheme() -> Scheme {
        let admin = Tier::new("admin", &[], &texts(&["/admin/*"]), &texts(&["/admin/u/:id"]), 2048);
        let api = Tier::new("api", &texts(&["*.api.example.com"]), &[], &[], 8192);
        let watch = |name: &str, tier: Option<&str>, paths: &[&str]| Watch {
            name: name.into(),
            key: Key::Client,
            tier: tier.map(Into::into),
            paths: paths.iter().map(|path| PathPattern::new(path).unwrap()).collect(),
            internal: None,
            shown: false,
        };
        let watches = vec![
            watch("all", None, &[]),
            watch("api", Some("api"), &[]),
            watch("orders", None, &["/orders/*"]),
        ];
        Scheme::new(&[], vec![admin.unwrap(), api.unwrap()], Internal::default(), watches).unwrap()
    }

    #[test]
    fn the_first_tier_that_claims_a_request_has_it_unless_one_is_given() {
        let scheme = scheme();
        let cases = [
            (None, "eu.api.example.com:443", Some("/orders/17"), "api", "/orders/:id", 0b111),
            (None, "EU.API.example.com", Some("/admin/u/ann"), "admin", "/admin/u/:id", 0b001),
            (None, "api.example.com", Some("/x"), DEFAULT_TIER, "/x", 0b001),
            (None, "eu.api.example.com", None, "api", NO_ROUTE, 0b011),
            (Some("web"), "eu.api.example.com", Some("/admin/x"), "web", "/admin/x", 0b001),
            (Some("admin"), "h", Some("/admin/u/x/"), "admin", "/admin/u/:id", 0b001),
        ];
        for (given, host, path, tier, route, watches) in cases {
            let found = scheme.locate(given, host, path);
            assert_eq!(
                (found.tier, &*found.route, found.watches),
                (tier, route, watches),
                "{host} {path:?}"
            );
        }
        assert_eq!(scheme.locate(None, "", Some("/admin")).long_uri_bytes, 1836);
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_key() {
        let tier = |name: &str| Tier::new(name, &[], &[], &[], 1);
        assert!(tier("a b").unwrap_err().contains("1 to 64"));
        let none = Internal::default;
        let twice = Scheme::new(&[], vec![tier("a").unwrap(), tier("a").unwrap()], none(), vec![]);
        assert!(twice.unwrap_err().contains("`edge.tiers`: the name `a` is there twice"));
        let header = |name: &str| Watch {
            name: name.into(),
            key: Key::parse(&format!("header:{name}")).unwrap(),
            tier: None,
            paths: vec![],
            internal: None,
            shown: false,
        };
        let many = Scheme::new(&[], vec![], none(), ["a", "b", "c", "d", "e"].map(header).to_vec());
        assert!(many.unwrap_err().contains("the headers a, b, c, d, e; at most 4"));
        assert!(Key::parse("ip").unwrap_err().contains("client, account, internal"));
    }
}
