//! Inputs that cannot be applied yet: kept while the item is held or in incident, in order.

use values::Fields;

use super::{Halt, Overtaken, Rejection, Run, Turn};
use crate::event::{ActivityEnd, Event, LinkMade, PaymentEvent};
use crate::instance::{Incident, Instance};
use crate::model::PAYMENT_OUTCOMES;

/// Field changes and named events kept while an item is held or in incident. A host that sends more
/// before anybody looks is refused, and has them still; the row stays far from the store's bound.
/// Timers, outcomes and payments are kept beyond it: there are few, and nobody would send them again.
pub const DEFERRED_MAX: usize = 256;

/// Named events that wait for a state which takes them, for one item.
pub const INBOX_MAX: usize = 64;

impl Run<'_> {
    pub(super) fn refuse_if_held(&self) -> Result<(), Rejection> {
        match &self.instance.held {
            Some(held) => Err(Rejection::Held {
                by: held.by.clone(),
                reason: held.reason.clone(),
            }),
            None => Ok(()),
        }
    }

    /// While held, inputs are stored in order and nothing is applied (clause 70). What would be
    /// refused anyway is refused now, while its sender listens.
    pub(super) fn while_held(&mut self, event: &Event) -> Result<(), Halt> {
        match event {
            Event::Resume { .. } => {
                self.instance.held = None;
                return Ok(());
            }
            Event::Timer { name, entry, due } => {
                if self.open_timer(name, *entry, *due).is_none() {
                    return Err(Rejection::Stale.into());
                }
            }
            Event::Finished(end) => self.open_activity(end.entry)?,
            Event::Unknown { entry, .. } => {
                self.open_activity(*entry)?;
                self.park_activity();
            }
            Event::Named { name, payload } => self.check_payload(name, payload)?,
            Event::Changed { fields } => self.check_fields(fields)?,
            Event::Payment(payment) => return Ok(self.hold_payment(payment)?),
            Event::LinkMade(_) => {
                // A held item shows the link at once; where that leads waits.
                self.note(event)?;
                return Ok(self.defer(without_facts(event))?);
            }
            _ => return Ok(self.refuse_if_held()?),
        }
        Ok(self.defer(event.clone())?)
    }

    /// A held item shows at once that it was paid; where that leads waits.
    fn hold_payment(&mut self, payment: &PaymentEvent) -> Result<(), Rejection> {
        self.note_payment(payment);
        let mut payment = payment.clone();
        if self.repeated_payment {
            if payment.set.is_empty() {
                return Ok(());
            }
            // The second payment of one link leads nowhere; its fields count.
            payment.outcome = "paid_again".to_owned();
        }
        self.defer(Event::Payment(Box::new(payment)))
    }

    /// Keeps an input until it can be applied.
    pub(super) fn defer(&mut self, event: Event) -> Result<(), Rejection> {
        let deferred = &mut self.instance.deferred;
        match &event {
            Event::Named { .. } | Event::Changed { .. } if deferred.len() >= DEFERRED_MAX => {
                return Err(Rejection::Full {
                    what: "inputs of a held item".to_owned(),
                    max: DEFERRED_MAX,
                });
            }
            Event::Payment(_) => deferred.retain(|kept| !supersedes(&event, kept)),
            // To say it twice is no mistake of whoever performs the activity.
            Event::Unknown { .. } if deferred.iter().any(|kept| says_the_same(&event, kept)) => {
                return Ok(());
            }
            _ if deferred.iter().any(|kept| says_the_same(&event, kept)) => {
                return Err(Rejection::Stale);
            }
            // How it ended is known after all.
            Event::Finished(end) => deferred.retain(
                |kept| !matches!(kept, Event::Unknown { entry, .. } if *entry == end.entry),
            ),
            _ => {}
        }
        deferred.push(event);
        Ok(())
    }

    /// Applies what was kept, in order, once nothing stands in its way. A resumed item takes in all
    /// that came meanwhile even when it is in incident, as it would have without the hold.
    /// `entry` is where the step began.
    pub(super) fn apply_deferred(&mut self, entry: u64, resumed: bool) {
        if self.instance.held.is_some() || (self.instance.incident.is_some() && !resumed) {
            return;
        }
        self.turn = Turn::Kept;
        // Each round applies or drops at least one input for good, so the rounds come to an end.
        while !self.instance.deferred.is_empty() {
            let mut queue = std::mem::take(&mut self.instance.deferred).into_iter();
            while !self.has_opened(entry)
                && let Some(event) = queue.next()
            {
                self.apply_kept(&event);
            }
            self.instance.deferred.extend(queue);
            if self.instance.incident.is_some() || self.has_opened(entry) {
                return;
            }
        }
    }

    /// Whether an activity has been opened since that entry. It may be over before the engine has
    /// committed this step, so what was kept waits for the next one.
    fn has_opened(&self, entry: u64) -> bool {
        self.instance.activity.is_some() && self.instance.entry != entry
    }

    fn apply_kept(&mut self, event: &Event) {
        let before = self.instance.clone();
        if let Err(rejection) = self.apply(event, &before) {
            self.instance = before;
            self.overtaken.push(Overtaken {
                input: event.name().to_owned(),
                rejection,
            });
        }
    }

    /// Puts the item in incident, or keeps the input until the incident there is has been mended.
    pub(super) fn park(&mut self, event: &Event, incident: Incident) -> Result<(), Rejection> {
        let input = without_facts(event);
        let Some(first) = &self.instance.incident else {
            self.instance.incident = Some(Incident {
                input: Some(Box::new(input)),
                ..incident
            });
            return Ok(());
        };
        match event {
            // A person is there to be told, and may have meant it for this state only.
            Event::Action { .. } | Event::EndWait { .. } => Err(Rejection::InIncident {
                code: first.code.clone(),
                message: first.message.clone(),
            }),
            _ => self.defer(input),
        }
    }

    /// Leaving a state ends its incident. What was meant for that state alone goes with it; an event
    /// or a payment is tried again in the next state.
    pub(super) fn leave_incident(&mut self) {
        let incident = self.instance.incident.take();
        if let Some(input) = incident.and_then(|incident| incident.input)
            && matches!(*input, Event::Named { .. } | Event::Payment(_))
        {
            self.instance.deferred.insert(0, *input);
        }
    }

    /// A value that has just come wins over values that kept inputs still carry.
    pub(super) fn newer_wins(&mut self, fields: &Fields) {
        let Instance {
            incident, deferred, ..
        } = &mut self.instance;
        let input = incident.as_mut().and_then(|kept| kept.input.as_deref_mut());
        for kept in input.into_iter().chain(deferred) {
            if let Event::Action { fields: older, .. } | Event::Changed { fields: older } = kept {
                older.retain(|name, _| !fields.contains_key(name));
            }
        }
    }
}

