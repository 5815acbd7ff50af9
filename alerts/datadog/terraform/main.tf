# Applies the monitors and the objective of this folder. Notifications go to what `notify` says.
#
#   export DD_API_KEY=… DD_APP_KEY=…
#   terraform init && terraform apply -var 'notify=@pagerduty-sso @slack-sso'

terraform {
  required_version = ">= 1.5"
  required_providers {
    datadog = {
      source  = "DataDog/datadog"
      version = ">= 3.40"
    }
  }
}

variable "notify" {
  description = "Who is told, in Datadog's words, e.g. @pagerduty-sso @slack-sso"
  type        = string
}

variable "files" {
  description = "The folder of the monitors"
  type        = string
  default     = ".."
}

locals {
  monitors = {
    for file in fileset("${path.module}/${var.files}", "*.json") :
    replace(trimsuffix(file, ".json"), "-", "_") => "${path.module}/${var.files}/${file}"
    if file != "slo-sign-ins.json"
  }
  kinds = { for name, file in local.monitors : name => regex("\"type\": \"([a-z ]+)\"", file(file))[0] }

  # Metric and log monitors stand for themselves. Composites name monitors, burn rates name the objective.
  single    = { for name, file in local.monitors : name => file if contains(["query alert", "log alert"], local.kinds[name]) }
  composite = { for name, file in local.monitors : name => file if local.kinds[name] == "composite" }
  burn      = { for name, file in local.monitors : name => file if local.kinds[name] == "slo alert" }

  slo = jsondecode(file("${path.module}/${var.files}/slo-sign-ins.json"))
}

resource "datadog_monitor_json" "single" {
  for_each = local.single
  monitor = jsonencode(merge(jsondecode(file(each.value)), {
    message = join("\n", concat(
      [jsondecode(file(each.value)).message],
      # A part of a composite tells nobody.
      contains(jsondecode(file(each.value)).tags, "severity:part") ? [] : [var.notify],
    ))
  }))
}

resource "datadog_monitor_json" "composite" {
  for_each = local.composite
  monitor = jsonencode(merge(
    jsondecode(file(each.value)),
    {
      query   = jsondecode(templatefile(each.value, { for name, monitor in datadog_monitor_json.single : name => monitor.id })).query
      message = "${jsondecode(file(each.value)).message}\n${var.notify}"
    },
  ))
}

resource "datadog_service_level_objective" "sign_ins" {
  name        = local.slo.name
  type        = local.slo.type
  description = local.slo.description
  tags        = local.slo.tags
  query {
    numerator   = local.slo.query.numerator
    denominator = local.slo.query.denominator
  }
  dynamic "thresholds" {
    for_each = local.slo.thresholds
    content {
      timeframe = thresholds.value.timeframe
      target    = thresholds.value.target
      warning   = thresholds.value.warning
    }
  }
}

resource "datadog_monitor_json" "burn" {
  for_each = local.burn
  monitor = jsonencode(merge(
    jsondecode(file(each.value)),
    {
      query   = jsondecode(templatefile(each.value, { slo_sign_ins = datadog_service_level_objective.sign_ins.id })).query
      message = "${jsondecode(file(each.value)).message}\n${var.notify}"
    },
  ))
}

resource "datadog_dashboard_json" "boards" {
  for_each  = fileset("${path.module}/${var.files}/../../dashboards/datadog", "*.json")
  dashboard = file("${path.module}/${var.files}/../../dashboards/datadog/${each.value}")
}
