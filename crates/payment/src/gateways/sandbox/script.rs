//! What the sandbox plays: how it answers, when its customers pay, and what becomes of its calls.

use std::fmt;
use std::marker::PhantomData;

use chrono::TimeDelta;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use values::Money;

use super::span;

/// A word or a list may ask for at most this many failures in a row.
const UNAVAILABLE_MAX: u32 = 1_000;

/// What the sandbox plays for every reference, unless a case says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// For every reference that no case names.
    pub default: Play,
    /// For some references; the first that matches counts.
    pub cases: Vec<Case>,
}

/// A part of the script for some references.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    /// Which references.
    pub when: When,
    /// What is played for them.
    pub play: Play,
}

/// Which references a case is for: all that is written must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The reference itself.
    pub reference: Option<String>,
    /// The amount asked for.
    pub amount: Option<Money>,
    /// Its place among the references of the account, from 1, in the order they first came.
    pub order: Option<u64>,
}

/// What is played for one reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Play {
    /// Answers to the first creates, in order.
    pub creates: Vec<CreatePlay>,
    /// Answer to every later create.
    pub create: CreatePlay,
    /// What the customer does.
    pub pay: Pay,
    /// What becomes of the callback for a payment.
    pub callback: CallbackPlay,
}

/// How one create is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CreatePlay {
    /// As the profile has it.
    #[default]
    Created,
    /// Refused for good, while no link of that reference exists.
    Refused,
    /// Taken as the profile has it, but the answer is lost.
    TimeoutAfterAccepting,
    /// Lost on the way: the ledger has the request and no link.
    TimeoutBeforeAccepting,
    /// Turned away; certainly nothing happened.
    Unavailable,
}

/// What the customer does with a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pay {
    /// Nothing.
    #[default]
    Never,
    /// Pays some time after the link was made, unless it is closed by then.
    After {
        /// How long after.
        after: TimeDelta,
        /// Pays a second time one minute later, which the sandbox fails to prevent.
        twice: bool,
        /// Has begun in time: the payment arrives even if we have cancelled the link meanwhile.
        in_flight: bool,
    },
    /// Has begun in time, but the payment arrives after the link's expiry.
    Late {
        /// How long after the expiry.
        late: TimeDelta,
        /// It arrives even if we have cancelled the link meanwhile.
        in_flight: bool,
    },
}

/// What becomes of the callback for a payment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackPlay {
    /// It comes when the payment does.
    #[default]
    Sent,
    /// It never comes.
    Lost,
    /// It comes twice at once, and again a day later.
    Repeated,
    /// The customer pays, and it comes, before the create is answered.
    Early,
}

impl Script {
    /// What is played for a reference, which is the `order`-th of its account.
    pub(super) fn play(&self, reference: &str, amount: &Money, order: u64) -> &Play {
        let holds = |when: &When| {
            when.reference
                .as_deref()
                .is_none_or(|wanted| wanted == reference)
                && when.amount.as_ref().is_none_or(|wanted| wanted == amount)
                && when.order.is_none_or(|wanted| wanted == order)
        };
        self.cases
            .iter()
            .find(|case| holds(&case.when))
            .map_or(&self.default, |case| &case.play)
    }

    fn from_word(word: &str) -> Option<Script> {
        let mut play = Play::default();
        match word {
            "never" => {}
            "paid" | "paid_late" | "paid_twice" => play.pay = Pay::from_word(word)?,
            answer => (play.creates, play.create) = Attempts::from_word(answer)?.alone(),
        }
        Some(Script {
            default: play,
            cases: Vec::new(),
        })
    }
}

impl Play {
    /// The answer to the create that follows `earlier` other ones of the same reference.
    pub(super) fn answer(&self, earlier: u64) -> CreatePlay {
        usize::try_from(earlier)
            .ok()
            .and_then(|earlier| self.creates.get(earlier))
            .copied()
            .unwrap_or(self.create)
    }
}

impl Pay {
    fn from_word(word: &str) -> Option<Pay> {
        let at_once = |twice| Pay::After {
            after: TimeDelta::zero(),
            twice,
            in_flight: false,
        };
        match word {
            "never" => Some(Pay::Never),
            "paid" => Some(at_once(false)),
            "paid_twice" => Some(at_once(true)),
            "paid_late" => Some(Pay::Late {
                late: TimeDelta::hours(1),
                in_flight: false,
            }),
            _ => None,
        }
    }
}

/// One answer of a script, some number of times.
#[derive(Debug, Clone, Copy)]
struct Attempts {
    answer: CreatePlay,
    times: u32,
}

impl Attempts {
    fn from_word(word: &str) -> Option<Attempts> {
        let answer = match word {
            "created" => CreatePlay::Created,
            "refused" => CreatePlay::Refused,
            "timeout_after_accepting" => CreatePlay::TimeoutAfterAccepting,
            "timeout_before_accepting" => CreatePlay::TimeoutBeforeAccepting,
            "unavailable" => CreatePlay::Unavailable,
            _ => return None,
        };
        Some(Attempts { answer, times: 1 })
    }

    fn in_order(self) -> impl Iterator<Item = CreatePlay> {
        (0..self.times).map(move |_| self.answer)
    }

    /// As the only answer of a script: a fault passes, a decision stays.
    fn alone(self) -> (Vec<CreatePlay>, CreatePlay) {
        match self.answer {
            CreatePlay::Created | CreatePlay::Refused => (Vec::new(), self.answer),
            _ => (self.in_order().collect(), CreatePlay::Created),
        }
    }
}

