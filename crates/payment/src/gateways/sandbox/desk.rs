//! The sandbox's side of a request: decide from the book, write the ledger, then answer.

use chrono::TimeDelta;
use values::Timestamp;

use super::book::Link;
use super::ledger::{LedgerFile, Pages};
use super::record::{MadeLink, PlannedPayment, Record, Request};
use super::script::{CallbackPlay, CreatePlay, Pay, Play};
use super::settings::SandboxSettings;
use super::token::token;
use super::validation;
use crate::{
    CreatedLink, DUPLICATE_REFERENCE, Found, GatewayError, LinkRequest, ProviderRef, RepeatClass,
    StatusReport,
};

/// One account at one ledger.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    pub(super) ledger: LedgerFile,
    pub(super) settings: SandboxSettings,
}

/// When a request arrives, and until when it may.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) at: Timestamp,
    pub(super) send_by: Timestamp,
}

/// The key of a link's name in its [`ProviderRef`].
const LINK: &str = "link";

/// How long after the first payment the second of a link paid twice comes.
const SECOND_PAYMENT: TimeDelta = TimeDelta::minutes(1);

/// How a create is answered, and what it leaves in the ledger.
struct Decision {
    answer: Result<CreatedLink, GatewayError>,
    word: String,
    made: Option<MadeLink>,
}

impl Decision {
    fn refuse(error: GatewayError) -> Decision {
        Decision {
            word: error.code.clone(),
            answer: Err(error),
            made: None,
        }
    }
}

impl Desk {
    pub(super) fn create(
        &self,
        arrival: Arrival,
        request: &LinkRequest,
    ) -> Result<CreatedLink, GatewayError> {
        let mut pages = self.ledger.pages();
        in_time(arrival)?;
        let Decision { answer, word, made } = self.decide(&mut pages, arrival.at, request);
        let reference = request.reference.clone();
        self.write(
            &mut pages,
            arrival.at,
            Request::Create { reference, made },
            &word,
        )?;
        answer
    }

    pub(super) fn status(
        &self,
        arrival: Arrival,
        link: &ProviderRef,
    ) -> Result<StatusReport, GatewayError> {
        let mut pages = self.ledger.pages();
        in_time(arrival)?;
        let name = named(link);
        let answer = pages
            .book(&self.settings.account)
            .links
            .get(&name)
            .map(|link| StatusReport {
                reference: link.reference.clone(),
                status: link.status(arrival.at),
                payments: link.paid(arrival.at),
            })
            .ok_or_else(no_such_link);
        let word = if answer.is_ok() {
            "report"
        } else {
            "link_not_found"
        };
        self.write(&mut pages, arrival.at, Request::Status { link: name }, word)?;
        answer
    }

    pub(super) fn find(&self, arrival: Arrival, reference: &str) -> Result<Found, GatewayError> {
        let mut pages = self.ledger.pages();
        in_time(arrival)?;
        let (found, word) = if self.settings.options.profile == RepeatClass::Nothing {
            (Found::CannotTell, "cannot_tell")
        } else {
            let book = pages.book(&self.settings.account);
            let seen = |link: &&Link| link.made.visible_at <= arrival.at;
            match book.links_of(reference).find(seen) {
                Some(link) => (Found::Link(answer_of(&link.made)), "link"),
                None => (Found::NotFound, "not_found"),
            }
        };
        let request = Request::Find {
            reference: reference.to_owned(),
        };
        self.write(&mut pages, arrival.at, request, word)?;
        Ok(found)
    }

    pub(super) fn deactivate(
        &self,
        arrival: Arrival,
        link: &ProviderRef,
    ) -> Result<(), GatewayError> {
        let mut pages = self.ledger.pages();
        in_time(arrival)?;
        let name = named(link);
        let status = pages
            .book(&self.settings.account)
            .links
            .get(&name)
            .map(|link| link.status(arrival.at))
            .ok_or_else(no_such_link);
        let answer = status.and_then(|status| {
            if status.is_paid() {
                Err(GatewayError::permanent("already_paid", "the link is paid"))
            } else {
                Ok(!status.is_closed())
            }
        });
        let word = match &answer {
            Ok(true) => "closed",
            Ok(false) => "already_closed",
            Err(error) => &error.code,
        };
        let closed = answer.as_ref().is_ok_and(|closed| *closed);
        self.write(
            &mut pages,
            arrival.at,
            Request::Deactivate { link: name, closed },
            word,
        )?;
        answer.map(|_| ())
    }

    fn write(
        &self,
        pages: &mut Pages,
        at: Timestamp,
        request: Request,
        answer: &str,
    ) -> Result<(), GatewayError> {
        let account = self.settings.account.clone();
        pages.write(&Record {
            account,
            at,
            request,
            answer: answer.to_owned(),
        })
    }

