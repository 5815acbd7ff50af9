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

impl Method {
    /// The method of this name, in capitals as HTTP has it.
    #[must_use]
    pub fn of(name: &str) -> Self {
        // Names that the compiler knows are compared in a register, those of a table by calls.
        match name {
            "" => Self::None,
            "GET" => Self::Get,
            "POST" => Self::Post,
            "HEAD" => Self::Head,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            "CONNECT" => Self::Connect,
            "TRACE" => Self::Trace,
            _ => Self::Other,
        }
    }

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Connect => "CONNECT",
            Self::Trace => "TRACE",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_there_and_back_and_others_are_other() {
        for name in ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]
        {
            assert_eq!(Method::of(name).as_str(), name);
        }
        let others = ["", "PURGE", "get"].map(Method::of);
        assert_eq!(others, [Method::None, Method::Other, Method::Other]);
        assert_eq!(others.map(Method::as_str), ["none", "other", "other"]);
    }
}
