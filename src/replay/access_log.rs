//! Access logs in a replay: `--access-log FORMAT[@TIER]=PATH`.

use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};

use super::input::{Input, expand};
use crate::config::Config;
use crate::event::edge::{EdgeTally, Tallier};
use crate::event::{Privacy, Timestamp};

/// Keys the hashes of a configuration without a key of its own: they only have to be the same for all lines.
const KEY: &[u8] = b"replay";

/// One `--access-log`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct AccessLog {
    format: String,
    tier: Option<String>,
    path: String,
}

impl FromStr for AccessLog {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (what, path) = text
            .split_once('=')
            .filter(|(what, path)| !what.is_empty() && !path.is_empty())
            .ok_or("write FORMAT=PATH or FORMAT@TIER=PATH, e.g. nginx_json@web=access.log")?;
        let (format, tier) = match what.split_once('@') {
            Some((format, tier)) => (format, Some(tier.to_owned())),
            None => (what, None),
        };
        Ok(Self { format: format.to_owned(), tier, path: path.to_owned() })
    }
}

/// The seconds of all `logs`, in order, and how many lines were rejected. Client addresses and the like are shown as
/// `privacy.personal` says.
pub(super) fn tallies(
    logs: &[AccessLog],
    config: &Config,
) -> anyhow::Result<(Vec<EdgeTally>, u64)> {
    let scheme = Arc::new(config.edge_scheme().map_err(|error| anyhow!(error))?);
    let key = match config.privacy_secret().map_err(|error| anyhow!(error))? {
        Some(secret) => secret.reveal().context("`privacy.key`")?.into_bytes(),
        None => KEY.to_vec(),
    };
    let privacy = Privacy::new(config.privacy.personal, &key);
    let (mut tallies, mut rejected) = (Vec::new(), 0);
    for log in logs {
        let tier = log.tier.as_deref();
        let adder = Tallier::new(Arc::clone(&scheme), &log.format, tier, privacy.clone());
        let mut adder = adder.map_err(|error| anyhow!("`--access-log {}`: {error}", log.format))?;
        for path in expand(std::slice::from_ref(&log.path))? {
            let mut input = Input::open(&path)?;
            input.read(&mut rejected, |line| {
                // A recording has no clock of its own to be ahead of.
                adder.add(line.trim_ascii(), Timestamp::from_millis(i64::MAX))
            })?;
        }
        tallies.extend(adder.take());
    }
    if tallies.is_empty() && rejected > 0 {
        bail!("no line of the access logs fits its format; docs/edge.md lists the formats");
    }
    tallies.sort_by(|a, b| (a.second, &a.tier).cmp(&(b.second, &b.tier)));
    Ok((tallies, rejected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_tier_and_path_are_told_apart() {
        let log = |format: &str, tier: Option<&str>, path: &str| AccessLog {
            format: format.into(),
            tier: tier.map(Into::into),
            path: path.into(),
        };
        let cases = [
            ("nginx_json=a.log", Ok(log("nginx_json", None, "a.log"))),
            ("nginx_json@web=d/a=b@c.log", Ok(log("nginx_json", Some("web"), "d/a=b@c.log"))),
            ("a.log", Err(())),
            ("nginx_json=", Err(())),
            ("=a.log", Err(())),
        ];
        for (text, want) in cases {
            assert_eq!(text.parse::<AccessLog>().map_err(drop), want, "{text}");
        }
    }
}
