//! Who pushes, as receivers see it: the resource of metrics and logs.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

use super::Config;
use super::scrape::Scrape;
use crate::setting::machine;
use crate::signal::catalog::is_of_the_journal;

/// The resources. What is of the journal goes on in whoever owns it next: a receiver that knew it under another
/// `service.instance.id` would count what the first owner missed meanwhile once more when that one owns the journal again.
/// What is of a process does not go on in another.
#[derive(Clone, Debug)]
pub struct Identity {
    journal: Resource,
    process: Resource,
}

impl Identity {
    /// Of an instance that `config` names, or else of one that shares the journal `shared` with others, or of this machine.
    #[must_use]
    pub fn new(config: &Config, shared: Option<&str>) -> Self {
        let written = config.instance.as_deref().map(str::trim).filter(|own| !own.is_empty());
        let process = written.map(str::to_owned).or_else(machine);
        let process = process.unwrap_or_else(|| "ssowatch".to_owned());
        let journal = written.or(shared).unwrap_or(&process);
        Self { journal: resource(journal), process: resource(&process) }
    }

    /// That of events, and of totals of them.
    pub(super) fn journal(&self) -> &Resource {
        &self.journal
    }

    /// The parts of `scrape`, each with whose it is; one where both are the same.
    pub(super) fn parts(&self, scrape: Scrape) -> Vec<(Arc<Scrape>, Resource)> {
        if self.journal == self.process {
            return vec![(Arc::new(scrape), self.process.clone())];
        }
        let (journal, process): (Scrape, Scrape) =
            scrape.into_iter().partition(|(name, _)| is_of_the_journal(name));
        let parts = [(journal, &self.journal), (process, &self.process)];
        let there = parts.into_iter().filter(|(part, _)| !part.is_empty());
        there.map(|(part, resource)| (Arc::new(part), resource.clone())).collect()
    }
}

/// `OTEL_RESOURCE_ATTRIBUTES` of the environment adds to it.
fn resource(instance: &str) -> Resource {
    Resource::builder()
        .with_service_name("ssowatch")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
        .build()
}
