//! The power goes off at every operation, and between any two bytes that were not synced.

use std::sync::Arc;

use persistence::conformance::{Answer, Picture, Step, Walk, picture};
use persistence::simulation::{Faults, SimulatedDisk, Survival};
use persistence::{Commit, JournalStore, MemoryStore, Row, Store, Table, Write};

use super::{FRESH_SEED, quiet, small};

const SUBJECTS: usize = 4;

/// What was submitted, and up to which sequence it was acknowledged.
struct Played {
    steps: Vec<Step>,
    acknowledged: u64,
}

/// Walks over a disk, closing and opening the store in between, until the power goes off.
async fn play(disk: &SimulatedDisk, seed: u64) -> Played {
    let mut walk = Walk::new(seed, SUBJECTS);
    let mut played = Played {
        steps: Vec::new(),
        acknowledged: 0,
    };
    for _ in 0..3 {
        let Ok(store) = JournalStore::open_on(Arc::new(disk.clone()), small()) else {
            return played;
        };
        for _ in 0..16 {
            let step = walk.step();
            played.steps.push(step.clone());
            match walk.play(&store, step).await {
                Ok(Answer::Stored(committed)) => played.acknowledged = committed.sequence,
                // An erasure that wiped something took a sequence.
                Ok(Answer::Erased(wiped)) => played.acknowledged += u64::from(wiped > 0),
                Ok(Answer::Refused(_)) => {}
                Err(_) => return played,
            }
        }
        if store.close().await.is_err() {
            return played;
        }
    }
    played
}

/// What the model holds after the first so many sequences of the steps.
async fn model(steps: &[Step], sequence: u64) -> Picture {
    let store = MemoryStore::new();
    let mut walk = Walk::new(0, SUBJECTS);
    for step in steps {
        if store.verify().await.unwrap().sequence == sequence {
            break;
        }
        walk.play(&store, step.clone()).await.unwrap();
    }
    picture(&store, &walk.subjects()).await.unwrap()
}

/// Opens a disk after a cut: everything acknowledged is there, at most one more, nothing half.
async fn check(disk: &SimulatedDisk, played: &Played, told: &str) {
    for round in 0..2 {
        let store = JournalStore::open_on(Arc::new(disk.clone()), small())
            .unwrap_or_else(|error| panic!("{told}, round {round}: {error}"));
        let report = store
            .verify()
            .await
            .unwrap_or_else(|error| panic!("{told}: {error}"));
        let least = played.acknowledged;
        let found = report.sequence;
        assert!(
            found >= least && found <= least + 1,
            "{told}: {found}, acknowledged {least}"
        );
        let subjects = Walk::new(0, SUBJECTS).subjects();
        let held = picture(&store, &subjects).await.unwrap();
        assert_eq!(
            held,
            model(&played.steps, found).await,
            "{told}, round {round}"
        );
        // The second round finds what the first one recovered.
        drop(store);
    }
    let store = JournalStore::open_on(Arc::new(disk.clone()), small()).unwrap();
    let commit = Commit {
        subject: b"later".to_vec(),
        ..Commit::default()
    };
    assert_eq!(store.commit(commit).await.unwrap().version, 1, "{told}");
}

fn survivals(seed: u64) -> [Survival; 3] {
    [
        Survival::Nothing,
        Survival::Everything,
        Survival::Chance(seed),
    ]
}

/// Clause 77: a crash at any operation of the store, with any part of what was not synced left.
/// Clause 73: what was acknowledged is there, once.
#[tokio::test]
async fn a_power_cut_at_every_operation_loses_nothing_acknowledged() {
    for seed in [1, *FRESH_SEED] {
        println!("walk {seed}");
        let whole = SimulatedDisk::new();
        let played = play(&whole, seed).await;
        assert!(played.acknowledged > 30);
        let operations = whole.operations();
        assert!(operations > 150, "{operations} operations");
        for at in 1..=operations {
            let disk = SimulatedDisk::new();
            disk.set_faults(Faults {
                crash_at: Some(at),
                ..Faults::default()
            });
            let played = play(&disk, seed).await;
            for survival in survivals(seed.wrapping_add(at * 7)) {
                let told = format!("walk {seed}, cut at {at}, {survival:?}");
                check(&disk.after_cut(survival), &played, &told).await;
            }
        }
    }
}

