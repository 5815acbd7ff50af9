//! The journal in NATS by itself: what is refused, what is read from where, and what is removed.

use ssowatch::config::Config;
use ssowatch::event::{Entry, Record, Timestamp};
use ssowatch::journal::nats::{Cluster, Journal, NatsError};

use crate::nats::Server;

fn cluster(server: &Server) -> Cluster {
    let text = format!(
        "privacy: {{ key: k }}\njournal: {{ nats: {{ urls: [\"nats://127.0.0.1:{}\"], user: sso, password: s3cret, \
         replicas: 1, retention: 1h }} }}\n",
        server.client
    );
    let config = Config::parse("test.yaml", &text, |_| None).unwrap();
    Cluster::open(&config.journal.nats.unwrap()).unwrap()
}

fn entries(marks: std::ops::Range<u64>) -> Vec<Entry> {
    let entry = |mark: u64| Entry {
        received_at: Timestamp::from_millis(i64::try_from(mark).unwrap()),
        record: Record::Sent { sink: "a sink with a name of some length".into(), mark },
    };
    marks.map(entry).collect()
}

/// The owner of a journal that nobody has owned.
fn owner(cluster: &Cluster) -> Journal {
    let mut candidate = cluster.candidate();
    candidate.look().unwrap();
    assert!(candidate.next_batch().unwrap().is_empty());
    assert!(candidate.claim("test", Timestamp::default(), 0).unwrap());
    candidate.into_journal()
}

/// Every position from `position` on that can be read, and how many are gone.
fn read(journal: &Journal, position: u64) -> (Vec<u64>, u64) {
    let mut reader = journal.reader(position);
    let mut found = Vec::new();
    loop {
        let batch = reader.next_batch().unwrap();
        if batch.is_empty() {
            return (found, reader.take_skipped());
        }
        for (position, entry) in batch {
            assert!(matches!(entry.record, Record::Sent { mark, .. } if mark == position));
            found.push(position);
        }
    }
}

#[test]
fn nothing_is_taken_behind_what_somebody_else_has_written() {
    let server = Server::alone();
    let cluster = cluster(&server);
    let mut journal = owner(&cluster);
    assert_eq!(journal.append(&entries(0..2)).unwrap(), 0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options =
            async_nats::ConnectOptions::with_user_and_password("sso".into(), "s3cret".into());
        let client = options.connect(format!("127.0.0.1:{}", server.client)).await.unwrap();
        client.request("ssowatch.journal", "of somebody else".into()).await.unwrap();
    });
    // The term is not over, and yet: the server refuses, and then it is lost for good.
    assert!(journal.lease().holds());
    for _ in 0..2 {
        assert!(matches!(journal.append(&entries(2..4)), Err(NatsError::NotOwner)));
        assert!(!journal.lease().holds() && journal.is_unsettled());
    }
    let mut candidate = cluster.candidate();
    candidate.look().unwrap();
    assert_eq!(candidate.next_batch().unwrap().len(), 2);
    assert!(candidate.next_batch().unwrap().is_empty(), "the rest was not written");
    assert!(!candidate.claim("other", Timestamp::default(), 2).unwrap(), "it has just been heard");
}

#[test]
fn any_position_is_found_and_what_is_old_is_removed() {
    let server = Server::alone();
    let cluster = cluster(&server);
    let mut journal = owner(&cluster);
    // The second in several messages.
    for range in [0..3, 3..40_000, 40_000..40_001, 40_001..40_004] {
        assert_eq!(journal.append(&entries(range.clone())).unwrap(), range.start);
    }
    for position in [0, 1, 3, 20_000, 39_999, 40_000, 40_003, 40_004] {
        let (found, gone) = read(&journal, position);
        assert!(found.into_iter().eq(position..40_004) && gone == 0, "from {position}");
    }
    let checkpoints = cluster.checkpoints();
    for size in [3_000_000, 10] {
        checkpoints.write(&vec![7; size], || Ok(())).unwrap();
        assert_eq!(checkpoints.read().unwrap().map(|bytes| bytes.len()), Some(size));
    }
    // The end of the second append is older than an hour; a sink still reads in it, and then not any more.
    let now = Timestamp::from_millis(40_000 + 3_600_000);
    assert_eq!(journal.trim(20_000, now).unwrap(), 0);
    let (found, gone) = read(&journal, 0);
    assert!(found.into_iter().eq(3..40_004) && gone == 3);
    assert_eq!(journal.trim(40_004, now).unwrap(), 0);
    let (found, gone) = read(&journal, 0);
    assert!(found.first().is_some_and(|first| *first <= 40_000) && gone >= 3, "{gone}");
    journal.release(now).unwrap();
    let mut next = cluster.candidate();
    next.seek(40_004);
    next.look().unwrap();
    assert!(next.next_batch().unwrap().is_empty());
    assert!(next.claim("next", now, 40_004).unwrap(), "it was given back");
}

#[test]
fn a_first_checkpoint_is_written_once() {
    let server = Server::alone();
    let checkpoints = cluster(&server).checkpoints();
    assert!(checkpoints.write_first(b"one").unwrap());
    assert!(!checkpoints.write_first(b"other").unwrap());
    assert_eq!(checkpoints.read().unwrap().unwrap(), b"one");
    checkpoints.write(b"newer", || Ok(())).unwrap();
    assert!(!checkpoints.write_first(b"other").unwrap());
    assert_eq!(checkpoints.read().unwrap().unwrap(), b"newer");
    // One of which the end never came is none.
    let another = Server::alone();
    let checkpoints = cluster(&another).checkpoints();
    let mut messages = 0;
    let torn = checkpoints.write(&vec![7; 2_000_000], || {
        messages += 1;
        if messages < 3 { Ok(()) } else { Err(NatsError::NotOwner) }
    });
    assert!(torn.is_err() && checkpoints.read().unwrap().is_none());
    assert!(checkpoints.write_first(b"one").unwrap());
    assert_eq!(checkpoints.read().unwrap().unwrap(), b"one");
}
