#!/usr/bin/env python3
"""Several instances over NATS: what they cost, and what they bear.

`benches/scaling.py cost [--events 1000000] [--runs 3]`: events a second and CPU for a million events, pushed 500 a request on four
connections, with the embedded journal, and with NATS on one server and on three: one, two and four instances that take in turn.
`benches/scaling.py bear [--rate 10000] [--seconds 300] [--seed 1 | --order part,kill-owner]`: three servers, three instances, each in a
network namespace of its own; events at that rate to all of them, while the stream's leader is killed, the owner is killed, stopped,
cut off from NATS alone, and parted from the majority together with the stream's leader; each comes back after `--away` seconds.
Connections break before, during and after each of these, and once the provider. PagerDuty, Slack and Datadog are played, and each
of their requests is noted with its instance. Prints what was kept of the promises, and fails when one was not. Needs root, or user
namespaces; nothing outside of its own namespaces is touched.

`benches/scaling.py hung [--runs 3]`: three servers, three instances, 250 events a second; a server that does not lead the journal is stopped
(SIGSTOP) for `--away` seconds: how far standbys are behind, and then how long the next owner takes when the owner is killed.

Needs Debian's `nats-server` and `cargo build --release` (`--binary` names another). Everything runs on this machine: servers,
instances, services and sender share its cores.
"""

import argparse
import itertools
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from several.bear import FAULTS, bear
from several.hung import hung
from several.load import EVENTS_A_BODY, Body, Sender
from several.parts import Instance, Place, Server, free_port, owner, until

SENDERS = 4


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost(args, servers_count, instances_count):
    with tempfile.TemporaryDirectory() as folder:
        routes = [f"127.0.0.1:{free_port()}" for _ in range(servers_count)]
        servers, instances = [], []
        try:
            servers.extend(Server(folder, Place(), route, routes) for route in routes)
            instances.append(Instance(args.binary, folder, "one", servers))
            until("it owns the journal", lambda: owner(instances))
            for number in range(1, instances_count):
                instances.append(Instance(args.binary, folder, f"standby-{number}", servers))
            takers = itertools.cycle(instances)
            bodies = [Body(number).payload for number in range(args.events // EVENTS_A_BODY)]
            processes = [instance.process.pid for instance in instances]
            before = [cpu_seconds(pid) for pid in processes]
            before_servers = sum(cpu_seconds(server.process.pid) for server in servers)
            sender, begun = Sender(), time.monotonic()

            def push(payload):
                to = next(takers)
                while not sender.send(to, payload):
                    time.sleep(0.05)

            with ThreadPoolExecutor(SENDERS) as pool:
                list(pool.map(push, bodies))
            acknowledged = time.monotonic() - begun
            total = len(bodies) * EVENTS_A_BODY
            until("all are counted", lambda: True if instances[0].received() == total else None)
            counted = time.monotonic() - begun
            million = total / 1e6
            used = [(cpu_seconds(pid) - old) / million for pid, old in zip(processes, before)]
            used_servers = (sum(cpu_seconds(server.process.pid) for server in servers) - before_servers) / million
            standby = sum(used[1:]) / max(1, len(used) - 1)
            return total / acknowledged, total / counted, used[0], standby, used_servers
        finally:
            for process in instances + servers:
                process.kill()


def costs(args):
    print("| journal | instances | acknowledged/s | counted/s | CPU s a million: owner | each standby | servers |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    cases = [(0, 1)] + [(servers, instances) for servers in (1, 3) for instances in (1, 2, 4)]
    for servers, instances in cases:
        runs = sorted(cost(args, servers, instances) for _ in range(args.runs))
        acknowledged, counted, own, standby, nats = runs[len(runs) // 2]
        journal = f"NATS, {servers} server(s)" if servers else "embedded"
        print(
            f"| {journal} | {instances} | {acknowledged:,.0f} | {counted:,.0f} | {own:.1f} | {standby:.1f} | {nats:.1f} |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cost", "bear", "hung"])
    parser.add_argument("--binary", default="target/release/ssowatch")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--away", type=int, default=22, help="how long a fault lasts, in seconds")
    parser.add_argument("--seed", type=int, default=1, help="of the faults' order")
    parser.add_argument("--order", help=f"faults, in order: {', '.join(FAULTS)}")
    args = parser.parse_args()
    args.binary = os.path.abspath(args.binary)
    if args.what == "hung":
        for _ in range(args.runs):
            hung(args)
        return
    costs(args) if args.what == "cost" else bear(args)


if __name__ == "__main__":
    main()
