//! The pure core: one function takes an instance and an event to the next instance and its effects.
//!
//! It is not a runtime. Nothing here does I/O, reads a clock, draws a random number or starts a
//! thread; the same arguments give the same step, today and when the history is replayed.
//!
//! ```text
//!   Definition, Instance, Event, Context ──► step ──► Step { instance, effects, trace }
//!                                                 └─► Rejection
//! ```
//!
//! The names to know: [`Model`] is a workflow as data, [`Definition`] the same checked and
//! compiled, [`Instance`] one item's way through it, [`Event`] the only input, [`step`] the only
//! door, [`Effect`] everything a step can ask for.

mod definition;
mod diagram;
mod effect;
mod event;
pub mod graph;
mod instance;
mod model;
mod step;

pub use definition::{Definition, DefinitionHash, ModelProblem, OutsideReads};
pub use diagram::{dot, mermaid};
pub use effect::Effect;
pub use event::{ActivityEnd, BY_HAND, Event, LinkMade, PaymentEvent};
pub use instance::{
    Assigned, Ended, Held, Incident, IncidentClass, Instance, KeptEvent, Link, OpenActivity,
    OpenTask, Timer, WakeSource,
};
pub use model::{
    Action, Activity, Assignee, Branch, Decision, Direction, Display, Due, DueBase, End, EventKind,
    EventWait, FINANCIAL_ENTITIES, Field, Follow, Kind, Late, Model, PAYMENT_OUTCOMES, RetryPolicy,
    Rollback, Route, Shift, ShiftAmount, State, Task, Timeout, Wait,
};
pub use step::{
    Actor, Context, DEFERRED_MAX, Entered, INBOX_MAX, MICROSTEPS_MAX, Overtaken, Rejection, Step,
    TraceEntry, actions_for, manager_asked_for, step,
};
