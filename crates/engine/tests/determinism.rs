//! The same inputs at the same times give the same trace, on every store.

use chrono::TimeDelta;
use engine::Input;
use persistence::{HistoryEntry, JournalStore, MemoryStore, Options, Row, Scan, Store, Table};
use serde_json::{Value as Json, json};
use values::{Fields, Value};

use crate::support::{Parts, World, item, renewing};

const IDS: [&str; 3] = ["INV-1", "INV-2", "INV-3"];

/// A small day in the life of three items, with faults and people.
async fn a_day(world: &World, seed: u64) {
    world.engine.deploy(renewing()).await.unwrap();
    for id in IDS {
        world.approved(id).await;
    }
    world.advance(TimeDelta::minutes(7)).await;
    world.event("INV-2", "renew").await;
    let refused = Input::action(item("INV-3"), "again", "omid");
    world.engine.submit(refused).await.unwrap_err();
    let changed = Fields::from([("reason".to_owned(), Value::Text(format!("seed {seed}")))]);
    world
        .engine
        .submit(Input::changed(item("INV-3"), changed))
        .await
        .unwrap();
    world.advance(TimeDelta::days(5)).await;
    for id in IDS {
        world.sound(id).await;
    }
}

fn options(seed: u64) -> Json {
    json!({
        "profile": "unique_reference", "seed": seed,
        "script": {
            "creates": ["unavailable", "timeout_after_accepting", "created"],
            "pay": "never",
            "cases": [
                { "when": { "order": 1 }, "pay": { "after": "20m" } },
                { "when": { "order": 2 }, "pay": { "late": "1h", "in_flight": true } },
            ],
        },
    })
}

async fn histories(store: &dyn Store) -> Vec<Vec<HistoryEntry>> {
    let mut histories = Vec::new();
    for id in IDS {
        let subject = format!("invoice/{id}").into_bytes();
        histories.push(store.history(&subject, 0, usize::MAX).await.unwrap());
    }
    histories
}

/// Everything a store holds, and every history without the store's own hashes.
async fn content(store: &dyn Store) -> (Vec<(Table, Vec<u8>, Row)>, Vec<(u64, u64, Row)>) {
    let mut rows = Vec::new();
    for table in Table::ALL {
        for (key, row) in store.scan(Scan::all(table)).await.unwrap() {
            rows.push((table, key, row));
        }
    }
    let entries = histories(store).await.into_iter().flatten();
    let entries = entries.map(|entry| (entry.sequence, entry.version, entry.row));
    (rows, entries.collect())
}

async fn on(store: std::sync::Arc<dyn Store>, seed: u64) -> World {
    let parts = Parts {
        store,
        ..Parts::new(options(seed))
    };
    let world = parts.world().await;
    a_day(&world, seed).await;
    world
}

/// Clause 78: the same inputs at the same times give the same trace, down to the hashes; another seed
/// gives another.
#[tokio::test]
async fn the_same_seed_gives_the_same_trace() {
    let run = async |seed| {
        let world = on(std::sync::Arc::new(MemoryStore::new()), seed).await;
        let histories = histories(world.parts.store.as_ref()).await;
        let hashes: Vec<[u8; 32]> = histories.iter().flatten().map(|entry| entry.hash).collect();
        assert!(hashes.len() > 30, "{}", hashes.len());
        hashes
    };
    let first = run(7).await;
    assert_eq!(first, run(7).await);
    assert_ne!(first, run(8).await);
}

/// Clause 79: memory and journal hold the same rows and the same histories after the same inputs.
#[tokio::test]
async fn both_stores_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let small = Options {
        segment_bytes: 1 << 20,
        ..Options::default()
    };
    let journal = std::sync::Arc::new(JournalStore::open(folder.path(), small).unwrap());
    let in_journal = on(journal.clone(), 7).await;
    let in_memory = on(std::sync::Arc::new(MemoryStore::new()), 7).await;
    let expected = content(in_memory.parts.store.as_ref()).await;
    assert_eq!(content(journal.as_ref()).await, expected);
    journal.verify().await.unwrap();
    journal.close().await.unwrap();
    drop((in_journal, journal));
    // And so it does when it has been opened again.
    let journal = JournalStore::open(folder.path(), small).unwrap();
    assert_eq!(content(&journal).await, expected);
}

/// Clause 75: replaying the histories from nothing gives the same items, byte for byte, on a fresh engine
/// that has never seen them.
#[tokio::test]
async fn a_replay_gives_the_same_items() {
    let world = on(std::sync::Arc::new(MemoryStore::new()), 7).await;
    let world = world.restarted().await;
    for id in IDS {
        let replay = world.engine.replay(&item(id)).await.unwrap();
        assert!(replay.same && replay.inputs >= 4, "{id}: {replay:?}");
    }
    // A history that was tampered with does not give the same item.
    let store = &world.parts.store;
    let stored = store.subject(b"invoice/INV-1").await.unwrap().unwrap();
    let mut row: Json = serde_json::from_slice(&stored.row.open).unwrap();
    row["n"]["s"] = json!("failed");
    let commit = persistence::Commit {
        subject: b"invoice/INV-1".to_vec(),
        expected: stored.version,
        state: Some(Row::new(
            serde_json::to_vec(&row).unwrap(),
            stored.row.personal,
        )),
        ..persistence::Commit::default()
    };
    store.commit(commit).await.unwrap();
    assert!(!world.engine.replay(&item("INV-1")).await.unwrap().same);
}
