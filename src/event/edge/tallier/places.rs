//! Where paths belong, remembered from line to line.
//!
//! Paths are remembered by their shape, in which ids are folded: there are as many shapes as routes, while of the paths of
//! an edge every third may be one that was never seen before.

use std::sync::Arc;

use super::Table;
use crate::event::edge::line::EdgeLine;
use crate::event::edge::route;
use crate::event::edge::scheme::Scheme;

/// Longest shape that is remembered; longer ones are attacks.
const SHAPE_BYTES_MAX: usize = 512;

/// Places by the shapes of their paths.
#[derive(Debug, Default)]
pub(super) struct Places {
    table: Table<Box<str>, Place>,
    names: Names,
    shape: String,
}

/// Where a path belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) tier: u32,
    pub(super) route: u32,
    pub(super) long_uri_bytes: u32,
    pub(super) watches: u32,
}

/// Texts by number.
#[derive(Debug, Default)]
struct Names {
    numbers: Table<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Places {
    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.table.len().max(self.names.texts.len())
    }

    /// Tiers and routes by number.
    pub(super) fn names(&self) -> &[Arc<str>] {
        &self.names.texts
    }

    /// Where the request belongs, on the tier that was `given` with the log.
    pub(super) fn find(
        &mut self,
        scheme: &Scheme,
        given: Option<&str>,
        line: &EdgeLine<'_>,
    ) -> Place {
        let uri = line.uri.as_deref();
        let path = uri.map(route::path);
        let by_host = given.is_none() && scheme.needs_host();
        let host = if by_host {
            line.host.as_deref().or_else(|| route::host(uri?)).unwrap_or_default()
        } else {
            ""
        };
        self.shape.clear();
        self.shape.push_str(host);
        // No shape has these: the host ends here, and a request without a path is told from one for nothing.
        self.shape.push(if path.is_none() { '\u{1}' } else { '\0' });
        if let Some(path) = path {
            scheme.shape_into(path, &mut self.shape);
        }
        if let Some(place) = self.table.get(&*self.shape) {
            return *place;
        }
        let located = scheme.locate(given, host, path);
        let place = Place {
            tier: self.names.number(located.tier),
            route: self.names.number(&located.route),
            long_uri_bytes: located.long_uri_bytes,
            watches: located.watches,
        };
        if self.shape.len() <= SHAPE_BYTES_MAX {
            self.table.insert(self.shape.as_str().into(), place);
        }
        place
    }
}

impl Names {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        let number = u32::try_from(self.texts.len()).expect("bounded by REMEMBERED_MAX");
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }
}
