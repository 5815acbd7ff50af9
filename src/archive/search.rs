//! Finding sign-ins.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};

use super::ArchiveError;
use super::sign_in::{folded, key};
use crate::event::{Source, Step, Timestamp};

/// How a sign-in ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Its start is known and no end, and one may still come.
    InProgress,
    /// Its start is known and no end, and none is expected any more.
    Stalled,
    /// WorkOS gave it up.
    TimedOut,
    /// It failed.
    Failed,
    /// It succeeded, whatever was said before.
    Succeeded,
}

/// What is looked for; all that is set must fit.
#[derive(Clone, Default, Debug)]
pub struct Search {
    /// The session's id, or that of an event without a session.
    pub id: Option<String>,
    /// The e-mail address as it may have been kept, in any of these ways.
    pub emails: Option<Vec<String>>,
    /// How it ended.
    pub status: Option<Status>,
    /// The connection; `unknown`: none is known.
    pub connection: Option<String>,
    /// Its first event was not before.
    pub from: Option<Timestamp>,
    /// Its first event was before.
    pub to: Option<Timestamp>,
    /// With `to`: or it was then, and its id stands behind this one.
    pub after: Option<String>,
    /// Sign-ins at most, newest first.
    pub limit: u32,
    /// A sign-in that began before then is expected to end no more.
    pub stalled_before: Timestamp,
}

/// A sign-in.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// The session's id, or that of an event without a session.
    pub id: String,
    /// How it ended.
    pub status: Status,
    /// Its first event.
    pub first_at: Timestamp,
    /// When it started, where that was heard.
    pub started_at: Option<Timestamp>,
    /// When it ended, where that was heard.
    pub ended_at: Option<Timestamp>,
    /// On which connection, where any event says so.
    pub connection: Option<String>,
    /// Of which organization.
    pub organization: Option<String>,
    /// Whose, as privacy allows.
    pub email: Option<String>,
    /// The user's id, as privacy allows.
    pub user: Option<String>,
    /// A test in the Admin Portal.
    pub test: bool,
    /// Its events, in order of time.
    pub steps: Vec<FoundStep>,
}

/// An event of a sign-in.
#[derive(Clone, PartialEq, Debug)]
pub struct FoundStep {
    /// `created_at`.
    pub at: Timestamp,
    /// When ssowatch had it.
    pub received_at: Timestamp,
    /// Its id.
    pub event: String,
    /// WorkOS's name of it.
    pub name: &'static str,
    /// Which way it came first.
    pub source: &'static str,
    /// Why it failed.
    pub code: Option<String>,
    /// The same in WorkOS's words.
    pub message: Option<String>,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::InProgress, Self::Stalled, Self::TimedOut, Self::Failed, Self::Succeeded];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Stalled => "stalled",
            Self::TimedOut => "timed_out",
            Self::Failed => "failed",
            Self::Succeeded => "succeeded",
        }
    }

    /// By its word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    pub(super) fn after(step: Step) -> Self {
        match step {
            Step::Started => Self::InProgress,
            Step::TimedOut => Self::TimedOut,
            Step::Failed => Self::Failed,
            Step::Succeeded => Self::Succeeded,
        }
    }

    /// As it is kept: a later word of a sign-in with a higher rank counts. Whether one is stalled is asked when it is looked for.
    pub(super) fn rank(self) -> i64 {
        match self {
            Self::InProgress | Self::Stalled => 0,
            Self::TimedOut => 1,
            Self::Failed => 2,
            Self::Succeeded => 3,
        }
    }

    fn of_rank(rank: i64, first_at: Timestamp, stalled_before: Timestamp) -> Self {
        match rank {
            1 => Self::TimedOut,
            2 => Self::Failed,
            3 => Self::Succeeded,
            _ if first_at < stalled_before => Self::Stalled,
            _ => Self::InProgress,
        }
    }
}

impl Found {
    /// How long it took, where its start and its end were heard. Clocks of two servers differ: never negative.
    #[must_use]
    pub fn millis(&self) -> Option<i64> {
        Some(self.ended_at?.millis_since(self.started_at?).max(0))
    }
}

/// Looks into the archive at `path`, newest first.
pub fn search(path: &Path, wanted: &Search) -> Result<Vec<Found>, ArchiveError> {
    let fail = |error| ArchiveError::Database { path: path.to_owned(), error };
    let database = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(fail)?;
    database.busy_timeout(super::BUSY).map_err(fail)?;
    find(&database, wanted).map_err(fail)
}

