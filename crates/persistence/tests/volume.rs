//! Many commits: equality after reopening, waiting for room, rows that cancel out.

use std::sync::Arc;

use persistence::conformance::{Walk, picture};
use persistence::{Commit, JournalStore, MemoryStore, Options, Row, Scan, Store, Table, Write};
use tokio::task::JoinSet;

use super::FRESH_SEED;

fn step(item: u64, version: u64) -> Commit {
    let timer = |version: u64| format!("t/{item:05}/{version}").into_bytes();
    let row = Row::new(format!("{item} at {version}"), "who");
    let mut writes = vec![Write::Fresh {
        table: Table::Timers,
        key: timer(version),
        row: Row::open("due"),
    }];
    if version > 0 {
        writes.push(Write::Delete {
            table: Table::Timers,
            key: timer(version - 1),
        });
    }
    Commit {
        subject: format!("item/{item:05}").into(),
        expected: version,
        state: Some(row.clone()),
        writes,
        history: vec![row],
    }
}

/// Runs items side by side, each through its versions.
async fn run(store: &Arc<JournalStore>, tasks: u64, items: u64, versions: u64) {
    let mut set = JoinSet::new();
    for task in 0..tasks {
        let store = Arc::clone(store);
        set.spawn(async move {
            for item in (task..items).step_by(tasks as usize) {
                for version in 0..versions {
                    store.commit(step(item, version)).await.unwrap();
                }
            }
        });
    }
    while let Some(done) = set.join_next().await {
        done.unwrap();
    }
}

async fn check(store: &JournalStore, items: u64, versions: u64) {
    let timers = store.scan(Scan::all(Table::Timers)).await.unwrap();
    assert_eq!(timers.len() as u64, items);
    let rows = store.scan(Scan::all(Table::Instances)).await.unwrap();
    for (item, (subject, row)) in (0..).zip(&rows) {
        assert_eq!(row.open, format!("{item} at {}", versions - 1).into_bytes());
        let history = store.history(subject, 0, 99).await.unwrap();
        assert_eq!(history.len() as u64, versions);
    }
    assert_eq!(rows.len() as u64, items);
    let report = store.verify().await.unwrap();
    assert_eq!(report.records, items * versions);
    assert_eq!((report.subjects, report.rows), (items, items * 2));
}

/// Clause 73: ten thousand commits, side by side, are all there once after reopening, whether the
/// store was closed or dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_commits_are_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let (items, versions) = (2000, 5);
    let store = Arc::new(JournalStore::open(folder.path(), Options::default()).unwrap());
    run(&store, 64, items, versions).await;
    let stats = store.stats();
    assert_eq!(stats.records, items * versions);
    assert!(stats.groups < stats.records / 2, "{stats:?}");
    drop(store);
    let store = JournalStore::open(folder.path(), Options::default()).unwrap();
    check(&store, items, versions).await;
    store.close().await.unwrap();
    drop(store);
    let store = JournalStore::open(folder.path(), Options::default()).unwrap();
    assert_eq!((store.stats().replayed, store.stats().rebuilds), (0, 0));
    check(&store, items, versions).await;
}

/// What waits for the index is bounded: commits wait instead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_wait_while_too_much_waits_for_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let (most, group) = (64, 32);
    let options = Options {
        overlay_entries_max: most,
        ..Options::default()
    };
    let store = Arc::new(JournalStore::open(folder.path(), options).unwrap());
    let watched = Arc::clone(&store);
    let watch = tokio::spawn(async move {
        let mut highest = 0;
        while watched.stats().records < 3000 {
            highest = highest.max(watched.stats().overlay_entries);
            tokio::task::yield_now().await;
        }
        highest
    });
    run(&store, group, 1000, 3).await;
    let highest = watch.await.unwrap();
    // One group may be let in while there is still room for less: three rows a commit.
    let bound = most as u64 + group * 3;
    assert!(
        highest <= bound,
        "{highest} rows waited, the bound is {bound}"
    );
    assert!(store.stats().waits > 0, "{:?}", store.stats());
    check(&store, 1000, 3).await;
}

/// Rows made and deleted within one window never reach the index.
#[tokio::test]
async fn a_fresh_row_deleted_soon_after_costs_the_index_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path(), Options::default()).unwrap();
    for version in 0..100 {
        store.commit(step(1, version)).await.unwrap();
    }
    store.verify().await.unwrap();
    let stats = store.stats();
    assert!(stats.index_rows <= 2 * stats.windows, "{stats:?}");
    assert!(stats.coalesced >= 190, "{stats:?}");
}

/// Clause 79: random walks with a fresh seed give the same answers and the same picture on the
/// journal and in memory, with everything small and the store opened again and again.
#[tokio::test]
async fn walks_by_chance_end_where_the_model_ends() {
    for (round, options) in [super::small(), super::quiet(), Options::default()]
        .iter()
        .enumerate()
    {
        let seed = FRESH_SEED.wrapping_add(round as u64);
        println!("seed {seed}");
        let folder = tempfile::tempdir().unwrap();
        let model = MemoryStore::new();
        let (mut one, mut two) = (Walk::new(seed, 10), Walk::new(seed, 10));
        for part in 0..8 {
            let store = JournalStore::open(folder.path(), *options).unwrap();
            let found = one.take(&store, 60).await.unwrap();
            assert_eq!(found, two.take(&model, 60).await.unwrap(), "seed {seed}");
            let expected = picture(&model, &one.subjects()).await.unwrap();
            let held = picture(&store, &one.subjects()).await.unwrap();
            assert_eq!(held, expected, "seed {seed}, part {part}");
            store.verify().await.unwrap();
            if part % 2 == 0 {
                store.close().await.unwrap();
            }
        }
    }
}
