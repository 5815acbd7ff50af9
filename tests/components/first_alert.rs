//! `docs/first-alert.md`, every command as it is written, in a network and a `/tmp` of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::installed;

/// The blocks of the page, in order.
fn blocks(page: &str) -> Vec<&str> {
    page.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap().1).collect()
}

/// The command between backquotes that follows `word`.
fn inline<'a>(page: &'a str, word: &str) -> &'a str {
    page.split_once(word).unwrap().1.split('`').nth(1).unwrap()
}

/// Waits until `command` succeeds, for a minute at most.
fn until(command: &str) -> String {
    format!(
        "for look in $(seq 300); do {command} && break; [ $look = 300 ] && exit 1; sleep 0.2; done\n"
    )
}

#[test]
fn the_page_leads_to_an_alert_in_an_alertmanager() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/first-alert.md")).unwrap();
    let [alertmanager, config, start, failures, look] = *blocks(&page) else {
        panic!("the page has other blocks than before")
    };
    // Outside of `/tmp`, which the page's commands get empty.
    let clone = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-alert");
    let release = clone.join("target/release");
    drop(fs::remove_dir_all(&clone));
    fs::create_dir_all(&release).unwrap();
    symlink(env!("CARGO_BIN_EXE_ssowatch"), release.join("ssowatch")).unwrap();
    let script = [
        // Jobs have numbers, as in the shell of whoever types this.
        "set -em\nip link set lo up\nmount -t tmpfs tmpfs /tmp\n",
        alertmanager,
        &until("curl -sf http://127.0.0.1:9093/-/ready"),
        &format!("cat >ssowatch.yaml <<'END'\n{config}END\n"),
        start,
        &until("curl -sf http://127.0.0.1:9470/-/ready"),
        &until(
            "curl -s http://127.0.0.1:9093/api/v2/alerts | grep -o '\"alertname\":\"Watchdog\"'",
        ),
        failures,
        &until(&format!("{} | grep conn_try", look.trim())),
        "curl -s http://127.0.0.1:9470/ | grep -o conn_try | head -n 1\n",
        inline(&page, "**4. Clean up:**"),
        "\n[ ! -e /tmp/ssowatch-first ] && echo clean\n",
    ];
    let mut unshare = installed::bound_to_this_thread(installed::program("unshare"));
    unshare.args(["--net", "--mount"]);
    if !installed::as_root() {
        unshare.arg("--map-root-user");
    }
    unshare.args(["bash", "-c", &script.concat()]).current_dir(&clone);
    unshare.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()));
    let output = unshare.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    for word in [
        "\"alertname\":\"Watchdog\"",
        "\"accepted\":12,",
        "\"summary\":\"conn_try: 12 of 12 sign-ins failed in 5m (100 %), of 12 people, since about",
        "\nconn_try\n",
        "\nclean\n",
    ] {
        assert!(said.contains(word), "{word} is missing in:\n{said}\n{errors}");
    }
}
