//! The pages about mistakes in scenario files.

/// A page about a mistake, in the form that `explain` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// The code, such as `WF0601`.
    pub code: &'static str,
    /// What it says, in a few words.
    pub title: &'static str,
    /// The whole page: what it means, why, and a wrong and a right example.
    pub markdown: &'static str,
}

const fn page(code: &'static str, title: &'static str, markdown: &'static str) -> Problem {
    Problem {
        code,
        title,
        markdown,
    }
}

/// Every mistake that only a scenario file can have; shape and syntax are explained with those of
/// workflow files.
pub fn pages() -> &'static [Problem] {
    &PAGES
}

const PAGES: [Problem; 15] = [
    page(
        "WF0601",
        "an unknown person",
        include_str!("problems/WF0601.md"),
    ),
    page(
        "WF0602",
        "an unknown action",
        include_str!("problems/WF0602.md"),
    ),
    page(
        "WF0603",
        "an unknown state",
        include_str!("problems/WF0603.md"),
    ),
    page(
        "WF0604",
        "an unknown event",
        include_str!("problems/WF0604.md"),
    ),
    page(
        "WF0605",
        "an unknown field",
        include_str!("problems/WF0605.md"),
    ),
    page(
        "WF0606",
        "a value that does not fit its field",
        include_str!("problems/WF0606.md"),
    ),
    page(
        "WF0607",
        "an unknown item",
        include_str!("problems/WF0607.md"),
    ),
    page("WF0608", "not a moment", include_str!("problems/WF0608.md")),
    page(
        "WF0609",
        "a play the sandbox does not know",
        include_str!("problems/WF0609.md"),
    ),
    page(
        "WF0610",
        "an unknown related record",
        include_str!("problems/WF0610.md"),
    ),
    page(
        "WF0612",
        "an unknown account",
        include_str!("problems/WF0612.md"),
    ),
    page(
        "WF0613",
        "no workflow to test",
        include_str!("problems/WF0613.md"),
    ),
    page(
        "WF0614",
        "a destination that reaches nobody",
        include_str!("problems/WF0614.md"),
    ),
    page(
        "WF0615",
        "a scenario that cannot fail",
        include_str!("problems/WF0615.md"),
    ),
    page(
        "WF0616",
        "a key that means nothing here",
        include_str!("problems/WF0616.md"),
    ),
];
