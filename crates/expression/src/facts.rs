//! Everything an evaluation may look at. Facts are plain values: the same facts and the same
//! expression give the same answer at any time on any machine, so they are kept for replay.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use values::{Fields, ItemRef, Money, Timestamp, UserId, Value, Zone};

/// A record of the host as it was when the facts were gathered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The item it is, if it is one.
    pub reference: Option<ItemRef>,
    /// Its fields.
    pub fields: Fields,
}

/// A payment link of the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkFacts {
    /// The id of the link.
    pub id: String,
    /// Its address, once the gateway has given one.
    pub url: Option<String>,
    /// Its status.
    pub status: String,
    /// The amount it asks for.
    pub amount: Money,
    /// When it stops taking payments.
    pub expires_at: Option<Timestamp>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// The tracking number of the payment.
    pub tracking_no: Option<String>,
    /// The state that made it.
    pub state: String,
}

/// Where the item is in its workflow, and how it came there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// The state it is in.
    pub state: String,
    /// Since when.
    pub entered_at: Timestamp,
    /// When the workflow started.
    pub started_at: Timestamp,
    /// How often each state was entered.
    pub visits: BTreeMap<String, u32>,
    /// Who last acted in each state.
    pub last_actor: BTreeMap<String, UserId>,
}

/// What an evaluation looks at. A clone shares the records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The instant it is.
    pub now: Timestamp,
    /// Where days begin and end.
    pub zone: Zone,
    /// The item.
    pub item_ref: ItemRef,
    /// Its fields.
    pub item: Arc<Fields>,
    /// Whom it is about. Without one, every field of `party` is empty.
    pub party: Option<Arc<Record>>,
    /// The nearest item above it of each entity.
    pub parents: BTreeMap<String, Arc<Record>>,
    /// The items below it by entity, in the host's order.
    pub children: BTreeMap<String, Vec<Arc<Record>>>,
    /// The items that its reference fields point at, by field.
    #[serde(default)]
    pub references: BTreeMap<String, Arc<Record>>,
    /// Where it is in its workflow.
    pub process: Arc<ProcessFacts>,
    /// The newest payment link that each state made.
    pub links: Arc<BTreeMap<String, LinkFacts>>,
    /// The state whose link is the newest of all.
    pub latest_link: Option<String>,
    /// The payload of the event at hand.
    pub event: Option<Arc<Fields>>,
}

impl LinkFacts {
    /// The last day on which it can be paid: of a link until a midnight, the day before it.
    fn last_day(&self, zone: &Zone) -> Value {
        let last = self
            .expires_at
            .and_then(|at| at.checked_sub_signed(TimeDelta::seconds(1)));
        last.map_or(Value::Empty, |last| Value::Date(zone.local_date(last)))
    }

    pub(crate) fn fields(&self, zone: &Zone) -> Fields {
        let text = |text: &Option<String>| text.clone().map_or(Value::Empty, Value::Text);
        let instant = |at: Option<Timestamp>| at.map_or(Value::Empty, Value::Instant);
        Fields::from([
            ("id".to_owned(), Value::Text(self.id.clone())),
            ("url".to_owned(), text(&self.url)),
            ("status".to_owned(), Value::Text(self.status.clone())),
            ("amount".to_owned(), Value::Money(self.amount)),
            ("expires_at".to_owned(), instant(self.expires_at)),
            ("expires_on".to_owned(), self.last_day(zone)),
            ("paid_at".to_owned(), instant(self.paid_at)),
            ("tracking_no".to_owned(), text(&self.tracking_no)),
            ("state".to_owned(), Value::Text(self.state.clone())),
        ])
    }
}

impl ProcessFacts {
    pub(crate) fn fields(&self) -> Fields {
        Fields::from([
            ("state".to_owned(), Value::Text(self.state.clone())),
            ("entered_at".to_owned(), Value::Instant(self.entered_at)),
            ("started_at".to_owned(), Value::Instant(self.started_at)),
        ])
    }
}
