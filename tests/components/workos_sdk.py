"""Signs and verifies webhooks with the official WorkOS SDK: one JSON request a line in, one JSON answer a line out."""

import json
import sys

from workos.actions import _compute_signature
from workos.webhooks import _verification


def sign(secret, body, at):
    """The header that the SDK's rule gives `body` at the epoch milliseconds `at`."""
    return f"t={at}, v1={_compute_signature(f'{at}.{body}', secret)}"


def verify(secret, body, header):
    """The id of the event, or why the SDK refuses it."""
    try:
        event = _verification.verify_event(
            event_body=body.encode(), event_signature=header, secret=secret
        )
        return {"id": event.id}
    except ValueError as error:
        return {"refused": str(error)}


ACTIONS = {"sign": sign, "verify": verify}

for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(ACTIONS[request.pop("do")](**request)), flush=True)
