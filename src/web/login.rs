//! `/login` and `/logout`: how a browser comes in where a token is needed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, FromRequest, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::guard::{self, Asking, Entry};
use super::page::html::{self, Escaped, Visitor};
use super::{Admin, misread, problem};

/// The routes; they are open to everybody.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/login", get(form).post(enter)).route("/logout", post(leave))
}

#[derive(Default, Deserialize)]
struct Where {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Given {
    token: String,
    #[serde(default)]
    next: String,
}

async fn form(
    State(admin): State<Arc<Admin>>,
    place: Result<Query<Where>, axum::extract::rejection::QueryRejection>,
) -> Response {
    if admin.token.is_none() {
        return Redirect::to("/").into_response();
    }
    let next = place.map(|Query(place)| place.next).unwrap_or_default();
    page(&admin, StatusCode::OK, local(&next), "")
}

async fn enter(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    let Some(token) = &admin.token else { return Redirect::to("/").into_response() };
    let asking = Asking::of(&request);
    let Given { token: given, next } = match Form::<Given>::from_request(request, &()).await {
        Ok(Form(given)) => given,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, &misread::form(&rejection)),
    };
    let next = local(&next);
    match guard::enter(&admin, token, given.trim(), &asking) {
        Entry::Open(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response(),
        Entry::Wrong => page(&admin, StatusCode::UNAUTHORIZED, next, "This is not the token."),
        Entry::Refused(response) => *response,
    }
}

async fn leave(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    if let Err(refusal) = guard::is_own(&Asking::of(&request)) {
        return *refusal;
    }
    ([(header::SET_COOKIE, guard::leave(&admin))], Redirect::to("/login")).into_response()
}

/// A place of this listener, and never one elsewhere.
fn local(next: &str) -> &str {
    let elsewhere =
        next.starts_with("//") || next.contains('\\') || next.contains(char::is_control);
    if next.starts_with('/') && !elsewhere { next } else { "/" }
}

fn page(admin: &Admin, status: StatusCode, next: &str, wrong: &str) -> Response {
    let mut page = html::Html::still("Sign in", Visitor::Other);
    let (next, wrong) = (Escaped(next), Escaped(wrong));
    page.line("<h1>Sign in</h1>\n<form class=\"fields\" method=\"post\" action=\"/login\">");
    page.line(format_args!("<p class=\"bad\" role=\"alert\">{wrong}</p>"));
    page.line(format_args!(
        "<input type=\"hidden\" name=\"next\" value=\"{next}\">\n\
         <label>Token of <code>http.admin</code> <input type=\"password\" name=\"token\" required autofocus \
         autocomplete=\"current-password\"></label>\n<button>Sign in</button>\n</form>"
    ));
    (status, Html(page.end(admin.snapshots.borrow().now, "/api/v1/status"))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        for (next, want) in [
            ("/incidents?x=1", "/incidents?x=1"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nb", "/"),
            ("", "/"),
        ] {
            assert_eq!(local(next), want, "{next}");
        }
    }
}