    fn decide(&self, pages: &mut Pages, at: Timestamp, request: &LinkRequest) -> Decision {
        let problems = validation::problems(&self.settings, request, Some(at));
        if let Some(problem) = problems.into_iter().next() {
            return Decision::refuse(problem);
        }
        let book = pages.book(&self.settings.account);
        let reference = request.reference.as_str();
        let earlier = book
            .references
            .get(reference)
            .map_or(0, |known| known.creates);
        let script = &self.settings.options.script;
        let play = script.play(reference, &request.amount, book.order(reference));
        let create = play.answer(earlier);
        let settling = match create {
            CreatePlay::TimeoutAfterAccepting => self.settings.options.settling,
            _ => TimeDelta::zero(),
        };
        let links = book.links_of(reference).collect();
        let asked = Asked {
            at,
            request,
            play,
            settling,
            links,
        };
        match create {
            CreatePlay::Unavailable => Decision::refuse(GatewayError::retryable(
                "unavailable",
                "the sandbox takes no requests now",
            )),
            CreatePlay::TimeoutBeforeAccepting => Decision::refuse(lost_answer()),
            CreatePlay::Refused if asked.links.is_empty() => Decision::refuse(
                GatewayError::permanent("refused", "the sandbox refuses to make this link"),
            ),
            CreatePlay::Refused | CreatePlay::Created => self.accept(&asked),
            CreatePlay::TimeoutAfterAccepting => Decision {
                made: self.accept(&asked).made,
                ..Decision::refuse(lost_answer())
            },
        }
    }

    /// Takes a request as the profile has it.
    fn accept(&self, asked: &Asked<'_>) -> Decision {
        match (asked.links.first(), self.settings.options.profile) {
            (Some(link), RepeatClass::Idempotent) => {
                let same = link.made.amount == asked.request.amount
                    && link.made.expires_at == asked.request.expires_at;
                if !same {
                    return Decision::refuse(GatewayError::permanent(
                        "reference_reused",
                        "the reference came before with another amount or expiry",
                    ));
                }
                let answer = Ok(answer_of(&link.made));
                Decision {
                    answer,
                    word: "again".to_owned(),
                    made: None,
                }
            }
            (Some(_), RepeatClass::UniqueReference) => Decision::refuse(GatewayError::permanent(
                DUPLICATE_REFERENCE,
                "the sandbox already has this reference",
            )),
            (None, _) | (Some(_), RepeatClass::LookupOnly | RepeatClass::Nothing) => {
                let made = self.make(asked);
                let answer = Ok(answer_of(&made));
                Decision {
                    answer,
                    word: "link".to_owned(),
                    made: Some(made),
                }
            }
        }
    }

    fn make(&self, asked: &Asked<'_>) -> MadeLink {
        let account = self.settings.account.as_str();
        let ordinal = asked.links.len().to_string();
        let request = asked.request;
        let token = token(
            self.settings.options.seed,
            &[account, request.reference.as_str(), &ordinal],
        );
        MadeLink {
            payments: self.payments(&token, asked),
            amount: request.amount,
            created_at: asked.at,
            expires_at: request.expires_at,
            visible_at: asked
                .at
                .checked_add_signed(asked.settling)
                .unwrap_or(asked.at),
            callback: asked.play.callback,
            token,
        }
    }

    /// What the customer of a new link is going to do.
    fn payments(&self, link: &str, asked: &Asked<'_>) -> Vec<PlannedPayment> {
        let expires_at = asked.request.expires_at;
        let (first, twice, in_flight) = match asked.play.pay {
            Pay::Never => (None, false, false),
            Pay::After {
                after,
                twice,
                in_flight,
            } => {
                let early = asked.play.callback == CallbackPlay::Early;
                let after = if early { TimeDelta::zero() } else { after };
                let at = asked
                    .at
                    .checked_add_signed(after)
                    .filter(|at| *at < expires_at);
                (at, twice, in_flight)
            }
            Pay::Late { late, in_flight } => {
                (expires_at.checked_add_signed(late), false, in_flight)
            }
        };
        let second = first
            .filter(|_| twice)
            .and_then(|at| at.checked_add_signed(SECOND_PAYMENT));
        first
            .into_iter()
            .chain(second)
            .enumerate()
            .map(|(ordinal, at)| PlannedPayment {
                transaction: self.transaction(link, ordinal),
                at,
                in_flight,
            })
            .collect()
    }

    fn transaction(&self, link: &str, ordinal: usize) -> String {
        token(
            self.settings.options.seed,
            &["transaction", link, &ordinal.to_string()],
        )
    }
}

/// A create that has passed validation, and what the account knows of its reference.
struct Asked<'a> {
    at: Timestamp,
    request: &'a LinkRequest,
    play: &'a Play,
    settling: TimeDelta,
    links: Vec<&'a Link>,
}

fn in_time(arrival: Arrival) -> Result<(), GatewayError> {
    if arrival.at <= arrival.send_by {
        return Ok(());
    }
    Err(GatewayError::retryable(
        "send_by_passed",
        format!(
            "nothing was sent: the request was to leave by {}",
            arrival.send_by
        ),
    ))
}

fn lost_answer() -> GatewayError {
    GatewayError::ambiguous("timeout", "the sandbox did not answer in time")
}

fn no_such_link() -> GatewayError {
    GatewayError::permanent("link_not_found", "the sandbox has no such link")
}

fn named(link: &ProviderRef) -> String {
    link.0.get(LINK).cloned().unwrap_or_default()
}

fn answer_of(made: &MadeLink) -> CreatedLink {
    let name = [(LINK.to_owned(), made.token.clone())];
    CreatedLink {
        provider_ref: ProviderRef(name.into()),
        url: format!("https://sandbox.invalid/pay/{}", made.token),
        url_valid_until: None,
        amount: Some(made.amount),
    }
}
