//! Reading single rows and lists.

use std::ops::Bound;

use super::{Bench, Broken, Steps, delete, put, same, state, writes};
use crate::simulation::Chance;
use crate::{Row, Scan, Store, Table, Write};

/// Keys of a scan, as text.
async fn keys(store: &dyn Store, scan: Scan) -> Result<Vec<String>, Broken> {
    let rows = store.scan(scan).await?;
    Ok(rows
        .iter()
        .map(|(key, _)| String::from_utf8_lossy(key).into_owned())
        .collect())
}

pub(super) async fn a_row_is_read_back_with_both_halves(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let row = Row::new("open", "personal");
    let write = Write::Put {
        table: Table::Messages,
        key: "m".into(),
        row: row.clone(),
    };
    store.commit(writes("s", 0, vec![write])).await?;
    same(
        "the row",
        &store.get(Table::Messages, b"m").await?,
        &Some(row),
    )?;
    same(
        "another key",
        &store.get(Table::Messages, b"n").await?,
        &None,
    )
}

pub(super) async fn a_row_can_be_replaced_and_deleted(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for (version, open) in (0_u64..).zip(["one", "two"]) {
        store
            .commit(writes("s", version, vec![put(Table::Links, "k", open)]))
            .await?;
        same(
            "the row",
            &store.get(Table::Links, b"k").await?,
            &Some(Row::open(open)),
        )?;
    }
    let gone = vec![delete(Table::Links, "k"), delete(Table::Links, "never")];
    store.commit(writes("s", 2, gone)).await?;
    same(
        "after the delete",
        &store.get(Table::Links, b"k").await?,
        &None,
    )?;
    same(
        "the list",
        &store.scan(Scan::all(Table::Links)).await?,
        &Vec::new(),
    )
}

pub(super) async fn an_empty_row_is_a_row(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store
        .commit(writes("s", 0, vec![put(Table::Index, "k", "")]))
        .await?;
    same(
        "the row",
        &store.get(Table::Index, b"k").await?,
        &Some(Row::default()),
    )
}

pub(super) async fn tables_are_apart(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let tables = Table::ALL
        .into_iter()
        .filter(|table| *table != Table::Instances);
    let all = tables
        .clone()
        .map(|table| put(table, "k", table.name()))
        .collect();
    store.commit(writes("s", 0, all)).await?;
    for table in tables {
        let row = Row::open(table.name());
        same(
            table.name(),
            &store.get(table, b"k").await?,
            &Some(row.clone()),
        )?;
        same(
            table.name(),
            &store.scan(Scan::all(table)).await?,
            &vec![(b"k".to_vec(), row)],
        )?;
    }
    Ok(())
}

pub(super) async fn a_scan_is_ascending_and_keeps_its_bounds(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let names = ["d", "b", "a", "c", "e"];
    let rows = names
        .iter()
        .map(|key| put(Table::Timers, key, key))
        .collect();
    store.commit(writes("s", 0, rows)).await?;
    let included = |key: &str| Bound::Included(key.into());
    let excluded = |key: &str| Bound::Excluded(key.into());
    for (from, to, expected) in [
        (Bound::Unbounded, Bound::Unbounded, "abcde"),
        (included("b"), included("d"), "bcd"),
        (excluded("b"), included("d"), "cd"),
        (included("b"), excluded("d"), "bc"),
        (excluded("b"), excluded("d"), "c"),
        (excluded("b"), Bound::Unbounded, "cde"),
        (Bound::Unbounded, excluded("b"), "a"),
        (included("bb"), included("bc"), ""),
        (included("d"), included("b"), ""),
        (excluded("b"), excluded("b"), ""),
        (included("b"), included("b"), "b"),
    ] {
        let scan = Scan {
            from,
            to,
            ..Scan::all(Table::Timers)
        };
        let found = keys(&*store, scan.clone()).await?.concat();
        same(&format!("{scan:?}"), &found, &expected.to_owned())?;
    }
    let two = keys(&*store, Scan::all(Table::Timers).limit(2))
        .await?
        .concat();
    same("a limit of two", &two, &"ab".to_owned())?;
    let none = keys(&*store, Scan::all(Table::Timers).limit(0))
        .await?
        .concat();
    same("a limit of zero", &none, &String::new())
}

pub(super) async fn a_prefix_scan_finds_every_key_with_the_prefix(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let names: [&[u8]; 6] = [b"a", b"ab", b"ab\xff", b"ab\xff\xff", b"ac", b"\xff\xff"];
    let rows = names.iter().map(|key| Write::Put {
        table: Table::Outbox,
        key: key.to_vec(),
        row: Row::default(),
    });
    store.commit(writes("s", 0, rows.collect())).await?;
    for (prefix, expected) in [
        (&b"ab"[..], 3_usize),
        (b"a", 5),
        (b"ab\xff", 2),
        (b"\xff", 1),
        (b"", 6),
        (b"b", 0),
    ] {
        let found = store.scan(Scan::prefix(Table::Outbox, prefix)).await?;
        same(&format!("keys with {prefix:?}"), &found.len(), &expected)?;
    }
    Ok(())
}

pub(super) async fn a_long_list_can_be_read_page_by_page(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for part in 0..10_u64 {
        let rows = (0..50).map(|row| put(Table::Index, &format!("l/{row:03}/{part}"), ""));
        store.commit(writes("s", part, rows.collect())).await?;
    }
    let whole = keys(&*store, Scan::prefix(Table::Index, "l/")).await?;
    same("the length of the list", &whole.len(), &500)?;
    let mut pages = Vec::new();
    let mut scan = Scan::prefix(Table::Index, "l/").limit(33);
    loop {
        let page = keys(&*store, scan.clone()).await?;
        let Some(last) = page.last() else { break };
        scan = scan.after(last.as_str());
        pages.extend(page);
    }
    same("the pages together", &pages, &whole)
}

pub(super) async fn a_large_row_is_read_back(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let large = |seed: u64| -> Vec<u8> {
        let mut chance = Chance::seeded(seed);
        (0..300_000)
            .map(|_| chance.number().to_le_bytes()[0])
            .collect()
    };
    for (version, size) in (0_u64..).zip([300_000_usize, 10, 130_000, 61_440, 61_441]) {
        let part = |seed| large(seed).get(..size).unwrap_or_default().to_vec();
        let row = Row::new(part(1), part(2));
        let write = Write::Put {
            table: Table::Definitions,
            key: "d".into(),
            row: row.clone(),
        };
        store.commit(writes("s", version, vec![write])).await?;
        same(
            &format!("{size} bytes"),
            &store.get(Table::Definitions, b"d").await?,
            &Some(row),
        )?;
    }
    store
        .commit(writes("s", 5, vec![delete(Table::Definitions, "d")]))
        .await?;
    same(
        "after the delete",
        &store.scan(Scan::all(Table::Definitions)).await?,
        &Vec::new(),
    )
}

pub(super) async fn instances_are_listed_by_subject(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for subject in ["b", "a"] {
        store.commit(state(subject, 0, subject)).await?;
    }
    store.commit(writes("c", 0, Vec::new())).await?;
    let found = keys(&*store, Scan::all(Table::Instances)).await?.concat();
    same("subjects with a state", &found, &"ab".to_owned())?;
    same(
        "a row",
        &store.get(Table::Instances, b"b").await?,
        &Some(Row::open("b")),
    )?;
    same("no row", &store.get(Table::Instances, b"c").await?, &None)
}
