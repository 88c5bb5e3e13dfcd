//! What a commit promises.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{
    Bench, Broken, Steps, delete, fresh, holds, put, refused, same, state, unique, writes,
};
use crate::{
    COMMIT_BYTES_MAX, Commit, Committed, Error, ErrorKind, KEY_BYTES_MAX, Refusal, Retry, Row,
    Store, Stored, Table, Write,
};

pub(super) async fn a_subject_never_seen_is_none(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    same("the subject", &store.subject(b"nobody").await?, &None)
}

pub(super) async fn versions_count_the_commits_of_a_subject(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for version in 0..5 {
        for subject in ["a", "b"] {
            let done = store
                .commit(state(subject, version, &version.to_string()))
                .await?;
            same("the version", &done.version, &version.saturating_add(1))?;
        }
    }
    let expected = Some(Stored {
        version: 5,
        row: Row::open("4"),
    });
    same("the subject", &store.subject(b"b").await?, &expected)
}

pub(super) async fn sequences_have_no_gaps(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for number in 0..20_u64 {
        let done = store.commit(state(&format!("s{number}"), 0, "")).await?;
        same("the sequence", &done.sequence, &number.saturating_add(1))?;
        refused(
            "a stale commit",
            store.commit(state(&format!("s{number}"), 0, "")).await,
        )?;
    }
    Ok(())
}

pub(super) async fn a_commit_without_state_keeps_the_row(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store.commit(writes("s", 0, Vec::new())).await?;
    let bare = Some(Stored {
        version: 1,
        row: Row::default(),
    });
    same("before any state", &store.subject(b"s").await?, &bare)?;
    store.commit(state("s", 1, "state")).await?;
    store
        .commit(writes("s", 2, vec![put(Table::Links, "k", "")]))
        .await?;
    let kept = Some(Stored {
        version: 3,
        row: Row::open("state"),
    });
    same(
        "after a commit without state",
        &store.subject(b"s").await?,
        &kept,
    )
}

/// Refused with the versions, and told to load again.
fn is_conflict(error: &Error, expected: u64, actual: u64) -> Steps {
    same(
        "the kind",
        error.kind(),
        &ErrorKind::Conflict { expected, actual },
    )?;
    holds("nothing was left", error.left_nothing())?;
    same("the class", &error.retry(), &Retry::Reload)
}

pub(super) async fn a_stale_commit_is_refused_and_leaves_nothing(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store.commit(state("s", 0, "one")).await?;
    store.commit(state("s", 1, "two")).await?;
    for expected in [0, 1, 3, u64::MAX] {
        let commit = Commit {
            writes: vec![put(Table::Links, "k", "")],
            history: vec![Row::open("h")],
            ..state("s", expected, "wrong")
        };
        let error = refused(
            "a commit with the wrong version",
            store.commit(commit).await,
        )?;
        is_conflict(&error, expected, 2)?;
    }
    let error = refused(
        "a new subject at 4",
        store.commit(state("new", 4, "")).await,
    )?;
    is_conflict(&error, 4, 0)?;
    same("the row", &store.get(Table::Links, b"k").await?, &None)?;
    same(
        "the history",
        &store.history(b"s", 0, 9).await?,
        &Vec::new(),
    )?;
    let kept = Some(Stored {
        version: 2,
        row: Row::open("two"),
    });
    same("the subject", &store.subject(b"s").await?, &kept)
}

pub(super) async fn a_commit_is_all_or_nothing(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store
        .commit(writes(
            "a",
            0,
            vec![unique(Table::Payments, "paid", "first")],
        ))
        .await?;
    let all = |key: &str| Commit {
        state: Some(Row::open("state")),
        history: vec![Row::open("entry")],
        ..writes(
            "b",
            0,
            vec![
                put(Table::Timers, "timer", "t"),
                put(Table::Outbox, "intent", "i"),
                put(Table::Inputs, "input", "reply"),
                put(Table::Index, "list", "l"),
                unique(Table::Payments, key, "second"),
                put(Table::Receipts, "receipt", "r"),
            ],
        )
    };
    let error = refused("a second payment", store.commit(all("paid")).await)?;
    let exists = ErrorKind::Exists {
        table: Table::Payments,
        key: "paid".into(),
    };
    same("the kind", error.kind(), &exists)?;
    same("the subject", &store.subject(b"b").await?, &None)?;
    let places = [
        (Table::Timers, "timer", "t"),
        (Table::Outbox, "intent", "i"),
        (Table::Inputs, "input", "reply"),
        (Table::Index, "list", "l"),
        (Table::Receipts, "receipt", "r"),
    ];
    for (table, key, _) in places {
        same(key, &store.get(table, key.as_bytes()).await?, &None)?;
    }
    store.commit(all("other")).await?;
    for (table, key, open) in places {
        same(
            key,
            &store.get(table, key.as_bytes()).await?,
            &Some(Row::open(open)),
        )?;
    }
    same("entries", &store.history(b"b", 0, 9).await?.len(), &1)
}

