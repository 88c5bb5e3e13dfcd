//! Messages of runs without a channel: they stay in a file, each key once.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use charkh::async_trait;
use charkh::host::{Delivery, Error, Message, Messenger};
use serde::{Deserialize, Serialize};

use crate::exit::Outcome;
use crate::lines::LineFile;

/// The outbox.
#[derive(Debug)]
pub(crate) struct Outbox {
    file: Option<LineFile>,
    keys: Mutex<BTreeSet<String>>,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The key it was handed in with.
    pub(crate) key: String,
    /// The message.
    pub(crate) message: Message,
}

impl Outbox {
    /// The outbox in that file, or in memory.
    pub(crate) fn open(file: Option<&Path>) -> Outcome<Outbox> {
        let Some(path) = file else {
            return Ok(Outbox {
                file: None,
                keys: Mutex::default(),
            });
        };
        let (file, lines) = LineFile::open::<Line>(path)?;
        let keys = lines.into_iter().map(|line| line.key).collect();
        Ok(Outbox {
            file: Some(file),
            keys: Mutex::new(keys),
        })
    }

    /// Takes a key; false when it was taken before.
    fn take(&self, key: &str) -> bool {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.to_owned())
    }

    /// Gives a key back whose message did not reach the file.
    fn give_back(&self, key: &str, error: &std::io::Error) -> Error {
        self.keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
        Error::timeout("messenger.send", error.to_string())
    }
}

#[async_trait]
impl Messenger for Outbox {
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, Error> {
        if self.take(key)
            && let Some(file) = &self.file
        {
            let line = Line {
                key: key.to_owned(),
                message: message.clone(),
            };
            let written = file
                .append(&line)
                .map_err(|error| self.give_back(key, &error))?;
            written
                .on_disk()
                .await
                .map_err(|error| self.give_back(key, &error))?;
        }
        Ok(Delivery {
            channel_ref: Some(format!("outbox/{key}")),
        })
    }
}
