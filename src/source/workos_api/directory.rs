//! Names, types and states: `GET /organizations`, then `GET /connections`, now and then. Sign-ins
//! carry ids alone.
//!
//! A key may be forbidden to read them: then connections go by what their events say, and whether
//! it still is forbidden is asked with every round.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::api::{Api, Outcome};
use super::page::List;
use super::place::LIMIT;
use super::{CURSOR, Workos};
use crate::event::decode::{Rejection, decode_connection, decode_organization};
use crate::event::{ConnectionId, ConnectionInfo, OrganizationId, Record};
use crate::journal::{Delivery, InletError};
use crate::outbound::{Backoff, Quota, Transport};
use crate::telemetry;

/// Pages of a list at most: as many connections as the engine knows.
const PAGES_MAX: u32 = 2000;

/// Part of the quota that may go to the directory: events come first.
const SHARE: u32 = 5;

/// Tries of one page before the round is given up.
const TRIES_MAX: u32 = 8;

/// When a round that was given up is repeated, unless the interval is shorter.
const AGAIN: Duration = Duration::from_mins(10);

/// First and longest wait after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Reads the directory.
#[derive(Debug)]
pub(super) struct Directory<'a, T> {
    api: &'a Api<T>,
    workos: &'a Workos,
    quota: Quota,
    backoff: Backoff,
    /// What the engine knows, by this source or another.
    known: BTreeMap<ConnectionId, Arc<ConnectionInfo>>,
    names: BTreeMap<OrganizationId, Box<str>>,
    /// Lists that the key may not read.
    closed: BTreeSet<&'static str>,
}

/// How far the reading of a list has come.
#[derive(Debug, Default)]
struct Reading {
    after: Option<String>,
    pages: u32,
    end: Option<End>,
}

/// How the reading of a list ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// With its last page.
    Complete,
    /// The key may not read it.
    Closed,
    /// It cannot be read now.
    GivenUp,
}

/// The daemon is stopping.
#[derive(Debug)]
struct Stopping;

impl<'a, T: Transport> Directory<'a, T> {
    pub(super) fn new(api: &'a Api<T>, workos: &'a Workos) -> Self {
        let share = NonZeroU32::new(workos.settings.requests_per_minute.get() / SHARE);
        let known = workos.known.iter().map(|info| (info.id.clone(), Arc::clone(info)));
        Self {
            api,
            workos,
            quota: Quota::per_minute(share.unwrap_or(NonZeroU32::MIN)),
            backoff: Backoff::new(BACKOFF.0, BACKOFF.1, None),
            known: known.collect(),
            names: BTreeMap::new(),
            closed: BTreeSet::new(),
        }
    }

    /// Reads, waits and reads again, until nobody takes deliveries any more.
    pub(super) async fn run(mut self) {
        let interval = self.workos.settings.directory_interval;
        loop {
            let Ok(ends) = self.round().await else { return };
            let again = ends.contains(&End::GivenUp);
            sleep(if again { interval.min(AGAIN) } else { interval }).await;
        }
    }

    /// Reads both lists once; organizations first, because connections bring no names of them.
    async fn round(&mut self) -> Result<[End; 2], Stopping> {
        Ok([self.organizations().await, self.connections().await?])
    }

    async fn organizations(&mut self) -> End {
        let (mut reading, mut names) = (Reading::default(), BTreeMap::new());
        while let Some(items) = self.page("/organizations", &mut reading, decode_organization).await
        {
            names.extend(items.into_iter().filter_map(|(id, name)| Some((id, name?))));
        }
        let end = reading.end.unwrap_or(End::GivenUp);
        match end {
            End::Complete => self.names = names,
            End::Closed | End::GivenUp => self.names.extend(names),
        }
        end
    }

    async fn connections(&mut self) -> Result<End, Stopping> {
        let (mut reading, mut listed, mut changed) = (Reading::default(), BTreeSet::new(), 0);
        while let Some(items) = self.page("/connections", &mut reading, decode_connection).await {
            listed.extend(items.iter().map(|info| info.id.clone()));
            let news = self.news(items);
            let told: Vec<_> = news.iter().cloned().map(Arc::new).collect();
            match self.deliver(news).await {
                Ok(()) => {
                    changed += told.len();
                    self.known.extend(told.into_iter().map(|info| (info.id.clone(), info)));
                }
                Err(InletError::Closed) => return Err(Stopping),
                Err(error) => {
                    telemetry::source_trouble(CURSOR, &error);
                    reading.end = Some(End::GivenUp);
                }
            }
        }
        telemetry::directory_read(CURSOR, listed.len(), self.names.len(), changed);
        let end = reading.end.unwrap_or(End::GivenUp);
        if end == End::Complete {
            self.known.retain(|id, _| listed.contains(id));
        }
        Ok(end)
    }

