//! Events as Datadog's logs.

use std::time::Duration;

use super::log::{ENVELOPE, log};
use super::{Config, Identity, LOGS, endpoint};
use crate::clock::Clock;
use crate::journal::{Inlet, Reader};
use crate::outbound::Transport;
use crate::setting::Secret;
use crate::sink::Logs;
use crate::sink::logs::Format;

/// Datadog takes logs of the last 18 hours; ten minutes are left for the way and for clocks that differ.
const AGE_MILLIS_MAX: i64 = (18 * 60 - 10) * 60_000;

/// What the sink is told once.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) url: String,
    pub(crate) api_key: Secret,
    pub(crate) identity: Identity,
    pub(crate) interval: Duration,
}

/// The sink that `config` asks for, if it does. `reader` stands at the position to go on from.
pub fn logs<T: Transport>(
    config: &Config,
    reader: Reader,
    transport: T,
    inlet: Inlet,
    clock: Clock,
) -> Result<Option<Logs<T>>, String> {
    let Some(Settings { url, api_key, identity, interval }) = config.logs()? else {
        return Ok(None);
    };
    let ddtags = identity.tags.joined();
    let format = Format {
        envelope: ENVELOPE,
        events_max: ENVELOPE.items_max,
        age_millis_max: Some(AGE_MILLIS_MAX),
        encode: Box::new(move |events| {
            events.iter().map(|event| log(event, &identity, &ddtags).into()).collect()
        }),
    };
    let endpoint = endpoint(LOGS, url, api_key);
    Ok(Some(Logs::new(endpoint, format, interval, reader, transport, inlet, clock)))
}

#[cfg(test)]
mod tests;
