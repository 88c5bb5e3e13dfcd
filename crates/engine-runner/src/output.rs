//! What is written where: results to standard output, everything else to standard error.
//!
//! Colours are always written and taken out again where nobody would see them (`NO_COLOR`, a pipe, a
//! dumb terminal). A reader who hangs up has read enough: that is no error.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::exit::{Exit, Failure, Outcome};

/// Writes a result.
pub(crate) fn print(text: &str) -> Outcome<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::Said(Exit::Done)),
        Err(error) => Err(error.into()),
    }
}

/// Writes text that is for people beside the result, such as an error or a note.
pub(crate) fn complain(text: &str) {
    // Nobody is left to hear that nobody listens.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Whether somebody watches the notes.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// A JSON document of a list, with its version first.
pub(crate) fn print_json(name: &str, rows: impl Serialize) -> Outcome<()> {
    let document = Document { name, rows };
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::new(Exit::Bug, "json", error.to_string()))?;
    print(&format!("{text}\n"))
}

struct Document<'a, T> {
    name: &'a str,
    rows: T,
}

impl<T: Serialize> Serialize for Document<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("v", &1)?;
        map.serialize_entry(self.name, &self.rows)?;
        map.end()
    }
}
