//! What the room's own parts promise each other: bytes that come back, an index that fails while the
//! store is open.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use proptest::prelude::{any, prop, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::{Just, Strategy};

use super::body::{Record, encode_commit, encode_erasure};
use super::frame::{HEADER, Header, Kind, Personal, link, wiped_section};
use super::place::{Mark, Position, Random, StoreId};
use super::segment::{HeaderFault, SegmentHeader};
use super::{JournalStore, Options};
use crate::index::{Change, Fault, Head, Index, IndexHome, IndexRow, MemoryIndexHome};
use crate::simulation::SimulatedDisk;
use crate::{Commit, ErrorKind, Retry, Row, Scan, Store, Table, Write};

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

fn row() -> impl Strategy<Value = Row> {
    (bytes(300), prop_oneof![Just(Vec::new()), bytes(300)])
        .prop_map(|(open, personal)| Row { open, personal })
}

fn write() -> impl Strategy<Value = Write> {
    let table = prop::sample::select(&Table::ALL[1..]);
    (table, bytes(40), row(), 0..4).prop_map(|(table, key, row, kind)| match kind {
        0 => Write::Put { table, key, row },
        1 => Write::Fresh { table, key, row },
        2 => Write::Unique { table, key, row },
        _ => Write::Delete { table, key },
    })
}

fn commit() -> impl Strategy<Value = Commit> {
    let writes = prop::collection::vec(write(), 0..6);
    let history = prop::collection::vec(row(), 0..4);
    (bytes(60), prop::option::of(row()), writes, history).prop_map(
        |(subject, state, writes, history)| Commit {
            subject,
            expected: 0,
            state,
            writes,
            history,
        },
    )
}

proptest! {
    #[test]
    fn a_commit_comes_back_from_its_bytes(commit in commit()) {
        let encoded = encode_commit(&commit, &Random::new());
        let (body, section) = encoded.bytes[HEADER..].split_at(encoded.body as usize);
        let has_personal = encoded.personal > 0;
        let unfilled = Record::decode(Kind::Commit, body, has_personal).unwrap();
        let hash = unfilled.record.personal_hash;
        let record = match Personal::read(section, hash.as_ref()) {
            Personal::Whole(personal) => unfilled.fill(personal).unwrap(),
            found => {
                prop_assert_eq!(found, Personal::None);
                unfilled.empty()
            }
        };
        prop_assert_eq!(&record.subject, &commit.subject);
        prop_assert_eq!(&record.state, &commit.state);
        prop_assert_eq!(&record.writes, &commit.writes);
        prop_assert_eq!(&record.history, &commit.history);
        let wiped = wiped_section(encoded.personal);
        if has_personal {
            prop_assert_eq!(Personal::read(&wiped, hash.as_ref()), Personal::Wiped);
        }
    }

    #[test]
    fn bytes_that_are_no_record_are_no_panic(bytes in bytes(400)) {
        for kind in [Kind::Commit, Kind::Erasure] {
            for has_personal in [true, false] {
                let _ = Record::decode(kind, &bytes, has_personal);
            }
        }
        let _ = SegmentHeader::decode(&bytes);
        let _ = IndexRow::decode(b"key", &bytes);
        let _ = Personal::read(&bytes, Some(&[0; 32]));
    }

    #[test]
    fn a_header_with_any_bit_changed_is_no_header(at in 0..HEADER * 8, sequence in 1..u64::MAX) {
        let store = StoreId([7; 16]);
        let header = Header {
            body: 90,
            personal: 40,
            body_crc: 5,
            kind: Kind::Commit,
            epoch: 3,
            gap: 1,
            sequence,
            version: 2,
            previous: Position { segment: 1, offset: 4096 },
            hash: [9; 32],
        };
        let mut encoded = header.encode(&store);
        prop_assert_eq!(Header::decode(&encoded, &store), Some(header));
        prop_assert_eq!(Header::decode(&encoded, &StoreId([8; 16])), None);
        encoded[at / 8] ^= 1 << (at % 8);
        prop_assert_eq!(Header::decode(&encoded, &store), None);
    }

    #[test]
    fn a_row_under_another_key_or_with_a_bit_changed_is_refused(
        row in row(),
        bare in any::<bool>(),
        head in any::<bool>(),
        place in any::<prop::sample::Index>(),
    ) {
        let head = head.then_some(Head { version: 4, last: Position { segment: 2, offset: 9 } });
        let row = IndexRow { sequence: 11, head, row: (!bare).then_some(row) };
        let mut encoded = row.encode(b"key");
        prop_assert_eq!(IndexRow::decode(b"key", &encoded), Some(row));
        prop_assert_eq!(IndexRow::decode_head(b"key", &encoded), Some(head));
        prop_assert_eq!(IndexRow::decode(b"kez", &encoded), None);
        let at = place.index(encoded.len() * 8);
        encoded[at / 8] ^= 1 << (at % 8);
        prop_assert_eq!(IndexRow::decode(b"key", &encoded), None);
        prop_assert_eq!(IndexRow::decode_head(b"key", &encoded), None);
    }
}

