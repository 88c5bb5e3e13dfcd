//! Everything a step can ask for, on one screen.

use values::{Fields, Timestamp};

use crate::model::End;

/// What must happen because of a step. Timers and activities become rows in the same commit;
/// the rest is done after it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Plan the activity of this state entry now; its request is stored with the step.
    OpenActivity {
        /// The state.
        state: String,
        /// Its entry.
        entry: u64,
    },
    /// The state was left: the activity's request, if still open, is withdrawn.
    CloseActivity {
        /// The state entry it belongs to.
        entry: u64,
    },
    /// Perform the stored request of this entry again, with the same reference.
    ReopenActivity {
        /// The state entry it belongs to.
        entry: u64,
    },
    /// Set a timer.
    SetTimer {
        /// Its name within the entry.
        name: String,
        /// The state entry it belongs to.
        entry: u64,
        /// When it is due.
        due: Timestamp,
    },
    /// Remove a timer.
    CancelTimer {
        /// Its name within the entry.
        name: String,
        /// The state entry it belongs to.
        entry: u64,
        /// When it was due.
        due: Timestamp,
    },
    /// Tell the people responsible for a task.
    Notify {
        /// `assigned`, `reminder`, `critical` or `critical_again`.
        notice: &'static str,
        /// The task's state.
        state: String,
        /// Whom, in words.
        to: String,
    },
    /// Write field values to the CRM.
    WriteFields(Fields),
    /// Write the stage to the CRM.
    WriteStage(String),
    /// The lifecycle is over.
    Ended(End),
}
