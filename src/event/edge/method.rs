//! Request methods: the known ones, so that the label stays bounded.

use serde::{Deserialize, Serialize};

/// The method of a request. The label `method`. New variants go to the end: the encoding numbers them.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub enum Method {
    /// The server could not read one: a URI that is too long, garbage.
    #[default]
    None,
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
    /// `OPTIONS`.
    Options,
    /// `CONNECT`.
    Connect,
    /// `TRACE`.
    Trace,
    /// Any other.
    Other,
}

const NAMES: [(Method, &str); 9] = [
    (Method::Get, "GET"),
    (Method::Post, "POST"),
    (Method::Head, "HEAD"),
    (Method::Put, "PUT"),
    (Method::Patch, "PATCH"),
    (Method::Delete, "DELETE"),
    (Method::Options, "OPTIONS"),
    (Method::Connect, "CONNECT"),
    (Method::Trace, "TRACE"),
];

impl Method {
    /// The method of this name, in capitals as HTTP has it.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map_or(if name.is_empty() { Self::None } else { Self::Other }, |(method, _)| *method)
    }

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Other => "other",
            _ => NAMES.iter().find(|(known, _)| *known == self).map_or("other", |(_, name)| name),
        }
    }
}