/// A play as the project file has it, before what it leaves out is filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenScript {
    create: Option<Attempts>,
    creates: Option<Vec<Attempts>>,
    pay: Option<Pay>,
    callback: Option<CallbackPlay>,
    cases: Vec<WrittenCase>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    when: When,
    #[serde(default)]
    create: Option<Attempts>,
    #[serde(default)]
    creates: Option<Vec<Attempts>>,
    #[serde(default)]
    pay: Option<Pay>,
    #[serde(default)]
    callback: Option<CallbackPlay>,
}

/// The answers of a play; those it does not name are the default's.
fn answers(
    create: Option<Attempts>,
    creates: Option<Vec<Attempts>>,
    default: &Play,
) -> Result<(Vec<CreatePlay>, CreatePlay), &'static str> {
    match (create, creates) {
        (None, None) => Ok((default.creates.clone(), default.create)),
        (Some(create), None) => Ok(create.alone()),
        (create, Some(creates)) => {
            let last = create.map_or(CreatePlay::Created, |create| create.answer);
            if !matches!(last, CreatePlay::Created | CreatePlay::Refused) {
                return Err("beside `creates`, `create` is `created` or `refused`");
            }
            Ok((
                creates.into_iter().flat_map(Attempts::in_order).collect(),
                last,
            ))
        }
    }
}

impl WrittenScript {
    fn finish(self) -> Result<Script, &'static str> {
        let (creates, create) = answers(self.create, self.creates, &Play::default())?;
        let default = Play {
            creates,
            create,
            pay: self.pay.unwrap_or_default(),
            callback: self.callback.unwrap_or_default(),
        };
        let cases = self
            .cases
            .into_iter()
            .map(|case| {
                if case.when == When::default() {
                    return Err("a case needs `reference`, `amount` or `order` in its `when`");
                }
                let (creates, create) = answers(case.create, case.creates, &default)?;
                let pay = case.pay.unwrap_or(default.pay);
                let callback = case.callback.unwrap_or(default.callback);
                Ok(Case {
                    when: case.when,
                    play: Play {
                        creates,
                        create,
                        pay,
                        callback,
                    },
                })
            })
            .collect::<Result<Vec<Case>, &'static str>>()?;
        Ok(Script { default, cases })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenUnavailable {
    unavailable: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPay {
    #[serde(default, with = "span::option")]
    after: Option<TimeDelta>,
    #[serde(default, with = "span::option")]
    late: Option<TimeDelta>,
    #[serde(default)]
    twice: bool,
    #[serde(default, alias = "in-flight")]
    in_flight: bool,
}

impl WrittenPay {
    fn finish(self) -> Result<Pay, &'static str> {
        let WrittenPay {
            after,
            late,
            twice,
            in_flight,
        } = self;
        match (after, late) {
            (Some(after), None) => Ok(Pay::After {
                after,
                twice,
                in_flight,
            }),
            (None, Some(late)) if !twice => Ok(Pay::Late { late, in_flight }),
            (None, Some(_)) => Err("`twice` goes with `after`"),
            _ => Err("write either `after` or `late`"),
        }
    }
}

impl<'de> Deserialize<'de> for Script {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Script, D::Error> {
        word_or_map(
            deserializer,
            "never, paid, paid_late, paid_twice, created, refused, timeout_after_accepting, \
             timeout_before_accepting, unavailable, or a mapping",
            Script::from_word,
            WrittenScript::finish,
        )
    }
}

impl<'de> Deserialize<'de> for Pay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pay, D::Error> {
        word_or_map(
            deserializer,
            "never, paid, paid_late, paid_twice, or a mapping with `after` or `late`",
            Pay::from_word,
            WrittenPay::finish,
        )
    }
}

impl<'de> Deserialize<'de> for Attempts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attempts, D::Error> {
        word_or_map(
            deserializer,
            "created, refused, timeout_after_accepting, timeout_before_accepting, unavailable, \
             or `{ unavailable: TIMES }`",
            Attempts::from_word,
            |written: WrittenUnavailable| match written.unavailable {
                times @ 1..=UNAVAILABLE_MAX => Ok(Attempts {
                    answer: CreatePlay::Unavailable,
                    times,
                }),
                _ => Err("`unavailable` takes a number from 1 to 1000"),
            },
        )
    }
}

/// Reads a value that is either one word, with `-` or `_` inside, or a mapping.
fn word_or_map<'de, D, T, M>(
    deserializer: D,
    expecting: &'static str,
    from_word: fn(&str) -> Option<T>,
    from_map: fn(M) -> Result<T, &'static str>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    M: Deserialize<'de>,
{
    struct WordOrMap<T, M> {
        expecting: &'static str,
        from_word: fn(&str) -> Option<T>,
        from_map: fn(M) -> Result<T, &'static str>,
        map: PhantomData<M>,
    }

    impl<'de, T, M: Deserialize<'de>> Visitor<'de> for WordOrMap<T, M> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expecting)
        }

        fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<T, E> {
            (self.from_word)(&word.replace('-', "_"))
                .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(word), &self))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            let written = M::deserialize(MapAccessDeserializer::new(map))?;
            (self.from_map)(written).map_err(A::Error::custom)
        }
    }

    deserializer.deserialize_any(WordOrMap {
        expecting,
        from_word,
        from_map,
        map: PhantomData,
    })
}