#[test]
fn an_erasure_comes_back_from_its_bytes() {
    let wipes = [(b"a".to_vec(), 3), (b"b".to_vec(), u64::MAX)].into();
    let encoded = encode_erasure(b"subject", &wipes, &Random::new());
    let record = Record::decode(Kind::Erasure, &encoded.bytes[HEADER..], false)
        .unwrap()
        .empty();
    assert_eq!((record.subject, record.wipes), (b"subject".to_vec(), wipes));
}

/// Equal personal bytes in two commits leave no equal bytes behind that would give them away.
#[test]
fn equal_personal_bytes_are_salted_apart() {
    let random = Random::new();
    let commit = Commit {
        state: Some(Row::new("", "0912 111 2233")),
        ..Commit::default()
    };
    let hash = |random| {
        let encoded = encode_commit(&commit, random);
        let body = &encoded.bytes[HEADER..HEADER + encoded.body as usize];
        Record::decode(Kind::Commit, body, true)
            .unwrap()
            .record
            .personal_hash
            .unwrap()
    };
    assert_ne!(hash(&random), hash(&random));
}

#[test]
fn every_part_of_a_link_counts() {
    let header = Header {
        body: 0,
        personal: 0,
        body_crc: 0,
        kind: Kind::Commit,
        epoch: 0,
        gap: 1,
        sequence: 1,
        version: 1,
        previous: Position::default(),
        hash: [0; 32],
    };
    let links = [
        link(&[0; 32], &header, &[0; 32]),
        link(&[1; 32], &header, &[0; 32]),
        link(&[0; 32], &header, &[1; 32]),
        link(
            &[0; 32],
            &Header {
                sequence: 2,
                ..header
            },
            &[0; 32],
        ),
        link(
            &[0; 32],
            &Header {
                version: 2,
                ..header
            },
            &[0; 32],
        ),
        link(
            &[0; 32],
            &Header {
                kind: Kind::Erasure,
                ..header
            },
            &[0; 32],
        ),
    ];
    let distinct: std::collections::BTreeSet<_> = links.iter().collect();
    assert_eq!(distinct.len(), links.len());
}

#[test]
fn a_newer_segment_is_told_from_a_damaged_one() {
    let header = SegmentHeader {
        store: StoreId([1; 16]),
        epoch: 1,
        number: 1,
        first: 1,
        hash: [0; 32],
        capacity: 8192,
    };
    let mut block = header.encode();
    assert_eq!(SegmentHeader::decode(&block), Ok(header));
    block[8] = 2;
    assert_eq!(SegmentHeader::decode(&block), Err(HeaderFault::Damaged));
    let crc = crc32c::crc32c(&block[..12]);
    block[12..16].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(SegmentHeader::decode(&block), Err(HeaderFault::Newer(2)));
}

const WELL: u8 = 0;
const GETS_DAMAGED: u8 = 1;
const ROWS_CHANGED: u8 = 2;
const APPLY_FULL: u8 = 3;
const APPLY_DAMAGED: u8 = 4;

/// An index that fails as its switch says; a fresh one is well, unless its disk stays full.
#[derive(Clone, Debug, Default)]
struct FlakyHome {
    switch: Arc<AtomicU8>,
}

#[derive(Debug)]
struct FlakyIndex {
    inner: Box<dyn Index>,
    switch: Arc<AtomicU8>,
}

impl FlakyHome {
    fn set(&self, fault: u8) {
        self.switch.store(fault, Ordering::SeqCst);
    }
}

impl IndexHome for FlakyHome {
    fn open(&self, store: &StoreId) -> Option<(Box<dyn Index>, Mark)> {
        MemoryIndexHome.open(store)
    }

    fn fresh(&self, store: &StoreId) -> Result<Box<dyn Index>, Fault> {
        if self.switch.load(Ordering::SeqCst) == APPLY_FULL {
            return Err(Fault::Full);
        }
        self.set(WELL);
        let inner = MemoryIndexHome.fresh(store)?;
        Ok(Box::new(FlakyIndex {
            inner,
            switch: Arc::clone(&self.switch),
        }))
    }
}

impl FlakyIndex {
    fn is(&self, fault: u8) -> bool {
        self.switch.load(Ordering::SeqCst) == fault
    }
}

