//! The promises of [`crate::Store`], as one list of cases that every store runs.
//!
//! A [`Bench`] opens the store under test, empty or again. A case needs nothing else, so the list is
//! all a new store has to pass. Here are also a store that fails on demand, and walks by chance to
//! compare any store with the one in memory.

mod committing;
mod erasing;
mod faults;
mod keeping;
mod reading;
mod walk;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use faults::{Failure, FaultyStore};
pub use walk::{Answer, Picture, Step, Walk, picture};

use crate::{Commit, Error, Row, Store, Table, Write};

/// Opens the store under test.
pub trait Bench: Send + Sync {
    /// A new, empty store.
    ///
    /// # Errors
    /// The store's.
    fn fresh(&self) -> Result<Arc<dyn Store>, Error>;

    /// The store opened last, opened again after it was closed; `None` when it keeps nothing.
    fn again(&self) -> Option<Result<Arc<dyn Store>, Error>>;
}

/// A promise that does not hold: what was seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self(format!("an error nobody expected: {error}"))
    }
}

/// What a running case comes to.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Broken>> + Send + 'a>>;

/// One promise.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise, as a sentence.
    pub name: &'static str,
    /// Plays it.
    pub run: fn(&dyn Bench) -> Running<'_>,
}

impl Debug for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

macro_rules! cases {
    ($($file:ident :: $name:ident),+ $(,)?) => {
        &[$(Case { name: stringify!($name), run: |bench| Box::pin($file::$name(bench)) }),+]
    };
}

/// Every promise.
pub const CASES: &[Case] = cases![
    reading::a_row_is_read_back_with_both_halves,
    reading::a_row_can_be_replaced_and_deleted,
    reading::an_empty_row_is_a_row,
    reading::tables_are_apart,
    reading::a_scan_is_ascending_and_keeps_its_bounds,
    reading::a_prefix_scan_finds_every_key_with_the_prefix,
    reading::a_long_list_can_be_read_page_by_page,
    reading::a_large_row_is_read_back,
    reading::instances_are_listed_by_subject,
    committing::a_subject_never_seen_is_none,
    committing::versions_count_the_commits_of_a_subject,
    committing::sequences_have_no_gaps,
    committing::a_commit_without_state_keeps_the_row,
    committing::a_stale_commit_is_refused_and_leaves_nothing,
    committing::a_commit_is_all_or_nothing,
    committing::writes_apply_in_the_order_they_are_listed,
    committing::a_unique_key_is_stored_once,
    committing::a_unique_key_can_come_again_after_a_delete,
    committing::a_unique_key_counts_writes_of_its_own_commit,
    committing::a_fresh_key_can_be_deleted,
    committing::a_commit_against_the_rules_is_refused,
    committing::one_of_many_rivals_wins,
    committing::one_of_many_unique_keys_wins,
    committing::a_bad_commit_is_refused_alone,
    committing::a_caller_reads_its_own_writes,
    erasing::history_is_told_oldest_first,
    erasing::history_comes_in_pages_of_whole_commits,
    erasing::history_of_an_unknown_subject_is_empty,
    erasing::every_commit_has_its_own_hash,
    erasing::erasing_wipes_history_and_keeps_the_chain,
    erasing::erasing_wipes_rows_that_still_stand,
    erasing::erasing_leaves_other_subjects_alone,
    erasing::erasing_twice_wipes_nothing_more,
    erasing::a_subject_goes_on_after_an_erasure,
    keeping::a_closed_store_refuses_everything,
    keeping::verify_counts_what_is_there,
    keeping::everything_is_there_after_opening_again,
    keeping::sequences_and_versions_go_on_after_opening_again,
    keeping::an_erasure_holds_after_opening_again,
    keeping::a_walk_ends_where_the_model_ends,
];

/// Runs every case.
pub async fn run(bench: &dyn Bench) -> Vec<(&'static str, Result<(), Broken>)> {
    let mut results = Vec::new();
    for case in CASES {
        results.push((case.name, (case.run)(bench).await));
    }
    results
}

/// A case's steps.
type Steps = Result<(), Broken>;

fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Steps {
    if found == expected {
        Ok(())
    } else {
        Err(Broken(format!(
            "{what}: found {found:?}, expected {expected:?}"
        )))
    }
}

fn holds(what: &str, holds: bool) -> Steps {
    if holds {
        Ok(())
    } else {
        Err(Broken(what.to_owned()))
    }
}

/// The error of a call that must fail.
fn refused<T: Debug>(what: &str, result: Result<T, Error>) -> Result<Error, Broken> {
    match result {
        Err(error) => Ok(error),
        Ok(found) => Err(Broken(format!("{what} passed with {found:?}"))),
    }
}

/// A commit that gives a subject a state, and nothing else.
fn state(subject: &str, expected: u64, open: &str) -> Commit {
    Commit {
        subject: subject.into(),
        expected,
        state: Some(Row::open(open)),
        ..Commit::default()
    }
}

/// A commit that only writes rows.
fn writes(subject: &str, expected: u64, writes: Vec<Write>) -> Commit {
    Commit {
        subject: subject.into(),
        expected,
        writes,
        ..Commit::default()
    }
}

fn put(table: Table, key: &str, open: &str) -> Write {
    Write::Put {
        table,
        key: key.into(),
        row: Row::open(open),
    }
}

fn fresh(table: Table, key: &str, open: &str) -> Write {
    Write::Fresh {
        table,
        key: key.into(),
        row: Row::open(open),
    }
}

fn unique(table: Table, key: &str, open: &str) -> Write {
    Write::Unique {
        table,
        key: key.into(),
        row: Row::open(open),
    }
}

fn delete(table: Table, key: &str) -> Write {
    Write::Delete {
        table,
        key: key.into(),
    }
}
