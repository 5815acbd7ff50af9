//! Requests to services: whom they trust, through whom they go, and what never leaves with them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use axum::Router;
use axum::routing::get;
use ssowatch::listener::{Listener, Sockets, Tls};
use ssowatch::outbound::{Client, Config, Limits, Method, Request};
use ssowatch::setting::Secret;
use tokio::sync::watch;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

fn client(config: &Config) -> Client {
    Client::new(Limits::default(), &config.route().unwrap())
}

/// A request with credentials.
fn request(url: String) -> Request {
    let headers = vec![("authorization".into(), "Bearer secret".to_owned())];
    Request { method: Method::Get, url, headers, body: bytes::Bytes::new() }
}

async fn answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    server
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_nobody_follows_it_with_the_credentials() {
    let elsewhere = answering(ResponseTemplate::new(200)).await;
    for status in [301, 302, 303, 307, 308] {
        let redirect = ResponseTemplate::new(status).insert_header("location", elsewhere.uri());
        let service = answering(redirect).await;
        let answer = client(&Config::default()).send(&request(service.uri())).await.unwrap();
        assert_eq!(answer.status, status);
    }
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_proxy_gets_the_requests_and_its_own_password() {
    let proxy = answering(ResponseTemplate::new(202)).await;
    let url = proxy.uri().replace("http://", "http://user:password@");
    let config = Config { proxy: Some(Secret::inline(&url)), ..Config::default() };
    // There is no such name: only the proxy can answer.
    let answer = client(&config).send(&request("http://service.invalid/path".into())).await;
    assert_eq!(answer.unwrap().status, 202);
    let received = proxy.received_requests().await.unwrap();
    let header = |name: &str| received[0].headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!((received.len(), received[0].url.path()), (1, "/path"));
    assert_eq!(header("proxy-authorization"), "Basic dXNlcjpwYXNzd29yZA==");
    assert_eq!(header("authorization"), "Bearer secret");
}

#[tokio::test]
async fn a_certificate_is_verified_and_an_authority_of_ones_own_can_be_added() {
    let tls = Tls {
        cert_file: fixture("server.pem"),
        key_file: fixture("server.key"),
        client_ca_file: None,
    };
    let (mut sockets, any) = (Sockets::default(), ([127, 0, 0, 1], 0).into());
    sockets.open(&[("admin", any)]).unwrap();
    let socket = sockets.get("admin", any).unwrap();
    let router = Router::new().route("/", get(|| async { "" }));
    let listener = Listener::new("admin", socket, Some(tls.acceptor().unwrap()), router).unwrap();
    let url = format!("https://localhost:{}/", listener.address().unwrap().port());
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(listener.run(stopped));
    let stranger = client(&Config::default()).send(&request(url.clone())).await.unwrap_err();
    assert!(stranger.problem.contains("check the address, the network and TLS"), "{stranger}");
    let config = Config { ca_file: Some(fixture("ca.pem")), ..Config::default() };
    assert_eq!(client(&config).send(&request(url.clone())).await.unwrap().status, 200);
    // The authority vouches for a name, and for no other.
    let by_address = client(&config).send(&request(url.replace("localhost", "127.0.0.2"))).await;
    assert!(by_address.is_err());
}
