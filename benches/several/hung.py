"""One server of three hangs and leads no journal: how far standbys are behind, and how long the next owner takes."""

import json
import signal
import statistics
import sys
import tempfile
import threading
import time
from datetime import datetime

from .load import Body, Sender
from .parts import Instance, Place, Server, free_port, owner, until

STREAM = "ssowatch_journal"


def behind(instance):
    """Seconds from what an instance knows to now."""
    answer = instance.get("/api/v1/status")
    return time.time() - datetime.fromisoformat(json.loads(answer)["now"]).timestamp() if answer else None


def feed(instances, stop):
    sender, number = Sender(), 0
    while not stop.wait(2):
        for place in range(len(instances)):
            if sender.send(instances[(number + place) % len(instances)], Body(number).payload):
                break
        number += 1


def hung(args):
    with tempfile.TemporaryDirectory() as folder:
        routes = [f"127.0.0.1:{free_port()}" for _ in range(3)]
        servers, instances, stop = [], [], threading.Event()
        try:
            # They find each other.
            launched = [threading.Thread(target=lambda route=route: servers.append(Server(folder, Place(), route, routes))) for route in routes]
            [thread.start() for thread in launched]
            [thread.join() for thread in launched]
            instances.extend(Instance(args.binary, folder, name, servers) for name in ("one", "two", "three"))
            first = until("one owns the journal", lambda: owner(instances))
            threading.Thread(target=feed, args=(instances, stop), daemon=True).start()
            time.sleep(10)
            victim = next(server for server in servers if not server.leads(STREAM))
            victim.process.send_signal(signal.SIGSTOP)
            lags = []
            for _ in range(args.away):
                time.sleep(1)
                lags += [lag for instance in instances if instance is not first and (lag := behind(instance)) is not None]
            lags.sort()
            print(f"standbys are behind: {statistics.median(lags):.1f} s in the median, {lags[len(lags) * 9 // 10]:.1f} s nine times in ten, {lags[-1]:.1f} s at most")
            first = owner(instances) or sys.exit("nobody owns the journal")
            first.kill()
            killed = time.monotonic()
            until("another owns it", lambda: owner([one for one in instances if one is not first]))
            print(f"the next owner after {time.monotonic() - killed:.1f} s", flush=True)
        finally:
            stop.set()
            for process in instances + servers:
                process.kill()