/// Clause 77: the power goes off again while the store recovers from the first cut.
#[tokio::test]
async fn a_power_cut_during_recovery_loses_nothing_acknowledged() {
    let seed = 2;
    let whole = SimulatedDisk::new();
    play(&whole, seed).await;
    for at in (1..=whole.operations()).step_by(17) {
        let disk = SimulatedDisk::new();
        disk.set_faults(Faults {
            crash_at: Some(at),
            ..Faults::default()
        });
        let played = play(&disk, seed).await;
        for again in 1..40 {
            let second = disk.after_cut(Survival::Chance(at));
            second.set_faults(Faults {
                crash_at: Some(again),
                ..Faults::default()
            });
            let opened = JournalStore::open_on(Arc::new(second.clone()), small());
            let done = opened.is_ok();
            drop(opened);
            second.turn_off();
            let told = format!("cut at {at}, then at {again}");
            check(&second.after_cut(Survival::Chance(again)), &played, &told).await;
            if done {
                break;
            }
        }
    }
}

fn one(subject: &str, expected: u64) -> Commit {
    let row = Row::new(format!("{subject} at {expected}"), "somebody");
    Commit {
        subject: subject.into(),
        expected,
        state: Some(row.clone()),
        writes: vec![Write::Put {
            table: Table::Index,
            key: subject.into(),
            row: row.clone(),
        }],
        history: vec![row],
    }
}

/// A disk on which one commit is acknowledged and a group of others is written and not synced.
async fn unsynced_group(size: usize) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let store = JournalStore::open_on(Arc::new(disk.clone()), quiet()).unwrap();
    let store = Arc::new(store);
    disk.hold_syncs(true);
    let mut tasks = Vec::new();
    for number in 0..=size {
        let store = Arc::clone(&store);
        let commit = one(&format!("s{number}"), 0);
        tasks.push(tokio::spawn(async move { store.commit(commit).await }));
        // Lets the task run until it waits for its answer: the first is held up in its sync, the
        // others gather behind it.
        tokio::task::yield_now().await;
        if number == 0 {
            disk.until_held();
        }
    }
    disk.let_pass(1);
    tasks.remove(0).await.unwrap().unwrap();
    disk.until_held();
    let frozen = disk.after_cut(Survival::Everything);
    assert_eq!(frozen.syncs(), disk.syncs());
    let cut = disk.clone();
    disk.turn_off();
    for task in tasks {
        assert!(task.await.unwrap().is_err());
    }
    cut
}

/// How many of the group's records a store shows, after checking that they are the first ones.
async fn shown(disk: &SimulatedDisk, size: usize, told: &str) -> usize {
    let store = JournalStore::open_on(Arc::new(disk.clone()), quiet())
        .unwrap_or_else(|error| panic!("{told}: {error}"));
    assert!(
        store.subject(b"s0").await.unwrap().is_some(),
        "{told}: the acknowledged one"
    );
    let mut there = Vec::new();
    for number in 1..=size {
        let subject = format!("s{number}");
        let found = store.subject(subject.as_bytes()).await.unwrap();
        if found.is_some() {
            let row = one(&subject, 0).state;
            assert_eq!(found.map(|stored| stored.row), row, "{told}");
            assert_eq!(
                store.get(Table::Index, subject.as_bytes()).await.unwrap(),
                row,
                "{told}"
            );
        }
        there.push(row_count(&store, &subject).await);
    }
    let count = there.iter().filter(|there| **there).count();
    assert!(
        there.iter().take(count).all(|there| *there),
        "{told}: {there:?}"
    );
    let report = store.verify().await.unwrap();
    assert_eq!(report.sequence as usize, 1 + count, "{told}");
    // Nothing of the rest is left that could be taken for a record later.
    let journal = disk.content(std::path::Path::new("journal/00000001.log"));
    let headers = journal.windows(4).filter(|bytes| bytes == b"CHRK").count();
    assert_eq!(headers, 1 + count, "{told}");
    count
}