pub(super) async fn writes_apply_in_the_order_they_are_listed(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let list = vec![
        put(Table::Links, "a", "1"),
        put(Table::Links, "a", "2"),
        put(Table::Links, "b", "1"),
        delete(Table::Links, "b"),
        delete(Table::Links, "c"),
        put(Table::Links, "c", "3"),
        fresh(Table::Links, "d", "1"),
        delete(Table::Links, "d"),
    ];
    store.commit(writes("s", 0, list)).await?;
    for (key, expected) in [("a", Some("2")), ("b", None), ("c", Some("3")), ("d", None)] {
        let found = store.get(Table::Links, key.as_bytes()).await?;
        same(key, &found, &expected.map(Row::open))?;
    }
    Ok(())
}

pub(super) async fn a_unique_key_is_stored_once(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store
        .commit(writes("s", 0, vec![unique(Table::Payments, "k", "1")]))
        .await?;
    let again = writes("s", 1, vec![unique(Table::Payments, "k", "2")]);
    let error = refused("a second unique", store.commit(again.clone()).await)?;
    holds("it exists", error.is_exists())?;
    same("the class", &error.retry(), &Retry::Never)?;
    let stale = Commit {
        expected: 0,
        ..again
    };
    let error = refused("a stale second unique", store.commit(stale).await)?;
    is_conflict(&error, 0, 1)?;
    same(
        "the row",
        &store.get(Table::Payments, b"k").await?,
        &Some(Row::open("1")),
    )
}

pub(super) async fn a_unique_key_can_come_again_after_a_delete(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for round in 0..3_u64 {
        let expected = round.saturating_mul(2);
        let one = writes("s", expected, vec![unique(Table::Payments, "k", "1")]);
        store.commit(one).await?;
        let gone = writes(
            "s",
            expected.saturating_add(1),
            vec![delete(Table::Payments, "k")],
        );
        store.commit(gone).await?;
        same(
            "after the delete",
            &store.get(Table::Payments, b"k").await?,
            &None,
        )?;
    }
    Ok(())
}

pub(super) async fn a_unique_key_counts_writes_of_its_own_commit(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let k = |open| unique(Table::Payments, "k", open);
    for list in [
        vec![k("1"), k("2")],
        vec![put(Table::Payments, "k", "1"), k("2")],
    ] {
        let error = refused("two of one key", store.commit(writes("s", 0, list)).await)?;
        holds("it exists", error.is_exists())?;
    }
    store.commit(writes("s", 0, vec![k("1")])).await?;
    let moved = vec![delete(Table::Payments, "k"), k("2")];
    store.commit(writes("s", 1, moved)).await?;
    same(
        "the row",
        &store.get(Table::Payments, b"k").await?,
        &Some(Row::open("2")),
    )
}

pub(super) async fn a_fresh_key_can_be_deleted(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store
        .commit(writes("s", 0, vec![fresh(Table::Timers, "t", "1")]))
        .await?;
    same(
        "the timer",
        &store.get(Table::Timers, b"t").await?,
        &Some(Row::open("1")),
    )?;
    store
        .commit(writes("s", 1, vec![delete(Table::Timers, "t")]))
        .await?;
    same(
        "after the delete",
        &store.get(Table::Timers, b"t").await?,
        &None,
    )?;
    store
        .commit(writes("s", 2, vec![unique(Table::Timers, "t", "2")]))
        .await?;
    same(
        "again",
        &store.get(Table::Timers, b"t").await?,
        &Some(Row::open("2")),
    )
}

pub(super) async fn a_commit_against_the_rules_is_refused(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let long = "k".repeat(KEY_BYTES_MAX.saturating_add(1));
    let large = vec![Row::open(vec![0; COMMIT_BYTES_MAX])];
    let cases = [
        (state("", 0, ""), Refusal::Subject),
        (state(&long, 0, ""), Refusal::Subject),
        (
            writes("s", 0, vec![put(Table::Links, "", "")]),
            Refusal::Key,
        ),
        (
            writes("s", 0, vec![delete(Table::Links, &long)]),
            Refusal::Key,
        ),
        (
            writes("s", 0, vec![put(Table::Instances, "s", "")]),
            Refusal::Instances,
        ),
        (
            Commit {
                history: large,
                ..state("s", 0, "")
            },
            Refusal::Size,
        ),
    ];
    for (commit, refusal) in cases {
        let error = refused("a commit against the rules", store.commit(commit).await)?;
        same("the kind", error.kind(), &ErrorKind::Refused(refusal))?;
        same("the class", &error.retry(), &Retry::Never)?;
    }
    let longest = "k".repeat(KEY_BYTES_MAX);
    store
        .commit(writes(&longest, 0, vec![put(Table::Links, &longest, "v")]))
        .await?;
    same(
        "the row",
        &store.get(Table::Links, longest.as_bytes()).await?,
        &Some(Row::open("v")),
    )
}

