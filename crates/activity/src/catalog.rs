//! The activities by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::Activity;

/// What an activity is called and how it may end.
#[derive(Debug, Clone, PartialEq)]
pub struct Descriptor {
    /// The word after `activity:` in YAML.
    pub name: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Outcomes besides `unknown`; `next` must route each that is required.
    pub outcomes: &'static [&'static str],
    /// Outcomes that `next` must route.
    pub required_outcomes: &'static [&'static str],
    /// Whether a payment link may come of it.
    pub makes_link: bool,
    /// Whether performing reaches outside the engine, so that an attempt is stored before it.
    pub reaches_outside: bool,
    /// JSON Schema of `with`.
    pub settings_schema: Json,
    /// The page about it, in Markdown.
    pub page: &'static str,
}

/// The list of activities; the loader checks against it and the engine runs it.
#[derive(Clone, Default)]
pub struct Catalog {
    activities: BTreeMap<&'static str, Arc<dyn Activity>>,
}

impl Catalog {
    /// No activities.
    pub fn empty() -> Catalog {
        Catalog::default()
    }

    /// The activities that ship.
    pub fn builtin() -> Catalog {
        crate::builtin::all()
            .into_iter()
            .fold(Catalog::empty(), Catalog::with)
    }

    /// The catalog with one more activity; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, activity: Arc<dyn Activity>) -> Catalog {
        self.activities.insert(activity.descriptor().name, activity);
        self
    }

    /// The activity of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Activity>> {
        self.activities.get(name)
    }

    /// Every activity, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Activity>> {
        self.activities.values()
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.activities.keys()).finish()
    }
}
