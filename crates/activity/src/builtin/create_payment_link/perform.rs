//! Asking the gateway: at most one link per reference, whatever answers are lost.
//!
//! Every attempt sends the same reference. After an attempt whose outcome nobody knows, what is
//! allowed follows from what a repeat does at this gateway (clauses 38 to 41).

use chrono::TimeDelta;
use payment::{
    Call, CreatedLink, ErrorClass, Found, Gateway, GatewayError, RepeatClass, RepeatSafety,
};
use values::Timestamp;

use super::codes;
use super::plan::Body;
use crate::{Attempt, Attempted, Observation, Outcome, Request, World};

/// The clocks of two machines of ours may differ by this much, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 5;

/// What was sent was sent up to so long before the last instant of its attempt, in seconds.
const REACH_MARGIN_SECONDS: i64 = 3_600;

/// After so many attempts without an answer a person decides.
const ATTEMPTS_MAX: u32 = 20;

/// The first and the longest pause before asking again, in seconds.
const PAUSE_SECONDS: i64 = 10;
const PAUSE_SECONDS_MAX: i64 = 600;

/// One attempt at one link.
pub(super) struct Work<'a> {
    pub(super) gateway: &'a dyn Gateway,
    pub(super) attempt: &'a Attempt,
    pub(super) body: &'a Body,
    safety: RepeatSafety,
}

/// What is known about the attempts before this one.
enum Before {
    /// They certainly made no link.
    Nothing,
    /// They may have made one, and the gateway lets us repeat.
    RepeatIsSafe,
    /// They leave no more to do in this attempt.
    Decided(Box<Attempted>),
}

pub(in crate::builtin) async fn perform(
    request: &Request,
    attempt: &Attempt,
    world: &World,
) -> Attempted {
    let body: Body = match serde_json::from_value(request.body.clone()) {
        Ok(body) => body,
        Err(error) => return park(codes::UNREADABLE, error.to_string()),
    };
    let Some(gateway) = world.gateways.get(&body.account) else {
        let message = format!("no gateway serves account `{}`", body.account);
        return if attempt.earlier.is_empty() {
            ended(codes::ACCOUNT_UNKNOWN, message, Vec::new())
        } else {
            park(codes::ACCOUNT_UNKNOWN, message)
        };
    };
    let work = Work {
        gateway: gateway.as_ref(),
        attempt,
        body: &body,
        safety: gateway.capabilities().repeat,
    };
    work.run(world).await
}

