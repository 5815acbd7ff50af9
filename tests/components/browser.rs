//! Chromium without a window, driven by `WebDriver` as the W3C specifies it, through Debian's chromedriver.

use base64::Engine;
use serde_json::{Value, json};

use crate::component::{Component, free_port};
use crate::{http, installed};

/// The key of an element's id in `WebDriver`'s answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys, as `WebDriver` numbers them.
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";

/// Windows that pages are looked at in: a desk's and a phone's.
pub(crate) const WINDOWS: [(&str, u32, u32); 2] = [("desktop", 1280, 800), ("phone", 390, 844)];

/// A browser with one window. Ends with the test.
#[derive(Debug)]
pub(crate) struct Browser {
    session: String,
    _driver: Component,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let chromium = installed::program("chromium");
        let (driver, url, ()) = Component::start(
            "chromedriver",
            |place| {
                let port = free_port();
                let mut command = installed::server("chromedriver");
                command.arg(format!("--port={port}")).env("HOME", place.path());
                (command, format!("http://127.0.0.1:{port}"))
            },
            |_, url| http::try_get(&format!("{url}/status")).map(drop),
        );
        let data = driver.path().join("profile");
        // Pages of this machine only: no sandbox is needed, and a container may not have one.
        let args = json!([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            format!("--user-data-dir={}", data.display())
        ]);
        let options = json!({"binary": chromium, "args": args});
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}});
        let answer = http::post(&format!("{url}/session"), wanted.to_string()).json();
        let id = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{answer}"));
        Self { session: format!("{url}/session/{id}"), _driver: driver }
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        let answer = http::post(&format!("{}/{path}", self.session), body.to_string());
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()["value"].take()
    }

    /// Opens a page and waits until it is there.
    pub(crate) fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    /// The path of the page.
    pub(crate) fn path(&self) -> String {
        self.run("return location.pathname").as_str().unwrap().to_owned()
    }

    /// What `script` returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []}))
    }

    /// What people read on the page.
    pub(crate) fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap().to_owned()
    }

    /// Presses keys, one after the other, on whatever has the focus.
    pub(crate) fn press(&self, keys: &str) {
        let each = keys.chars().flat_map(|key| {
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        });
        let keyboard =
            json!({"type": "key", "id": "keyboard", "actions": each.collect::<Vec<_>>()});
        self.command("actions", &json!({ "actions": [keyboard] }));
    }

    /// Presses Tab until `what`, a condition on the focused element `e`, holds; panics when it never does.
    pub(crate) fn tab_to(&self, what: &str) {
        let asked = format!("const e = document.activeElement; return !!({what})");
        for _ in 0..120 {
            self.press(TAB);
            if self.run(&asked) == json!(true) {
                return;
            }
        }
        panic!("{what}: not reached by Tab\n{}", self.text());
    }

    /// The focused element has an outline that shows it.
    pub(crate) fn shows_focus(&self) -> bool {
        let active = http::get(&format!("{}/element/active", self.session)).json();
        assert!(active["value"][ELEMENT].is_string(), "{active}");
        let width = "return parseFloat(getComputedStyle(document.activeElement).outlineWidth)";
        self.run(width).as_f64().unwrap() >= 2.0
    }

    /// Does what only Chromium's own protocol can.
    pub(crate) fn chromium(&self, command: &str, params: &Value) -> Value {
        self.command("goog/cdp/execute", &json!({"cmd": command, "params": params}))
    }

    /// How large the window is, and whether its owner likes it dark.
    pub(crate) fn look(&self, (name, width, height): (&str, u32, u32), dark: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": name == "phone"});
        self.chromium("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.chromium("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// The whole page as a picture (PNG).
    pub(crate) fn picture(&self) -> Vec<u8> {
        let how = json!({"format": "png", "captureBeyondViewport": true});
        let shot = self.chromium("Page.captureScreenshot", &how);
        let data = shot["data"].as_str().unwrap();
        base64::engine::general_purpose::STANDARD.decode(data).unwrap()
    }
}
