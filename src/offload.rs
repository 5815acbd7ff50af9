//! Work that takes long, such as a sync or an encoding, away from the threads on which everything else waits its turn.
//!
//! A runtime of one thread, as tests have it, does the work in a task of its own instead: then paused time and the order of
//! tasks are the same in every run.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{JoinHandle, spawn, spawn_blocking};

/// Does `work`; the handle gives its result.
pub(crate) fn offload<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    if Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread {
        return spawn_blocking(work);
    }
    spawn(async {
        #[cfg(test)]
        latency::pass().await;
        work()
    })
}

/// How long work takes on simulated time.
#[cfg(test)]
pub(crate) mod latency {
    use std::cell::RefCell;
    use std::time::Duration;

    thread_local! {
        static LATENCY: RefCell<Option<Box<dyn FnMut() -> Duration>>> = const { RefCell::new(None) };
    }

    /// From now on all work of this thread takes as long as `latency` says.
    pub(crate) fn set(latency: impl FnMut() -> Duration + 'static) {
        LATENCY.set(Some(Box::new(latency)));
    }

    pub(super) async fn pass() {
        let time = LATENCY.with_borrow_mut(|latency| latency.as_mut().map(|latency| latency()));
        if let Some(time) = time.filter(|time| !time.is_zero()) {
            tokio::time::sleep(time).await;
        }
    }
}
