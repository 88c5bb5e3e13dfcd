//! The tests of the room.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod conformance;
mod slice;

use persistence::Options;

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