fn find(database: &Connection, wanted: &Search) -> Result<Vec<Found>, rusqlite::Error> {
    let (conditions, mut values) = conditions(wanted);
    values.push(Value::Integer(wanted.limit.into()));
    let text = format!(
        "SELECT id, first, started, ended, status, connection, organization, email, user, test, n FROM sign_in \
         WHERE {conditions} ORDER BY first DESC, id LIMIT ?"
    );
    let mut query = database.prepare(&text)?;
    let rows = query.query_map(params_from_iter(values), |row| {
        Ok((sign_in(row, wanted.stalled_before)?, row.get(10)?))
    })?;
    let mut found: Vec<(Found, i64)> = rows.collect::<Result<_, _>>()?;
    let mut steps = database.prepare(
        "SELECT at, received, event, step, source, code, message FROM step WHERE sign_in = ?1 ORDER BY at, received, event",
    )?;
    for (one, n) in &mut found {
        one.steps = steps.query_map([*n], step)?.collect::<Result<_, _>>()?;
    }
    Ok(found.into_iter().map(|(one, _)| one).collect())
}

/// What the rows must fit, and its values in order.
fn conditions(wanted: &Search) -> (String, Vec<Value>) {
    let mut parts = vec!["1".to_owned()];
    let mut values = Vec::new();
    let mut add = |part: &str, value: Value| {
        parts.push(part.to_owned());
        values.push(value);
    };
    if let Some(id) = &wanted.id {
        add("id = ?", Value::Text(id.clone()));
    }
    match wanted.connection.as_deref() {
        Some("unknown") => add("connection_key IS ?", Value::Null),
        Some(connection) => {
            add("connection_key = ?", Value::Integer(key(connection)));
            add("connection = ?", Value::Text(connection.to_owned()));
        }
        None => {}
    }
    if let Some(status) = wanted.status {
        // The second half says that the index, which has no others, will do.
        let rank =
            if status == Status::Succeeded { "status = ?" } else { "status = ? AND status < 3" };
        add(rank, Value::Integer(status.rank()));
        let border = Value::Integer(wanted.stalled_before.millis());
        match status {
            Status::Stalled => add("first < ?", border),
            Status::InProgress => add("first >= ?", border),
            Status::TimedOut | Status::Failed | Status::Succeeded => {}
        }
    }
    if let Some(from) = wanted.from {
        add("first >= ?", Value::Integer(from.millis()));
    }
    if let Some(to) = wanted.to {
        let border = if wanted.after.is_some() { "first <= ?" } else { "first < ?" };
        add(border, Value::Integer(to.millis()));
    }
    if let (Some(to), Some(after)) = (wanted.to, &wanted.after) {
        parts.push("(first < ? OR id > ?)".to_owned());
        values.extend([Value::Integer(to.millis()), Value::Text(after.clone())]);
    }
    if let Some(emails) = &wanted.emails {
        let places = vec!["?"; emails.len()].join(", ");
        parts.push(format!("email_key IN ({places}) AND email IN ({places})"));
        let emails: Vec<_> = emails.iter().map(|email| folded(email)).collect();
        values.extend(emails.iter().map(|email| Value::Integer(key(email))));
        values.extend(emails.into_iter().map(Value::Text));
    }
    (parts.join(" AND "), values)
}

fn sign_in(row: &Row<'_>, stalled_before: Timestamp) -> Result<Found, rusqlite::Error> {
    let moment = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    let first_at = Timestamp::from_millis(row.get(1)?);
    Ok(Found {
        id: row.get(0)?,
        first_at,
        started_at: moment(row.get(2)?),
        ended_at: moment(row.get(3)?),
        status: Status::of_rank(row.get(4)?, first_at, stalled_before),
        connection: row.get(5)?,
        organization: row.get(6)?,
        email: row.get(7)?,
        user: row.get(8)?,
        test: row.get(9)?,
        steps: Vec::new(),
    })
}

fn step(row: &Row<'_>) -> Result<FoundStep, rusqlite::Error> {
    let source: i64 = row.get(4)?;
    let known = Source::ALL.into_iter().find(|known| *known as i64 == source);
    let step: i64 = row.get(3)?;
    let known_step = Step::ALL.into_iter().find(|known| *known as i64 == step);
    Ok(FoundStep {
        at: Timestamp::from_millis(row.get(0)?),
        received_at: Timestamp::from_millis(row.get(1)?),
        event: row.get(2)?,
        name: known_step.map_or("unknown", Step::event_name),
        source: known.map_or("unknown", Source::as_str),
        code: row.get(5)?,
        message: row.get(6)?,
    })
}
