//! Bytes that were synced and are not what they were: refused where it can be proved, harmless where
//! nothing is lost, and in the one remaining case known.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use persistence::conformance::{Picture, picture};
use persistence::simulation::{SimulatedDisk, Survival};
use persistence::{
    Commit, Error, ErrorKind, JournalStore, Operation, Options, Row, Store, Table, Write,
};

const RECORDS: u64 = 24;

fn tiny() -> Options {
    Options {
        segment_bytes: 8 << 10,
        first_segment_bytes: 8 << 10,
        ..Options::default()
    }
}

fn subjects() -> Vec<Vec<u8>> {
    (0..3)
        .map(|number| format!("s{number}").into_bytes())
        .collect()
}

fn commit(number: u64) -> Commit {
    let row = Row::new(
        vec![b'o'; 60 + number as usize],
        vec![b'p'; (number % 4) as usize * 9],
    );
    let subject = format!("s{}", number % 3);
    Commit {
        expected: number / 3,
        state: Some(row.clone()),
        writes: vec![Write::Put {
            table: Table::Index,
            key: number.to_be_bytes().to_vec(),
            row: row.clone(),
        }],
        history: vec![row],
        subject: subject.into(),
    }
}

fn open(disk: &SimulatedDisk) -> Result<JournalStore, Error> {
    JournalStore::open_on(Arc::new(disk.clone()), tiny())
}

/// A disk with some records in two segments, and what the store held; closed, or cut off.
async fn filled(close: bool) -> (SimulatedDisk, Picture) {
    let disk = SimulatedDisk::new();
    let store = open(&disk).unwrap();
    for number in 0..RECORDS {
        store.commit(commit(number)).await.unwrap();
    }
    let held = picture(&store, &subjects()).await.unwrap();
    if close {
        store.close().await.unwrap();
    }
    let disk = disk.after_cut(Survival::Nothing);
    (disk, held)
}

fn segments(disk: &SimulatedDisk) -> Vec<PathBuf> {
    let files = disk.files().into_iter();
    files
        .filter(|file| file.extension().is_some_and(|kind| kind == "log"))
        .collect()
}

/// A copy of the disk with one file changed.
fn damaged(disk: &SimulatedDisk, file: &Path, change: impl FnOnce(&mut Vec<u8>)) -> SimulatedDisk {
    let copy = disk.after_cut(Survival::Everything);
    copy.damage(file, change);
    copy
}

/// Where the records of a segment lie.
fn records(disk: &SimulatedDisk, file: &Path) -> std::ops::Range<usize> {
    let content = disk.content(file);
    let end = content.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    4096..end.max(4096)
}

fn is_refused(result: &Result<JournalStore, Error>, told: &str) {
    let error = result
        .as_ref()
        .err()
        .unwrap_or_else(|| panic!("{told}: opened"));
    assert_eq!(error.operation(), Operation::Open, "{told}");
    let ErrorKind::Corrupt { file, way_out, .. } = error.kind() else {
        panic!("{told}: {error}");
    };
    assert!(file.starts_with("simulated/journal"), "{told}: {error}");
    assert!(
        way_out.contains("backup") && way_out.contains("export"),
        "{told}: {error}"
    );
}

async fn holds(result: Result<JournalStore, Error>, held: &Picture, told: &str) {
    let store = result.unwrap_or_else(|error| panic!("{told}: {error}"));
    assert_eq!(&picture(&store, &subjects()).await.unwrap(), held, "{told}");
    store
        .verify()
        .await
        .unwrap_or_else(|error| panic!("{told}: {error}"));
}

/// Every byte that stands for something in a record is guarded: after a clean close a flipped bit in
/// any of them is refused, with the file and the place.
#[tokio::test]
async fn a_flipped_bit_anywhere_in_the_journal_is_refused_or_harmless() {
    let (disk, held) = filled(true).await;
    assert_eq!(segments(&disk).len(), 3);
    let (mut refused, mut harmless) = (0, 0);
    for file in segments(&disk) {
        let length = disk.content(&file).len();
        let records = records(&disk, &file);
        for at in 0..length {
            let vital = records.contains(&at) || at < 100;
            if !vital && at % 23 != 0 {
                continue;
            }
            let told = format!("{} at {at}", file.display());
            let copy = damaged(&disk, &file, |bytes| bytes[at] ^= 1 << (at % 8));
            let opened = open(&copy);
            if vital {
                is_refused(&opened, &told);
                assert_eq!(
                    copy.content(&file)[at],
                    disk.content(&file)[at] ^ 1 << (at % 8)
                );
                refused += 1;
            } else {
                holds(opened, &held, &told).await;
                harmless += 1;
            }
        }
    }
    println!("{refused} flips refused, {harmless} harmless");
    assert!(refused > 4000 && harmless > 400);
}

/// Without a clean close the last record is the one whose loss nothing proves: it counts as never
/// synced. Every record before it is proved by the next one.
#[tokio::test]
async fn without_a_clean_close_only_the_last_record_can_be_lost_unseen() {
    let (disk, _) = filled(false).await;
    let files = segments(&disk);
    let last = files.last().unwrap();
    let start = disk.content(last);
    let mark = |at: &usize| start[*at..].starts_with(b"CHRK");
    let begin = records(&disk, last).rev().find(mark).unwrap();
    for file in &files {
        for at in records(&disk, file) {
            let told = format!("{} at {at}", file.display());
            let copy = damaged(&disk, file, |bytes| bytes[at] ^= 0x10);
            let opened = open(&copy);
            if file == last && at >= begin {
                let store = opened.unwrap_or_else(|error| panic!("{told}: {error}"));
                let report = store.verify().await.unwrap();
                assert_eq!(report.sequence, RECORDS - 1, "{told}");
            } else {
                is_refused(&opened, &told);
            }
        }
    }
}

