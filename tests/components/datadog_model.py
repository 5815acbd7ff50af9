"""Checks bodies with the models of Datadog's official client: one JSON request a line in, one list of problems a line out.

A request names the version (`v1`), the model (`EventCreateRequest`) and the body. The models raise on wrong types, missing
fields and limits; what they let through (unknown fields, words that no enum has) is looked for in the result.
"""

import importlib
import json
import re
import sys

from datadog_api_client import Configuration
from datadog_api_client.exceptions import ApiTypeError, ApiValueError
from datadog_api_client.model_utils import (
    ModelComposed,
    ModelNormal,
    validate_and_convert_types,
)


def model(version, name):
    """The class `name` of the API `version`."""
    # `HTTPLogItem` is in `http_log_item`.
    module = re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", name).lower()
    return getattr(
        importlib.import_module(f"datadog_api_client.{version}.model.{module}"), name
    )


def leftovers(value, place):
    """What the models let through."""
    if getattr(value, "_unparsed", False):
        yield f"{place}: {value} is not in the schema"
    if isinstance(value, ModelNormal):
        known = set(type(value).attribute_map)
        for key, child in value._data_store.items():
            if key not in known:
                yield f"{place}: unknown field {key}"
            yield from leftovers(child, f"{place}.{key}")
    elif isinstance(value, ModelComposed):
        # One of several: what it was taken for.
        for chosen in value._composed_instances:
            yield from leftovers(chosen, place)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from leftovers(child, f"{place}[{index}]")


def problems(version, model_name, body):
    """Everything that is wrong with `body`."""
    try:
        parsed = validate_and_convert_types(
            body, (model(version, model_name),), ["body"], True, True, Configuration()
        )
    except (ApiTypeError, ApiValueError, TypeError) as error:
        return [str(error)]
    return list(leftovers(parsed, "body"))


for line in sys.stdin:
    request = json.loads(line)
    found = problems(request["version"], request["model"], request["body"])
    print(json.dumps(found), flush=True)