impl Index for FlakyIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        if self.is(GETS_DAMAGED) {
            return Err(Fault::Damaged);
        }
        let mut value = self.inner.get(key)?;
        if self.is(ROWS_CHANGED)
            && let Some(last) = value.as_mut().and_then(|value| value.last_mut())
        {
            *last ^= 1;
        }
        Ok(value)
    }

    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Fault> {
        if self.is(GETS_DAMAGED) {
            return Err(Fault::Damaged);
        }
        let changed = self.is(ROWS_CHANGED);
        self.inner.range(from, to, &mut |key, value| {
            let mut value = value.to_vec();
            if changed && let Some(last) = value.last_mut() {
                *last ^= 1;
            }
            visit(key, &value)
        })
    }

    fn apply(&self, changes: Vec<Change<'_>>, mark: Option<&Mark>) -> Result<(), Fault> {
        match self.switch.load(Ordering::SeqCst) {
            APPLY_FULL => Err(Fault::Full),
            APPLY_DAMAGED => Err(Fault::Damaged),
            _ => self.inner.apply(changes, mark),
        }
    }

    fn sync(&self) -> Result<(), Fault> {
        self.inner.sync()
    }

    fn written(&self) -> u64 {
        self.inner.written()
    }
}

fn open(home: &FlakyHome, options: Options) -> JournalStore {
    let disk = Arc::new(SimulatedDisk::new());
    JournalStore::start(disk, Box::new(home.clone()), options, false).unwrap()
}

fn step(number: u64) -> Commit {
    Commit {
        subject: number.to_string().into(),
        state: Some(Row::open("state")),
        writes: vec![Write::Put {
            table: Table::Index,
            key: number.to_be_bytes().to_vec(),
            row: Row::open("row"),
        }],
        ..Commit::default()
    }
}

/// Asks until the index is built again; what it answers meanwhile is `Busy`.
async fn ask(store: &JournalStore) -> Vec<(Vec<u8>, Row)> {
    loop {
        match store.scan(Scan::all(Table::Index)).await {
            Ok(rows) => return rows,
            Err(error) => {
                assert_eq!(error.kind(), &ErrorKind::Busy);
                assert_eq!(error.retry(), Retry::Later);
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_index_that_turns_out_damaged_is_built_again_while_open() {
    for fault in [GETS_DAMAGED, ROWS_CHANGED] {
        let home = FlakyHome::default();
        let store = open(&home, Options::default());
        for number in 0..30 {
            store.commit(step(number)).await.unwrap();
        }
        // Everything is in the index now.
        store.verify().await.unwrap();
        home.set(fault);
        let error = store
            .get(Table::Index, &7_u64.to_be_bytes())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Busy, "fault {fault}");
        assert_eq!(ask(&store).await.len(), 30);
        assert_eq!(store.stats().rebuilds, 2);
        store
            .commit(Commit {
                expected: 1,
                ..step(7)
            })
            .await
            .unwrap();
        assert_eq!(store.verify().await.unwrap().records, 31);
    }
}

/// Rows that are fresh in the overlay are written to the new index as if nothing had happened.
#[tokio::test]
async fn an_index_that_fails_while_it_is_written_is_built_again() {
    let home = FlakyHome::default();
    let store = open(&home, Options::default());
    for number in 0..30 {
        store.commit(step(number)).await.unwrap();
    }
    home.set(APPLY_DAMAGED);
    assert_eq!(store.verify().await.unwrap().rows, 60);
    assert_eq!(ask(&store).await.len(), 30);
    assert_eq!(store.stats().rebuilds, 2);
}

/// Clause 64: when the index finds no room, commits go on until too much waits; then they are refused,
/// and nothing is lost.
#[tokio::test]
async fn an_index_without_room_refuses_commits_when_too_much_waits() {
    let home = FlakyHome::default();
    let store = open(
        &home,
        Options {
            overlay_entries_max: 20,
            ..Options::default()
        },
    );
    home.set(APPLY_FULL);
    let mut stored = 0;
    let error = loop {
        match store.commit(step(stored)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), &ErrorKind::Full);
    assert!(error.left_nothing());
    assert!(stored >= 10, "{stored}");
    home.set(WELL);
    while store.commit(step(stored)).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.verify().await.unwrap().records, stored + 1);
}

/// The reader of an index that lies is told what to do when it cannot be built again.
#[tokio::test]
async fn verify_finds_an_index_that_shows_too_little() {
    let home = FlakyHome::default();
    let store = open(&home, Options::default());
    for number in 0..5 {
        store.commit(step(number)).await.unwrap();
    }
    store.verify().await.unwrap();
    home.set(ROWS_CHANGED);
    let error = store.verify().await.unwrap_err();
    let ErrorKind::Corrupt { file, way_out, .. } = error.kind() else {
        panic!("{error}")
    };
    assert!(
        file.ends_with("index") && way_out.contains("open it again"),
        "{error}"
    );
}
