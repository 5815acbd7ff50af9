//! A browser where a token is needed.

use super::*;

/// Posts a form to one router, so that what is counted stays counted.
async fn post(router: &axum::Router, path: &str, form: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(Method::POST).uri(path);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers.iter().chain([&("host", "sso.example.com"), &kind]) {
        request = request.header(*name, *value);
    }
    router.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap()
}

async fn open(router: &axum::Router, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

const HERE: (&str, &str) = ("origin", "https://sso.example.com");

#[tokio::test(start_paused = true)]
async fn a_browser_signs_in_with_the_token_and_out_again() {
    let router = router(admin(sample::snapshot(), Some("secret")));
    let page = [("accept", "text/html,*/*")];
    let asked = open(&router, "/incidents?x=1", &page).await;
    assert_eq!(asked.status(), StatusCode::SEE_OTHER);
    assert_eq!(asked.headers()[header::LOCATION], "/login?next=%2Fincidents%3Fx%3D1");
    assert_eq!(open(&router, "/login?next=%2Fincidents", &[]).await.status(), StatusCode::OK);
    assert_eq!(open(&router, "/style.css", &[]).await.status(), StatusCode::OK);
    let wrong = post(&router, "/login", "token=other&next=/incidents", &[HERE]).await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    let right = post(&router, "/login", "token=secret&next=/incidents", &[HERE]).await;
    assert_eq!(right.status(), StatusCode::SEE_OTHER);
    assert_eq!(right.headers()[header::LOCATION], "/incidents");
    let cookie = right.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(!cookie.contains("secret"), "the cookie holds the token");
    for word in ["Path=/;", "Max-Age=43200;", "HttpOnly;", "SameSite=Strict;", "Secure"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let value = cookie.split(';').next().unwrap();
    assert_eq!(open(&router, "/incidents", &[("cookie", value)]).await.status(), StatusCode::OK);
    let button = "action=\"/logout\"><button>Sign out</button>";
    let shown = |page: Response| async move {
        let body = to_bytes(page.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap().contains(button)
    };
    assert!(shown(open(&router, "/incidents", &[("cookie", value)]).await).await);
    let bearer = [("authorization", "Bearer secret")];
    assert!(!shown(open(&router, "/incidents", &bearer).await).await, "a script cannot sign out");
    let elsewhere = [("origin", "https://evil.example"), ("cookie", value)];
    assert_eq!(post(&router, "/logout", "", &elsewhere).await.status(), StatusCode::FORBIDDEN);
    let out = post(&router, "/logout", "", &[HERE, ("cookie", value)]).await;
    let gone = out.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(gone.starts_with("ssowatch=; Path=/; Max-Age=0;"), "{gone}");
    tokio::time::advance(std::time::Duration::from_secs(43_201)).await;
    let late = open(&router, "/api/v1/status", &[("cookie", value)]).await;
    assert_eq!(late.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_guessed_by_form_or_header() {
    let router = router(admin(sample::snapshot(), Some("secret")));
    for tried in 0..10 {
        let bearer = [("authorization", "Bearer guess")];
        let wrong = if tried % 2 == 0 {
            open(&router, "/api/v1/status", &bearer).await
        } else {
            post(&router, "/login", "token=guess", &[HERE]).await
        };
        assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED, "{tried}");
    }
    let refused = post(&router, "/login", "token=guess", &[HERE]).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    // Whoever has the token is not kept out by somebody who guesses.
    let right = [("authorization", "Bearer secret")];
    assert_eq!(open(&router, "/api/v1/status", &right).await.status(), StatusCode::OK);
    assert_eq!(post(&router, "/login", "token=secret", &[HERE]).await.status(), 303);
}

#[tokio::test(start_paused = true)]
async fn a_page_elsewhere_signs_nobody_in() {
    let router = router(admin(sample::snapshot(), Some("secret")));
    for headers in [&[("origin", "https://evil.example")][..], &[]] {
        let response = post(&router, "/login", "token=secret", headers).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_people_and_scrapes_ask_is_refused_for_a_while() {
    let router = router(admin(sample::snapshot(), None));
    let mut refused = 0;
    for _ in 0..1010 {
        let response = open(&router, "/api/v1/limits", &[]).await;
        refused += u32::from(response.status() == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(refused, 10);
    assert_eq!(open(&router, "/-/healthy", &[]).await.status(), StatusCode::OK);
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(open(&router, "/api/v1/limits", &[]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn without_a_token_a_name_that_was_made_to_lead_here_sees_nothing() {
    let router = router(admin(sample::snapshot(), None));
    for (host, want) in [("127.0.0.1:9470", 200), ("sso.example.com", 200), ("evil.example", 403)] {
        assert_eq!(open(&router, "/", &[("host", host)]).await.status(), want, "{host}");
    }
}
