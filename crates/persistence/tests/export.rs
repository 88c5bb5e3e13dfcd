//! Everything out as JSON lines, from a whole store and from a damaged one.

use std::collections::BTreeMap;
use std::path::Path;

use persistence::conformance::{Walk, picture};
use persistence::{
    Commit, ErrorKind, JournalStore, Operation, Options, Row, Store, Table, Write, export,
};
use serde_json::Value;

fn lines(folder: &Path) -> (persistence::ExportReport, Vec<Value>) {
    let mut out = Vec::new();
    let report = export(folder, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    (
        report,
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

fn kinds(lines: &[Value]) -> BTreeMap<String, u64> {
    let mut kinds = BTreeMap::new();
    for line in lines {
        *kinds
            .entry(line["kind"].as_str().unwrap().to_owned())
            .or_insert(0) += 1;
    }
    kinds
}

/// What a value in an export stands for.
fn bytes(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.as_bytes().to_vec();
    }
    let digits = value["hex"].as_str().unwrap();
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn commit(number: u64) -> Commit {
    let row = Row::new(format!("حالت {number}"), vec![0, 159, number as u8]);
    Commit {
        subject: "مشتری".into(),
        expected: number,
        state: Some(row.clone()),
        writes: vec![Write::Put {
            table: Table::Links,
            key: vec![number as u8],
            row: row.clone(),
        }],
        history: vec![row],
    }
}

#[tokio::test]
async fn an_export_holds_every_commit_and_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path(), super::small()).unwrap();
    let mut walk = Walk::new(11, 12);
    walk.take(&store, 200).await.unwrap();
    let held = picture(&store, &walk.subjects()).await.unwrap();
    let report = store.verify().await.unwrap();
    // It takes no lock: an open store can be exported, and a closed one.
    for close in [false, true] {
        if close {
            store.close().await.unwrap();
        }
        let (found, lines) = lines(folder.path());
        assert!(found.is_whole());
        let kinds = kinds(&lines);
        assert_eq!(
            (kinds["commit"], kinds["row"]),
            (report.records, report.rows)
        );
        assert_eq!((found.commits, found.rows), (report.records, report.rows));
        assert_eq!(kinds["commit"] + kinds["erasure"], report.sequence);
        let rows = lines
            .iter()
            .filter(|line| line["kind"] == "row")
            .map(|line| {
                let row = &line["row"];
                let row = Row::new(bytes(&row["open"]), bytes(&row["personal"]));
                (
                    line["table"].as_str().unwrap().to_owned(),
                    bytes(&line["key"]),
                    row,
                )
            });
        let expected = held.rows.iter();
        let expected =
            expected.map(|(table, key, row)| (table.name().to_owned(), key.clone(), row.clone()));
        assert!(rows.eq(expected));
    }
}

#[tokio::test]
async fn text_stands_as_text_and_other_bytes_as_digits() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path(), Options::default()).unwrap();
    store.commit(commit(0)).await.unwrap();
    store.close().await.unwrap();
    let (_, lines) = lines(folder.path());
    let line = &lines[1];
    assert_eq!(line["subject"], "مشتری");
    assert_eq!(line["state"]["open"], "حالت 0");
    assert_eq!(line["state"]["personal"]["hex"], "009f00");
    assert_eq!(line["writes"][0]["op"], "put");
    assert_eq!(line["writes"][0]["key"]["hex"], "00");
    assert_eq!(lines.last().unwrap()["commits"], 1);
}

/// A store that refuses to open gives out what is whole, and says where the gaps are.
#[tokio::test]
async fn a_damaged_store_gives_out_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(folder.path(), super::quiet()).unwrap();
    for number in 0..20 {
        store.commit(commit(number)).await.unwrap();
    }
    store.close().await.unwrap();
    drop(store);
    let journal = folder.path().join("journal/00000001.log");
    let whole = std::fs::read(&journal).unwrap();
    let starts: Vec<_> = (0..whole.len())
        .filter(|at| whole[*at..].starts_with(b"CHRK"))
        .collect();
    assert_eq!(starts.len(), 20);
    let mut bytes = whole.clone();
    bytes[starts[7] + 95] ^= 1;
    std::fs::write(&journal, &bytes).unwrap();
    assert!(
        JournalStore::open(folder.path(), super::quiet())
            .unwrap_err()
            .is_corrupt()
    );
    let (report, lines) = lines(folder.path());
    assert_eq!((report.commits, report.is_whole()), (19, false));
    let gaps: Vec<_> = lines.iter().filter(|line| line["kind"] == "gap").collect();
    assert_eq!(gaps[0]["from"], starts[7]);
    assert_eq!(gaps[0]["to"], starts[8]);
    // With the header gone as well, nothing says whose the records are.
    bytes[..200].fill(0);
    std::fs::write(&journal, &bytes).unwrap();
    let error = export(folder.path(), &mut Vec::new()).unwrap_err();
    assert_eq!(error.operation(), Operation::Export);
    assert!(matches!(error.kind(), ErrorKind::Corrupt { .. }), "{error}");
}
