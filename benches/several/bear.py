"""Three servers and three instances, each in a namespace of its own, under load, while one after the other goes wrong."""

import random
import signal
import sys
import tempfile
import time

from . import network
from .load import Feed
from .parts import Instance, Place, Server, owner, until
from .recorder import Recorder
from .verdict import Verdict

# How often a fault comes, at least: an incident begins before it, one during it and one after it, and each ends within a minute.
CYCLE_SECONDS_MIN = 60

RULES = """built_in_alerts: false
rules:
  - { name: ConnectionBroken, metric: failure_ratio, op: ">", value: 0.5, window: 1m, min_attempts: 4, keep_firing_for: 10s }
  - { name: ProviderOut, scope: fleet, metric: failure_ratio, op: ">", value: 0.1, window: 1m, min_attempts: 50, keep_firing_for: 10s }
"""

# When the connections of a fault break, and when they work again, in seconds from the fault's beginning; and the provider, once.
TROUBLE = {"before": (-35, 4), "during": (2, 42), "after": (27, 67)}
OUTAGE = (5, 35)

# How long the rules' windows and Datadog's last one take to close, and all to be told.
SETTLE_SECONDS = 150


class Bear:
    """One run."""

    def __init__(self, args, folder):
        self.args, self.folder, self.verdict = args, folder, Verdict()
        order = args.order.split(",") if args.order else sorted(FAULTS)
        if not args.order:
            random.Random(args.seed).shuffle(order)
        self.order = order
        self.cycle = args.seconds / len(order)
        if self.cycle < CYCLE_SECONDS_MIN:
            sys.exit(f"{len(order)} faults need {len(order) * CYCLE_SECONDS_MIN} s: --seconds, or fewer in --order")
        self.watched = [f"conn_{when}_{n}" for n in range(len(order)) for when in TROUBLE]
        self.servers, self.instances = [], []

    def build(self):
        self.inner, self.outer = network.Switch("nats", "10.98.0"), network.Switch("world", "10.99.0")
        recorder_names = {}

        def place(name, number):
            node = network.Node(name, number)
            self.inner.plug(node)
            self.outer.plug(node)
            recorder_names[self.outer.address(number)] = name
            return Place(node, self.inner.address(number), self.outer.address(number))

        places = [place(f"n{n}", 11 + n) for n in range(3)]
        routes = [f"{place.inner}:6222" for place in places]
        for one, route in zip(places, routes):
            self.servers.append(Server(self.folder, one, route, routes))
        self.recorder = Recorder(self.outer.address(1), recorder_names)
        more = RULES + self.recorder.config()
        for n in range(3):
            self.instances.append(Instance(self.args.binary, self.folder, f"i{n}", self.servers, place(f"i{n}", 21 + n), more))
        self.feed = Feed(self.instances, self.args.rate, self.watched)

    def run(self):
        self.build()
        self.begun = time.monotonic()
        # Behind the middle of its cycle: trouble begins before it.
        times = [self.begun + (n + 0.6) * self.cycle for n in range(len(self.order))]
        self.timeline = sorted((entry for n, at in enumerate(times) for entry in self.plan(n, at)), key=lambda entry: entry[0])
        self.feed.start()
        for self.at, fault in zip(times, self.order):
            self.wait(self.at)
            print(f"at {time.monotonic() - self.begun:.0f} s {FAULTS[fault][0]}", flush=True)
            FAULTS[fault][1](self)
        self.wait(self.begun + self.args.seconds)
        self.settle()

    def plan(self, n, at):
        """When the connections of the fault at `at` break and work again, and the provider during the middle one."""
        for when, (begin, end) in TROUBLE.items():
            yield at + begin, self.feed.broken.add, f"conn_{when}_{n}"
            yield at + end, self.feed.broken.discard, f"conn_{when}_{n}"
        if n == len(self.order) // 2:
            yield at + OUTAGE[0], self.outage, True
            yield at + OUTAGE[1], self.outage, False

    def outage(self, on):
        self.feed.outage = on

    def wait(self, end):
        """Until it is `end`; meanwhile what is planned happens."""
        self.play()
        while time.monotonic() < end:
            time.sleep(0.1)
            self.play()

    def play(self):
        while self.timeline and self.timeline[0][0] <= time.monotonic():
            _, act, what = self.timeline.pop(0)
            act(what)

    def reach(self, what, condition):
        """Until something holds; meanwhile what is planned happens."""

        def look():
            self.play()
            return condition()

        return until(what, look)

    def owner(self):
        return self.reach("there is an owner", lambda: owner(self.instances))

    def taken_over(self, before, begun):
        others = [instance for instance in self.instances if instance is not before]
        self.reach("another instance takes over", lambda: owner(others))
        self.verdict.takeover(time.monotonic() - begun)

    def silent(self, before, cut, nodes_away):
        """`before` is cut off from `cut` on, for as long as the run says, and then until another fault it must not speak again."""
        self.taken_over(before, cut)
        self.wait(cut + self.args.away)
        nodes_away()
        self.reach(f"{before.name} is a standby", lambda: True if before.get("/-/healthy") and not before.owns() else None)
        # While another owns the journal.
        self.wait(cut + self.args.away + 5)
        self.verdict.silence(self.recorder, before.name, cut, time.monotonic())

    def kill_server(self):
        leader, before = self.leader(), self.owner()
        leader.kill()
        self.wait(self.at + self.args.away)
        leader.start()
        now = self.owner()
        print(f"  the owner is {'the same' if now is before else 'another'}", flush=True)

    def kill_owner(self):
        before, cut = self.owner(), time.monotonic()
        before.kill()
        self.taken_over(before, cut)
        self.wait(self.at + self.args.away)
        before.launch()
        self.reach(f"{before.name} is back", lambda: before.get("/-/healthy"))

    def stop_owner(self):
        before, cut = self.owner(), time.monotonic()
        before.process.send_signal(signal.SIGSTOP)
        self.silent(before, cut, lambda: before.process.send_signal(signal.SIGCONT))

    def cut_owner(self):
        before, cut = self.owner(), time.monotonic()
        self.inner.part([before.place.node])
        self.silent(before, cut, lambda: self.inner.join([before.place.node]))

    def part(self):
        before, leader = self.owner(), self.leader()
        away, cut = [before.place.node, leader.place.node], time.monotonic()
        self.inner.part(away)
        self.silent(before, cut, lambda: self.inner.join(away))

    def leader(self):
        alive = [server for server in self.servers if server.lives()]
        return self.reach("the stream has a leader", lambda: next((one for one in alive if one.leads("ssowatch_journal")), None))

    def settle(self):
        while self.timeline:
            self.wait(self.timeline[0][0] + 0.1)
        self.feed.outage = False
        # What broke last must be seen to work again.
        self.wait(time.monotonic() + 45)
        self.feed.stop()
        took = time.monotonic() - self.begun
        feed, recorder = self.feed, self.recorder
        expected = [*self.watched, "fleet"]
        print(
            f"{feed.sent:,} events in {took:.0f} s ({feed.sent / took:,.0f} a second), the slowest answer after {feed.slowest:.1f} s",
            flush=True,
        )

        def settled():
            told, _ = recorder.by_key()
            ended = sum(entries[-1][2] == "resolve" for entries in told.values())
            return ended >= len(expected) and recorder.sums()[1] >= feed.sent and sum(recorder.logged) >= feed.sent

        end = time.monotonic() + SETTLE_SECONDS
        while not settled() and time.monotonic() < end:
            time.sleep(1)
        self.verdict.totals(self.owner().metrics(), feed)
        self.verdict.datadog(recorder, feed)
        self.verdict.incidents(recorder, expected, "ProviderOut")


FAULTS = {
    "kill-server": ("the stream's leader is killed", Bear.kill_server),
    "kill-owner": ("the owner is killed", Bear.kill_owner),
    "stop-owner": ("the owner is stopped", Bear.stop_owner),
    "cut-owner": ("the owner is cut off from NATS, and from nothing else", Bear.cut_owner),
    "part": ("the owner and the stream's leader are parted from the others", Bear.part),
}


def bear(args):
    network.enter()
    with tempfile.TemporaryDirectory() as folder:
        run = Bear(args, folder)
        print(f"{args.rate:,} events a second for {args.seconds} s: {', '.join(run.order)}", flush=True)
        try:
            run.run()
        finally:
            if hasattr(run, "feed"):
                run.feed.abandoned = True
                run.feed.stop()
            for process in run.instances + run.servers:
                process.kill()
        if run.verdict.wrong:
            sys.exit(f"{len(run.verdict.wrong)} promises were not kept")
