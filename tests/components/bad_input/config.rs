//! Configurations that a running daemon is told to load, and does not.

use std::fmt::Write;
use std::fs;
use std::net::TcpListener;

use super::world::{Case, World, refused, words};
use crate::http;

/// The words of `text` on the place of the test's folder and ports.
fn plain(world: &World, text: &str) -> String {
    text.replace(&format!("{}/", world.daemon.path().display()), "").trim().to_owned()
}

fn load(world: &World, write: impl FnOnce(&std::path::Path)) -> String {
    let path = world.daemon.path().join("ssowatch.yaml");
    let good = fs::read(&path).unwrap();
    write(&path);
    let answer = words(&http::post(&format!("{}/-/reload", world.daemon.admin), ""));
    if path.is_dir() {
        fs::remove_dir(&path).unwrap();
    }
    fs::write(&path, good).unwrap();
    let in_force = world.daemon.count("ssowatch_config_last_reload_successful");
    assert_eq!(in_force == 0, answer.starts_with("422"), "{answer}");
    plain(world, &answer)
}

/// The good configuration with `more` behind it.
fn more(name: &'static str, more: &'static str) -> Case {
    Case {
        name,
        sent: format!("a reload with `{}`", more.trim_end().replace('\n', "\\n")),
        moved: refused("admin", 422),
        act: Box::new(move |world| {
            load(world, |path| {
                let good = fs::read_to_string(path).unwrap();
                fs::write(path, good + more).unwrap();
            })
        }),
    }
}

/// A file with these bytes.
fn file(name: &'static str, sent: &str, bytes: Vec<u8>) -> Case {
    Case {
        name,
        sent: format!("a reload with {sent}"),
        moved: refused("admin", 422),
        act: Box::new(move |world| load(world, |path| fs::write(path, bytes).unwrap())),
    }
}

/// Lists of lists of lists: a few lines that stand for billions.
fn laughs() -> Vec<u8> {
    let mut text = "data_dir: &a0 x\n".to_owned();
    for level in 1..10 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "k{level}: &a{level} [{items}]").unwrap();
    }
    text.into_bytes()
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        more("an unknown key", "colour: red\n"),
        more("a key that is misspelt", "reciever: []\n"),
        more("a key twice", "data_dir: ./other\n"),
        more("a value of another type", "rules: 7\n"),
        more("a length of time that is none", "sessions: { timeout: soon }\n"),
        more("a number out of bounds", "sessions: { timeout: 400d }\n"),
        more("a negative number", "sinks: { prometheus: { max_connections: -5 } }\n"),
        more(
            "a number beyond all",
            "sinks: { prometheus: { max_connections: 99999999999999999999 } }\n",
        ),
        more("a word that is none of the choices", "privacy: { personal: sometimes }\n"),
        more("a variable that is not set", "links: { external_url: \"${SSOWATCH_NOT_SET}\" }\n"),
        more("a secret file that is missing", "privacy: { key_file: /nonexistent/key }\n"),
        more(
            "a metric that is none",
            "rules: [ { name: A, metric: luck, op: \">\", value: 1, window: 5m } ]\n",
        ),
        more(
            "a number that is none",
            "rules: [ { name: A, metric: failures, op: \">\", value: .nan, window: 5m } ]\n",
        ),
        more(
            "a URL that is none",
            "receivers: [ { alertmanager: { urls: [\"file:///etc/passwd\"] } } ]\n",
        ),
        more("an authority that is missing", "outbound: { ca_file: /nonexistent/ca.pem }\n"),
        file("YAML that breaks off", "`data_dir: [`", b"data_dir: [".to_vec()),
        file("not YAML", "random bytes", vec![0, 159, 146, 150, 255, 254]),
        file(
            "nested YAML",
            "100,000 brackets",
            [b"data_dir: ".to_vec(), vec![b'['; 100_000]].concat(),
        ),
        file("a billion laughs", "ten lines that stand for a billion words", laughs()),
        file("a configuration that is endless", "64 MiB of comments", b"# x\n".repeat(16 << 20)),
    ];
    cases.push(Case {
        name: "a configuration that is gone",
        sent: "a reload without the file".into(),
        moved: refused("admin", 422),
        act: Box::new(|world| load(world, |path| fs::remove_file(path).unwrap())),
    });
    cases.push(Case {
        name: "a configuration that is a folder",
        sent: "a reload with a folder in the file's place".into(),
        moved: refused("admin", 422),
        act: Box::new(|world| {
            load(world, |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            })
        }),
    });
    cases.push(Case {
        name: "a port that is taken",
        sent: "a reload with a port on which another program listens".into(),
        moved: refused("admin", 422),
        act: Box::new(|world| {
            let taken = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = taken.local_addr().unwrap().port().to_string();
            let answer = load(world, |path| {
                let good = fs::read_to_string(path).unwrap();
                fs::write(path, good.replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1))
                    .unwrap();
            });
            answer.replace(&port, "PORT")
        }),
    });
    cases.push(Case {
        name: "a door without a lock",
        sent: "a reload with `http.admin.listen: 0.0.0.0:0` and no token".into(),
        moved: refused("admin", 422),
        act: Box::new(|world| {
            load(world, |path| {
                let good = fs::read_to_string(path).unwrap();
                fs::write(path, good.replacen("127.0.0.1:0", "0.0.0.0:0", 1)).unwrap();
            })
        }),
    });
    cases
}
