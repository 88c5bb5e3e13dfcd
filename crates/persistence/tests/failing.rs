//! A sync that fails, a disk that is full.

use std::sync::Arc;

use persistence::simulation::{Faults, SimulatedDisk, Survival};
use persistence::{Commit, ErrorKind, JournalStore, Retry, Row, Store};

use super::quiet;

fn commit(subject: &str, bytes: usize) -> Commit {
    Commit {
        subject: subject.into(),
        state: Some(Row::open(vec![1; bytes])),
        ..Commit::default()
    }
}

fn open(disk: &SimulatedDisk) -> JournalStore {
    JournalStore::open_on(Arc::new(disk.clone()), quiet()).unwrap()
}

/// Clause 64: a failed sync is never tried again; nothing is stored after it, reads go on.
#[tokio::test]
async fn a_failed_sync_poisons_the_store() {
    let disk = SimulatedDisk::new();
    let store = open(&disk);
    store.commit(commit("a", 100)).await.unwrap();
    // The next write is one operation, its sync the one after.
    let at = disk.operations() + 2;
    disk.set_faults(Faults {
        fail_sync_at: Some(at),
        ..Faults::default()
    });
    for subject in ["b", "c"] {
        let error = store.commit(commit(subject, 100)).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Poisoned);
        assert!(!error.left_nothing());
        assert_eq!(error.retry(), Retry::Never);
        assert_eq!(store.subject(subject.as_bytes()).await.unwrap(), None);
    }
    assert_eq!(
        store.erase_personal(b"a").await.unwrap_err().kind(),
        &ErrorKind::Poisoned
    );
    assert!(store.subject(b"a").await.unwrap().is_some());
    drop(store);
    for survival in [Survival::Nothing, Survival::Everything] {
        let store = open(&disk.after_cut(survival));
        assert_eq!(store.verify().await.unwrap().sequence, 1, "{survival:?}");
        assert!(store.subject(b"a").await.unwrap().is_some());
        assert!(store.subject(b"b").await.unwrap().is_none());
        store.commit(commit("b", 100)).await.unwrap();
    }
}

/// Clause 64: when the next journal file cannot be made, the commit is refused and nothing else
/// happens; with room again, commits go on.
#[tokio::test]
async fn a_full_disk_refuses_commits_until_there_is_room() {
    let disk = SimulatedDisk::new();
    let store = open(&disk);
    let mut stored = 0;
    disk.set_faults(Faults {
        capacity: Some(30 << 10),
        ..Faults::default()
    });
    let error = loop {
        match store.commit(commit(&format!("s{stored}"), 900)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), &ErrorKind::Full);
    assert_eq!(error.retry(), Retry::Later);
    assert!(error.left_nothing());
    assert!(stored > 5);
    for number in 0..stored {
        assert!(
            store
                .subject(format!("s{number}").as_bytes())
                .await
                .unwrap()
                .is_some()
        );
    }
    // A small one still fits into the journal file there is.
    store.commit(commit("small", 1)).await.unwrap();
    assert_eq!(
        store.commit(commit("large", 900)).await.unwrap_err().kind(),
        &ErrorKind::Full
    );
    disk.set_faults(Faults::default());
    store.commit(commit("large", 900)).await.unwrap();
    let report = store.verify().await.unwrap();
    assert_eq!((report.sequence, report.segments), (stored + 2, 2));
    drop(store);
    let store = open(&disk.after_cut(Survival::Nothing));
    assert_eq!(store.verify().await.unwrap().sequence, stored + 2);
}

/// Clause 64: a write that finds the disk full half way is wiped out before the caller is told, so
/// that what was refused can never show up later.
#[tokio::test]
async fn a_write_that_is_half_done_on_a_full_disk_never_shows_up() {
    let disk = SimulatedDisk::new();
    let store = open(&disk);
    store.commit(commit("a", 100)).await.unwrap();
    let at = disk.operations() + 1;
    disk.set_faults(Faults {
        full_at: Some(at),
        ..Faults::default()
    });
    let error = store.commit(commit("b", 300)).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Full);
    for survival in [Survival::Nothing, Survival::Everything, Survival::Chance(1)] {
        let store = open(&disk.after_cut(survival));
        assert_eq!(store.verify().await.unwrap().sequence, 1, "{survival:?}");
        assert_eq!(store.subject(b"b").await.unwrap(), None);
    }
    let committed = store.commit(commit("b", 300)).await.unwrap();
    assert_eq!(committed.sequence, 2);
    store.verify().await.unwrap();
}

#[tokio::test]
async fn a_failure_while_making_room_for_a_refused_write_poisons_the_store() {
    let disk = SimulatedDisk::new();
    let store = open(&disk);
    store.commit(commit("a", 100)).await.unwrap();
    let now = disk.operations();
    // The write, its wiping, the sync of the wiping.
    let faults = Faults {
        full_at: Some(now + 1),
        fail_sync_at: Some(now + 3),
        ..Faults::default()
    };
    disk.set_faults(faults);
    let error = store.commit(commit("b", 300)).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Poisoned);
}

#[tokio::test]
async fn a_disk_that_is_full_from_the_start_is_told() {
    let disk = SimulatedDisk::new();
    disk.set_faults(Faults {
        capacity: Some(5000),
        ..Faults::default()
    });
    let error = JournalStore::open_on(Arc::new(disk.clone()), quiet()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Full);
    disk.set_faults(Faults::default());
    let store = open(&disk);
    store.commit(commit("a", 100)).await.unwrap();
}
