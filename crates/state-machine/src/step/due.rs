//! Moments: when a timer is due.

use chrono::{Datelike, TimeDelta};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use values::{Fields, Timestamp, Value};

use super::enter::{ELAPSED, TIMEOUT};
use super::{Halt, Run};
use crate::Effect;
use crate::model::{Direction, Due, DueBase, Follow, Kind, ShiftAmount};

const SECONDS_PER_DAY: i64 = 86_400;

/// The years a moment can be in: what calendars, stores and other programs can all write down.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

impl Run<'_> {
    /// When a moment is due, by the fields as they stand.
    pub(super) fn due(&self, due: &Due) -> Result<Timestamp, Halt> {
        let base = match &due.base {
            DueBase::Entry => self.instance.entered_at,
            DueBase::Date(date) => self.context.zone.start_of_day(*date),
            DueBase::Field(field) => match self.instance.fields.get(field) {
                Some(Value::Date(date)) => self.context.zone.start_of_day(*date),
                Some(Value::Instant(at)) => *at,
                _ => return Err(self.empty_field(field, "a date")),
            },
        };
        let Some(shift) = &due.shift else {
            return self.expressible(Some(base));
        };
        let seconds = match &shift.amount {
            ShiftAmount::Seconds(seconds) => *seconds,
            ShiftAmount::FieldDays(field) => self.days(field)?,
        };
        match shift.direction {
            Direction::After => self.after(base, seconds),
            Direction::Before => self.after(base, seconds.saturating_neg()),
        }
    }

    fn days(&self, field: &str) -> Result<i64, Halt> {
        let Some(Value::Number(days)) = self.instance.fields.get(field) else {
            return Err(self.empty_field(field, "a number of days"));
        };
        days.checked_mul(Decimal::from(SECONDS_PER_DAY))
            .map(|seconds| seconds.trunc())
            .and_then(|seconds| seconds.to_i64())
            .ok_or_else(|| self.incident("timer_out_of_range", format!("`{field}` is too large")))
    }

    fn empty_field(&self, field: &str, wanted: &str) -> Halt {
        self.incident(
            "timer_field_empty",
            format!("`{field}` does not hold {wanted}"),
        )
    }

    pub(super) fn after(&self, base: Timestamp, seconds: i64) -> Result<Timestamp, Halt> {
        let delta = TimeDelta::try_seconds(seconds);
        self.expressible(delta.and_then(|delta| base.checked_add_signed(delta)))
    }

    fn expressible(&self, moment: Option<Timestamp>) -> Result<Timestamp, Halt> {
        moment
            .filter(|moment| YEARS.contains(&moment.year()))
            .ok_or_else(|| self.incident("timer_out_of_range", "the moment cannot be expressed"))
    }

    /// Moves the timers that follow fields which have just changed.
    pub(super) fn follow_fields(&mut self, changed: &Fields) -> Result<(), Halt> {
        let state = self.state()?;
        let (name, due) = match &state.kind {
            Kind::Task(task) => match &task.timeout {
                Some(timeout) => (TIMEOUT, &timeout.due),
                None => return Ok(()),
            },
            Kind::Wait(wait) => match &wait.due {
                Some(due) => (ELAPSED, due),
                None => return Ok(()),
            },
            Kind::Activity(_) | Kind::Decision(_) | Kind::Rollback(_) | Kind::End(_) => {
                return Ok(());
            }
        };
        if due.follow == Follow::Frozen || !reads_any(due, changed) {
            return Ok(());
        }
        let entry = self.instance.entry;
        let timers = &self.instance.timers;
        let Some(index) = timers.iter().position(|timer| timer.name == name) else {
            return Ok(());
        };
        let moved = self.due(due)?;
        let Some(timer) = self.instance.timers.get_mut(index) else {
            return Ok(());
        };
        let before = std::mem::replace(&mut timer.due, moved);
        if before != moved {
            let name = name.to_owned();
            self.effects.push(Effect::CancelTimer {
                name: name.clone(),
                entry,
                due: before,
            });
            self.effects.push(Effect::SetTimer {
                name,
                entry,
                due: moved,
            });
        }
        Ok(())
    }
}

fn reads_any(due: &Due, changed: &Fields) -> bool {
    let base = matches!(&due.base, DueBase::Field(field) if changed.contains_key(field));
    let shift = matches!(
        due.shift.as_ref().map(|shift| &shift.amount),
        Some(ShiftAmount::FieldDays(field)) if changed.contains_key(field)
    );
    base || shift
}
