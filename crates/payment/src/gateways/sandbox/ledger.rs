//! The ledger: every request, one JSON line each, on disk before it is answered.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use values::AccountName;

use super::audit::LedgerAudit;
use super::book::Book;
use super::record::Record;
use crate::GatewayError;

/// A sandbox ledger that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The file system refused.
    #[error("sandbox ledger {}: {source}", path.display())]
    Io {
        /// The ledger.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// Another process, or another opening in this one, has it.
    #[error("sandbox ledger {} is already open", path.display())]
    InUse {
        /// The ledger.
        path: PathBuf,
    },
    /// A complete line that is not a record: nobody but the sandbox may write here.
    #[error("sandbox ledger {}, line {line}: {source}", path.display())]
    Damaged {
        /// The ledger.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A limit of the account is in another currency than the account.
    #[error("account {account}: its limit {limit} is not in {currency}")]
    LimitCurrency {
        /// The account.
        account: AccountName,
        /// The limit.
        limit: values::Money,
        /// The account's currency.
        currency: values::Currency,
    },
}

/// A ledger that one or several sandbox accounts write. Clones are the same ledger.
#[derive(Debug, Clone)]
pub struct LedgerFile {
    pages: Arc<Mutex<Pages>>,
    in_memory: bool,
}

#[derive(Debug)]
pub(super) struct Pages {
    medium: Medium,
    /// Set by a failed write: what the disk holds now is known only after reopening.
    broken: bool,
    books: BTreeMap<AccountName, Book>,
}

#[derive(Debug)]
enum Medium {
    File(File),
    Memory(Vec<u8>),
}

impl LedgerFile {
    /// Opens the ledger, or makes an empty one. A last line that was cut off by a crash was never
    /// answered: it is dropped.
    ///
    /// # Errors
    ///
    /// [`SandboxError`] when the file cannot be read and locked, or holds something else.
    pub fn open(path: impl AsRef<Path>) -> Result<LedgerFile, SandboxError> {
        let path = path.as_ref();
        let io = |source| SandboxError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SandboxError::InUse {
                path: path.to_owned(),
            },
            TryLockError::Error(source) => io(source),
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let (records, whole) = parse(&bytes, path)?;
        file.set_len(u64::try_from(whole).unwrap_or(u64::MAX))
            .map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        file.sync_all().map_err(io)?;
        sync_folder(path).map_err(io)?;
        Ok(LedgerFile::holding(Medium::File(file), &records))
    }

    /// An empty ledger that lives as long as its clones.
    pub fn in_memory() -> LedgerFile {
        LedgerFile::holding(Medium::Memory(Vec::new()), &[])
    }

    /// The same ledger as another process would find it after this one was killed: state rebuilt
    /// from the records. `None` for a ledger on disk, which [`LedgerFile::open`] reopens.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Damaged`] if the records cannot be read back.
    pub fn reopened(&self) -> Result<Option<LedgerFile>, SandboxError> {
        let pages = self.pages();
        let Medium::Memory(bytes) = &pages.medium else {
            return Ok(None);
        };
        let (records, _) = parse(bytes, Path::new("(in memory)"))?;
        Ok(Some(LedgerFile::holding(
            Medium::Memory(bytes.clone()),
            &records,
        )))
    }

    /// What the ledger holds, over all accounts.
    pub fn audit(&self) -> LedgerAudit {
        LedgerAudit::of(&self.pages().books)
    }

    pub(super) fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        // A book changes only after its record is written, in one step that does not fail.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holding(medium: Medium, records: &[Record]) -> LedgerFile {
        let in_memory = matches!(medium, Medium::Memory(_));
        let pages = Pages {
            medium,
            broken: false,
            books: books_of(records),
        };
        LedgerFile {
            pages: Arc::new(Mutex::new(pages)),
            in_memory,
        }
    }
}

/// Reads a ledger that nobody has open, or whose owner was killed; changes nothing.
///
/// # Errors
///
/// [`SandboxError`] when the file cannot be read or holds something else.
pub fn read_ledger(path: impl AsRef<Path>) -> Result<LedgerAudit, SandboxError> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| SandboxError::Io {
        path: path.to_owned(),
        source,
    })?;
    let (records, _) = parse(&bytes, path)?;
    Ok(LedgerAudit::of(&books_of(&records)))
}

impl Pages {
    /// The account's book, opened on first use.
    pub(super) fn book(&mut self, account: &AccountName) -> &mut Book {
        self.books.entry(account.clone()).or_default()
    }

    /// Makes the record durable, then lets the book know.
    pub(super) fn write(&mut self, record: &Record) -> Result<(), GatewayError> {
        if self.broken {
            return Err(GatewayError::retryable(
                "ledger_closed",
                "an earlier write to the sandbox ledger failed; open it again",
            ));
        }
        let written = serde_json::to_vec(record)
            .map_err(std::io::Error::other)
            .and_then(|line| {
                let mut line = line;
                line.push(b'\n');
                self.medium.append(&line)
            });
        if let Err(error) = written {
            self.broken = true;
            return Err(GatewayError::ambiguous(
                "ledger_write_failed",
                format!("the sandbox ledger could not be written: {error}"),
            ));
        }
        self.book(&record.account).enter(record);
        Ok(())
    }
}

impl Medium {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        match self {
            Medium::File(file) => {
                file.write_all(line)?;
                file.sync_data()
            }
            Medium::Memory(bytes) => {
                bytes.extend_from_slice(line);
                Ok(())
            }
        }
    }
}

/// The records of a ledger, and how many of its bytes are whole lines.
fn parse(bytes: &[u8], path: &Path) -> Result<(Vec<Record>, usize), SandboxError> {
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    let lines = bytes.get(..whole).unwrap_or_default();
    let records = lines
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_slice(line).map_err(|source| SandboxError::Damaged {
                path: path.to_owned(),
                line: index + 1,
                source,
            })
        })
        .collect::<Result<Vec<Record>, SandboxError>>()?;
    Ok((records, whole))
}

fn books_of(records: &[Record]) -> BTreeMap<AccountName, Book> {
    let mut books: BTreeMap<AccountName, Book> = BTreeMap::new();
    for record in records {
        books
            .entry(record.account.clone())
            .or_default()
            .enter(record);
    }
    books.values_mut().for_each(Book::reopened);
    books
}

/// Makes the name of a new file durable, where the system lets a folder be synced.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use chrono::DateTime;
    use values::AccountName;

    use super::super::record::{Record, Request};
    use super::{LedgerFile, Medium, read_ledger};
    use crate::ErrorClass;

    /// Clause 38: nobody knows what a failed write has left on the disk.
    #[test]
    fn a_failed_write_is_ambiguous_and_closes_the_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        File::create(&path).unwrap();
        // A file opened for reading refuses every write, as a full disk does.
        let ledger = LedgerFile::holding(Medium::File(File::open(&path).unwrap()), &[]);
        let record = Record {
            account: AccountName::from("main"),
            at: DateTime::UNIX_EPOCH,
            request: Request::Find {
                reference: "r-1".to_owned(),
            },
            answer: "not_found".to_owned(),
        };
        let error = ledger.pages().write(&record).unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous);
        assert_eq!(ledger.audit().requests, 0);
        let error = ledger.pages().write(&record).unwrap_err();
        assert_eq!(
            (error.class, error.code.as_str()),
            (ErrorClass::Retryable, "ledger_closed")
        );
        assert_eq!(read_ledger(&path).unwrap().requests, 0);
    }
}
