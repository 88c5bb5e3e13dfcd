//! Every numbered promise of docs/semantics.md has a test that carries its number.

use std::collections::BTreeSet;
use std::path::Path;

/// The numbers that docs/semantics.md promises.
fn promised() -> BTreeSet<u32> {
    let ranges = [
        (1, 8),
        (11, 11),
        (14, 45),
        (46, 51),
        (56, 56),
        (59, 68),
        (71, 71),
        (73, 78),
    ];
    ranges
        .into_iter()
        .flat_map(|(from, to)| from..=to)
        .collect()
}

/// The numbers behind `Clause ` in the tests below a folder.
fn carried(folder: &Path, found: &mut BTreeSet<u32>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            carried(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for rest in text.split("/// Clause ").skip(1) {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                found.extend(digits.parse::<u32>());
            }
        }
    }
}

#[test]
fn every_promise_has_a_test_of_its_number() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    carried(&root.join("crates"), &mut found);
    let missing: Vec<u32> = promised().difference(&found).copied().collect();
    assert!(
        missing.is_empty(),
        "no test carries these clauses: {missing:?}"
    );
}

#[test]
fn the_page_states_every_promise() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/semantics.md")).unwrap();
    for number in promised() {
        let stated = page
            .split_whitespace()
            .any(|word| word == format!("{number}."));
        assert!(stated, "docs/semantics.md does not state {number}");
    }
}
