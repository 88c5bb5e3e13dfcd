//! Stores written by every format so far are opened, read, and written to.

use std::path::{Path, PathBuf};

use persistence::{Commit, JournalStore, Options, Row, Scan, Store, Table, Write};

fn options() -> Options {
    Options {
        segment_bytes: 8 << 10,
        first_segment_bytes: 8 << 10,
        ..Options::default()
    }
}

fn folder(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/formats")
        .join(format)
}

fn commit(expected: u64) -> Commit {
    let row = Row::new(format!("وضعیت {expected}"), format!("نام {expected}"));
    Commit {
        subject: b"item/1".to_vec(),
        expected,
        state: Some(row.clone()),
        writes: vec![
            Write::Put {
                table: Table::Links,
                key: b"link".to_vec(),
                row: row.clone(),
            },
            Write::Fresh {
                table: Table::Timers,
                key: vec![0, expected as u8],
                row: Row::open("timer"),
            },
            Write::Delete {
                table: Table::Timers,
                key: vec![0, expected.wrapping_sub(1) as u8],
            },
            Write::Unique {
                table: Table::Payments,
                key: vec![1, expected as u8],
                row: Row::open("payment"),
            },
        ],
        history: vec![row, Row::open("no name")],
    }
}

/// Run by hand when the format gets a new number; the index is left out, it can be built.
#[tokio::test]
#[ignore = "it writes the folder the test below reads"]
async fn write_the_folder_of_this_format() {
    let folder = folder("v1");
    let store = JournalStore::open(&folder, options()).unwrap();
    for version in 0..6 {
        store.commit(commit(version)).await.unwrap();
        if version == 2 {
            assert_eq!(store.erase_personal(b"item/1").await.unwrap(), 3);
        }
    }
    store.close().await.unwrap();
    drop(store);
    std::fs::remove_dir_all(folder.join("index")).unwrap();
    std::fs::remove_file(folder.join("LOCK")).unwrap();
}

#[tokio::test]
async fn a_store_of_format_one_is_read_and_written() {
    let copy = tempfile::tempdir().unwrap();
    super::copy_folder(&folder("v1"), copy.path());
    let store = JournalStore::open(copy.path(), options()).unwrap();
    let report = store.verify().await.unwrap();
    assert_eq!((report.records, report.sequence, report.erased), (6, 7, 3));
    assert_eq!((report.subjects, report.rows), (1, 9));
    let stored = store.subject(b"item/1").await.unwrap().unwrap();
    assert_eq!(
        (stored.version, stored.row),
        (6, Row::new("وضعیت 5", "نام 5"))
    );
    let timers = store.scan(Scan::all(Table::Timers)).await.unwrap();
    assert_eq!(timers, vec![(vec![0, 5], Row::open("timer"))]);
    let history = store.history(b"item/1", 0, 99).await.unwrap();
    assert_eq!(history.len(), 12);
    assert_eq!(history[0].row, Row::open("وضعیت 0"));
    assert_eq!(history[10].row, Row::new("وضعیت 5", "نام 5"));
    let erased: Vec<_> = history.iter().map(|entry| entry.erased).collect();
    assert_eq!(erased, [vec![true; 6], vec![false; 6]].concat());
    store.commit(commit(6)).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let store = JournalStore::open(copy.path(), options()).unwrap();
    assert_eq!(store.verify().await.unwrap().records, 7);
}
