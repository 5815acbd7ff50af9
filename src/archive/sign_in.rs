//! What the events of one transaction say of one sign-in, so that each row is written once and in the order of the table: half
//! of the work of an archive is to find its places.

use std::borrow::Cow;

use rusqlite::{Row, Transaction, params};

use super::search::Status;
use crate::event::{AuthEvent, Source, Sso, Step, Timestamp, fingerprint};

/// A row of `sign_in`, and its rows of `step`.
#[derive(Clone, Debug)]
pub(super) struct SignIn<'e> {
    first: i64,
    started: Option<i64>,
    ended: Option<i64>,
    status: i64,
    connection: Option<Cow<'e, str>>,
    organization: Option<Cow<'e, str>>,
    email: Option<Cow<'e, str>>,
    user: Option<Cow<'e, str>>,
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
            connection: sso.connection_id.as_ref().map(|id| id.as_str().into()),
            organization: sso.organization_id.as_ref().map(|id| id.as_str().into()),
            email: sso.person.email.as_ref().map(|email| folded(email.as_str()).into()),
            user: sso.person.user_id.as_ref().map(|user| user.as_str().into()),
            test: sso.test,
            steps: vec![heard],
        }
    }
}

impl<'e> SignIn<'e> {
    /// Adds what was heard next.
    pub(super) fn join(&mut self, next: Self) {
        self.first = self.first.min(next.first);
        self.started = [self.started, next.started].into_iter().flatten().min();
        if next.ended.is_some() && (self.ended.is_none() || next.status > self.status) {
            self.ended = next.ended;
        }
        self.status = self.status.max(next.status);
        let fill = |known: &mut Option<Cow<'e, str>>, next| *known = known.take().or(next);
        fill(&mut self.connection, next.connection);
        fill(&mut self.organization, next.organization);
        fill(&mut self.email, next.email);
        fill(&mut self.user, next.user);
        self.test |= next.test;
        self.steps.extend(next.steps);
    }

    /// Writes it, or adds it to what is known under `id`.
    pub(super) fn write(mut self, work: &Transaction<'_>, id: &str) -> Result<(), rusqlite::Error> {
        let steps = std::mem::take(&mut self.steps);
        let n = if self.insert(work, id)? { work.last_insert_rowid() } else { self.add(work, id)? };
        let mut insert = work
            .prepare_cached("INSERT OR IGNORE INTO step VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
        for Heard { source, received_at, event, sso } in &steps {
            let error = sso.error.as_ref();
            insert.execute(params![
                n,
                event.at.millis(),
                event.id.as_str(),
                sso.step as i64,
                *source as i64,
                received_at.millis(),
                error.map(|error| &*error.code),
                error.map(|error| &*error.message),
            ])?;
        }
        Ok(())
    }

    /// Whether nothing was known under `id`; then it is there now.
    fn insert(&self, work: &Transaction<'_>, id: &str) -> Result<bool, rusqlite::Error> {
        let mut insert = work.prepare_cached(
            "INSERT INTO sign_in (id, first, started, ended, status, connection, connection_key, organization, email,
               email_key, user, test)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (id) DO NOTHING",
        )?;
        let (connection_key, email_key) = self.keys();
        let rows = insert.execute(params![
            id,
            self.first,
            self.started,
            self.ended,
            self.status,
            self.connection,
            connection_key,
            self.organization,
            self.email,
            email_key,
            self.user,
            self.test,
        ])?;
        Ok(rows > 0)
    }

    /// Adds it to what is known under `id`, and gives the number of that. A start and its end mostly come in two transactions,
    /// and each column that is set costs its indexes: what a start has said is set again only where it changes.
    fn add(self, work: &Transaction<'_>, id: &str) -> Result<i64, rusqlite::Error> {
        let mut select = work.prepare_cached(
            "SELECT n, first, started, ended, status, connection, organization, email, user, test FROM sign_in WHERE id = ?1",
        )?;
        let (n, known) = select.query_row([id], |row| Ok((row.get(0)?, SignIn::known(row)?)))?;
        let mut joined = known.clone();
        joined.join(self);
        let (connection_key, email_key) = joined.keys();
        if joined.begins_as(&known) {
            work.prepare_cached(
                "UPDATE sign_in SET ended = ?2, status = ?3, email = ?4, email_key = ?5, user = ?6 WHERE n = ?1",
            )?
            .execute(params![n, joined.ended, joined.status, joined.email, email_key, joined.user])?;
        } else {
            work.prepare_cached(
                "UPDATE sign_in SET first = ?2, started = ?3, ended = ?4, status = ?5, connection = ?6, connection_key = ?7,
                   organization = ?8, email = ?9, email_key = ?10, user = ?11, test = ?12 WHERE n = ?1",
            )?
            .execute(params![
                n,
                joined.first,
                joined.started,
                joined.ended,
                joined.status,
                joined.connection,
                connection_key,
                joined.organization,
                joined.email,
                email_key,
                joined.user,
                joined.test,
            ])?;
        }
        Ok(n)
    }

    /// A row, without its steps.
    fn known(row: &Row<'_>) -> Result<SignIn<'static>, rusqlite::Error> {
        let text = |at| row.get::<_, Option<String>>(at).map(|text| text.map(Cow::Owned));
        Ok(SignIn {
            first: row.get(1)?,
            started: row.get(2)?,
            ended: row.get(3)?,
            status: row.get(4)?,
            connection: text(5)?,
            organization: text(6)?,
            email: text(7)?,
            user: text(8)?,
            test: row.get(9)?,
            steps: Vec::new(),
        })
    }

    /// Whether all is the same that a start says.
    fn begins_as(&self, other: &SignIn<'_>) -> bool {
        (self.first, self.started, self.test) == (other.first, other.started, other.test)
            && self.connection == other.connection
            && self.organization == other.organization
    }

    /// The fingerprints of the connection and of the e-mail address.
    fn keys(&self) -> (Option<i64>, Option<i64>) {
        (self.connection.as_deref().map(key), self.email.as_deref().map(key))
    }
}

/// Stands for a text in an index.
pub(super) fn key(text: &str) -> i64 {
    fingerprint(text).cast_signed()
}

/// E-mail addresses are compared without regard to case, as people type them; hashes are lower case anyway.
pub(super) fn folded(email: &str) -> String {
    email.to_lowercase()
}
