//! The journal in NATS drops its oldest by itself: what was acknowledged counts all the same, for whoever was away meanwhile and
//! after a kill.

use rustix::process::Signal;

use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::nats::{Server, config, signal, started, takeover};
use crate::recorder::Recorder;

/// The size of the journal: the least that is allowed.
const JOURNAL_BYTES: u64 = 16 << 20;

/// Sign-ins in one request.
const EACH: u64 = 500;

/// Sends sign-ins with long names until the journal has dropped what was there before, and some of these; how many.
fn overflow(daemon: &Daemon) -> u64 {
    let mut sent = 0;
    // An entry takes more than its two names of 100 bytes.
    while sent * 200 < 2 * JOURNAL_BYTES {
        let at = now_millis() - 500;
        let name = |n: u64| format!("{:0>100}", sent + n);
        let body: String =
            (0..EACH).map(|n| event("sso_started", Some("conn_2"), &name(n), at)).collect();
        daemon.push(&body);
        sent += EACH;
    }
    sent
}

#[test]
fn what_the_journal_dropped_is_known_from_the_checkpoint() {
    let servers = [Server::alone()];
    let pager = Recorder::answering(202);
    let small = format!("replicas: 1, max_bytes: {JOURNAL_BYTES}");
    let config = config(&servers, &pager).replace("replicas: 1", &small);
    let mut first = Daemon::start(&config);
    let second = Daemon::start(&config);
    signal(&second, Signal::STOP);
    let sent = overflow(&first);

    // No minute has passed, and yet the journal reaches back to a checkpoint.
    first.kill();
    first.start_again();
    takeover(&[&first], 1);
    assert_eq!(started(&first), sent, "a kill");
    assert_eq!(first.said("Entries that were acknowledged are lost"), 0);

    // Who was away for longer than the journal reaches back knows as much as the owner.
    first.kill();
    signal(&second, Signal::CONT);
    takeover(&[&second], 1);
    assert_eq!(started(&second), sent, "a standby that was away");
    assert!(second.said("goes on from the newest checkpoint") > 0);
    assert_eq!(second.said("Entries that were acknowledged are lost"), 0);
}
