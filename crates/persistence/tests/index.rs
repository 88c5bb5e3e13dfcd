//! sled deleted, damaged, stale or foreign: built again, equal to the model.

use std::path::{Path, PathBuf};
use std::sync::Once;

use persistence::conformance::{Picture, Walk, picture};
use persistence::simulation::Chance;
use persistence::{JournalStore, MemoryStore, Options, Store};
use tempfile::TempDir;

use super::{FRESH_SEED, copy_folder};

/// sled answers damage by panicking; the store catches that, and the report would only frighten.
fn silence_sled() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let inside = panic
                .location()
                .is_some_and(|place| place.file().contains("sled-0.34"));
            if !inside {
                report(panic);
            }
        }));
    });
}

fn options() -> Options {
    Options {
        first_segment_bytes: 256 << 10,
        overlay_entries_max: 100,
        checkpoint_every_bytes: 64 << 10,
        index_sync_bytes: 32 << 10,
        cache_bytes: 1 << 20,
        ..Options::default()
    }
}

const STEPS: usize = 400;

/// A closed store, what it held, and whose.
async fn filled() -> (TempDir, Picture, Vec<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let mut walk = Walk::new(42, 60);
    for _ in 0..2 {
        let store = JournalStore::open(folder.path(), options()).unwrap();
        walk.take(&store, STEPS / 2).await.unwrap();
        store.close().await.unwrap();
    }
    let model = MemoryStore::new();
    Walk::new(42, 60).take(&model, STEPS).await.unwrap();
    let held = picture(&model, &walk.subjects()).await.unwrap();
    (folder, held, walk.subjects())
}

/// Opens a copy with the index changed; true when it had to be built again.
async fn opens(
    folder: &Path,
    held: &(Picture, Vec<Vec<u8>>),
    told: &str,
    change: impl FnOnce(&Path),
) -> bool {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(folder, copy.path());
    change(&copy.path().join("index"));
    let store = JournalStore::open(copy.path(), options())
        .unwrap_or_else(|error| panic!("{told}: {error}"));
    assert_eq!(picture(&store, &held.1).await.unwrap(), held.0, "{told}");
    store
        .verify()
        .await
        .unwrap_or_else(|error| panic!("{told}: {error}"));
    store.stats().rebuilds > 0
}