#[tokio::test]
async fn a_journal_file_cut_at_any_byte_is_refused() {
    for close in [true, false] {
        let (disk, _) = filled(close).await;
        for file in segments(&disk) {
            for length in (0..disk.content(&file).len()).step_by(3) {
                let copy = damaged(&disk, &file, |bytes| bytes.truncate(length));
                is_refused(&open(&copy), &format!("{} cut at {length}", file.display()));
            }
        }
    }
}

#[tokio::test]
async fn a_missing_journal_file_is_refused() {
    let (disk, _) = filled(true).await;
    for file in segments(&disk) {
        let copy = disk.after_cut(Survival::Everything);
        copy.lose(&file);
        is_refused(&open(&copy), &file.display().to_string());
    }
    let copy = disk.after_cut(Survival::Everything);
    for file in segments(&disk) {
        copy.lose(&file);
    }
    is_refused(&open(&copy), "all of them");
}

/// A journal that lost its tail to zeros looks unfinished; the high-water mark knows better.
#[tokio::test]
async fn a_zeroed_tail_is_refused_after_a_clean_close() {
    let (disk, _) = filled(true).await;
    let files = segments(&disk);
    let last = files.last().unwrap();
    for at in records(&disk, last).step_by(5) {
        let copy = damaged(&disk, last, |bytes| bytes[at..].fill(0));
        is_refused(&open(&copy), &format!("zeros from {at}"));
    }
}

#[tokio::test]
async fn the_other_files_can_be_damaged_or_lost_without_harm() {
    let disk = SimulatedDisk::new();
    let options = Options {
        checkpoint_every_bytes: 1,
        overlay_entries_max: 8,
        ..tiny()
    };
    let store = JournalStore::open_on(Arc::new(disk.clone()), options).unwrap();
    for number in 0..RECORDS {
        store.commit(commit(number)).await.unwrap();
    }
    let held = picture(&store, &subjects()).await.unwrap();
    store.close().await.unwrap();
    assert!(store.stats().checkpoints > 0);
    drop(store);
    let is_other = |file: &PathBuf| !file.starts_with("journal");
    let others: Vec<_> = disk.files().into_iter().filter(is_other).collect();
    assert_eq!(others.len(), 2, "{others:?}");
    for file in others {
        let lost = disk.after_cut(Survival::Everything);
        lost.lose(&file);
        holds(open(&lost), &held, &format!("{} lost", file.display())).await;
        let length = disk.content(&file).len();
        let content = disk.content(&file);
        // Of the zeros between the slots every ninth must do.
        for at in (0..length.min(6000)).filter(|at| content[*at] != 0 || at % 9 == 0) {
            let copy = damaged(&disk, &file, |bytes| bytes[at] ^= 1 << (at % 8));
            holds(open(&copy), &held, &format!("{} at {at}", file.display())).await;
            if at % 7 == 0 {
                let copy = damaged(&disk, &file, |bytes| bytes.truncate(at));
                holds(
                    open(&copy),
                    &held,
                    &format!("{} cut at {at}", file.display()),
                )
                .await;
            }
        }
    }
}

/// Clause 71: a record changed with all its checksums made good still breaks the chain.
#[tokio::test]
async fn a_journal_of_another_store_is_refused() {
    let (disk, _) = filled(true).await;
    let (other, _) = filled(true).await;
    for file in segments(&disk) {
        let foreign = other.content(&file);
        let copy = damaged(&disk, &file, |bytes| *bytes = foreign);
        is_refused(
            &open(&copy),
            &format!("{} of another store", file.display()),
        );
    }
}

#[tokio::test]
async fn damage_met_while_reading_is_told_with_its_place() {
    let disk = SimulatedDisk::new();
    let store = open(&disk).unwrap();
    for number in 0..RECORDS {
        store.commit(commit(number)).await.unwrap();
    }
    let file = segments(&disk).remove(0);
    disk.damage(&file, |bytes| bytes[4096 + 120] ^= 1);
    for error in [
        store.history(b"s0", 0, 99).await.unwrap_err(),
        store.verify().await.unwrap_err(),
    ] {
        let ErrorKind::Corrupt {
            file: found,
            offset,
            ..
        } = error.kind()
        else {
            panic!("{error}");
        };
        assert_eq!(
            (found.as_path(), *offset),
            (Path::new("simulated").join(&file).as_path(), 4096)
        );
    }
    // The other subjects' records are whole.
    assert_eq!(store.history(b"s1", 0, 99).await.unwrap().len(), 8);
}

/// Old records behind a good index are not read when opening, if told so; they are found out when
/// they are read, and by `verify`.
#[tokio::test]
async fn how_much_of_the_journal_is_checked_when_opening_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        check_journal_bytes: 0,
        ..tiny()
    };
    let store = JournalStore::open(folder.path(), options).unwrap();
    for number in 0..RECORDS {
        store.commit(commit(number)).await.unwrap();
    }
    store.close().await.unwrap();
    drop(store);
    let file = folder.path().join("journal/00000001.log");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4096 + 120] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error = JournalStore::open(folder.path(), tiny()).unwrap_err();
    assert!(error.is_corrupt(), "{error}");
    // Enough for the newest segment and the one before it, but not for the first.
    let newest = Options {
        check_journal_bytes: 4096,
        ..tiny()
    };
    for options in [newest, options] {
        let store = JournalStore::open(folder.path(), options).unwrap();
        assert!(store.subject(b"s0").await.unwrap().is_some());
        assert!(store.history(b"s0", 0, 99).await.unwrap_err().is_corrupt());
        assert!(store.verify().await.unwrap_err().is_corrupt());
    }
}
