//! The daemon's configuration in a demo.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::provider::API_KEY;
use super::webhooks;
use crate::config::{Config, Http, Sources, Webhook};
use crate::receiver;
use crate::setting::{Period, Secret};
use crate::signal::Severity;
use crate::source::workos_api;

/// How often the Events API is read, on the wall's time.
const POLL: Period = Period::from_secs(1);

/// Name of the receiver that stands for a pager.
const PAGER: &str = "demo-pager";

/// `own`, or the default one: on loopback, with its data in `folder`, with both ways in from the simulated WorkOS at `api`, and
/// with the simulated `pager` beside its receivers.
pub(super) fn assemble(
    own: Option<Config>,
    admin: Option<SocketAddr>,
    folder: &Path,
    pager: SocketAddr,
    api: SocketAddr,
) -> Config {
    let mut config = own.unwrap_or_else(|| {
        let mut config = Config::default();
        // Minutes stand for the days in which the daemon gets to know a fleet, and for the quiet that ends an incident.
        config.detection.min_attempts = 10;
        config.detection.keep_firing_for = Period::from_secs(120);
        config
    });
    folder.clone_into(&mut config.data_dir.0);
    config.http = Http::default();
    let usual = config.http.admin.listen;
    config.http.admin.listen = admin.unwrap_or_else(|| {
        let free = TcpListener::bind(usual).is_ok();
        if free { usual } else { ([127, 0, 0, 1], 0).into() }
    });
    config.http.intake.listen.set_port(0);
    config.sources = Sources {
        workos_webhook: Some(Webhook {
            secret: Some(Secret::inline(webhooks::SECRET)),
            secret_file: None,
            previous_secret: None,
            previous_secret_file: None,
            tolerance: Period::from_secs(180),
        }),
        workos_api: Some(workos_api::Config {
            api_key: Some(Secret::inline(API_KEY)),
            base_url: format!("http://{api}"),
            poll_interval: POLL,
            ..workos_api::Config::default()
        }),
        ..Sources::default()
    };
    // What never happened belongs into no dashboard. Receivers may have their key from the sink.
    if let Some(datadog) = &mut config.sinks.datadog {
        (datadog.metrics, datadog.logs) = (false, false);
    }
    config.sinks.otlp = None;
    config.receivers.push(receiver::Config::Webhook(receiver::webhook::Config {
        url: Some(Secret::inline(&format!("http://{pager}/"))),
        url_file: None,
        token: None,
        token_file: None,
        name: Some(PAGER.into()),
        severity: vec![Severity::Page, Severity::Ticket],
        labels: BTreeMap::new(),
        send_resolved: true,
    }));
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_and_detection_are_the_operators_and_nothing_else_is_touched() {
        let yaml = "
data_dir: /var/lib/ssowatch
http: { admin: { listen: \"0.0.0.0:9470\", token: t }, intake: { listen: \"127.0.0.1:9471\" } }
sources: { push: { token: t }, files: [ { path: /var/log/events.ndjson } ] }
sinks: { datadog: { api_key: k }, otlp: { endpoint: \"http://127.0.0.1:4318\" } }
detection: { min_attempts: 77 }
receivers: [ { alertmanager: { urls: [ \"http://127.0.0.1:9093\" ] } }, { datadog_event: {} } ]
";
        let own = Config::parse("c.yaml", yaml, |_| None).unwrap();
        let here = SocketAddr::from(([127, 0, 0, 1], 1));
        let config = assemble(Some(own), Some(here), Path::new("/tmp/demo"), here, here);
        assert_eq!(config.data_dir.0, Path::new("/tmp/demo"));
        assert!(config.http.admin.listen == here && config.admin_token().unwrap().is_none());
        assert_eq!(config.http.intake.listen.port(), 0);
        assert!(config.files().unwrap().is_empty() && config.push_token().unwrap().is_none());
        let engine = config.engine().unwrap();
        assert!(engine.sinks.is_empty(), "{:?}", engine.sinks);
        assert_eq!(engine.detection.unwrap().min_attempts, 77);
        let targets = config.targets().unwrap();
        let names: Vec<_> = targets.iter().map(|target| &*target.name).collect();
        assert_eq!(names, ["alertmanager", "datadog_event", PAGER]);
    }
}
