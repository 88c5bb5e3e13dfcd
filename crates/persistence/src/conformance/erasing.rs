//! History, and erasing what is personal in it.

use super::{Bench, Broken, Steps, holds, same, state, writes};
use crate::{Commit, HistoryEntry, Row, Store, Table, Write};

/// A commit that leaves something personal in its state, a row, and two history entries.
fn personal(subject: &str, expected: u64, who: &str) -> Commit {
    let row = |open: &str| Row::new(open, who);
    Commit {
        subject: subject.into(),
        expected,
        state: Some(row("state")),
        writes: vec![Write::Put {
            table: Table::Messages,
            key: format!("{subject}/{expected}").into(),
            row: row("message"),
        }],
        history: vec![row("first"), row("second")],
    }
}

async fn history(store: &dyn Store, subject: &str) -> Result<Vec<HistoryEntry>, Broken> {
    Ok(store.history(subject.as_bytes(), 0, usize::MAX).await?)
}

pub(super) async fn history_is_told_oldest_first(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let mut sequences = Vec::new();
    for version in 0..4_u64 {
        sequences.push(store.commit(personal("a", version, "who")).await?.sequence);
        store.commit(personal("b", version, "other")).await?;
    }
    let entries = history(&*store, "a").await?;
    let found: Vec<_> = entries
        .iter()
        .map(|e| (e.sequence, e.version, e.index))
        .collect();
    let expected = sequences.iter().zip(1_u64..);
    let expected: Vec<_> = expected
        .flat_map(|(s, v)| [(*s, v, 0), (*s, v, 1)])
        .collect();
    same("the entries", &found, &expected)?;
    let rows: Vec<_> = entries
        .iter()
        .take(2)
        .map(|entry| entry.row.clone())
        .collect();
    same(
        "the rows",
        &rows,
        &vec![Row::new("first", "who"), Row::new("second", "who")],
    )?;
    holds(
        "nothing is erased",
        entries.iter().all(|entry| !entry.erased),
    )
}

pub(super) async fn history_comes_in_pages_of_whole_commits(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for version in 0..5_u64 {
        store.commit(personal("a", version, "who")).await?;
    }
    for (after, limit, expected) in [
        (0, 3, vec![(1, 0), (1, 1), (2, 0), (2, 1)]),
        (3, 9, vec![(4, 0), (4, 1), (5, 0), (5, 1)]),
        (4, 1, vec![(5, 0), (5, 1)]),
        (5, 9, vec![]),
        (0, 0, vec![]),
        (u64::MAX, 9, vec![]),
    ] {
        let entries = store.history(b"a", after, limit).await?;
        let found: Vec<_> = entries
            .iter()
            .map(|entry| (entry.version, entry.index))
            .collect();
        same(
            &format!("after {after}, at most {limit}"),
            &found,
            &expected,
        )?;
    }
    Ok(())
}

pub(super) async fn history_of_an_unknown_subject_is_empty(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    same(
        "the history",
        &history(&*store, "nobody").await?,
        &Vec::new(),
    )?;
    store.commit(state("quiet", 0, "")).await?;
    same(
        "without entries",
        &history(&*store, "quiet").await?,
        &Vec::new(),
    )
}

pub(super) async fn every_commit_has_its_own_hash(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for version in 0..3_u64 {
        store.commit(personal("a", version, "same")).await?;
    }
    let entries = history(&*store, "a").await?;
    for (entry, next) in entries.iter().zip(entries.iter().skip(1)) {
        let (one_commit, one_hash) = (entry.version == next.version, entry.hash == next.hash);
        same("one hash for one commit", &one_hash, &one_commit)?;
    }
    let last = entries.last().map(|entry| entry.hash);
    same(
        "the head of the chain",
        &Some(store.verify().await?.hash),
        &last,
    )
}

pub(super) async fn erasing_wipes_history_and_keeps_the_chain(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for version in 0..3_u64 {
        store.commit(personal("a", version, "who")).await?;
    }
    store.commit(writes("a", 3, vec![])).await?;
    let before = history(&*store, "a").await?;
    same("wiped", &store.erase_personal(b"a").await?, &3)?;
    let after = history(&*store, "a").await?;
    let expected: Vec<_> = before
        .into_iter()
        .map(|entry| {
            let row = Row::open(entry.row.open.clone());
            HistoryEntry {
                row,
                erased: true,
                ..entry
            }
        })
        .collect();
    same("the history", &after, &expected)?;
    let report = store.verify().await?;
    same("erased records", &report.erased, &3)?;
    same("records", &report.records, &4)
}

pub(super) async fn erasing_wipes_rows_that_still_stand(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store.commit(personal("a", 0, "who")).await?;
    // Another subject has taken this row over, so it is not the first one's any more.
    let taken = Write::Put {
        table: Table::Messages,
        key: b"a/0".to_vec(),
        row: Row::new("taken", "other"),
    };
    store.commit(personal("a", 1, "who")).await?;
    store.commit(writes("b", 0, vec![taken])).await?;
    same("wiped", &store.erase_personal(b"a").await?, &2)?;
    let stored = store
        .subject(b"a")
        .await?
        .map(|stored| (stored.version, stored.row));
    same("the subject", &stored, &Some((2, Row::open("state"))))?;
    let row = store.get(Table::Messages, b"a/1").await?;
    same("the row", &row, &Some(Row::open("message")))?;
    let row = store.get(Table::Messages, b"a/0").await?;
    same("the other's row", &row, &Some(Row::new("taken", "other")))
}

pub(super) async fn erasing_leaves_other_subjects_alone(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for subject in ["a", "b"] {
        store.commit(personal(subject, 0, "who")).await?;
    }
    let before = history(&*store, "b").await?;
    same("wiped", &store.erase_personal(b"a").await?, &1)?;
    same(
        "the other's history",
        &history(&*store, "b").await?,
        &before,
    )?;
    same(
        "wiped of nobody",
        &store.erase_personal(b"nobody").await?,
        &0,
    )?;
    let row = store.get(Table::Messages, b"b/0").await?;
    same("the other's row", &row, &Some(Row::new("message", "who")))
}

pub(super) async fn erasing_twice_wipes_nothing_more(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store.commit(personal("a", 0, "who")).await?;
    same("wiped", &store.erase_personal(b"a").await?, &1)?;
    same("wiped again", &store.erase_personal(b"a").await?, &0)?;
    store.commit(personal("a", 1, "new")).await?;
    same("wiped later", &store.erase_personal(b"a").await?, &1)?;
    let entries = history(&*store, "a").await?;
    holds(
        "all is erased",
        entries
            .iter()
            .all(|e| e.erased && e.row.personal.is_empty()),
    )
}

pub(super) async fn a_subject_goes_on_after_an_erasure(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let before = store.commit(personal("a", 0, "who")).await?;
    store.erase_personal(b"a").await?;
    let after = store.commit(personal("a", 1, "new")).await?;
    same("the version", &after.version, &2)?;
    same(
        "the sequence",
        &after.sequence,
        &before.sequence.saturating_add(2),
    )?;
    let entries = history(&*store, "a").await?;
    let erased: Vec<_> = entries.iter().map(|entry| entry.erased).collect();
    same("what is erased", &erased, &vec![true, true, false, false])?;
    let last = entries.last().map(|entry| entry.row.clone());
    same("the new entry", &last, &Some(Row::new("second", "new")))?;
    let row = store.subject(b"a").await?.map(|stored| stored.row);
    same("the subject", &row, &Some(Row::new("state", "new")))?;
    same("erased records", &store.verify().await?.erased, &1)
}
