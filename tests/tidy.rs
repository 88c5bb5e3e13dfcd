//! The house rules that no compiler checks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::{files, root, shown, text};

/// Source files, those that only hold tests aside.
fn sources() -> Vec<PathBuf> {
    let mut found = files(&root().join("src"), ".rs");
    found.extend(files(&root().join("crates"), ".rs"));
    found.retain(|path| {
        let name = shown(path);
        let of_tests = [
            "/tests/",
            "/tests.rs",
            "/benches/",
            "/examples/",
            "/conformance/",
        ];
        !of_tests.iter().any(|part| name.contains(part))
    });
    found
}

/// Every file that people write, golden outputs and the like aside.
fn written() -> Vec<PathBuf> {
    let endings = [".rs", ".md", ".yaml", ".toml"];
    let mut found: Vec<PathBuf> = endings
        .iter()
        .flat_map(|ending| files(&root(), ending))
        .collect();
    // Files that are wrong on purpose are no files that people write.
    found.retain(|path| {
        !["/golden/", "/diagnostics/"]
            .iter()
            .any(|part| shown(path).contains(part))
    });
    found
}

/// The part of a source file before its tests.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text)
}

#[test]
fn a_file_fits_into_a_head() {
    let length = |path: &PathBuf| without_tests(&text(path)).lines().count();
    let long: Vec<String> = sources()
        .iter()
        .filter(|path| length(path) > 500)
        .map(|path| format!("{} has {} lines", shown(path), length(path)))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn files_are_named_after_what_they_hold() {
    let empty_words = [
        "util", "utils", "helper", "helpers", "common", "misc", "manager", "service",
    ];
    for path in sources() {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            !empty_words.contains(&stem.as_str()),
            "{} says nothing",
            shown(&path)
        );
    }
}

#[test]
fn nothing_is_left_for_later() {
    // Written apart, so that this file does not find itself.
    let leftovers = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X:"],
        ["todo", "!("],
        ["unimplemented", "!("],
    ];
    for path in written() {
        let text = text(&path);
        for [first, second] in leftovers {
            let word = format!("{first}{second}");
            assert!(!text.contains(&word), "{} has {word}", shown(&path));
        }
    }
}

/// The one door: a commit is made in few places, and a new state of an item in one.
#[test]
fn few_places_commit_and_one_writes_an_instance() {
    let engine = root().join("crates/engine/src");
    let mut commits = BTreeSet::new();
    let mut states = BTreeSet::new();
    for path in files(&engine, ".rs")
        .into_iter()
        .filter(|path| sources().contains(path))
    {
        let name = path.strip_prefix(&engine).unwrap().display().to_string();
        let text = text(&path);
        let text = without_tests(&text);
        if text.contains("store.commit(") {
            commits.insert(name.clone());
        }
        if text.contains("fn apply(") {
            states.insert(name);
        }
    }
    assert!(commits.len() <= 2, "too many files commit: {commits:?}");
    assert_eq!(states, BTreeSet::from(["submit.rs".to_owned()]));
    for path in sources()
        .into_iter()
        .filter(|path| !path.starts_with(&engine))
    {
        let name = shown(&path);
        let allowed = name.starts_with("crates/persistence/")
            || name.ends_with("engine-runner/src/watch.rs")
            || name.starts_with("crates/scenario/src/world/");
        assert!(
            allowed || !text(&path).contains("store.commit("),
            "{name} commits"
        );
    }
}

#[test]
fn every_activity_has_its_page() {
    let builtin = root().join("crates/activity/src/builtin");
    let mut activities = 0;
    for entry in std::fs::read_dir(&builtin).unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            activities += 1;
            assert!(
                folder.join("page.md").is_file(),
                "{} has no page.md",
                shown(&folder)
            );
        }
    }
    assert!(activities >= 8);
}

#[test]
fn every_decision_is_listed() {
    let folder = root().join("docs/decisions");
    let list = text(&folder.join("README.md"));
    for path in files(&folder, ".md") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            name == "README.md" || list.contains(&name),
            "{name} is not in the list"
        );
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for page in files(&root(), ".md") {
        let text = text(&page);
        for part in text.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            let path = target.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || path.contains("://") || path.contains(' ');
            if elsewhere || !page.starts_with(root()) {
                continue;
            }
            let file = page.parent().unwrap().join(path);
            assert!(file.exists(), "{} links to {target}", shown(&page));
        }
    }
}