type Answers = Vec<(usize, Result<Committed, Error>)>;

/// Commits all at once.
async fn at_once(store: &Arc<dyn Store>, commits: Vec<Commit>) -> Result<Answers, Broken> {
    let mut tasks = JoinSet::new();
    for (number, commit) in commits.into_iter().enumerate() {
        let store = Arc::clone(store);
        tasks.spawn(async move { (number, store.commit(commit).await) });
    }
    let mut answers = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        answers.push(answer.map_err(|error| Broken(error.to_string()))?);
    }
    answers.sort_by_key(|(number, _)| *number);
    Ok(answers)
}

pub(super) async fn one_of_many_rivals_wins(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    for version in 0..5_u64 {
        let rivals = (0..40)
            .map(|rival| state("s", version, &format!("{rival}")))
            .collect();
        let answers = at_once(&store, rivals).await?;
        let winners: Vec<_> = answers
            .iter()
            .filter(|(_, answer)| answer.is_ok())
            .collect();
        same("winners", &winners.len(), &1)?;
        let lost = answers
            .iter()
            .filter_map(|(_, answer)| answer.as_ref().err());
        for error in lost {
            is_conflict(error, version, version.saturating_add(1))?;
        }
        let winner = winners.first().map_or(0, |(rival, _)| *rival);
        let row = store.subject(b"s").await?.map(|stored| stored.row);
        same(
            "the winner's row",
            &row,
            &Some(Row::open(winner.to_string())),
        )?;
    }
    Ok(())
}

pub(super) async fn one_of_many_unique_keys_wins(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let one = |rival: usize| {
        let list = vec![unique(Table::Payments, "paid", &rival.to_string())];
        writes(&format!("s{rival}"), 0, list)
    };
    let answers = at_once(&store, (0..60).map(one).collect()).await?;
    let mut winners = answers.iter().filter(|(_, answer)| answer.is_ok());
    let winner = winners
        .next()
        .map(|(rival, _)| Row::open(rival.to_string()));
    same("more winners", &winners.count(), &0)?;
    let losers = answers
        .iter()
        .filter_map(|(_, answer)| answer.as_ref().err());
    holds(
        "losers are told that it exists",
        losers.clone().all(Error::is_exists),
    )?;
    same(
        "the row",
        &store.get(Table::Payments, b"paid").await?,
        &winner,
    )
}

pub(super) async fn a_bad_commit_is_refused_alone(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    store
        .commit(writes("first", 0, vec![unique(Table::Payments, "k", "")]))
        .await?;
    let is_bad = |number: usize| number.is_multiple_of(7);
    let one = |number: usize| {
        let subject = format!("s{number}");
        match number.checked_rem(14) {
            Some(0) => state(&subject, 9, ""),
            Some(7) => writes(&subject, 0, vec![unique(Table::Payments, "k", "")]),
            _ => state(&subject, 0, &subject),
        }
    };
    let answers = at_once(&store, (0..140).map(one).collect()).await?;
    for (number, answer) in &answers {
        same(
            &format!("commit {number}"),
            &answer.is_err(),
            &is_bad(*number),
        )?;
        let found = store.subject(format!("s{number}").as_bytes()).await?;
        same(
            &format!("subject {number}"),
            &found.is_none(),
            &is_bad(*number),
        )?;
    }
    Ok(())
}

pub(super) async fn a_caller_reads_its_own_writes(bench: &dyn Bench) -> Steps {
    let store = bench.fresh()?;
    let mut tasks = JoinSet::new();
    for caller in 0..16 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let subject = format!("c{caller}");
            for version in 0..20_u64 {
                let value = version.to_string();
                let write = Write::Put {
                    table: Table::Index,
                    key: subject.clone().into(),
                    row: Row::open(value.as_str()),
                };
                let commit = Commit {
                    writes: vec![write],
                    ..state(&subject, version, &value)
                };
                store.commit(commit).await?;
                let stored = store.subject(subject.as_bytes()).await?;
                same(
                    "the row",
                    &stored.map(|stored| stored.row),
                    &Some(Row::open(value.as_str())),
                )?;
                let row = store.get(Table::Index, subject.as_bytes()).await?;
                same("the index", &row, &Some(Row::open(value.as_str())))?;
            }
            Ok::<_, Broken>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| Broken(error.to_string()))??;
    }
    Ok(())
}
