//! Commits by chance, the same for the same seed, and a picture of all a store holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::simulation::Chance;
use crate::{Commit, Committed, Error, ErrorKind, Row, Scan, Store, Stored, Table, Write};

/// Makes commits and erasures by chance. Two walks with one seed make the same ones, as long as they
/// get the same answers.
#[derive(Clone, Debug)]
pub struct Walk {
    chance: Chance,
    subjects: usize,
    versions: BTreeMap<usize, u64>,
    /// Keys made with `Fresh` are never used again.
    fresh: u64,
    open_fresh: BTreeSet<u64>,
}

/// What a step was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A commit was stored.
    Stored(Committed),
    /// A commit was refused.
    Refused(ErrorKind),
    /// So many commits were wiped.
    Erased(u64),
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Commit this, of the subject with this number.
    Commit(usize, Commit),
    /// Erase this subject's personal halves.
    Erase(Vec<u8>),
}

fn subject(number: usize) -> Vec<u8> {
    format!("item/{number:04}").into_bytes()
}

impl Walk {
    /// A walk over so many subjects.
    #[must_use]
    pub fn new(seed: u64, subjects: usize) -> Self {
        Self {
            chance: Chance::seeded(seed),
            subjects: subjects.max(1),
            versions: BTreeMap::new(),
            fresh: 0,
            open_fresh: BTreeSet::new(),
        }
    }

    /// Every subject the walk may touch.
    #[must_use]
    pub fn subjects(&self) -> Vec<Vec<u8>> {
        (0..self.subjects).map(subject).collect()
    }

    /// Takes steps; returns what each was answered. A refusal is an answer.
    ///
    /// # Errors
    /// Any error but a refusal.
    pub async fn take(&mut self, store: &dyn Store, steps: usize) -> Result<Vec<Answer>, Error> {
        let mut answers = Vec::new();
        for _ in 0..steps {
            let step = self.step();
            answers.push(self.play(store, step).await?);
        }
        Ok(answers)
    }

    /// Plays one step.
    ///
    /// # Errors
    /// Any error but a refusal.
    pub async fn play(&mut self, store: &dyn Store, step: Step) -> Result<Answer, Error> {
        match step {
            Step::Erase(subject) => Ok(Answer::Erased(store.erase_personal(&subject).await?)),
            Step::Commit(number, commit) => match store.commit(commit).await {
                Ok(committed) => {
                    self.versions.insert(number, committed.version);
                    Ok(Answer::Stored(committed))
                }
                Err(error) if error.is_conflict() || error.is_exists() => {
                    Ok(Answer::Refused(error.kind().clone()))
                }
                Err(error) => Err(error),
            },
        }
    }

    /// The next step.
    pub fn step(&mut self) -> Step {
        let number = self.chance.below(self.subjects);
        if self.chance.below(25) == 0 {
            return Step::Erase(subject(number));
        }
        let version = self.versions.get(&number).copied().unwrap_or(0);
        let expected = if self.chance.below(20) == 0 {
            version.wrapping_add(1)
        } else {
            version
        };
        let state = (self.chance.below(8) > 0).then(|| self.row());
        let writes = (0..self.chance.below(5)).map(|_| self.write()).collect();
        let history = (0..self.chance.below(3)).map(|_| self.row()).collect();
        Step::Commit(
            number,
            Commit {
                subject: subject(number),
                expected,
                state,
                writes,
                history,
            },
        )
    }

    fn row(&mut self) -> Row {
        let long = if self.chance.below(60) == 0 {
            70_000
        } else {
            60
        };
        let (open, personal) = (self.chance.below(long), self.chance.below(40));
        let personal = if self.chance.below(2) == 0 {
            0
        } else {
            personal
        };
        Row {
            open: self.bytes(open),
            personal: self.bytes(personal),
        }
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let start = self.chance.number().to_le_bytes();
        start.iter().cycle().take(length).copied().collect()
    }

    fn write(&mut self) -> Write {
        let tables = [Table::Timers, Table::Outbox, Table::Payments, Table::Index];
        let table = *tables.get(self.chance.below(4)).unwrap_or(&Table::Index);
        let key = format!("k/{:02}", self.chance.below(30)).into_bytes();
        match self.chance.below(10) {
            0..4 => Write::Put {
                table,
                key,
                row: self.row(),
            },
            4..6 => Write::Delete { table, key },
            6 => Write::Unique {
                table,
                key,
                row: self.row(),
            },
            7..9 => {
                self.fresh = self.fresh.wrapping_add(1);
                self.open_fresh.insert(self.fresh);
                let key = format!("f/{:08}", self.fresh).into_bytes();
                Write::Fresh {
                    table: Table::Timers,
                    key,
                    row: self.row(),
                }
            }
            _ => {
                let fresh = self.open_fresh.pop_first().unwrap_or(0);
                Write::Delete {
                    table: Table::Timers,
                    key: format!("f/{fresh:08}").into_bytes(),
                }
            }
        }
    }
}

/// An entry of a history without its hash, which differs from store to store.
type Entry = (u64, u64, u32, Row, bool);

/// Everything a store tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// All rows of all tables.
    pub rows: Vec<(Table, Vec<u8>, Row)>,
    /// Subjects, with their histories.
    pub subjects: Vec<(Vec<u8>, Option<Stored>, Vec<Entry>)>,
}

/// Reads everything: every table, and the given subjects.
///
/// # Errors
/// The store's.
pub async fn picture(store: &dyn Store, subjects: &[Vec<u8>]) -> Result<Picture, Error> {
    let mut rows = Vec::new();
    for table in Table::ALL {
        let found = store.scan(Scan::all(table)).await?;
        rows.extend(found.into_iter().map(|(key, row)| (table, key, row)));
    }
    let mut told = Vec::new();
    for subject in subjects {
        let history = store.history(subject, 0, usize::MAX).await?;
        let entries = history
            .into_iter()
            .map(|entry| {
                (
                    entry.sequence,
                    entry.version,
                    entry.index,
                    entry.row,
                    entry.erased,
                )
            })
            .collect();
        told.push((subject.clone(), store.subject(subject).await?, entries));
    }
    Ok(Picture {
        rows,
        subjects: told,
    })
}
