use super::*;
use crate::event::{
    AuthError, AuthEvent, ConnectionId, EventId, OrganizationId, Person, Privacy, SessionId,
    Source, Sso, Step, Treatment,
};

const LIMITS: Limits = Limits { retention_millis: 90 * 86_400_000, bytes_max: 1 << 30 };

fn second(second: i64) -> Timestamp {
    Timestamp::from_millis(1_768_478_400_000 + second * 1000)
}

fn entry(id: &str, at: i64, step: Step, session: &str, email: &str, connection: &str) -> Entry {
    let privacy = Privacy::new(Treatment::Hash, b"key");
    let error = (step == Step::Failed)
        .then(|| AuthError { code: "saml_expired".into(), message: "too late".into() });
    let sso = Sso {
        step,
        connection_id: (!connection.is_empty()).then(|| ConnectionId::new(connection)),
        organization_id: Some(OrganizationId::new("org_1")),
        session_id: (!session.is_empty()).then(|| SessionId::new(session)),
        error,
        person: Person { email: privacy.treat(email), ..Person::default() },
        test: false,
    };
    let event = AuthEvent {
        id: EventId::new(id),
        at: second(at),
        name: format!("authentication.sso_{step:?}").to_lowercase().into(),
        body: Body::Sso(sso),
        novel: Vec::new(),
    };
    Entry { received_at: second(at + 1), record: Record::Event { source: Source::Push, event } }
}

fn some() -> Vec<(u64, Entry)> {
    let entries = [
        entry("e1", 0, Step::Started, "s1", "", ""),
        entry("e2", 14, Step::Succeeded, "s1", "Ada@example.com", "conn_1"),
        entry("e3", 20, Step::Started, "s2", "", "conn_1"),
        // The end comes first, then a success after the time-out.
        entry("e4", 340, Step::TimedOut, "s3", "ben@example.com", "conn_2"),
        entry("e5", 40, Step::Started, "s3", "", "conn_2"),
        entry("e6", 360, Step::Succeeded, "s3", "ben@example.com", "conn_2"),
        entry("e7", 500, Step::Failed, "", "", ""),
        entry("e8", 900, Step::Started, "s4", "", "conn_1"),
        entry("e9", 910, Step::Failed, "s4", "ada@example.com", "conn_1"),
        entry("e10", 990, Step::Started, "s5", "", "conn_2"),
    ];
    (0..).zip(entries).collect()
}

fn open(folder: &Path) -> Archive {
    Archive::open(&folder.join("sessions.db"), LIMITS).unwrap().0
}

fn found(folder: &Path, change: impl FnOnce(&mut Search)) -> Vec<Found> {
    let mut wanted =
        Search { limit: 100, stalled_before: second(1_000 - 360), ..Search::default() };
    change(&mut wanted);
    search(&folder.join("sessions.db"), &wanted).unwrap()
}

fn ids(found: &[Found]) -> Vec<&str> {
    found.iter().map(|one| &*one.id).collect()
}

type Change<'a> = Box<dyn FnOnce(&mut Search) + 'a>;

#[test]
fn sign_ins_are_found_by_each_condition_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).take(&some(), 10).unwrap();
    let hash = |email: &str| {
        let privacy = Privacy::new(Treatment::Hash, b"key");
        Some(vec![privacy.treat(email).unwrap().as_str().to_owned()])
    };
    let cases: Vec<(&str, Change<'_>, &[&str])> = vec![
        ("all", Box::new(|_| {}), &["s5", "s4", "e7", "s3", "s2", "s1"]),
        ("id", Box::new(|s| s.id = Some("s2".into())), &["s2"]),
        ("no session", Box::new(|s| s.id = Some("e7".into())), &["e7"]),
        ("e-mail", Box::new(|s| s.emails = hash("ADA@example.com")), &["s4", "s1"]),
        ("connection", Box::new(|s| s.connection = Some("conn_2".into())), &["s5", "s3"]),
        ("none", Box::new(|s| s.connection = Some("unknown".into())), &["e7"]),
        ("failed", Box::new(|s| s.status = Some(Status::Failed)), &["s4", "e7"]),
        ("succeeded", Box::new(|s| s.status = Some(Status::Succeeded)), &["s3", "s1"]),
        ("timed out", Box::new(|s| s.status = Some(Status::TimedOut)), &[]),
        ("stalled", Box::new(|s| s.status = Some(Status::Stalled)), &["s2"]),
        ("in progress", Box::new(|s| s.status = Some(Status::InProgress)), &["s5"]),
        (
            "time",
            Box::new(|s| (s.from, s.to) = (Some(second(20)), Some(second(500)))),
            &["s3", "s2"],
        ),
        ("limit", Box::new(|s| s.limit = 2), &["s5", "s4"]),
        (
            "several",
            Box::new(|s| {
                s.emails = hash("ada@example.com");
                s.status = Some(Status::Failed);
                s.connection = Some("conn_1".into());
            }),
            &["s4"],
        ),
    ];
    for (name, change, want) in cases {
        assert_eq!(ids(&found(dir.path(), change)), want, "{name}");
    }
}

#[test]
fn a_sign_in_has_its_events_and_its_duration_whichever_came_first() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).take(&some(), 10).unwrap();
    let of = |id: &str| found(dir.path(), |wanted| wanted.id = Some(id.into())).remove(0);
    assert_eq!(of("s1").millis(), Some(14_000));
    let late = of("s3");
    assert_eq!((late.status, late.millis()), (Status::Succeeded, Some(320_000)));
    let names: Vec<_> = late.steps.iter().map(|step| &*step.event).collect();
    assert_eq!(names, ["e5", "e4", "e6"]);
    let failed = of("e7");
    assert_eq!((failed.millis(), failed.steps[0].code.as_deref()), (None, Some("saml_expired")));
    assert_eq!(failed.steps[0].received_at, second(501));
    assert_eq!(failed.steps[0].source, "push");
}

