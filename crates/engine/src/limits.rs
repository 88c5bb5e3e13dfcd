//! Every bound of the engine, named, with the reason for its value.

use chrono::TimeDelta;

/// Longest id of an input, in bytes: with the item's own it fits into a key of the store.
pub(crate) const INPUT_ID_BYTES_MAX: usize = 256;

/// Links that one comparison reads at their providers: at ten a second about a quarter of an hour.
pub(crate) const COMPARED_MAX: usize = 10_000;

/// Links asked about in one call, where a provider reads many.
pub(crate) const READ_AT_ONCE: usize = 100;

/// Pages of a provider's own list that are read at once: a hundred links each, or a day each.
pub(crate) const LIST_PAGES_MAX: usize = 400;

/// How far back the daily look through a provider's list goes: a week of outage is no gap.
pub(crate) const SWEEP_BACK: TimeDelta = TimeDelta::days(7);

/// Unknown links that one sweep notes: an account shared with another system is no flood.
pub(crate) const UNKNOWN_PER_SWEEP_MAX: usize = 100;

/// Bounds an embedder may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Activities in one input, besides the core's own bound on transitions: planning is dearer
    /// than a transition, and a chain this long is a mistake.
    pub activities_per_input_max: usize,
    /// Fields of one item; the original CRM allows 200 added ones.
    pub fields_max: usize,
    /// One field value, in bytes of its text: a row stays far from the store's own bound.
    pub field_bytes_max: usize,
    /// Outbox rows performed at the same time by a running engine.
    pub in_flight_max: usize,
    /// Due rows taken from the store at once, so that a herd of timers does not fill the memory.
    pub due_batch: usize,
    /// Attempts to hand one message to its channel: with doubling pauses about a day.
    pub message_attempts_max: u32,
    /// Attempts to write to the host: with doubling pauses about three days.
    pub host_write_attempts_max: u32,
    /// First pause of messages and host writes.
    pub outbox_pause: TimeDelta,
    /// Longest pause of messages and host writes.
    pub outbox_pause_max: TimeDelta,
    /// Refused or unproven calls of one account and reason that leave a line in a minute; the rest are
    /// counted, and the next line says how many.
    pub callback_lines_per_minute: u32,
    /// How long an attempt may take beyond its own bound before it counts as unknown.
    pub attempt_grace: TimeDelta,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            activities_per_input_max: 64,
            fields_max: 256,
            field_bytes_max: 65_536,
            in_flight_max: 64,
            due_batch: 256,
            message_attempts_max: 12,
            host_write_attempts_max: 20,
            outbox_pause: TimeDelta::seconds(10),
            outbox_pause_max: TimeDelta::hours(6),
            callback_lines_per_minute: 10,
            attempt_grace: TimeDelta::seconds(10),
        }
    }
}
