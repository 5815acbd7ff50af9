//! A monitor, and how it is written.

use serde_json::{Value, json};

use crate::generate::Links;

/// A monitor.
#[derive(Debug)]
pub(super) struct Monitor {
    /// Name of the file, and of the thing in Terraform.
    pub(super) name: String,
    /// The alert whose runbook it has.
    pub(super) alert: &'static str,
    /// What people read; may hold `{{tag.name}}`.
    pub(super) title: &'static str,
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    /// What happens.
    pub(super) what: &'static str,
    /// Who is hit.
    pub(super) impact: &'static str,
    /// How it ends.
    pub(super) recovery: &'static str,
}

/// The name of what passes on what ssowatch's own detection found.
pub(super) const INCIDENT: &str = "SsowatchIncident";

/// What is looked at.
#[derive(Debug)]
pub(super) enum Kind {
    /// `query` compared with `critical`; the query has everything before the comparison.
    Metric { query: String, above: bool, critical: f64, missing: Missing },
    /// The same for logs.
    Logs { query: String, critical: f64 },
    /// Several monitors by name, all of which must alert; one with `!` before its name must not.
    Composite(&'static [&'static str]),
    /// The burn rate of the objective over a long and a short window.
    Burn { long: &'static str, short: &'static str, critical: f64 },
}

/// What it means that nothing is there to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Missing {
    /// After so many minutes, trouble.
    Trouble(u32),
    /// That it is over. Of what does not happen no count is sent, so a monitor that stays as it was never ends; and a part
    /// without data is as good as an alert to a composite.
    Over,
    /// The same, of a thing whose first ten minutes are its history.
    OverOnceKnown,
}

/// How urgent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Severity {
    /// Somebody gets up.
    Page,
    /// In working hours.
    Ticket,
    /// A part of a composite: tells nobody.
    Part,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
            Self::Part => "part",
        }
    }

    /// Datadog's priority, 1 to 5.
    fn priority(self) -> u8 {
        match self {
            Self::Page => 1,
            Self::Ticket => 3,
            Self::Part => 5,
        }
    }
}

impl Monitor {
    /// What names metrics.
    pub(super) fn queries(&self) -> impl Iterator<Item = &str> {
        match &self.kind {
            Kind::Metric { query, .. } => Some(&**query),
            Kind::Logs { .. } | Kind::Composite(_) | Kind::Burn { .. } => None,
        }
        .into_iter()
    }

    pub(super) fn json(&self, links: &Links) -> Value {
        json!({
            "name": self.title,
            "type": self.kind.api_type(),
            "query": self.kind.query(),
            "message": self.message(links),
            "priority": self.severity.priority(),
            "tags": [
                "service:ssowatch",
                format!("alertname:{}", self.alert.to_lowercase()),
                format!("severity:{}", self.severity.as_str()),
            ],
            "options": self.kind.options(self.severity),
        })
    }

    /// The parts of a composite tell nobody, so they say only what they are.
    fn message(&self, links: &Links) -> String {
        if self.severity == Severity::Part {
            return format!("{} It is a part of a composite and tells nobody.", self.what);
        }
        let Self { what, impact, recovery, alert, .. } = self;
        // The runbook is that of what was found.
        let found = if *alert == INCIDENT { "{{alertname.name}}" } else { *alert };
        let (runbook, page) = (links.runbook(found), &links.external_url);
        format!(
            "{{{{#is_alert}}}}\n**What happens**: {what}\n\n**Impact**: {impact}\n\n**Runbook**: {runbook}\n\n\
            **Who is hit, since when**: {page}/\n{{{{/is_alert}}}}\n\
            {{{{#is_no_data}}}}\nNo data: ssowatch sends nothing, or Datadog takes nothing. See {no_data}.\n{{{{/is_no_data}}}}\n\
            {{{{#is_recovery}}}}\n**Recovered**: {recovery}\n{{{{/is_recovery}}}}",
            no_data = links.runbook("SinkFailing"),
        )
    }
}

impl Kind {
    fn api_type(&self) -> &'static str {
        match self {
            Self::Metric { .. } => "query alert",
            Self::Logs { .. } => "log alert",
            Self::Composite(_) => "composite",
            Self::Burn { .. } => "slo alert",
        }
    }

    fn query(&self) -> String {
        match self {
            Self::Metric { query, above, critical, .. } => {
                format!("{query} {} {critical}", if *above { ">" } else { "<" })
            }
            Self::Logs { query, critical } => format!("{query} > {critical}"),
            Self::Composite(names) => {
                let ids = names.iter().map(|name| match name.strip_prefix('!') {
                    Some(name) => format!("!${{{}}}", identifier(name)),
                    None => format!("${{{}}}", identifier(name)),
                });
                ids.collect::<Vec<_>>().join(" && ")
            }
            Self::Burn { long, short, critical } => format!(
                "burn_rate(\"${{slo_sign_ins}}\").over(\"30d\").long_window(\"{long}\").short_window(\"{short}\") > {critical}"
            ),
        }
    }

    fn options(&self, severity: Severity) -> Value {
        let mut options = json!({
            "include_tags": true,
            // After five hours without a look somebody is reminded; a part tells nobody.
            "renotify_interval": if severity == Severity::Page { 300 } else { 0 },
        });
        match self {
            Self::Metric { critical, missing, .. } => {
                options["thresholds"] = json!({"critical": critical});
                // Windows are closed 30 s after their end, so the last minute is not complete.
                options["evaluation_delay"] = json!(60);
                // Quiet connections have few points.
                options["require_full_window"] = json!(false);
                let new = if *missing == Missing::OverOnceKnown { 600 } else { 60 };
                options["new_group_delay"] = json!(new);
                match missing {
                    Missing::Trouble(minutes) => {
                        options["notify_no_data"] = json!(true);
                        options["no_data_timeframe"] = json!(minutes);
                    }
                    Missing::Over | Missing::OverOnceKnown => {
                        options["on_missing_data"] = json!("resolve");
                    }
                }
            }
            Self::Logs { critical, .. } => {
                options["thresholds"] = json!({"critical": critical});
                options["enable_logs_sample"] = json!(true);
                options["groupby_simple_monitor"] = json!(false);
            }
            Self::Composite(_) => {}
            Self::Burn { critical, .. } => options["thresholds"] = json!({"critical": critical}),
        }
        options
    }
}

/// The name of a monitor as Terraform's variable.
fn identifier(name: &str) -> String {
    name.replace('-', "_")
}
