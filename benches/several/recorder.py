"""Plays PagerDuty, Slack and Datadog, and notes when which instance asked for what."""

import gzip
import json
import re
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .load import EVENTS_A_BODY, SESSIONS_A_BODY

# The id of an event in a log: the step, the number of its body and of its session there.
EVENT_ID = re.compile(rb'"id":"event_([a-z]+)_s(\d+)_(\d+)"')

COUNT = 1

# Each so many requests of a kind one is taken, and answered as if it had not been. After a second's pause it comes again: were as
# many logs lost as the others, at 1,000 a request they would not keep up with 10,000 events a second.
LOST_EVERY = {"pager": 7, "slack": 7, "metrics": 7, "logs": 50}


class Recorder:
    """What was asked of it, by whom."""

    def __init__(self, host, names):
        self.names, self.lock = names, threading.Lock()
        # (second, instance, what)
        self.requests, self.taken = [], Counter()
        # (second, instance, action, key, thing)
        self.pages = []
        # (second, instance, text)
        self.messages = []
        # Values of counts by name, tags and time; and those that came again with another value.
        self.points, self.changed, self.resent = {}, [], 0
        self.logged, self.logs = bytearray(), 0
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                at = time.monotonic()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                instance, what = recorder.names[self.client_address[0]], self.path.split("/")[1]
                lost = recorder.take(at, instance, what, body)
                answer = b"ok" if what == "slack" else b"{}"
                self.send_response(503 if lost else 200 if what == "slack" else 202)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """An instance that is killed leaves half a request."""

        self.server = Quiet((host, 0), Handler)
        self.url = f"http://{host}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def config(self):
        """The part of an instance's configuration that leads here."""
        return (
            f'sinks: {{ datadog: {{ api_key: k, metrics_url: "{self.url}/metrics", logs_url: "{self.url}/logs" }} }}\n'
            f'receivers: [ {{ pagerduty: {{ routing_key: k, url: "{self.url}/pager" }} }}, {{ slack: {{ webhook_url: "{self.url}/slack" }} }} ]\n'
        )

    def take(self, at, instance, what, body):
        """Whether the answer gets lost."""
        with self.lock:
            self.requests.append((at, instance, what))
            self.taken[what] += 1
            {"pager": self.page, "slack": self.message, "metrics": self.series, "logs": self.log}[what](at, instance, body)
            return self.taken[what] % LOST_EVERY[what] == 0

    def page(self, at, instance, body):
        event = json.loads(body)
        thing = event.get("payload", {}).get("source")
        self.pages.append((at, instance, event["event_action"], event["dedup_key"], thing))

    def message(self, at, instance, body):
        self.messages.append((at, instance, body.decode()))

    def series(self, _at, instance, body):
        for series in json.loads(body)["series"]:
            # Gauges say how things stand, and are never sent again.
            if series["type"] != COUNT or not series["metric"].startswith(("sso.", "ssowatch.events_")):
                continue
            for point in series["points"]:
                key = (series["metric"], tuple(series.get("tags", ())), point["timestamp"])
                if key in self.points:
                    self.resent += 1
                    if self.points[key] != point["value"]:
                        self.changed.append((instance, key, self.points[key], point["value"]))
                self.points[key] = point["value"]

    def log(self, _at, _instance, body):
        for step, number, session in EVENT_ID.findall(body):
            place = int(number) * EVENTS_A_BODY + int(session) * 2 + (step != b"started")
            if place >= len(self.logged):
                self.logged.extend(bytes(place + 1 - len(self.logged) + SESSIONS_A_BODY * EVENTS_A_BODY))
            self.logged[place] = 1
            self.logs += 1

    def sums(self):
        """What Datadog's points add up to: sign-ins by connection and step, and received events."""
        with self.lock:
            sums, received = Counter(), 0
            for (name, tags, _), value in self.points.items():
                named = dict(tag.split(":", 1) for tag in tags)
                if name == "sso.sessions_started":
                    sums[named["connection_id"], "started"] += value
                elif name == "sso.sessions_finished":
                    sums[named["connection_id"], named["outcome"]] += value
                elif name == "ssowatch.events_received":
                    received += value
            return sums, received

    def by_key(self):
        """What PagerDuty was told of each key, in order; and which thing each is about."""
        with self.lock:
            told, things = defaultdict(list), {}
            for at, instance, action, key, thing in self.pages:
                told[key].append((at, instance, action))
                things[key] = thing or things.get(key)
            return told, things
