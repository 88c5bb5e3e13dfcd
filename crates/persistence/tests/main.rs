//! The tests of the room.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod conformance;
mod crash;
mod damage;
mod export;
mod failing;
mod formats;
mod index;
mod kill;
mod opening;
mod volume;

use std::sync::LazyLock;

use persistence::Options;
use persistence::simulation::Chance;

/// A seed nobody chose; tests that use it print it.
static FRESH_SEED: LazyLock<u64> = LazyLock::new(|| {
    use std::hash::{BuildHasher, Hasher};
    let seed = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    Chance::seeded(seed).number()
});

/// Options that make everything happen often: a few records a segment, a few rows a window.
fn small() -> Options {
    Options {
        segment_bytes: 16 << 10,
        first_segment_bytes: 8 << 10,
        overlay_entries_max: 24,
        overlay_bytes_max: 256 << 10,
        checkpoint_every_bytes: 24 << 10,
        index_sync_bytes: 4 << 10,
        ..Options::default()
    }
}

/// Small segments, and nothing else that happens by itself.
fn quiet() -> Options {
    Options {
        segment_bytes: 16 << 10,
        first_segment_bytes: 16 << 10,
        ..Options::default()
    }
}

/// Copies a folder with all that is in it; the target may be there.
fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file of this folder is a module of this binary.
#[test]
fn no_test_file_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let main = std::fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            stem == "main" || main.contains(&format!("\nmod {stem};")),
            "{stem} is forgotten"
        );
    }
}
