#!/usr/bin/env python3
"""The status page with very many connections: bytes, time to the first byte, and in a real Chromium to a page that can be used.

Starts target/release/ssowatch on an empty folder, pushes sign-ins of the last hour on each connection, and asks for the
pages people open during an incident, each several times and in turn. Needs Debian's chromium and chromium-driver."""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# Events of one request: well below the intake's limit on a body.
BATCH = 20_000


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url, body=None):
    data = None if body is None else body.encode()
    with DIRECT.open(urllib.request.Request(url, data=data, headers={"content-type": "application/json"})) as answer:
        return answer.read()


def wait_for(what, condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if value := condition():
                return value
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"page.py: {what} did not come within {seconds} s")


def events(connections, per_connection, now):
    """Sign-ins of the hour before `now`, a start and an end each; one in fifty fails."""
    def event(number, name, at, connection, session):
        at = datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return json.dumps({"object": "event", "id": f"event_{number:012}", "event": f"authentication.{name}",
                           "created_at": at, "data": {"sso": {"connection_id": connection, "session_id": session}}})

    for number in range(connections * per_connection):
        connection = f"conn_01HK153X00K0G0{number % connections:012}"
        end = now - 3500 * (1 - number / (connections * per_connection))
        session = f"session_{number:012}"
        yield event(2 * number, "sso_started", end - 14, connection, session)
        yield event(2 * number + 1, "sso_failed" if number % 50 == 7 else "sso_succeeded", end, connection, session)


class Chromium:
    """A browser by chromedriver."""

    def __init__(self, folder):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], env={**os.environ, "HOME": folder},
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("chromedriver", lambda: ask(f"{self.url}/status"))
        args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
                f"--user-data-dir={folder}/profile"]
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {"args": args}}}}
        self.session = f"{self.url}/session/{self.command('/session', wanted)['sessionId']}"

    def command(self, path, body):
        base = path if path.startswith("http") else self.url + path
        return json.loads(ask(base, json.dumps(body)))["value"]

    def load(self, url):
        """Milliseconds to the first byte, and until it is parsed, styled and can be used."""
        self.command(f"{self.session}/url", {"url": url})
        script = "const n = performance.getEntriesByType('navigation')[0]; return [n.responseStart, n.domInteractive]"
        return self.command(f"{self.session}/execute/sync", {"script": script, "args": []})

    def stop(self):
        try:
            DIRECT.open(urllib.request.Request(self.session, method="DELETE")).read()
        finally:
            self.driver.terminate()
            self.driver.wait()


def first_byte(url):
    """Bytes of the page, and milliseconds to its first byte, over a connection of its own."""
    begun = time.perf_counter()
    with DIRECT.open(url) as answer:
        first = answer.read(1)
        taken = (time.perf_counter() - begun) * 1000
        return len(first) + len(answer.read()), taken


def spread(values):
    return f"{statistics.median(values):.0f} ms ({min(values):.0f} to {max(values):.0f})"


def measure(admin, browser, connections, runs):
    pages = [("status page", "/"), ("its last page", f"/?page={-(-connections // 50)}"), ("a search", "/?q=000777"),
             ("one connection", "/connections/conn_01HK153X00K0G0000000000777"), ("sign-ins", "/sessions"), ("metrics", "/metrics")]
    rows = {name: ([], [], [], []) for name, _ in pages}
    for _ in range(runs):
        for name, path in pages:
            size, taken = first_byte(admin + path)
            rows[name][0].append(size)
            rows[name][1].append(taken)
            if name != "metrics":
                start, usable = browser.load(admin + path)
                rows[name][2].append(start)
                rows[name][3].append(usable)
    print(f"\n{connections} connections, {runs} runs: median (least to most); load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores\n")
    print("| page | bytes | first byte | Chromium: first byte | Chromium: usable |\n| --- | --: | --: | --: | --: |")
    for name, (sizes, taken, start, usable) in rows.items():
        browser_words = f"{spread(start)} | {spread(usable)}" if start else " | "
        print(f"| {name} | {max(sizes):,} | {spread(taken)} | {browser_words} |")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--connections", type=int, default=20_000)
    arguments.add_argument("--sign-ins", type=int, default=3, help="of each connection, in the last hour")
    arguments.add_argument("--runs", type=int, default=9)
    arguments.add_argument("--binary", default=str(ROOT / "target/release/ssowatch"))
    wanted = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        admin, intake = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        config = Path(folder) / "ssowatch.yaml"
        config.write_text(f"data_dir: {folder}/data\nhttp:\n  admin: {{ listen: \"{admin[7:]}\" }}\n  intake: {{ listen: \"{intake[7:]}\" }}\n")
        daemon = subprocess.Popen([wanted.binary, "run", "--config", str(config)], stderr=subprocess.DEVNULL)
        browser = None
        try:
            wait_for("the daemon", lambda: ask(f"{admin}/-/ready"))
            lines, sent = [], 0
            for line in events(wanted.connections, wanted.sign_ins, time.time()):
                lines.append(line)
                if len(lines) == BATCH:
                    sent += json.loads(ask(f"{intake}/v1/events", "\n".join(lines)))["accepted"]
                    lines = []
            if lines:
                sent += json.loads(ask(f"{intake}/v1/events", "\n".join(lines)))["accepted"]
            started = wanted.connections * wanted.sign_ins
            known = lambda: json.loads(ask(f"{admin}/api/v1/status"))["sessions"]["started"] == started
            wait_for(f"what {sent} events say", known)
            browser = Chromium(folder)
            measure(admin, browser, wanted.connections, wanted.runs)
        finally:
            if browser:
                browser.stop()
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()


if __name__ == "__main__":
    main()
