//! Replaying a history: the same inputs and answers give the same item, bit for bit (clause 75).

use state_machine::Instance;
use values::ItemRef;

use crate::decide::{Situation, Verdict, decide};
use crate::record::{self, Cause, HistoryPersonal};
use crate::{Engine, Error};

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Inputs applied again.
    pub inputs: usize,
    /// Whether the item came out exactly as it is stored.
    pub same: bool,
    /// A part of the history was erased, so the replay stopped there.
    pub erased: bool,
}

impl Engine {
    /// Applies an item's whole history again, from nothing, and compares.
    ///
    /// # Errors
    ///
    /// When the store fails, or the history holds an input that is refused now.
    pub async fn replay(&self, item: &ItemRef) -> Result<Replay, Error> {
        let core = &self.core;
        let Some(stored) = core.load(item).await? else {
            return Err(Error::NotStarted(item.clone()));
        };
        let stored = stored.row.instance.clone();
        let workflow = core.workflows.pinned(&stored.definition).await?;
        let mut replayed: Option<Instance> = None;
        let mut inputs = 0;
        for (cause, told) in self.causes(item).await? {
            let (Some(cause), Some(told)) = (cause, told) else {
                return Ok(Replay {
                    inputs,
                    same: false,
                    erased: true,
                });
            };
            let instance = replayed.take().unwrap_or_else(|| {
                Instance::blank(
                    item.clone(),
                    stored.definition.clone(),
                    &workflow.definition.model().initial,
                    told.context.now,
                )
            });
            let situation = Situation {
                workflow: &workflow,
                instance: &instance,
                accounts: core.accounts(),
                locales: core.workflows.locales(),
                activities_max: core.limits.activities_per_input_max,
            };
            inputs += 1;
            replayed = match decide(situation, &cause, &told)? {
                Verdict::Done(decided) => Some(decided.instance),
                Verdict::Ask(_) => {
                    return Err(Error::Invariant(format!(
                        "the history of {item} lacks an answer"
                    )));
                }
            };
        }
        let same = match &replayed {
            Some(replayed) => record::encode(replayed)? == record::encode(&stored)?,
            None => false,
        };
        Ok(Replay {
            inputs,
            same,
            erased: false,
        })
    }

    /// What made the engine decide, oldest first; lines that moved nothing are left out.
    async fn causes(
        &self,
        item: &ItemRef,
    ) -> Result<Vec<(Option<Cause>, Option<record::Told>)>, Error> {
        let key = record::item_key(item);
        let mut causes = Vec::new();
        let mut after = 0;
        loop {
            let entries = self
                .core
                .store
                .history(&key, after, crate::LIST_MAX)
                .await?;
            let Some(last) = entries.last() else {
                return Ok(causes);
            };
            after = last.version;
            for entry in entries {
                if entry.erased {
                    causes.push((None, None));
                } else if !entry.row.personal.is_empty() {
                    let personal: HistoryPersonal = record::decode(&entry.row.personal)?;
                    if personal.cause.is_some() {
                        causes.push((personal.cause, personal.told));
                    }
                }
            }
        }
    }
}
