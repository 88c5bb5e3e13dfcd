//! The floors: a room depends on lower ones alone, and each says on which floor it is.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value as Json;

use crate::{files, root, shown, text};

/// The packages of the workspace, by name.
fn packages() -> BTreeMap<String, Json> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Json = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            (
                package["name"].as_str().unwrap().to_owned(),
                package.clone(),
            )
        })
        .collect()
}

fn floor(package: &Json) -> i64 {
    package["metadata"]["architecture"]["floor"]
        .as_i64()
        .unwrap_or_else(|| panic!("{} is on no floor", package["name"]))
}

/// The dependencies of a package; those of its tests too, where wished.
fn dependencies(package: &Json, of_tests: bool) -> Vec<String> {
    package["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|dependency| of_tests || dependency["kind"].as_str() != Some("dev"))
        .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_room_depends_on_lower_rooms_alone() {
    let packages = packages();
    for (name, package) in &packages {
        for dependency in dependencies(package, true) {
            let Some(lower) = packages.get(&dependency) else {
                continue;
            };
            assert!(
                floor(lower) < floor(package) || dependency == *name,
                "{name} (floor {}) depends on {dependency} (floor {})",
                floor(package),
                floor(lower)
            );
        }
    }
}

#[test]
fn the_floors_are_those_of_the_readme() {
    let readme = text(&root().join("README.md"));
    for (name, package) in packages() {
        let floor = floor(&package).to_string();
        let line = readme.lines().find(|line| {
            line.starts_with(&format!("{floor}  "))
                && line.split_whitespace().any(|word| word == name)
        });
        assert!(
            line.is_some(),
            "README.md does not show {name} on floor {floor}"
        );
    }
}

#[test]
fn the_binary_goes_through_the_front_door() {
    let packages = packages();
    let used = dependencies(&packages["engine-runner"], true);
    let rooms: Vec<&String> = used
        .iter()
        .filter(|used| packages.contains_key(*used))
        .collect();
    assert_eq!(rooms, ["charkh"]);
}

#[test]
fn the_front_door_has_every_room_and_no_logic() {
    let packages = packages();
    let door = dependencies(&packages["charkh"], false);
    for name in packages
        .keys()
        .filter(|name| !["charkh", "engine-runner"].contains(&name.as_str()))
    {
        assert!(door.contains(name), "charkh lacks {name}");
    }
    let library = text(&root().join("src/lib.rs"));
    assert!(
        library.lines().count() < 60,
        "src/lib.rs has {}",
        library.lines().count()
    );
    assert!(
        !library.contains("fn "),
        "src/lib.rs re-exports, and that is all"
    );
}

#[test]
fn one_file_of_the_binary_names_stores_and_gateways() {
    for file in files(&root().join("crates/engine-runner/src"), ".rs") {
        let name = shown(&file);
        let text = text(&file);
        for concrete in ["JournalStore", "MemoryStore", "Sandbox::", "HttpPlug"] {
            let allowed = name.ends_with("/wiring.rs");
            assert!(
                allowed || !text.contains(concrete),
                "{name} names {concrete}"
            );
        }
        let reads = text.contains("std::env::var");
        assert!(
            !reads || name.ends_with("/config.rs"),
            "{name} reads the environment"
        );
    }
    let main = text(&root().join("crates/engine-runner/src/main.rs"));
    assert!(
        main.lines().count() < 40,
        "main.rs has {} lines",
        main.lines().count()
    );
}

#[test]
fn heavy_dependencies_stay_in_their_rooms() {
    let homes = [
        ("sled", vec!["persistence"]),
        ("rhai", vec!["expression"]),
        ("granit-parser", vec!["workflow-file"]),
        ("reqwest", vec!["charkh"]),
        ("lettre", vec!["messaging"]),
        ("clap", vec!["engine-runner"]),
        ("dugong", vec!["engine-runner"]),
        ("chrono-tz", vec!["values"]),
    ];
    for (name, package) in packages() {
        for dependency in dependencies(&package, false) {
            for (heavy, rooms) in &homes {
                assert!(
                    dependency != *heavy || rooms.contains(&name.as_str()),
                    "{name} depends on {heavy}"
                );
            }
        }
    }
}
