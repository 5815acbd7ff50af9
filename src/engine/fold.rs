//! Entries: how each changes the memory.

use super::Engine;
use super::page::second_of;
use crate::event::edge::EdgeTally;
use crate::event::{
    AuthEvent, Body, CertificateNotice, ConnectionInfo, Entry, Record, Source, Timestamp,
};
use crate::signal::Certificate;

impl Engine {
    /// Folds one entry, after moving time to its `received_at`. An event that is known changes nothing but the count of
    /// duplicates.
    pub fn apply(&mut self, entry: &Entry) {
        if entry.record == Record::Resumed {
            self.resume(entry.received_at);
        }
        self.advance(entry.received_at);
        self.memory.entries += 1;
        match &entry.record {
            Record::Event { source, event } => self.event(*source, event),
            Record::Refused { source, duplicates, rejected } => {
                let tally = self.memory.sources.entry(*source).or_default();
                tally.duplicates += duplicates;
                for (reason, count) in rejected {
                    *tally.rejected.entry(*reason).or_default() += count;
                }
                if let Some(window) = self.memory.closing.now(self.memory.now) {
                    window.source(*source).refuse(*duplicates, rejected);
                }
                if *source == Source::WorkosWebhook {
                    self.webhook_refused(rejected.iter().map(|(_, count)| count).sum());
                    if *duplicates > 0 {
                        self.webhook_brought(&[]);
                    }
                }
            }
            Record::Directory(infos) => {
                for info in infos {
                    self.learn(info, entry.received_at);
                }
            }
            Record::Planned(planned) => {
                self.memory.announced.announce(planned, entry.received_at);
            }
            Record::SinkHealth { sink, trouble } => {
                self.sink_health(sink, trouble.as_deref());
            }
            Record::Sent { sink, mark } => {
                let until = i64::try_from(*mark).unwrap_or(i64::MAX);
                self.memory.closing.take(sink, until, &self.config.window_sinks);
            }
            Record::Told(told) => self.memory.alerts.told(told),
            Record::Silenced(silence) => self.memory.alerts.silence(silence, entry.received_at),
            Record::Marked(marker) => {
                if marker.expected {
                    self.memory.announced.announce(&marker.work, entry.received_at);
                }
                self.memory.alerts.mark(marker, entry.received_at);
            }
            Record::Cursor { .. } | Record::CaughtUp { .. } | Record::Resumed | Record::Reached => {
            }
            Record::Edge(tally) => self.edge(tally),
            Record::SourceHealth { source, trouble } => {
                self.source_health(*source, trouble.as_ref());
            }
            Record::Brought(keys) => self.webhook_brought(keys),
            Record::Novel(novelties) => self.novel(novelties),
        }
    }

    /// Nobody listened until `now`. What did not arrive says nothing, and neither do sign-ins whose ends were not heard. Time
    /// moves there.
    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.memory.hanging.clear();
        self.memory.delivery.resume();
        self.memory.detection.resume(second_of(now));
        self.unheard_until = Some(now);
        self.advance(now);
        self.unheard_until = None;
    }

    fn event(&mut self, source: Source, event: &AuthEvent) {
        let now = self.memory.now;
        let fresh = self.memory.dedup.remember(&event.id, now);
        let tally = self.memory.sources.entry(source).or_default();
        let window = self.memory.closing.now(now).map(|window| window.source(source));
        if !fresh {
            tally.duplicates += 1;
            if let Some(window) = window {
                window.duplicates += 1;
            }
            return;
        }
        tally.received += 1;
        if let Some(window) = window {
            window.received += 1;
        }
        tally.last_event_at = tally.last_event_at.max(Some(event.at));
        tally.lag_millis = Some(u64::try_from(now.millis_since(event.at)).unwrap_or(0));
        self.memory.event_type(&event.name, event.at);
        self.memory.drift.heard(event.at);
        if !event.novel.is_empty() {
            self.novel(&event.novelties());
        }
        self.came(source, event);
        let on_time = match &event.body {
            Body::Sso(sso) => self.sign_in(sso, &event.id, event.at, source),
            Body::Connection(info) => {
                self.learn(info, event.at);
                true
            }
            Body::Certificate(notice) => {
                self.certificate(notice, event.at);
                true
            }
            Body::Authentication(_) | Body::Other => true,
        };
        if !on_time {
            self.memory.sources.entry(source).or_default().late += 1;
            if let Some(window) = self.memory.closing.now(now) {
                window.source(source).late += 1;
            }
        }
    }

    /// Counts a second of access logs.
    fn edge(&mut self, tally: &EdgeTally) {
        let now = self.memory.now;
        let late = self.memory.edge.take(tally, now, &self.config.edge);
        // A second ends where the next one begins.
        let end = Timestamp::from_millis(tally.second.saturating_mul(1000)).plus_millis(1000);
        let source = self.memory.sources.entry(Source::Edge).or_default();
        source.received += tally.requests();
        source.late += late;
        source.last_event_at = source.last_event_at.max(Some(end.min(now)));
        source.lag_millis = Some(u64::try_from(now.millis_since(end)).unwrap_or(0));
        if let Some(window) = self.memory.closing.now(now) {
            let window = window.source(Source::Edge);
            window.received += tally.requests();
            window.late += late;
        }
    }

    /// Takes over what was so `at` that time. What happens on a connection counts for the type that it has then; sign-ins in
    /// progress move with it.
    fn learn(&mut self, info: &ConnectionInfo, at: Timestamp) {
        let index = self.memory.connection(Some(&info.id));
        let connection = &mut self.memory.connections[index as usize];
        connection.learn(info, at);
        let connection_type =
            connection.info.as_ref().and_then(|info| info.connection_type.clone());
        let provider = self.memory.provider(connection_type.as_deref().unwrap_or("unknown"));
        let connection = &mut self.memory.connections[index as usize];
        let before = std::mem::replace(&mut connection.provider, provider);
        let moving = connection.tally.in_progress;
        self.memory.providers[before as usize].tally.in_progress -= moving;
        self.memory.providers[provider as usize].tally.in_progress += moving;
        self.stale.mark(index);
    }

    fn certificate(&mut self, notice: &CertificateNotice, at: Timestamp) {
        let index = self.memory.connection(Some(&notice.connection_id));
        let connection = &mut self.memory.connections[index as usize];
        let news = Certificate { expires_at: notice.expires_at, known_at: at };
        let known = connection.certificates.get(&notice.certificate_type);
        if known.is_none_or(|known| known.known_at <= at) {
            connection.certificates.insert(notice.certificate_type.clone(), news);
            self.memory.certified.insert(index);
        }
        self.stale.mark(index);
    }
}
