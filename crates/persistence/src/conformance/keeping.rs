//! Closing, opening again, and checking.

use std::sync::Arc;

use super::walk::{Walk, picture};
use super::{Bench, Broken, Steps, put, refused, same, state, unique, writes};
use crate::{Commit, ErrorKind, MemoryStore, Row, Scan, Store, Table, Write};

/// Closes a store and opens it again; `None` when it keeps nothing.
async fn reopen(
    bench: &dyn Bench,
    store: Arc<dyn Store>,
) -> Result<Option<Arc<dyn Store>>, Broken> {
    store.close().await?;
    drop(store);
    Ok(bench.again().transpose()?)
}

pub(super) async fn a_closed_store_refuses_everything(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store.commit(state("s", 0, "")).await?;
    store.close().await?;
    store.close().await?;
    let errors = [
        refused("commit", store.commit(state("s", 1, "")).await)?,
        refused("subject", store.subject(b"s").await)?,
        refused("get", store.get(Table::Links, b"k").await)?,
        refused("scan", store.scan(Scan::all(Table::Links)).await)?,
        refused("history", store.history(b"s", 0, 1).await)?,
        refused("erase", store.erase_personal(b"s").await)?,
        refused("verify", store.verify().await)?,
    ];
    for error in errors {
        same("the kind", error.kind(), &ErrorKind::Closed)?;
    }
    Ok(())
}

pub(super) async fn verify_counts_what_is_there(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for number in 0..6_u64 {
        let subject = format!("s{}", number % 3);
        let commit = Commit {
            writes: vec![put(Table::Links, &number.to_string(), "")],
            ..state(&subject, number / 3, "")
        };
        store.commit(commit).await?;
    }
    let report = store.verify().await?;
    let found = (
        report.records,
        report.subjects,
        report.rows,
        report.erased,
        report.sequence,
    );
    same("the counts", &found, &(6, 3, 9, 0, 6))
}

pub(super) async fn everything_is_there_after_opening_again(bench: &dyn Bench) -> Steps {
    let mut store = bench.fresh()?;
    let mut walk = Walk::new(7, 9);
    for _ in 0..3 {
        walk.take(&*store, 60).await?;
        let before = picture(&*store, &walk.subjects()).await?;
        let report = store.verify().await?;
        let Some(again) = reopen(bench, store).await? else {
            return Ok(());
        };
        store = again;
        same(
            "everything",
            &picture(&*store, &walk.subjects()).await?,
            &before,
        )?;
        same("the chain", &store.verify().await?.hash, &report.hash)?;
    }
    Ok(())
}

pub(super) async fn sequences_and_versions_go_on_after_opening_again(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store
        .commit(writes("s", 0, vec![unique(Table::Payments, "k", "")]))
        .await?;
    let Some(store) = reopen(bench, store).await? else {
        return Ok(());
    };
    let again = store
        .commit(writes("s", 1, vec![unique(Table::Payments, "k", "")]))
        .await;
    same("a unique key", &refused("it", again)?.is_exists(), &true)?;
    let stale = refused("a stale commit", store.commit(state("s", 0, "")).await)?;
    same("a stale commit", &stale.is_conflict(), &true)?;
    let done = store.commit(state("s", 1, "")).await?;
    same("the receipt", &(done.sequence, done.version), &(2, 2))
}

pub(super) async fn an_erasure_holds_after_opening_again(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let personal = Row::new("open", "personal");
    let commit = Commit {
        state: Some(personal.clone()),
        history: vec![personal.clone()],
        ..writes(
            "s",
            0,
            vec![Write::Put {
                table: Table::Messages,
                key: "m".into(),
                row: personal,
            }],
        )
    };
    store.commit(commit).await?;
    same("wiped", &store.erase_personal(b"s").await?, &1)?;
    let Some(store) = reopen(bench, store).await? else {
        return Ok(());
    };
    let entries = store.history(b"s", 0, 9).await?;
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| (entry.erased, entry.row.clone()))
        .collect();
    same("the history", &rows, &vec![(true, Row::open("open"))])?;
    let row = store.subject(b"s").await?.map(|stored| stored.row);
    same("the subject", &row, &Some(Row::open("open")))?;
    same(
        "the row",
        &store.get(Table::Messages, b"m").await?,
        &Some(Row::open("open")),
    )?;
    same("wiped again", &store.erase_personal(b"s").await?, &0)?;
    same("erased records", &store.verify().await?.erased, &1)
}

pub(super) async fn a_walk_ends_where_the_model_ends(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let model = MemoryStore::new();
    let (mut one, mut two) = (Walk::new(1405, 12), Walk::new(1405, 12));
    for _ in 0..4 {
        let found = one.take(&*store, 50).await?;
        let expected = two.take(&model, 50).await?;
        same("the answers", &found, &expected)?;
        let expected = picture(&model, &two.subjects()).await?;
        same(
            "everything",
            &picture(&*store, &one.subjects()).await?,
            &expected,
        )?;
    }
    store.verify().await?;
    Ok(())
}