async fn row_count(store: &JournalStore, subject: &str) -> bool {
    !store
        .history(subject.as_bytes(), 0, 9)
        .await
        .unwrap()
        .is_empty()
}

/// Clause 29, clause 73: the bytes of a group that was never synced may be cut, torn or reordered at
/// any byte; a prefix of whole records is all that ever shows.
#[tokio::test]
async fn an_unsynced_group_cut_at_every_byte_shows_whole_records_only() {
    const SIZE: usize = 4;
    let disk = unsynced_group(SIZE).await;
    let bytes = disk.unsynced();
    assert!(bytes > 800, "{bytes}");
    let mut counts = std::collections::BTreeSet::new();
    for at in 0..=bytes {
        let first = disk.after_cut(Survival::First(at));
        counts.insert(shown(&first, SIZE, &format!("first {at}")).await);
        let last = disk.after_cut(Survival::Last(at));
        let count = shown(&last, SIZE, &format!("all but first {at}")).await;
        assert_eq!(count, if at == 0 { SIZE } else { 0 }, "all but first {at}");
    }
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        (0..=SIZE).collect::<Vec<_>>()
    );
    for seed in 0..300 {
        shown(
            &disk.after_cut(Survival::Chance(seed)),
            SIZE,
            &format!("chance {seed}"),
        )
        .await;
    }
}

/// Clause 71: the power goes off between any two bytes of an erasure in place.
#[tokio::test]
async fn an_erasure_cut_at_every_byte_is_finished_when_opening() {
    let disk = SimulatedDisk::new();
    let store = JournalStore::open_on(Arc::new(disk.clone()), quiet()).unwrap();
    let store = Arc::new(store);
    for version in 0..3 {
        store.commit(one("s", version)).await.unwrap();
    }
    store.commit(one("other", 0)).await.unwrap();
    let before = store.verify().await.unwrap();
    disk.hold_syncs(true);
    // The erasure's own record and the note about old copies pass, the wiping itself is held up.
    disk.let_pass(2);
    let eraser = Arc::clone(&store);
    let task = tokio::spawn(async move { eraser.erase_personal(b"s").await });
    while disk.unsynced() == 0 || disk.syncs() < 2 {
        tokio::task::yield_now().await;
        if disk.unsynced() > 0 {
            disk.until_held();
            break;
        }
    }
    let bytes = disk.unsynced();
    assert!(bytes > 3 * 20, "{bytes}");
    for at in 0..=bytes {
        for survival in [
            Survival::First(at),
            Survival::Last(at),
            Survival::Chance(at),
        ] {
            let cut = disk.after_cut(survival);
            let store = JournalStore::open_on(Arc::new(cut.clone()), quiet())
                .unwrap_or_else(|error| panic!("{survival:?}: {error}"));
            let entries = store.history(b"s", 0, 9).await.unwrap();
            assert_eq!(entries.len(), 3);
            assert!(
                entries
                    .iter()
                    .all(|e| e.erased && e.row.personal.is_empty()),
                "{survival:?}"
            );
            let rest = store.history(b"other", 0, 9).await.unwrap();
            assert!(
                rest.iter().all(|entry| entry.row.personal == b"somebody"),
                "{survival:?}"
            );
            let report = store.verify().await.unwrap();
            assert_eq!((report.erased, report.sequence), (3, before.sequence + 1));
            let stored = store.subject(b"s").await.unwrap().unwrap();
            assert_eq!(stored.row.personal, b"");
            drop(store);
            // The other subject's record keeps it three times, its two rows in the checkpoint once.
            assert_eq!(copies(&cut, b"somebody"), (3, 2), "{survival:?}");
        }
    }
    disk.turn_off();
    assert!(task.await.unwrap().is_err());
}

/// How often the disk holds a text: in the journal, and elsewhere.
fn copies(disk: &SimulatedDisk, text: &[u8]) -> (usize, usize) {
    let (mut journal, mut elsewhere) = (0, 0);
    for file in disk.files() {
        let content = disk.content(&file);
        let found = content
            .windows(text.len())
            .filter(|window| *window == text)
            .count();
        *(if file.starts_with("journal") {
            &mut journal
        } else {
            &mut elsewhere
        }) += found;
    }
    (journal, elsewhere)
}
