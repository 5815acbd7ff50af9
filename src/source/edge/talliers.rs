//! What remembers clients and paths from one pushed body to the next.

use std::sync::{Arc, Mutex, PoisonError};

use crate::event::Privacy;
use crate::event::edge::{Scheme, Tallier};

/// Talliers that wait for a body at most: an edge pushes a format or two. Each remembers 10 MB at most.
const IDLE_MAX: usize = 4;

/// Makes talliers, and keeps those that had a body: clients come again, and to hash an address takes longer than to read
/// its line.
#[derive(Clone, Debug)]
pub struct Talliers {
    scheme: Arc<Scheme>,
    privacy: Privacy,
    /// Empty but for what they remember; the one that was used last at the end.
    idle: Arc<Mutex<Vec<Tallier>>>,
}

impl Talliers {
    /// For logs that are read as `scheme` says.
    #[must_use]
    pub fn new(scheme: Arc<Scheme>, privacy: Privacy) -> Self {
        Self { scheme, privacy, idle: Arc::default() }
    }

    /// How logs are read.
    #[must_use]
    pub fn scheme(&self) -> &Arc<Scheme> {
        &self.scheme
    }

    /// One for lines of this format, all of one `tier` if one is given. The error is a sentence.
    pub(super) fn take(&self, format: &str, tier: Option<&str>) -> Result<Tallier, String> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = idle.iter().rposition(|tallier| tallier.reads(format, tier)) {
            return Ok(idle.remove(place));
        }
        drop(idle);
        Tallier::new(Arc::clone(&self.scheme), format, tier, self.privacy.clone())
    }

    /// Takes one back from which everything was taken.
    pub(super) fn put(&self, tallier: Tallier) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= IDLE_MAX {
            idle.remove(0);
        }
        idle.push(tallier);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Treatment;

    #[test]
    fn a_tallier_comes_again_for_the_same_lines_only_and_few_wait() {
        let privacy = Privacy::new(Treatment::Hash, b"key");
        let talliers = Talliers::new(Arc::default(), privacy);
        let take = |format, tier| talliers.take(format, tier).unwrap();
        let idle = || talliers.idle.lock().unwrap().len();
        talliers.put(take("nginx_json", Some("web")));
        let others = [
            take("nginx_json", None),
            take("nginx_json", Some("api")),
            take("caddy_json", Some("web")),
        ];
        assert_eq!(idle(), 1, "others are no use");
        let again = take("nginx_json", Some("web"));
        assert_eq!(idle(), 0);
        others.into_iter().chain([again]).for_each(|tallier| talliers.put(tallier));
        talliers.put(take("envoy_json", None));
        assert_eq!(idle(), IDLE_MAX);
        assert!(talliers.take("none", None).unwrap_err().contains("no format of this name"));
        drop(take("nginx_json", None));
        assert_eq!(idle(), IDLE_MAX, "the one that waited longest had to go");
    }
}
