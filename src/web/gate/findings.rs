//! What speaks for and against going on, each with its verdict; the worst decides.

use super::everybody::{Everybody, Group, Trouble};
use super::rise::Rise;
use super::{Answer, Verdict};
use crate::event::Timestamp;
use crate::signal::{ConnectionView, Incident, Scope, Severity, Snapshot, State, TierView};

/// Reasons that an answer gives at most: with fifty tiers there are many.
const REASONS_MAX: usize = 10;

/// Open pages.
fn pages(snapshot: &Snapshot) -> impl Iterator<Item = &Incident> {
    let open = |incident: &&Incident| {
        incident.state == State::Firing && incident.severity == Severity::Page
    };
    snapshot.incidents.iter().map(AsRef::as_ref).filter(open)
}

fn open(page: &Incident) -> String {
    format!("open incident {}: {}", page.id, page.summary)
}

#[derive(Default)]
pub(super) struct Findings(Vec<(Verdict, String)>);

impl Findings {
    fn add(&mut self, verdict: Verdict, reason: String) {
        self.0.push((verdict, reason));
    }

    /// Open pages about the scope, or about all that it is part of; for the fleet also new ones about a single connection.
    pub(super) fn sign_ins(
        &mut self,
        snapshot: &Snapshot,
        view: Option<&ConnectionView>,
        since: Timestamp,
    ) {
        for incident in pages(snapshot) {
            let verdict = match (&incident.scope, view) {
                (Scope::Fleet, _) | (Scope::ConnectionType(_), None) => Verdict::Fail,
                (Scope::Connection(id), Some(view)) if *id == view.id => Verdict::Fail,
                (Scope::ConnectionType(kind), Some(view)) if **kind == *view.connection_type() => {
                    Verdict::Fail
                }
                (Scope::Connection(_), None) if incident.started_at >= since => Verdict::Hold,
                _ => continue,
            };
            self.add(verdict, open(incident));
        }
    }

    /// Pages and counts of a tier. Who asks about everything does not wait for a tier that has little to do.
    pub(super) fn tier(
        &mut self,
        snapshot: &Snapshot,
        tier: &TierView,
        since: Timestamp,
        waits: bool,
    ) {
        let own =
            |page: &&Incident| matches!(&page.scope, Scope::Tier(name) if **name == *tier.tier);
        for page in pages(snapshot).filter(own) {
            self.add(Verdict::Fail, open(page));
        }
        let rises = Rise::tier(tier, since);
        let name = &tier.tier;
        for rise in &rises {
            if !rise.is_known() {
                if waits {
                    self.add(
                        Verdict::Hold,
                        format!("the tier {name} is too new to know its usual"),
                    );
                }
                return;
            }
            match rise.unseen().filter(|_| waits) {
                _ if rise.is_real() => self.add(Verdict::Fail, format!("{name}: {rise}")),
                Some(words) => self.add(Verdict::Hold, format!("{name}: {words}")),
                None => self.add(Verdict::Pass, format!("{name}: {rise}")),
            }
        }
    }

    /// Whether anything rose in the fleet, and whether a rise would have been seen: among those who are judged, or among everybody.
    pub(super) fn fleet(&mut self, snapshot: &Snapshot, since: Timestamp) {
        let judged = Rise::fleet(snapshot, since);
        if snapshot.crowd.is_none() {
            return self.rises(&judged);
        }
        let everybody = Everybody::since(snapshot, since, Trouble::Failed);
        let late = Everybody::since(snapshot, since, Trouble::TimedOut);
        for group in [&everybody.all, &late.all] {
            if group.rest.is_real() {
                self.add(Verdict::Fail, group.all.to_string());
            }
        }
        for group in [&everybody.new, &late.new] {
            self.newcomers(group);
        }
        let few = judged.iter().any(|rise| rise.unseen().is_some());
        for rise in judged.iter().filter(|rise| rise.is_real() || !few) {
            let verdict = if rise.is_real() { Verdict::Fail } else { Verdict::Pass };
            self.add(verdict, rise.to_string());
        }
        if few {
            match everybody.all.all.unseen() {
                Some(words) => self.add(Verdict::Hold, words),
                None => self.add(Verdict::Pass, everybody.all.all.to_string()),
            }
        }
    }

    /// What one new connection alone does is no reason to stop: whoever sets one up fails. It is worth a look. Of known ones the
    /// detection tells.
    fn newcomers(&mut self, group: &Group<'_>) {
        if group.rest.is_real() {
            self.add(Verdict::Fail, group.all.to_string());
        } else if let Some(worst) = group.worst.filter(|_| group.all.is_real()) {
            let words = format!("{}; most of them are on {}", group.all, worst.label());
            self.add(Verdict::Hold, words);
        }
    }

    /// Whether anything rose since then, and whether a rise would have been seen.
    pub(super) fn rises(&mut self, rises: &[Rise]) {
        for rise in rises {
            match rise.unseen() {
                _ if rise.is_real() => self.add(Verdict::Fail, rise.to_string()),
                Some(words) => self.add(Verdict::Hold, words),
                None => self.add(Verdict::Pass, rise.to_string()),
            }
        }
    }

    /// The worst that was found, and why.
    pub(super) fn answer(self) -> Answer {
        let verdict = self.0.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Pass);
        let mut reasons: Vec<String> = Vec::new();
        for (_, reason) in self.0.into_iter().filter(|(one, _)| *one == verdict) {
            if reasons.len() < REASONS_MAX && !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        Answer { verdict, reasons }
    }
}
