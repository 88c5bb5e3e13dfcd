//! Rows of a store, all of them, page by page.

use charkh::persistence::{Row, Scan, Store, Table};
use serde::de::DeserializeOwned;

use crate::exit::{Exit, Failure, Outcome};

/// Rows read at once.
const PAGE: usize = 1_000;

/// Which half of a row holds what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    /// The half that stays.
    Open,
    /// The half that can be erased; erased rows are left out.
    Personal,
}

/// Every row of a table, read.
pub(crate) async fn all<T: DeserializeOwned>(
    store: &dyn Store,
    table: Table,
    half: Half,
) -> Outcome<Vec<T>> {
    let mut rows = Vec::new();
    let mut after = None;
    while let Some(found) = page(store, table, after.take()).await? {
        after = found.last().map(|(key, _)| key.clone());
        for (_, row) in found {
            let bytes = match half {
                Half::Open => row.open,
                Half::Personal if row.personal.is_empty() => continue,
                Half::Personal => row.personal,
            };
            rows.push(serde_json::from_slice(&bytes).map_err(|error| {
                Failure::new(Exit::Bug, "record", format!("cannot decode a row: {error}"))
            })?);
        }
    }
    Ok(rows)
}

/// A page of a table behind a key; `None` when there are no more.
async fn page(
    store: &dyn Store,
    table: Table,
    after: Option<Vec<u8>>,
) -> Outcome<Option<Vec<(Vec<u8>, Row)>>> {
    let mut scan = Scan::all(table).limit(PAGE);
    if let Some(after) = after {
        scan = scan.after(after);
    }
    let rows = store.scan(scan).await?;
    Ok((!rows.is_empty()).then_some(rows))
}