fn files(index: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(index)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

#[tokio::test]
async fn a_lost_index_is_built_again() {
    silence_sled();
    let (folder, held, subjects) = filled().await;
    let held = (held, subjects);
    assert!(!opens(folder.path(), &held, "whole", |_| ()).await);
    let all = |index: &Path| std::fs::remove_dir_all(index).unwrap();
    assert!(opens(folder.path(), &held, "folder lost", all).await);
    for file in files(&folder.path().join("index")) {
        let name = file.file_name().unwrap().to_owned();
        let lose = |index: &Path| std::fs::remove_file(index.join(&name)).unwrap();
        opens(folder.path(), &held, &format!("{name:?} lost"), lose).await;
        let empty = |index: &Path| std::fs::write(index.join(&name), b"").unwrap();
        opens(folder.path(), &held, &format!("{name:?} empty"), empty).await;
    }
    let no_checkpoint = |index: &Path| {
        std::fs::remove_dir_all(index).unwrap();
        std::fs::remove_dir_all(index.with_file_name("checkpoint")).unwrap();
        std::fs::create_dir(index.with_file_name("checkpoint")).unwrap();
    };
    assert!(opens(folder.path(), &held, "no checkpoint either", no_checkpoint).await);
}

#[tokio::test]
async fn an_index_cut_anywhere_is_built_again() {
    silence_sled();
    let (folder, held, subjects) = filled().await;
    let held = (held, subjects);
    let length = std::fs::metadata(folder.path().join("index/db"))
        .unwrap()
        .len();
    let (mut rebuilt, trials) = (0, 24);
    for trial in 0..trials {
        let at = length * trial / trials;
        let cut = |index: &Path| {
            let file = std::fs::OpenOptions::new()
                .write(true)
                .open(index.join("db"))
                .unwrap();
            file.set_len(at).unwrap();
        };
        let told = format!("db cut at {at} of {length}");
        rebuilt += u64::from(opens(folder.path(), &held, &told, cut).await);
    }
    println!("{trials} cuts, {rebuilt} built again");
    assert!(rebuilt > 0);
}

#[tokio::test]
async fn an_index_with_a_flipped_bit_is_built_again() {
    silence_sled();
    let (folder, held, subjects) = filled().await;
    let held = (held, subjects);
    println!("seed {}", *FRESH_SEED);
    let mut chance = Chance::seeded(*FRESH_SEED);
    let (mut rebuilt, mut harmless) = (0, 0);
    for file in files(&folder.path().join("index")) {
        let name = file.file_name().unwrap().to_owned();
        let whole = std::fs::read(&file).unwrap();
        let vital: Vec<_> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
        for _ in 0..if name == "db" { 60 } else { 12 } {
            let Some(at) = vital.get(chance.below(vital.len())) else {
                break;
            };
            let mut bytes = whole.clone();
            bytes[*at] ^= 1 << chance.below(8);
            let flip = |index: &Path| std::fs::write(index.join(&name), &bytes).unwrap();
            let told = format!("{name:?} flipped at {at}, seed {}", *FRESH_SEED);
            if opens(folder.path(), &held, &told, flip).await {
                rebuilt += 1;
            } else {
                harmless += 1;
            }
        }
    }
    println!("{rebuilt} flips built again, {harmless} harmless");
    assert!(rebuilt > 0 && harmless > 0);
}

/// A kill while sled writes its start-up snapshot leaves a torn file that would keep it shut.
#[tokio::test]
async fn an_unfinished_snapshot_is_removed_before_opening() {
    silence_sled();
    let (folder, held, subjects) = filled().await;
    let held = (held, subjects);
    for length in [0, 10, 5000] {
        let plant = |index: &Path| {
            let name = index.join("snap.0000000000000000.generating");
            std::fs::write(name, vec![7; length]).unwrap();
        };
        let rebuilt = opens(
            folder.path(),
            &held,
            &format!("snapshot of {length}"),
            plant,
        )
        .await;
        assert!(!rebuilt);
    }
}

#[tokio::test]
async fn an_old_copy_of_the_index_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    let old = tempfile::tempdir().unwrap();
    let mut walk = Walk::new(3, 20);
    let mut held = None;
    for round in 0..2 {
        let store = JournalStore::open(folder.path(), options()).unwrap();
        walk.take(&store, 150).await.unwrap();
        held = Some(picture(&store, &walk.subjects()).await.unwrap());
        store.close().await.unwrap();
        drop(store);
        if round == 0 {
            copy_folder(&folder.path().join("index"), old.path());
        }
    }
    let held = (held.unwrap(), walk.subjects());
    let swap = |index: &Path| {
        std::fs::remove_dir_all(index).unwrap();
        copy_folder(old.path(), index);
    };
    assert!(!opens(folder.path(), &held, "old index", swap).await);
}

#[tokio::test]
async fn the_index_of_another_store_is_not_used() {
    let (folder, held, subjects) = filled().await;
    let (other, _, _) = filled().await;
    let held = (held, subjects);
    let swap = |index: &Path| {
        std::fs::remove_dir_all(index).unwrap();
        copy_folder(&other.path().join("index"), index);
    };
    assert!(opens(folder.path(), &held, "another store's index", swap).await);
}

/// The index is written only after the journal is durable, so an index that is ahead proves a loss.
#[tokio::test]
async fn an_index_ahead_of_the_journal_proves_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        overlay_entries_max: 2,
        ..Options::default()
    };
    let store = JournalStore::open(folder.path(), options).unwrap();
    let mut walk = Walk::new(8, 20);
    walk.take(&store, 40).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    std::fs::remove_file(folder.path().join("HIGHWATER")).unwrap();
    for file in std::fs::read_dir(folder.path().join("checkpoint")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let journal = folder.path().join("journal/00000001.log");
    let mut bytes = std::fs::read(&journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end - 1000..=end].fill(0);
    std::fs::write(&journal, bytes).unwrap();
    let error = JournalStore::open(folder.path(), options).unwrap_err();
    assert!(error.is_corrupt(), "{error}");
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();
    std::fs::create_dir(folder.path().join("index")).unwrap();
    // Without any proof the tail counts as never synced.
    let store = JournalStore::open(folder.path(), options).unwrap();
    assert!(store.verify().await.unwrap().sequence < 40);
}
