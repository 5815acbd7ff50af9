use std::path::Path;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

fn run(tls: Option<TlsAcceptor>, router: Router) -> Running {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let mut sockets = Sockets::default();
    sockets.open(&[("admin", any)]).unwrap();
    let listener = Listener::new("admin", sockets.get("admin", any).unwrap(), tls, router).unwrap();
    let address = listener.address().unwrap();
    let (stop, stopped) = watch::channel(false);
    Running { address, stop, task: tokio::spawn(listener.run(stopped)) }
}

fn peer() -> Router {
    let answer = |request: Request| async move {
        format!("{:?}", request.extensions().get::<Peer>().unwrap().0)
    };
    Router::new().route("/", get(answer))
}

async fn all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is reset has nothing more to say either.
    drop(stream.read_to_end(&mut text).await);
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_request_knows_its_caller() {
    let running = run(None, peer());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let answer = all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
}

/// Time is paused: it jumps to the next timer when nothing else can happen.
#[tokio::test(start_paused = true)]
async fn headers_that_trickle_are_not_waited_for() {
    let running = run(None, peer());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost").await.unwrap();
    let answer = all(&mut stream).await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn headers_beyond_the_limit_are_refused() {
    let running = run(None, peer());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let long = "x".repeat(usize::from(HEAD_BYTES_MAX));
    let request = format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {long}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = all(&mut stream).await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_answers_what_is_under_way_and_waits_for_nothing_else_than_the_grace() {
    let quick = || async {
        tokio::time::sleep(GRACE / 2).await;
        "done"
    };
    let router = Router::new()
        .route("/quick", post(quick))
        .route("/never", post(|| async { std::future::pending::<&str>().await }));
    let running = run(None, router);
    let mut streams = Vec::new();
    for path in ["quick", "never"] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let request = format!(
            "POST /{path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    // Both are under way when the first answer is half done.
    tokio::time::sleep(GRACE / 4).await;
    running.stop.send_replace(true);
    running.task.await.unwrap();
    let [quick, never] = &mut *streams else { panic!("two streams") };
    assert!(all(quick).await.ends_with("done"));
    assert!(!all(never).await.contains("200 OK"));
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody listens any more");
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

fn tls(client_ca_file: Option<&str>) -> Tls {
    Tls {
        cert_file: fixture("server.pem"),
        key_file: fixture("server.key"),
        client_ca_file: client_ca_file.map(fixture),
    }
}

/// A client that trusts the authority of the tests, with a certificate of its own or without.
fn client(certificate: bool) -> reqwest::Client {
    let read = |name| std::fs::read(fixture(name)).unwrap();
    let root = reqwest::Certificate::from_pem(&read("ca.pem")).unwrap();
    let mut builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
    if certificate {
        let pem = [read("client.pem"), read("client.key")].concat();
        builder = builder.identity(reqwest::Identity::from_pem(&pem).unwrap());
    }
    builder.build().unwrap()
}

#[tokio::test]
async fn tls_is_spoken_and_plain_http_is_not() {
    let running = run(Some(tls(None).acceptor().unwrap()), peer());
    let url = format!("https://localhost:{}/", running.address.port());
    let answer = client(false).get(&url).send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.text().await.unwrap(), "127.0.0.1");
    let plain = client(false).get(url.replace("https", "http")).send().await;
    assert!(plain.is_err(), "{plain:?}");
}

#[tokio::test]
async fn mutual_tls_lets_in_those_with_a_certificate() {
    let running = run(Some(tls(Some("ca.pem")).acceptor().unwrap()), peer());
    let url = format!("https://localhost:{}/", running.address.port());
    assert_eq!(client(true).get(&url).send().await.unwrap().text().await.unwrap(), "127.0.0.1");
    let stranger = client(false).get(&url).send().await;
    assert!(stranger.is_err(), "{stranger:?}");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let error = |tls: Tls| tls.acceptor().err().expect("refused");
    let swapped = Tls { cert_file: fixture("server.key"), ..tls(None) };
    assert!(error(swapped).starts_with("`cert_file`"));
    let swapped = Tls { key_file: fixture("server.pem"), ..tls(None) };
    assert!(error(swapped).starts_with("`key_file`"));
    let mixed = Tls { key_file: fixture("client.key"), ..tls(None) };
    assert!(error(mixed).contains("do not belong together"));
    let missing = Tls { client_ca_file: Some("missing.pem".into()), ..tls(None) };
    assert!(error(missing).starts_with("`client_ca_file` missing.pem"));
}
