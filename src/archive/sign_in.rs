//! What the events of one transaction say of one sign-in, so that each row is written once and in the order of the table: half
//! of the work of an archive is to find its places.

use rusqlite::{Transaction, params};

use super::search::Status;
use crate::event::{
    AuthEvent, ConnectionId, OrganizationId, Personal, Source, Sso, Step, Timestamp,
};

/// A row of `sign_in`, and its rows of `step`.
#[derive(Debug)]
pub(super) struct SignIn<'e> {
    first: i64,
    started: Option<i64>,
    ended: Option<i64>,
    status: i64,
    connection: Option<&'e str>,
    organization: Option<&'e str>,
    email: Option<&'e str>,
    user: Option<&'e str>,
    test: bool,
    steps: Vec<Heard<'e>>,
}

/// One event, and how it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard<'e> {
    pub(super) source: Source,
    pub(super) received_at: Timestamp,
    pub(super) event: &'e AuthEvent,
    pub(super) sso: &'e Sso,
}

impl<'e> Heard<'e> {
    /// What names the sign-in. A step without a session is a sign-in of its own, under the event's id.
    pub(super) fn sign_in(&self) -> &'e str {
        let session = self.sso.session_id.as_ref();
        session.map_or(self.event.id.as_str(), |session| session.as_str())
    }
}

impl<'e> From<Heard<'e>> for SignIn<'e> {
    fn from(heard: Heard<'e>) -> Self {
        let Heard { event, sso, .. } = heard;
        let at = event.at.millis();
        let begins = sso.step == Step::Started;
        Self {
            first: at,
            started: begins.then_some(at),
            ended: (!begins).then_some(at),
            status: Status::after(sso.step).rank(),
            connection: sso.connection_id.as_ref().map(ConnectionId::as_str),
            organization: sso.organization_id.as_ref().map(OrganizationId::as_str),
            email: sso.person.email.as_ref().map(Personal::as_str),
            user: sso.person.user_id.as_ref().map(Personal::as_str),
            test: sso.test,
            steps: vec![heard],
        }
    }
}

impl SignIn<'_> {
    /// Adds what was heard next. As the table does it with a row that is there.
    pub(super) fn join(&mut self, next: Self) {
        self.first = self.first.min(next.first);
        self.started = [self.started, next.started].into_iter().flatten().min();
        if next.ended.is_some() && (self.ended.is_none() || next.status > self.status) {
            self.ended = next.ended;
        }
        self.status = self.status.max(next.status);
        self.connection = self.connection.or(next.connection);
        self.organization = self.organization.or(next.organization);
        self.email = self.email.or(next.email);
        self.user = self.user.or(next.user);
        self.test |= next.test;
        self.steps.extend(next.steps);
    }

    /// Writes it, or adds it to what is known under `id`.
    pub(super) fn write(&self, work: &Transaction<'_>, id: &str) -> Result<(), rusqlite::Error> {
        work.prepare_cached(
            "INSERT INTO sign_in VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (id) DO UPDATE SET
               first = min(first, excluded.first), started = coalesce(min(started, excluded.started), started, excluded.started),
               ended = CASE WHEN excluded.ended IS NULL THEN ended WHEN ended IS NULL OR excluded.status > status
                       THEN excluded.ended ELSE ended END,
               status = max(status, excluded.status), connection = coalesce(connection, excluded.connection),
               organization = coalesce(organization, excluded.organization), email = coalesce(email, excluded.email),
               user = coalesce(user, excluded.user), test = max(test, excluded.test)",
        )?
        .execute(params![
            id,
            self.first,
            self.started,
            self.ended,
            self.status,
            self.connection,
            self.organization,
            self.email.map(folded),
            self.user,
            self.test,
        ])?;
        let mut insert = work
            .prepare_cached("INSERT OR IGNORE INTO step VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
        for Heard { source, received_at, event, sso } in &self.steps {
            let error = sso.error.as_ref();
            insert.execute(params![
                id,
                event.at.millis(),
                event.id.as_str(),
                event.name,
                *source as i64,
                received_at.millis(),
                error.map(|error| &*error.code),
                error.map(|error| &*error.message),
            ])?;
        }
        Ok(())
    }
}

/// E-mail addresses are compared without regard to case, as people type them; hashes are lower case anyway.
pub(super) fn folded(email: &str) -> String {
    email.to_lowercase()
}
