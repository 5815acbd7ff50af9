"""Renders the chart with real Helm: one JSON request a line in, one JSON answer a line out.

A request names the folder of the chart and values, or a text in YAML that has them. The answer is `{"refused": why}`, or the
rendered objects, what Helm's linter and the strict schemas of the oldest and the newest Kubernetes say against them, and the
notes.
"""

import json
import sys

import helm_python as helm
import kubernetes_validate
import yaml

# The oldest that `Chart.yaml` takes, and the newest there is a schema of.
KUBERNETES = ("1.25", "1.37")
# Of operators: Kubernetes itself has no schema for them, chart.rs asks that of the operator.
CUSTOM = ("ServiceMonitor", "PrometheusRule")


def answer(chart, values):
    """What becomes of the chart with `values`."""
    try:
        with helm.Chart.load(chart) as loaded:
            files = loaded.render(values, name="release", namespace="monitoring")
    except helm.HelmValuesError as error:
        return {"refused": str(error)}
    lint = helm.lint(chart, values, strict=True, namespace="monitoring")
    problems = [str(error) for error in lint["errors"]]
    notes = "".join(text for name, text in files.items() if name.endswith(".txt"))
    manifests = [text for name, text in sorted(files.items()) if name.endswith(".yaml")]
    objects = [o for text in manifests for o in yaml.safe_load_all(text) if o]
    for item in objects:
        if item["kind"] in CUSTOM:
            continue
        for version in KUBERNETES:
            try:
                kubernetes_validate.validate(item, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                problems.append(f"{version}, {item['kind']}: {error}")
    return {"objects": objects, "problems": problems, "notes": notes}


for line in sys.stdin:
    request = json.loads(line)
    values = request["values"]
    if isinstance(values, str):
        values = yaml.safe_load(values)
    print(json.dumps(answer(request["chart"], values)), flush=True)
