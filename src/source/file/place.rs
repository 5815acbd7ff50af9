//! Where files are looked for: the patterns of the configuration, and what they show.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use crate::event::Source;

use super::pattern::Pattern;
use super::stat::{Sighting, Stat};

/// Files that are watched at a time; of more, the ones that were changed last. Each costs a look a
/// second and a mark.
pub(super) const FILES_MAX: usize = 4000;

/// One entry of the configuration.
#[derive(Debug)]
pub(super) struct Place {
    /// Its number among the entries.
    entry: usize,
    pattern: Pattern,
    follow: bool,
    /// What a place that is read once stood for when it first stood for anything.
    fixed: Option<Vec<PathBuf>>,
    /// That nothing is there has been said.
    missing: bool,
}

/// What a look at all places shows.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) sightings: Vec<Sighting>,
    /// What is wrong, in a sentence, by place.
    pub(super) troubles: BTreeMap<String, String>,
    /// Some place could not be seen: what is missing may still be there.
    pub(super) incomplete: bool,
}

impl Place {
    pub(super) fn new(entry: usize, pattern: Pattern, follow: bool) -> Self {
        Self { entry, pattern, follow, fixed: None, missing: false }
    }

    /// Whether no other file than those that it stood for will be read.
    pub(super) fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// Adds what is there to `view`.
    pub(super) fn look(&mut self, view: &mut View) {
        let found = match &self.fixed {
            Some(paths) => Ok(paths.clone()),
            None => self.pattern.files(),
        };
        let paths = match found {
            Ok(paths) => paths,
            Err(error) => {
                view.hide(self.pattern.as_str(), &error);
                return;
            }
        };
        if paths.is_empty() && !self.missing {
            tracing::info!(path = self.pattern.as_str(), "No such file yet; waiting for it.");
        }
        self.missing = paths.is_empty();
        for path in &paths {
            view.see(path, self.entry, self.follow);
        }
        if !self.follow && !paths.is_empty() {
            self.fixed.get_or_insert(paths);
        }
    }
}

impl View {
    fn see(&mut self, path: &Path, entry: usize, follow: bool) {
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => {
                let stat = Stat::of(&metadata);
                self.sightings.push(Sighting { path: path.to_owned(), stat, entry, follow });
            }
            Ok(_) => {
                let place = path.display().to_string();
                let problem = format!("{place} is no regular file; name files, a glob or a folder");
                self.troubles.insert(place, problem);
            }
            // It went in this moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let place = path.display().to_string();
                self.hide(&place, &format!("cannot see {place}: {error}"));
            }
        }
    }

    /// Something at `place` cannot be seen, as `problem` says.
    fn hide(&mut self, place: &str, problem: &dyn Display) {
        self.incomplete = true;
        self.troubles.insert(place.to_owned(), format!("{problem}; check owner and permissions"));
    }

    /// Keeps the files that were changed last, at most [`FILES_MAX`].
    pub(super) fn limit(&mut self, source: Source) {
        let count = self.sightings.len();
        if count > FILES_MAX {
            self.sightings.sort_by_key(|sighting| std::cmp::Reverse(sighting.stat.modified));
            self.sightings.truncate(FILES_MAX);
            let key = format!("sources.{}", source.as_str());
            let problem = format!(
                "`{key}` stands for {count} files; only the {FILES_MAX} that were changed last are read, move old ones away"
            );
            self.troubles.insert(key, problem);
        }
    }
}
