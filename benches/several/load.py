"""Sign-ins in bodies, what they add up to, and who sends them at a rate until each is acknowledged."""

import http.client
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from .parts import TOKEN

EVENTS_A_BODY = 500
SESSIONS_A_BODY = EVENTS_A_BODY // 2
CONNECTIONS = 200

# Bodies that wait for an instance at once, and threads that send them.
WAITING_MAX = 64
THREADS = 16


def event(step, session, connection, user, at):
    error = ',"error":{"code":"invalid_grant","message":"The grant is not valid."}' if step == "failed" else ""
    return (
        f'{{"id":"event_{step}_{session}","event":"authentication.sso_{step}","created_at":"{at}","data":{{"type":"sso",'
        f'"user_id":"user_{user}","email":"user_{user}@example.com","ip_address":"203.0.113.42","user_agent":"Mozilla/5.0",'
        f'"sso":{{"organization_id":"org_1","connection_id":"{connection}","session_id":"{session}"}}{error}}}}}'
    )


class Body:
    """Sign-ins that start and end. The first are those of `watched` connections, which fail where they are `broken`; the others
    are spread over a fleet, of which two in five fail during an `outage`."""

    def __init__(self, number, watched=(), broken=frozenset(), outage=False):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000Z"
        self.number, self.counts, lines = number, Counter(), []
        for n in range(SESSIONS_A_BODY):
            if n < len(watched):
                connection = watched[n]
                end = "failed" if connection in broken else "succeeded"
            else:
                connection = f"conn_{(number * 7 + n) % CONNECTIONS}"
                end = "failed" if outage and n % 5 < 2 else "succeeded"
            session = f"s{number}_{n}"
            for step in ("started", end):
                lines.append(event(step, session, connection, n, at))
                self.counts[connection, step] += 1
        self.payload = "\n".join(lines).encode()


class Sender(threading.local):
    """One connection for each thread and instance."""

    def __init__(self):
        self.connections = {}

    def send(self, instance, payload):
        key = instance.intake
        connection = self.connections.get(key) or http.client.HTTPConnection(instance.place.outer, key, timeout=5)
        self.connections[key] = connection
        try:
            connection.request("POST", "/v1/events", payload, {"Authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            answer.read()
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            connection.close()
            del self.connections[key]
            return False


class Feed:
    """Sends bodies at `rate` events a second to all `instances` in turn, each to one after the other until one takes it."""

    def __init__(self, instances, rate, watched):
        self.instances, self.rate, self.watched = instances, rate, watched
        self.broken, self.outage = set(), False
        self.counts, self.sent, self.slowest = Counter(), 0, 0.0
        self.sender, self.stopped, self.lock = Sender(), threading.Event(), threading.Lock()
        self.thread = threading.Thread(target=self.run)
        # Set when nobody waits for the answers any more.
        self.abandoned = False

    def push(self, body):
        begun, tries = time.monotonic(), 0
        while not self.sender.send(self.instances[(body.number + tries) % len(self.instances)], body.payload):
            tries += 1
            time.sleep(0.05)
            if self.abandoned:
                return
        with self.lock:
            self.sent += EVENTS_A_BODY
            self.counts.update(body.counts)
            self.slowest = max(self.slowest, time.monotonic() - begun)

    def run(self):
        begun, number = time.monotonic(), 0
        with ThreadPoolExecutor(THREADS) as pool:
            waiting = []
            while not self.stopped.is_set():
                ahead = number * EVENTS_A_BODY / self.rate - (time.monotonic() - begun)
                if ahead > 0:
                    time.sleep(ahead)
                waiting = [one for one in waiting if not one.done()]
                if len(waiting) < WAITING_MAX:
                    waiting.append(pool.submit(self.push, Body(number, self.watched, frozenset(self.broken), self.outage)))
                    number += 1
                else:
                    time.sleep(0.01)
            for one in waiting:
                one.result()

    def start(self):
        self.thread.start()

    def stop(self):
        """Returns when all that was begun is acknowledged."""
        self.stopped.set()
        if self.thread.is_alive():
            self.thread.join()