/// Whether two kept inputs are one and the same thing.
fn says_the_same(event: &Event, kept: &Event) -> bool {
    match (event, kept) {
        (
            Event::Timer { name, entry, .. },
            Event::Timer {
                name: other,
                entry: of,
                ..
            },
        ) => name == other && entry == of,
        (Event::Finished(end), Event::Finished(other)) => end.entry == other.entry,
        (Event::Unknown { entry, .. }, Event::Unknown { entry: of, .. }) => entry == of,
        _ => false,
    }
}

/// Whether only the later of two payments is worth keeping: statuses that lead nowhere.
fn supersedes(event: &Event, kept: &Event) -> bool {
    let leads_nowhere = |payment: &PaymentEvent| {
        payment.set.is_empty() && !PAYMENT_OUTCOMES.contains(&payment.outcome.as_str())
    };
    match (event, kept) {
        (Event::Payment(new), Event::Payment(old)) => new.link == old.link && leads_nowhere(old),
        _ => false,
    }
}

/// The input without the facts that are written down already, so that applying it again neither
/// writes them twice nor overwrites what is newer. Changed fields stay: they say what to look at.
fn without_facts(event: &Event) -> Event {
    match event {
        Event::Start { .. } => Event::Start {
            fields: Fields::new(),
            party: None,
        },
        Event::Finished(end) => Event::Finished(Box::new(ActivityEnd {
            set: Fields::new(),
            stage: None,
            link: None,
            ..(**end).clone()
        })),
        Event::Payment(payment) => Event::Payment(Box::new(PaymentEvent {
            set: Fields::new(),
            ..(**payment).clone()
        })),
        Event::LinkMade(made) => Event::LinkMade(Box::new(LinkMade {
            link: None,
            ..(**made).clone()
        })),
        other => other.clone(),
    }
}
