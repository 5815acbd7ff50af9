//! The services that the daemon talks to, in a thread with real time, which fail in turns.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// How they behave.
pub(crate) const MOODS: [Mood; 5] = [Mood::Well, Mood::Broken, Mood::Busy, Mood::Odd, Mood::Large];

/// See [`MOODS`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// 500.
    Broken,
    /// 429, come back in a minute.
    Busy,
    /// 200, and something else than what was asked for.
    Odd,
    /// 502 with a long page.
    Large,
}

#[derive(Default)]
struct Shared {
    mood: AtomicU8,
    failed: AtomicU64,
    told: AtomicU64,
}

/// All of them behind one address.
pub(crate) struct Services {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Services {
    /// Starts them.
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let (tell, told) = mpsc::channel();
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("somebody waits");
                let router = Router::new().fallback(answer).with_state(state);
                axum::serve(listener, router).await.expect("it serves");
            });
        });
        Self { address: told.recv().expect("it starts"), shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on they behave like that.
    pub(crate) fn set(&self, mood: usize) {
        let mood = u8::try_from(mood % MOODS.len()).expect("there are few");
        self.shared.mood.store(mood, Ordering::Relaxed);
    }

    /// They are well.
    pub(crate) fn heal(&self) {
        self.set(0);
    }

    /// Answers that were failures.
    pub(crate) fn failed(&self) -> u64 {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Notifications that the pager took.
    pub(crate) fn told(&self) -> u64 {
        self.shared.told.load(Ordering::Relaxed)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let mood = MOODS[usize::from(shared.mood.load(Ordering::Relaxed))];
    if mood != Mood::Well {
        shared.failed.fetch_add(1, Ordering::Relaxed);
    }
    match mood {
        Mood::Well => {}
        Mood::Broken => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Busy => {
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")]).into_response();
        }
        Mood::Odd => return "<html>Welcome</html>".into_response(),
        Mood::Large => return (StatusCode::BAD_GATEWAY, "x".repeat(4 << 20)).into_response(),
    }
    let path = uri.path();
    if path.starts_with("/workos") {
        return axum::Json(
            serde_json::json!({"object": "list", "data": [], "list_metadata": {"after": null}}),
        )
        .into_response();
    }
    if path.starts_with("/pager") {
        shared.told.fetch_add(1, Ordering::Relaxed);
        return (StatusCode::ACCEPTED, "{\"status\":\"success\"}").into_response();
    }
    let status = if path.starts_with("/datadog") { StatusCode::ACCEPTED } else { StatusCode::OK };
    (status, "{}").into_response()
}
