//! Facts: what has happened and stays true, whatever the definition makes of it.

use std::sync::Arc;

use values::{FieldType, Fields, Timestamp, Value};

use super::rejection::Rejection;
use super::{Halt, Run, Turn};
use crate::Effect;
use crate::event::{ActivityEnd, Event};

impl Run<'_> {
    /// Writes down what an input says has happened. To do it again changes nothing.
    pub(super) fn note(&mut self, event: &Event) -> Result<(), Rejection> {
        match event {
            Event::Start { fields, party } if self.instance.entry == 0 => {
                self.check_fields(fields)?;
                self.set_fields(fields);
                let instance = &mut self.instance;
                instance.party = party.clone().or(instance.party.take());
                if self.turn == Turn::First {
                    instance.started_at = self.context.now;
                    instance.entered_at = self.context.now;
                }
            }
            Event::Changed { fields } => {
                self.check_fields(fields)?;
                self.newer_wins(fields);
                self.set_fields(fields);
            }
            Event::Timer { name, entry, due } => self.take_timer(name, *entry, *due)?,
            Event::Finished(end) => {
                self.open_activity(end.entry)?;
                self.note_end(end);
            }
            Event::Payment(payment) => {
                self.note_payment(payment);
                let set = self.fitting(&payment.set);
                self.newer_wins(&set);
                self.set_fields(&set);
            }
            Event::LinkMade(made) => {
                if let Some(link) = &made.link {
                    self.record_link(link.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn note_end(&mut self, end: &ActivityEnd) {
        let set = self.fitting(&end.set);
        self.set_fields(&set);
        if !set.is_empty() {
            self.effects.push(Effect::WriteFields(set));
        }
        if let Some(stage) = &end.stage {
            let declared = self.definition.schema().item.fields.get("stage");
            let value = match declared {
                Some(FieldType::Choice { .. }) => Value::Choice(stage.clone()),
                _ => Value::Text(stage.clone()),
            };
            self.set_fields(&Fields::from([("stage".to_owned(), value)]));
            self.instance.stage = Some(stage.clone());
            self.effects.push(Effect::WriteStage(stage.clone()));
        }
        if let Some(link) = &end.link {
            self.record_link(link.clone());
        }
    }

    /// Where the timer is, if it is one of this entry and has not been moved since it was due.
    pub(super) fn open_timer(&self, name: &str, entry: u64, due: Timestamp) -> Option<usize> {
        let timers = &self.instance.timers;
        timers
            .iter()
            .position(|timer| timer.name == name && timer.due == due)
            .filter(|_| entry == self.instance.entry)
    }

    fn take_timer(&mut self, name: &str, entry: u64, due: Timestamp) -> Result<(), Rejection> {
        let Some(index) = self.open_timer(name, entry, due) else {
            // One that has fired before its input could be applied is gone already.
            let same = entry == self.instance.entry;
            let gone = self.instance.timers.iter().all(|timer| timer.name != name);
            return if self.turn != Turn::First && same && gone {
                Ok(())
            } else {
                Err(Rejection::Stale)
            };
        };
        let timer = self.instance.timers.remove(index);
        self.effects.push(Effect::CancelTimer {
            name: timer.name,
            entry,
            due,
        });
        Ok(())
    }

    /// Refuses what does not belong to the activity that is open.
    pub(super) fn open_activity(&self, entry: u64) -> Result<(), Rejection> {
        if entry == self.instance.entry && self.instance.activity.is_some() {
            Ok(())
        } else {
            Err(Rejection::Stale)
        }
    }

    /// The values that the item's fields can hold.
    fn fitting(&self, fields: &Fields) -> Fields {
        let fits = |name: &str, value: &Value| self.check_field(name, value).is_ok();
        fields
            .iter()
            .filter(|(name, value)| fits(name, value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// A result that the item's fields cannot hold parks the item; a retry goes on without it.
    pub(super) fn accepted(&self, fields: &Fields) -> Result<(), Halt> {
        self.check_fields(fields)
            .map_err(|rejection| self.incident("bad_result", rejection.to_string()))
    }

    pub(super) fn check_fields(&self, fields: &Fields) -> Result<(), Rejection> {
        fields
            .iter()
            .try_for_each(|(name, value)| self.check_field(name, value))
    }

    fn check_field(&self, name: &str, value: &Value) -> Result<(), Rejection> {
        let bad = |message: String| {
            Err(Rejection::BadField {
                field: name.to_owned(),
                message,
            })
        };
        let Some(kind) = self.definition.schema().item.fields.get(name) else {
            return bad("the workflow does not declare it".to_owned());
        };
        if !value.fits(kind) {
            return bad(format!(
                "expected {}, got {}",
                kind.name(),
                value.type_name()
            ));
        }
        let declared = self.definition.model().fields.get(name);
        match (value, declared.and_then(|field| field.currency)) {
            (Value::Money(money), Some(currency)) if money.currency() != currency => {
                bad(format!("expected {currency}, got {}", money.currency()))
            }
            _ => Ok(()),
        }
    }

    /// Sets field values on the instance; an empty one takes the field away.
    pub(super) fn set_fields(&mut self, fields: &Fields) {
        if fields.is_empty() {
            return;
        }
        let own = Arc::make_mut(&mut self.instance.fields);
        for (name, value) in fields {
            if value.is_empty() {
                own.remove(name);
            } else {
                own.insert(name.clone(), value.clone());
            }
        }
    }
}