#[test]
fn what_was_taken_before_changes_nothing_and_a_reopened_file_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = open(dir.path());
    let all = some();
    archive.take(&all[..4], 4).unwrap();
    drop(archive);
    let mut archive = open(dir.path());
    assert_eq!(archive.position(), 4);
    archive.take(&all[2..], 10).unwrap();
    archive.take(&all, 10).unwrap();
    assert_eq!(archive.position(), 10);
    assert_eq!(found(dir.path(), |_| {}).len(), 6);
    assert_eq!(found(dir.path(), |wanted| wanted.id = Some("s3".into()))[0].steps.len(), 3);
}

#[test]
fn what_is_too_old_or_too_much_is_forgotten_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = open(dir.path());
    archive.take(&some(), 10).unwrap();
    archive.limits.retention_millis = 600_000;
    assert!(!archive.forget(second(1_000)).unwrap());
    assert_eq!(ids(&found(dir.path(), |_| {})), ["s5", "s4", "e7"]);
    let many: Vec<_> = (10..20_010)
        .map(|n| {
            let at = i64::try_from(n).unwrap() + 1_000;
            (n, entry(&format!("m{n}"), at, Step::Failed, &format!("m{n}"), "a@example.com", "c"))
        })
        .collect();
    archive.take(&many, 20_010).unwrap();
    archive.limits = Limits { retention_millis: i64::MAX, bytes_max: 4 << 20 };
    let before = archive.bytes().unwrap();
    assert!(before > 4 << 20, "{before}");
    while archive.bytes().unwrap() > 4 << 20 {
        archive.forget(second(30_000)).unwrap();
    }
    let left = found(dir.path(), |wanted| wanted.limit = 100_000);
    assert!((1_000..20_000).contains(&left.len()), "{}", left.len());
    assert_eq!(left[0].id, "m20009");
}

#[test]
fn a_file_that_cannot_be_read_is_put_aside_and_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sessions.db");
    std::fs::write(&path, b"this is no database, whatever its name says".repeat(40)).unwrap();
    let (mut archive, whole) = Archive::open(&path, LIMITS).unwrap();
    assert!(!whole);
    assert_eq!(archive.position(), 0);
    archive.take(&some(), 10).unwrap();
    assert_eq!(found(dir.path(), |_| {}).len(), 6);
    assert!(dir.path().join("sessions.broken").exists());
}

/// All rows of both tables.
fn rows(folder: &Path) -> Vec<String> {
    let database = Connection::open(folder.join("sessions.db")).unwrap();
    let mut all = Vec::new();
    let sign_in = "SELECT id, first, started, ended, status, connection, connection_key, organization, email, email_key, \
        user, test FROM sign_in ORDER BY 1";
    let step = "SELECT id, at, event, step, source, received, code, message FROM step JOIN sign_in ON n = sign_in \
        ORDER BY 1, 2, 3";
    for (table, columns, query) in [("sign_in", 12, sign_in), ("step", 8, step)] {
        let mut chosen = database.prepare(query).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            let values = (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at));
            values.collect::<Result<Vec<_>, _>>().map(|values| format!("{table} {values:?}"))
        };
        all.extend(chosen.query_map([], row).unwrap().map(Result::unwrap));
    }
    all
}

#[test]
fn what_is_written_at_once_is_what_one_by_one_would_be() {
    let mut entries = some();
    // Everything again in another order, and as its own end.
    let mut again = some();
    again.reverse();
    for ((_, entry), at) in again.iter_mut().zip(30..) {
        let Record::Event { event, .. } = &mut entry.record else { unreachable!() };
        event.id = EventId::new(&format!("again_{}", event.id.as_str()));
        event.at = second(at * 17 % 400);
    }
    entries.extend(again);
    let one_by_one = tempfile::tempdir().unwrap();
    let mut archive = open(one_by_one.path());
    for (at, entry) in entries.iter().enumerate() {
        archive.take(&[(at as u64, entry.1.clone())], at as u64 + 1).unwrap();
    }
    let want = rows(one_by_one.path());
    assert_eq!(want.iter().filter(|row| row.starts_with("step")).count(), 20);
    for length in [3, 7, 20] {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        for (piece, at) in entries.chunks(length).zip(1u64..) {
            archive.take(piece, at * 100).unwrap();
        }
        assert_eq!(rows(folder.path()), want, "{length} at once");
    }
}

#[test]
fn pages_lose_none_of_those_that_began_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = open(folder.path());
    let session = |n| format!("s{}", n * 7 % 23);
    let entries = (0..23)
        .map(|n| entry(&format!("e{n}"), 10 + n / 9, Step::Started, &session(n), "", "conn_1"));
    let entries: Vec<_> = (0..).zip(entries).collect();
    archive.take(&entries, 23).unwrap();
    let (mut seen, mut last) = (Vec::new(), None::<(Timestamp, String)>);
    loop {
        let page = found(folder.path(), |wanted| {
            wanted.limit = 4;
            (wanted.to, wanted.after) = last.take().unzip();
        });
        let Some(end) = page.last() else { break };
        last = Some((end.first_at, end.id.clone()));
        seen.extend(page.iter().map(|one| one.id.clone()));
    }
    let whole = found(folder.path(), |_| {});
    assert_eq!(seen, ids(&whole));
    assert_eq!(seen.len(), 23);
}
