#!/usr/bin/env python3
"""Several instances over NATS: what they cost, and what they bear.

`benches/scaling.py cost [--events 1000000] [--runs 3]`: events a second and CPU for a million events, pushed 500 a request on four
connections, with the embedded journal, with NATS on one server and on three, to the owner and by a standby.
`benches/scaling.py bear [--rate 10000] [--seconds 300]`: three servers, three instances; events at that rate to all of them, while a
server is killed and comes back, the owner is killed and comes back, and the owner is stopped for longer than the others wait
for it (as when a network parts them), and goes on. Prints take-overs, and whether each event was counted once.

Needs Debian's `nats-server` and `cargo build --release` (`--binary` names another). Everything runs on this machine: servers,
instances and sender share its cores.
"""

import argparse
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

EVENTS_A_BODY = 500
SENDERS = 4
DEADLINE_SECONDS = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until(what, condition, seconds=DEADLINE_SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := condition()) is not None:
            return found
        time.sleep(0.05)
    sys.exit(f"{what}: waited in vain")


class Server:
    """A nats-server."""

    def __init__(self, folder, route, routes):
        self.port = free_port()
        self.folder = os.path.join(folder, f"nats-{route}")
        os.makedirs(self.folder)
        cluster = ""
        if len(routes) > 1:
            others = ", ".join(f"nats-route://127.0.0.1:{port}" for port in routes)
            cluster = f"cluster {{ name: c, listen: 127.0.0.1:{route}, routes: [{others}] }}\n"
        with open(os.path.join(self.folder, "nats.conf"), "w") as file:
            file.write(f"listen: 127.0.0.1:{self.port}\nserver_name: n{route}\njetstream {{ store_dir: js, max_file_store: 64GB }}\n{cluster}")
        self.start()

    def start(self):
        self.log = open(os.path.join(self.folder, "log"), "w")
        self.process = subprocess.Popen(["nats-server", "-c", "nats.conf"], cwd=self.folder, stdout=self.log, stderr=self.log)
        until("nats-server gets ready", lambda: True if "Server is ready" in open(self.log.name).read() else None)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Instance:
    """A ssowatch."""

    def __init__(self, binary, folder, name, servers):
        self.binary, self.folder = binary, os.path.join(folder, name)
        os.makedirs(self.folder)
        self.admin, self.intake = free_port(), free_port()
        journal = ""
        if servers:
            urls = ", ".join(f'"nats://127.0.0.1:{server.port}"' for server in servers)
            replicas = 1 if len(servers) == 1 else 3
            journal = f"journal: {{ nats: {{ urls: [{urls}], replicas: {replicas} }} }}\n"
        with open(os.path.join(self.folder, "ssowatch.yaml"), "w") as file:
            file.write(
                f"data_dir: data\nprivacy: {{ key: k }}\n{journal}"
                f'http: {{ admin: {{ listen: "127.0.0.1:{self.admin}" }}, intake: {{ listen: "127.0.0.1:{self.intake}" }} }}\n'
            )
        self.start()

    def start(self):
        self.log = open(os.path.join(self.folder, "log"), "a")
        command = [self.binary, "run", "--config", "ssowatch.yaml"]
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=self.log, stderr=self.log)
        until("ssowatch gets ready", lambda: self.get("/-/healthy"))

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=3)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
            return text if answer.status == 200 else None
        except OSError:
            return None
        finally:
            connection.close()

    def owns(self):
        return self.get("/-/owner") is not None

    def count(self, series):
        for line in (self.get("/metrics") or "").splitlines():
            if line.startswith(series + " "):
                return int(float(line.rsplit(" ", 1)[1]))
        return 0

    def kill(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


def body(number):
    """Sign-ins that start and succeed, 250 in a body, on 200 connections."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000Z"
    lines = []
    for n in range(EVENTS_A_BODY // 2):
        session, connection = f"s{number}_{n}", f"conn_{(number * 7 + n) % 200}"
        for step in ("started", "succeeded"):
            lines.append(
                f'{{"id":"event_{step}_{session}","event":"authentication.sso_{step}","created_at":"{at}","data":{{"type":"sso",'
                f'"user_id":"user_{n}","email":"user_{n}@example.com","ip_address":"203.0.113.42","user_agent":"Mozilla/5.0",'
                f'"sso":{{"organization_id":"org_1","connection_id":"{connection}","session_id":"{session}"}}}}}}'
            )
    return "\n".join(lines).encode()


class Sender(threading.local):
    """One connection for each thread and instance."""

    def __init__(self):
        self.connections = {}

    def send(self, port, payload):
        connection = self.connections.get(port) or http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        self.connections[port] = connection
        try:
            connection.request("POST", "/v1/events", payload)
            answer = connection.getresponse()
            answer.read()
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            connection.close()
            del self.connections[port]
            return False


def received(instance):
    return instance.count('ssowatch_events_received_total{source="push"}')


def owner(instances):
    return next((instance for instance in instances if instance.process.poll() is None and instance.owns()), None)


def cost(args, servers_count, by_standby):
    with tempfile.TemporaryDirectory() as folder:
        routes = [free_port() for _ in range(servers_count)]
        servers, instances = [], []
        try:
            servers.extend(Server(folder, route, routes) for route in routes)
            instances.append(Instance(args.binary, folder, "one", servers))
            until("it owns the journal", lambda: owner(instances))
            if servers:
                instances.append(Instance(args.binary, folder, "two", servers))
            to = instances[1 if by_standby else 0]
            bodies = [body(number) for number in range(args.events // EVENTS_A_BODY)]
            processes = [instance.process.pid for instance in instances]
            before = [cpu_seconds(pid) for pid in processes]
            before_servers = sum(cpu_seconds(server.process.pid) for server in servers)
            sender, begun = Sender(), time.monotonic()

            def push(payload):
                while not sender.send(to.intake, payload):
                    time.sleep(0.05)

            with ThreadPoolExecutor(SENDERS) as pool:
                list(pool.map(push, bodies))
            acknowledged = time.monotonic() - begun
            total = len(bodies) * EVENTS_A_BODY
            until("all are counted", lambda: True if received(instances[0]) == total else None)
            counted = time.monotonic() - begun
            million = total / 1e6
            used = [(cpu_seconds(pid) - old) / million for pid, old in zip(processes, before)]
            used_servers = (sum(cpu_seconds(server.process.pid) for server in servers) - before_servers) / million
            return total / acknowledged, total / counted, used[0], sum(used[1:]), used_servers
        finally:
            for process in instances + servers:
                process.kill()


def costs(args):
    cases = [
        ("embedded", 0, False), ("NATS, 1 server, to the owner", 1, False), ("NATS, 1 server, by a standby", 1, True),
        ("NATS, 3 servers, to the owner", 3, False), ("NATS, 3 servers, by a standby", 3, True),
    ]
    print("| journal | acknowledged/s | counted/s | CPU s a million: owner | standby | servers |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, servers, by_standby in cases:
        runs = sorted(cost(args, servers, by_standby) for _ in range(args.runs))
        acknowledged, counted, own, standby, nats = runs[len(runs) // 2]
        print(f"| {name} | {acknowledged:,.0f} | {counted:,.0f} | {own:.1f} | {standby:.1f} | {nats:.1f} |", flush=True)


def bear(args):
    with tempfile.TemporaryDirectory() as folder:
        routes = [free_port() for _ in range(3)]
        servers, instances = [], []
        sent, stop, sender, slowest = [0], threading.Event(), Sender(), [0.0]
        lock = threading.Lock()

        def push(number):
            payload, begun, tries = body(number), time.monotonic(), 0
            while not sender.send(instances[(number + tries) % 3].intake, payload):
                tries += 1
                time.sleep(0.05)
            with lock:
                sent[0] += EVENTS_A_BODY
                slowest[0] = max(slowest[0], time.monotonic() - begun)

        def feed():
            begun, number = time.monotonic(), 0
            with ThreadPoolExecutor(16) as pool:
                waiting = []
                while not stop.is_set():
                    ahead = number * EVENTS_A_BODY / args.rate - (time.monotonic() - begun)
                    if ahead > 0:
                        time.sleep(ahead)
                    waiting = [one for one in waiting if not one.done()]
                    if len(waiting) < 64:
                        waiting.append(pool.submit(push, number))
                        number += 1
                    else:
                        time.sleep(0.01)

        def takeover(before):
            begun = time.monotonic()
            others = [instance for instance in instances if instance is not before]
            until("somebody takes over", lambda: owner(others))
            print(f"  taken over after {time.monotonic() - begun:.1f} s", flush=True)

        begun, feeding = time.monotonic(), threading.Thread(target=feed)

        def at(part):
            time.sleep(max(0.0, args.seconds * part - (time.monotonic() - begun)))

        try:
            servers.extend(Server(folder, route, routes) for route in routes)
            instances.extend(Instance(args.binary, folder, f"i{n}", servers) for n in range(3))
            begun = time.monotonic()
            feeding.start()
            at(0.1)
            print("a server is killed", flush=True)
            servers[0].kill()
            at(0.25)
            servers[0].start()
            at(0.35)
            before = until("there is an owner", lambda: owner(instances))
            print("the owner is killed", flush=True)
            before.kill()
            takeover(before)
            at(0.5)
            before.start()
            at(0.6)
            before = until("there is an owner", lambda: owner(instances))
            print("the owner is stopped", flush=True)
            before.process.send_signal(signal.SIGSTOP)
            takeover(before)
            at(0.75)
            before.process.send_signal(signal.SIGCONT)
            until("it is a standby", lambda: True if before.get("/-/healthy") and not before.owns() else None)
            at(1)
            stop.set()
            feeding.join()
            took = time.monotonic() - begun
            until("all are counted", lambda: True if (one := owner(instances)) and received(one) >= sent[0] else None)
            time.sleep(5)
            one = until("there is an owner", lambda: owner(instances))
            print(f"{sent[0]:,} events in {took:.0f} s ({sent[0] / took:,.0f} a second), the slowest answer after {slowest[0]:.1f} s")
            counted = received(one)
            print(f"counted: {counted:,}: {'each once' if counted == sent[0] else 'WRONG'}")
            if counted != sent[0]:
                sys.exit(1)
        finally:
            stop.set()
            for process in instances + servers:
                process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cost", "bear"])
    parser.add_argument("--binary", default="target/release/ssowatch")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=300)
    args = parser.parse_args()
    args.binary = os.path.abspath(args.binary)
    costs(args) if args.what == "cost" else bear(args)


if __name__ == "__main__":
    main()
