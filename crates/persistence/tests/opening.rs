//! Who may open a store, and what is refused at the door with nothing touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use persistence::{
    Commit, ErrorKind, JournalStore, Operation, Options, Refusal, Retry, Row, Store,
};

fn commit(subject: &str) -> Commit {
    Commit {
        subject: subject.into(),
        state: Some(Row::open("state")),
        ..Commit::default()
    }
}

/// Every file in a folder, with its content.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(content(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[tokio::test]
async fn the_second_opener_is_told_who_has_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path(), Options::default()).unwrap();
    store.commit(commit("a")).await.unwrap();
    let error = JournalStore::open(folder.path(), Options::default()).unwrap_err();
    let own = Some(std::process::id());
    assert_eq!(error.kind(), &ErrorKind::Locked { pid: own });
    assert_eq!(
        (error.operation(), error.retry()),
        (Operation::Open, Retry::Later)
    );
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    store.commit(commit("b")).await.unwrap();
    drop(store);
    let store = JournalStore::open(folder.path(), Options::default()).unwrap();
    assert_eq!(store.verify().await.unwrap().records, 2);
    store.close().await.unwrap();
    // Closed is as good as dropped.
    JournalStore::open(folder.path(), Options::default()).unwrap();
}

/// The first twelve bytes of every file of ours are a magic and a format; journal headers check them
/// on their own, so that a newer format is known for what it is.
#[tokio::test]
async fn a_store_from_a_newer_version_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path(), Options::default()).unwrap();
    store.commit(commit("a")).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let file = folder.path().join("journal/00000001.log");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8..12].copy_from_slice(&7_u32.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..12]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&file, bytes).unwrap();
    let before = content(folder.path());
    let error = JournalStore::open(folder.path(), Options::default()).unwrap_err();
    assert_eq!(
        error.kind(),
        &ErrorKind::Newer {
            found: 7,
            supported: 1
        }
    );
    assert_eq!(error.retry(), Retry::Never);
    assert_eq!(content(folder.path()), before);
}

#[tokio::test]
async fn a_damaged_store_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path(), Options::default()).unwrap();
    store.commit(commit("a")).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let file = folder.path().join("journal/00000001.log");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4096 + 90] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let journal = content(&folder.path().join("journal"));
    let error = JournalStore::open(folder.path(), Options::default()).unwrap_err();
    let ErrorKind::Corrupt {
        file: found,
        offset,
        ..
    } = error.kind()
    else {
        panic!("{error}")
    };
    assert_eq!((found, *offset), (&file, 4096));
    assert_eq!(content(&folder.path().join("journal")), journal);
}

#[test]
fn options_that_cannot_work_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = Options::default();
    for options in [
        Options {
            segment_bytes: 100,
            ..good
        },
        Options {
            first_segment_bytes: 0,
            ..good
        },
        Options {
            overlay_entries_max: 0,
            ..good
        },
        Options {
            overlay_bytes_max: 0,
            ..good
        },
        Options { queue: 0, ..good },
        Options {
            segment_bytes: 1 << 40,
            ..good
        },
    ] {
        let error = JournalStore::open(folder.path().join("new"), options).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Refused(Refusal::Options));
        assert!(!folder.path().join("new").exists());
    }
}

#[test]
fn a_file_in_place_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, b"not a folder").unwrap();
    let error = JournalStore::open(&path, Options::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io(_)), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"not a folder");
}

/// The folder may be made with its parents, and its path may be in any script.
#[tokio::test]
async fn a_new_folder_is_made_with_its_parents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("داده‌ها/فروشگاه ۱");
    let store = JournalStore::open(&path, Options::default()).unwrap();
    store.commit(commit("مشتری")).await.unwrap();
    assert_eq!(store.path(), path);
    assert!(store.subject("مشتری".as_bytes()).await.unwrap().is_some());
}

/// What was made ahead of time is not left behind.
#[tokio::test]
async fn a_closed_store_leaves_no_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path(), super::small()).unwrap();
    for number in 0..60 {
        store.commit(commit(&number.to_string())).await.unwrap();
    }
    store.close().await.unwrap();
    let left: Vec<_> = content(folder.path()).into_keys().collect();
    assert!(
        left.iter()
            .all(|file| file.extension().is_none_or(|kind| kind != "tmp")),
        "{left:?}"
    );
}
