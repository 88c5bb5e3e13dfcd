//! What goes wrong, and when: a script that a provider asks at each request.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The provider acts, and the connection ends without an answer.
    AcceptThenDrop,
    /// The connection ends before the provider has acted.
    DropBefore,
    /// It cannot be reached.
    Outage,
    /// A create is answered as a duplicate although it is new; nothing is made.
    DuplicateOrder,
    /// A page in HTML with status 200 instead of the answer; the provider has acted.
    HtmlAnswer,
    /// The answer is cut off in the middle; the provider has acted.
    TruncatedAnswer,
    /// Amounts in answers and calls are one unit more.
    AmountOneMore,
    /// Amounts in answers and calls are ten times as much.
    AmountTenfold,
    /// Its call to the merchant comes three times.
    DuplicateCall,
    /// Its call to the merchant comes again a month later.
    ReplayedCall,
    /// Its call comes before the answer to the create.
    CallBeforeAnswer,
    /// Its call never comes.
    LostCall,
    /// Somebody else calls with a wrong signature, or without one.
    ForgedCall,
    /// Its calls come in the wrong order.
    ReorderedCalls,
    /// Status 429 with `Retry-After: 30`; nothing has happened.
    TooManyRequests,
    /// Status 500; the provider has not acted.
    ServerErrorBefore,
    /// Status 502; the provider has acted.
    ServerErrorAfter,
    /// One byte per second.
    SlowAnswer,
    /// An answer of ten megabytes; the provider has acted.
    HugeAnswer,
    /// A link that exists is first said to be absent, then there.
    AbsentThenPresent,
}

impl Fault {
    /// Every fault.
    pub const ALL: &'static [Fault] = &[
        Fault::AcceptThenDrop,
        Fault::DropBefore,
        Fault::Outage,
        Fault::DuplicateOrder,
        Fault::HtmlAnswer,
        Fault::TruncatedAnswer,
        Fault::AmountOneMore,
        Fault::AmountTenfold,
        Fault::DuplicateCall,
        Fault::ReplayedCall,
        Fault::CallBeforeAnswer,
        Fault::LostCall,
        Fault::ForgedCall,
        Fault::ReorderedCalls,
        Fault::TooManyRequests,
        Fault::ServerErrorBefore,
        Fault::ServerErrorAfter,
        Fault::SlowAnswer,
        Fault::HugeAnswer,
        Fault::AbsentThenPresent,
    ];

    /// Whether the provider acts all the same.
    pub fn acts(self) -> bool {
        !matches!(
            self,
            Fault::DropBefore
                | Fault::Outage
                | Fault::DuplicateOrder
                | Fault::TooManyRequests
                | Fault::ServerErrorBefore
        )
    }
}

/// When a fault comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: Fault,
    /// The operation it happens to, as in `create`, `status`, `call`; none for every one.
    #[serde(default)]
    pub operation: Option<String>,
    /// Matching requests that go well first.
    #[serde(default)]
    pub skip: u32,
    /// How many go wrong after those.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl FaultRule {
    /// The fault at the first request of an operation.
    pub fn first(fault: Fault, operation: &str) -> FaultRule {
        FaultRule {
            fault,
            operation: Some(operation.to_owned()),
            skip: 0,
            times: 1,
        }
    }
}

/// The script of what goes wrong at one provider. Clones are the same script.
#[derive(Debug, Default, Clone)]
pub struct Faults {
    rules: Arc<Mutex<Vec<FaultRule>>>,
}

impl Faults {
    /// A script.
    pub fn new(rules: Vec<FaultRule>) -> Faults {
        Faults {
            rules: Arc::new(Mutex::new(rules)),
        }
    }

    /// Adds a rule.
    pub fn add(&self, rule: FaultRule) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.push(rule);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.clear();
    }

    /// What happens to this request, if anything: the first rule that is due counts it.
    pub fn at(&self, operation: &str) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        for rule in rules.iter_mut() {
            if rule.times == 0
                || rule
                    .operation
                    .as_deref()
                    .is_some_and(|wanted| wanted != operation)
            {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times -= 1;
            return Some(rule.fault);
        }
        None
    }
}
