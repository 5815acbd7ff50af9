"""Whether what was promised was kept."""

from collections import Counter

# How long an owner acts after its last append: docs/scaling.md.
TERM_SECONDS = 8

# A request that was sent in time, on a machine with more to do than it has cores, is read so much later at most.
SLACK_SECONDS = 0.5

TAKEOVER_SECONDS = 15

# Its requests before it was cut off show that they would be seen.
BEFORE_SECONDS = 20


class Verdict:
    """Collects what is wrong."""

    def __init__(self):
        self.wrong = []

    def expect(self, right, words):
        print(f"  {'ok   ' if right else 'WRONG'} {words}", flush=True)
        if not right:
            self.wrong.append(words)

    def takeover(self, seconds):
        self.expect(seconds <= TAKEOVER_SECONDS, f"taken over after {seconds:.1f} s")

    def silence(self, recorder, name, cut, until):
        """Nothing comes from an instance that was cut off at `cut` when its term is over, up to `until`."""
        with recorder.lock:
            own = [(at, what) for at, instance, what in recorder.requests if instance == name and cut - BEFORE_SECONDS < at < until]
        late = [(round(at - cut, 1), what) for at, what in own if at > cut + TERM_SECONDS + SLACK_SECONDS]
        last = max((at - cut for at, _ in own), default=0)
        words = f"{name} says nothing after its term: {len(own)} requests since {BEFORE_SECONDS} s before, the last {last:+.1f} s from it {late[:5] or ''}"
        self.expect(own and not late, words)

    def totals(self, metrics, feed):
        """The owner's totals are the input's."""
        counted = Counter()
        for series, value in metrics.items():
            name, _, labels = series.partition("{")
            named = dict(label.split("=", 1) for label in labels.rstrip("}").split(",") if "=" in label)
            connection, outcome = (named.get(label, "").strip('"') for label in ("connection_id", "outcome"))
            if name == "sso_sessions_started_total":
                counted[connection, "started"] += int(value)
            elif name == "sso_sessions_finished_total":
                counted[connection, outcome] += int(value)
        received = int(metrics.get('ssowatch_events_received_total{source="push"}', 0))
        self.expect(received == feed.sent, f"{received:,} of {feed.sent:,} events received, each once")
        self.expect(differences(counted, feed.counts) == [], f"totals of {len(feed.counts)} series {differences(counted, feed.counts)[:5] or ''}")

    def datadog(self, recorder, feed):
        sums, received = recorder.sums()
        self.expect(not recorder.changed, f"{len(recorder.points):,} points, {recorder.resent:,} sent again, none with another value {recorder.changed[:3] or ''}")
        wrong = differences(sums, feed.counts)
        self.expect(not wrong and received == feed.sent, f"points add up to the input: {received:,} of {feed.sent:,} events {wrong[:5] or ''}")
        logged = sum(recorder.logged)
        self.expect(logged == feed.sent, f"each event is a log: {logged:,}, {recorder.logs - logged:,} of them again")

    def incidents(self, recorder, expected, alertname):
        """Each thing of `expected`, of which the fleet is called by its `alertname`, was paged with one key, and ended once; nothing else was."""
        told, things = recorder.by_key()
        keys = {}
        for key, thing in things.items():
            keys.setdefault(thing, []).append(key)
        repeated = 0
        for thing in sorted(expected):
            own = keys.get(thing, [])
            actions = [action for key in own for _, _, action in told[key]]
            effects = [action for n, action in enumerate(actions) if n == 0 or actions[n - 1] != action]
            repeated += len(actions) - len(effects)
            if len(own) != 1 or effects != ["trigger", "resolve"]:
                self.expect(False, f"{thing} has {len(own)} keys and was told {[told[key] for key in own]}")
            words = alertname if thing == "fleet" else thing
            heard = {"Resolved" in text for _, _, text in recorder.messages if words in text}
            if heard != {False, True}:
                self.expect(False, f"Slack did not hear of {thing} and of its end")
        others = sorted(str(thing) for thing in set(keys) - set(expected))
        self.expect(not others, f"{len(keys)} incidents paged, of {len(expected)} that were made {others or ''}")
        by = Counter(instance for _, instance, *_ in recorder.pages)
        print(f"        {len(recorder.pages)} requests to PagerDuty by {dict(by)}, {repeated} of them repeat what it knew; {len(recorder.messages)} messages to Slack")


def differences(found, expected):
    keys = set(found) | set(expected)
    return sorted((key, found[key], expected[key]) for key in keys if found[key] != expected[key])