impl Work<'_> {
    async fn run(&self, world: &World) -> Attempted {
        let certain = match self.before().await {
            Before::Nothing => true,
            Before::RepeatIsSafe => false,
            Before::Decided(attempted) => return *attempted,
        };
        if certain
            && let Some(problem) = self.gateway.validate(&self.body.request).into_iter().next()
        {
            return ended(&problem.code, problem.message, Vec::new());
        }
        let observations = match self.close_earlier(world, certain).await {
            Ok(observations) => observations,
            Err(attempted) => return *attempted,
        };
        self.create(certain, observations).await
    }

    pub(super) fn call(&self) -> Call {
        Call {
            now: self.attempt.now,
            send_by: self.attempt.send_by,
        }
    }

    /// Looks at attempts whose outcome nobody knows.
    async fn before(&self) -> Before {
        if self.attempt.earlier.is_empty() {
            return Before::Nothing;
        }
        let unknown = "an earlier attempt may have made the link";
        match self.safety.class {
            RepeatClass::Idempotent | RepeatClass::UniqueReference => Before::RepeatIsSafe,
            RepeatClass::Nothing => decided(park(codes::OUTCOME_UNKNOWN, unknown)),
            RepeatClass::LookupOnly => match self.settled_at() {
                None => decided(park(codes::OUTCOME_UNKNOWN, unknown)),
                Some(at) if self.attempt.now < at => decided(Attempted::NotBefore {
                    at,
                    code: codes::QUARANTINE.to_owned(),
                    observations: Vec::new(),
                }),
                Some(_) => match self.find().await {
                    Ok(Found::Link(link)) => decided(self.made(link, Vec::new())),
                    Ok(Found::NotFound) => Before::Nothing,
                    Ok(Found::CannotTell) => {
                        decided(self.ask_again(codes::OUTCOME_UNKNOWN, unknown, None))
                    }
                    Err(error) => decided(self.lookup_failed(&error)),
                },
            },
        }
    }

    /// When the last of the earlier attempts can certainly change nothing any more and a look-up
    /// sees everything (clause 40); `None` without the gateway's numbers.
    fn settled_at(&self) -> Option<Timestamp> {
        let last = self
            .attempt
            .earlier
            .iter()
            .map(|earlier| earlier.send_by)
            .max()?;
        self.settled_after(last)
    }

    fn settled_after(&self, send_by: Timestamp) -> Option<Timestamp> {
        send_by
            .checked_add_signed(self.safety.request_life_max?)?
            .checked_add_signed(self.safety.lookup_staleness_max?)?
            .checked_add_signed(TimeDelta::seconds(CLOCK_SKEW_SECONDS))
    }

    /// Looks the reference up. A look-up that does not reach back to the first sending cannot say that
    /// nothing came of it.
    async fn find(&self) -> Result<Found, GatewayError> {
        let found = self
            .gateway
            .find(self.call(), &self.body.request.reference)
            .await?;
        let first = self
            .attempt
            .earlier
            .iter()
            .map(|earlier| earlier.send_by)
            .min();
        let reaches = first
            .zip(self.gateway.lookup_reach())
            .is_none_or(|(first, reach)| {
                let sent = self.attempt.now.signed_duration_since(first);
                sent <= reach - TimeDelta::seconds(REACH_MARGIN_SECONDS)
            });
        Ok(match found {
            Found::NotFound if !reaches => Found::CannotTell,
            found => found,
        })
    }

    async fn create(&self, certain: bool, observations: Vec<Observation>) -> Attempted {
        let error = match self.gateway.create(self.call(), &self.body.request).await {
            Ok(link) => return self.made(link, observations),
            Err(error) => error,
        };
        if error.is_duplicate() {
            return self.adopt_duplicate(observations).await;
        }
        match error.class {
            ErrorClass::Ambiguous => self.ambiguous(&error),
            ErrorClass::Retryable if certain => Attempted::Retry {
                code: error.code,
                message: error.message,
                after: error.retry_after,
                observations,
            },
            ErrorClass::Retryable => self.ask_again(&error.code, &error.message, error.retry_after),
            ErrorClass::Permanent if certain => ended(&error.code, error.message, observations),
            ErrorClass::Permanent => self.refused_after_unknown(error, observations).await,
        }
    }

    /// The gateway has a link. One with another amount is not ours to use.
    fn made(&self, link: CreatedLink, observations: Vec<Observation>) -> Attempted {
        let asked = self.body.request.amount;
        if let Some(amount) = link.amount.filter(|amount| *amount != asked) {
            return park(
                codes::AMOUNT_MISMATCH,
                format!(
                    "the gateway has a link of this reference over {amount} instead of {asked}"
                ),
            );
        }
        match serde_json::to_value(&link) {
            Ok(result) => Attempted::Done {
                result,
                observations,
            },
            Err(error) => park(codes::UNREADABLE, error.to_string()),
        }
    }

    /// The gateway says that it has the reference: the link exists and is looked up.
    async fn adopt_duplicate(&self, observations: Vec<Observation>) -> Attempted {
        match self.find().await {
            Ok(Found::Link(link)) => self.made(link, observations),
            Ok(Found::NotFound | Found::CannotTell) => self.ask_again(
                codes::OUTCOME_UNKNOWN,
                "the gateway has this reference and does not show its link",
                None,
            ),
            Err(error) => self.lookup_failed(&error),
        }
    }

    /// No trustworthy answer: never a failure (clause 38).
    fn ambiguous(&self, error: &GatewayError) -> Attempted {
        match self.safety.class {
            RepeatClass::Idempotent | RepeatClass::UniqueReference => {
                self.ask_again(&error.code, &error.message, error.retry_after)
            }
            RepeatClass::LookupOnly => Attempted::Unknown {
                code: error.code.clone(),
                message: error.message.clone(),
                again_at: self
                    .settled_after(self.attempt.send_by)
                    .filter(|_| !self.worn_out()),
            },
            RepeatClass::Nothing => park(&error.code, error.message.clone()),
        }
    }

    /// A refusal after an attempt nobody knows about. A link that existed would have come back, or
    /// been called a duplicate, unless the gateway checks something else first: so it is looked up.
    async fn refused_after_unknown(
        &self,
        error: GatewayError,
        observations: Vec<Observation>,
    ) -> Attempted {
        match self.find().await {
            Ok(Found::Link(link)) => self.made(link, observations),
            Ok(Found::NotFound) => ended(&error.code, error.message, observations),
            Ok(Found::CannotTell) => park(
                codes::OUTCOME_UNKNOWN,
                format!(
                    "refused now ({}), but an earlier attempt may have made the link",
                    error.code
                ),
            ),
            Err(failed) => self.lookup_failed(&failed),
        }
    }

    fn lookup_failed(&self, error: &GatewayError) -> Attempted {
        match error.class {
            // Reading changes nothing, so a lost answer is only a reason to read again.
            ErrorClass::Retryable | ErrorClass::Ambiguous => {
                self.ask_again(&error.code, &error.message, error.retry_after)
            }
            ErrorClass::Permanent => park(&error.code, error.message.clone()),
        }
    }

    /// Unknown for now: comes back after a growing pause, and in the end to a person.
    pub(super) fn ask_again(
        &self,
        code: &str,
        message: &str,
        after: Option<TimeDelta>,
    ) -> Attempted {
        let pause = after.unwrap_or_else(|| self.pause());
        let again_at = self
            .attempt
            .now
            .checked_add_signed(pause)
            .filter(|_| !self.worn_out());
        Attempted::Unknown {
            code: code.to_owned(),
            message: message.to_owned(),
            again_at,
        }
    }

    fn worn_out(&self) -> bool {
        self.attempt.number >= ATTEMPTS_MAX
    }

    fn pause(&self) -> TimeDelta {
        let doublings = self.attempt.number.saturating_sub(1).min(10);
        let seconds = PAUSE_SECONDS
            .saturating_mul(1_i64 << doublings)
            .min(PAUSE_SECONDS_MAX);
        TimeDelta::seconds(seconds)
    }

    /// An earlier link is paid and the payment wins. The item leaves by that payment; where no
    /// route takes it along, it ends in the error state, because a second link must not be made.
    pub(super) async fn payment_wins(
        &self,
        certain: bool,
        observations: Vec<Observation>,
    ) -> Attempted {
        let message = "an earlier link of this step is paid";
        if certain {
            return ended(codes::EARLIER_LINK_PAID, message.to_owned(), observations);
        }
        match self.find().await {
            Ok(Found::Link(link)) => self.made(link, observations),
            Ok(Found::NotFound | Found::CannotTell) => park(
                codes::EARLIER_LINK_PAID,
                "an earlier link of this step is paid, and a later attempt may have made another",
            ),
            Err(error) => self.lookup_failed(&error),
        }
    }
}

fn decided(attempted: Attempted) -> Before {
    Before::Decided(Box::new(attempted))
}

pub(super) fn park(code: &str, message: impl Into<String>) -> Attempted {
    Attempted::Unknown {
        code: code.to_owned(),
        message: message.into(),
        again_at: None,
    }
}

pub(super) fn ended(code: &str, message: String, observations: Vec<Observation>) -> Attempted {
    Attempted::Ended {
        outcome: Box::new(Outcome::error(code, message)),
        observations,
    }
}