    /// What a page of connections says that is not known, with the names of their organizations.
    fn news(&self, mut items: Vec<ConnectionInfo>) -> Vec<ConnectionInfo> {
        for info in &mut items {
            let organization = info.organization_id.as_ref();
            info.organization_name = organization.and_then(|id| self.names.get(id)).cloned();
        }
        items.retain(|info| self.known.get(&info.id).is_none_or(|known| says_more(info, known)));
        items
    }

    async fn deliver(&self, news: Vec<ConnectionInfo>) -> Result<(), InletError> {
        if news.is_empty() {
            return Ok(());
        }
        let records = vec![Record::Directory(news)];
        self.workos.inlet.deliver(Delivery { events: Vec::new(), records }).await.map(drop)
    }

    /// The next page of a list, tried several times; `None` at its end, which `reading` then knows.
    async fn page<D>(
        &mut self,
        path: &'static str,
        reading: &mut Reading,
        decode: fn(&str) -> Result<D, Rejection>,
    ) -> Option<Vec<D>> {
        if reading.end.is_some() {
            return None;
        }
        for _ in 0..TRIES_MAX {
            self.quota.ready().await;
            let limit = LIMIT.to_string();
            let after = reading.after.as_deref().map(|after| ("after", after));
            let query: Vec<_> = [("limit", &*limit)].into_iter().chain(after).collect();
            let (result, problem, asked) = match self.api.get(path, &query).await {
                Outcome::Body(body) => {
                    match Self::read(&String::from_utf8_lossy(&body), reading, decode) {
                        Ok(items) => {
                            telemetry::source_request(CURSOR, "accepted", &path);
                            self.backoff.reset();
                            self.closed.remove(path);
                            return Some(items);
                        }
                        Err(problem) => ("retried", problem, None),
                    }
                }
                Outcome::Forbidden(problem) => return self.close(path, reading, &problem),
                Outcome::Refused(refusal) if refusal.status == 404 => {
                    return self.close(path, reading, &refusal.describe());
                }
                // The place is gone, or the API does not take it: a list is read anew next time.
                Outcome::Refused(refusal) => {
                    telemetry::source_request(CURSOR, "refused", &refusal.describe());
                    break;
                }
                Outcome::Denied(problem) => ("held", problem, None),
                Outcome::Later(problem, asked) => ("retried", problem, asked),
            };
            telemetry::source_request(CURSOR, result, &format_args!("{path}: {problem}"));
            sleep(self.backoff.next_wait(asked)).await;
        }
        reading.end = Some(End::GivenUp);
        None
    }

    /// Reads an answer, and moves `reading` behind it.
    fn read<D>(
        text: &str,
        reading: &mut Reading,
        decode: fn(&str) -> Result<D, Rejection>,
    ) -> Result<Vec<D>, String> {
        let list = List::parse(text)?;
        let (mut items, mut rejected) = (Vec::with_capacity(list.data.len()), Vec::new());
        for item in &list.data {
            match decode(item.get()) {
                Ok(item) => items.push(item),
                Err(rejection) => rejected.push(rejection),
            }
        }
        if let Some(first) = rejected.first() {
            telemetry::source_rejected(CURSOR, rejected.len(), first);
        }
        reading.pages += 1;
        let after = list.after().map(str::to_owned);
        // A list that gives the same place again has no more.
        if after.is_none() || after == reading.after || list.data.is_empty() {
            reading.end = Some(End::Complete);
        } else if reading.pages >= PAGES_MAX {
            let problem = format!("more than {} items in a list", PAGES_MAX as usize * LIMIT);
            telemetry::source_without(CURSOR, &"names of some connections", &problem);
            reading.end = Some(End::GivenUp);
        }
        reading.after = after;
        Ok(items)
    }

    /// The list is not for this key: said once, until it is.
    fn close<D>(
        &mut self,
        path: &'static str,
        reading: &mut Reading,
        problem: &str,
    ) -> Option<Vec<D>> {
        if self.closed.insert(path) {
            telemetry::source_without(CURSOR, &format_args!("GET {path}"), &problem);
        }
        reading.end = Some(End::Closed);
        None
    }
}

/// Whether `listed` says anything that is not known like that.
fn says_more(listed: &ConnectionInfo, known: &ConnectionInfo) -> bool {
    fn differs<T: PartialEq>(listed: Option<&T>, known: Option<&T>) -> bool {
        listed.is_some() && listed != known
    }
    differs(listed.organization_id.as_ref(), known.organization_id.as_ref())
        || differs(listed.organization_name.as_ref(), known.organization_name.as_ref())
        || differs(listed.connection_type.as_ref(), known.connection_type.as_ref())
        || differs(listed.name.as_ref(), known.name.as_ref())
        || differs(listed.state.as_ref(), known.state.as_ref())
}

#[cfg(test)]
mod tests;
