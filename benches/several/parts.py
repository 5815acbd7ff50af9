"""Servers of NATS and instances of ssowatch, as processes."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

DEADLINE_SECONDS = 120

# What stands for a secret: the listeners are on a network of this process alone.
TOKEN = "only-in-this-bench"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, condition, seconds=DEADLINE_SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := condition()) is not None:
            return found
        time.sleep(0.05)
    sys.exit(f"{what}: waited in vain")


class Place:
    """Where a part listens: on this machine, or as a node of a network."""

    def __init__(self, node=None, inner="127.0.0.1", outer="127.0.0.1"):
        self.node, self.inner, self.outer = node, inner, outer

    def command(self, command):
        return self.node.command(command) if self.node else command


class Process:
    """What is started, killed and started again, in a folder of its own."""

    def __init__(self, place, folder, command):
        self.place, self.folder, self.command = place, folder, command

    def launch(self):
        self.log = open(os.path.join(self.folder, "log"), "a")
        command = self.place.command(self.command)
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=self.log, stderr=self.log)

    def kill(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def lives(self):
        return self.process.poll() is None


class Server(Process):
    """A nats-server. `routes` are the addresses of all servers of its cluster."""

    def __init__(self, folder, place, route, routes):
        name = f"n{route.replace(':', '_')}"
        super().__init__(place, os.path.join(folder, name), ["nats-server", "-c", "nats.conf"])
        os.makedirs(self.folder)
        self.name, self.port, self.monitor = name, free_port(), free_port()
        self.url = f"nats://{place.inner}:{self.port}"
        cluster = ""
        if len(routes) > 1:
            others = ", ".join(f"nats-route://{route}" for route in routes)
            cluster = f"cluster {{ name: c, listen: \"{route}\", routes: [{others}] }}\n"
        with open(os.path.join(self.folder, "nats.conf"), "w") as file:
            file.write(
                f'listen: "{place.inner}:{self.port}"\nhttp: "{place.inner}:{self.monitor}"\nserver_name: {name}\n'
                f"jetstream {{ store_dir: js, max_file_store: 64GB }}\n{cluster}"
            )
        self.start()

    def start(self):
        begins = os.path.getsize(path) if os.path.exists(path := os.path.join(self.folder, "log")) else 0
        self.launch()

        def ready():
            with open(path) as log:
                log.seek(begins)
                return True if "Server is ready" in log.read() else None

        until("nats-server gets ready", ready)

    def leads(self, stream):
        """Whether it leads a stream, as it says itself."""
        text = get(self.place.inner, self.monitor, "/jsz?streams=true") or "{}"
        accounts = json.loads(text).get("account_details") or []
        streams = [one for account in accounts for one in account.get("stream_detail") or []]
        return any(one["name"] == stream and one.get("cluster", {}).get("leader") == self.name for one in streams)


class Instance(Process):
    """A ssowatch, with `more` in its configuration."""

    def __init__(self, binary, folder, name, servers, place=None, more=""):
        super().__init__(place or Place(), os.path.join(folder, name), [binary, "run", "--config", "ssowatch.yaml"])
        os.makedirs(self.folder)
        self.name, self.admin, self.intake = name, free_port(), free_port()
        journal = ""
        if servers:
            urls = ", ".join(f'"{server.url}"' for server in servers)
            journal = f"journal: {{ nats: {{ urls: [{urls}], replicas: {1 if len(servers) == 1 else 3} }} }}\n"
        host = self.place.outer
        with open(os.path.join(self.folder, "ssowatch.yaml"), "w") as file:
            file.write(
                f"data_dir: data\nprivacy: {{ key: the-same-for-all }}\n{journal}sources: {{ push: {{ token: {TOKEN} }} }}\n"
                f'http: {{ admin: {{ listen: "{host}:{self.admin}", token: {TOKEN} }}, intake: {{ listen: "{host}:{self.intake}" }} }}\n{more}'
            )
        self.start()

    def start(self):
        self.launch()
        until(f"ssowatch {self.name} gets ready", lambda: self.get("/-/healthy"))

    def get(self, path, seconds=3):
        return get(self.place.outer, self.admin, path, seconds)

    def owns(self, seconds=3):
        return self.get("/-/owner", seconds) is not None

    def metrics(self):
        """Series and values, as they are written."""
        lines = (self.get("/metrics") or "").splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {series: float(value) for series, value in pairs}

    def received(self):
        return int(self.metrics().get('ssowatch_events_received_total{source="push"}', 0))


def get(host, port, path, seconds=3):
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        text = answer.read().decode()
        return text if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def owner(instances):
    return next((instance for instance in instances if instance.lives() and instance.owns()), None)
