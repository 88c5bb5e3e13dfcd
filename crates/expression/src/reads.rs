//! What an expression looks at, known without evaluating it.

use std::collections::BTreeSet;

/// What an expression looks at. A wait on a condition is checked again when one of these changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Fields of the item.
    pub fields: BTreeSet<String>,
    /// Any field of the party.
    pub party: bool,
    /// The party's balance.
    pub balance: bool,
    /// Entities of the items above.
    pub parents: BTreeSet<String>,
    /// Entities of the items below.
    pub children: BTreeSet<String>,
    /// Reference fields whose records are read.
    pub references: BTreeSet<String>,
    /// The clock.
    pub clock: bool,
    /// Payment links.
    pub links: bool,
    /// Where the item is in its workflow, and how it came there.
    pub process: bool,
    /// The event at hand.
    pub event: bool,
    /// Every field that is read from a named record, as `link.url` or `item.title`.
    pub paths: BTreeSet<String>,
}

impl Reads {
    /// Adds what another expression looks at.
    pub fn merge(&mut self, other: &Self) {
        self.fields.extend(other.fields.iter().cloned());
        self.party |= other.party;
        self.balance |= other.balance;
        self.parents.extend(other.parents.iter().cloned());
        self.children.extend(other.children.iter().cloned());
        self.references.extend(other.references.iter().cloned());
        self.clock |= other.clock;
        self.links |= other.links;
        self.process |= other.process;
        self.event |= other.event;
        self.paths.extend(other.paths.iter().cloned());
    }

    pub(crate) fn field(&mut self, record: &str, field: &str) {
        self.paths.insert(format!("{record}.{field}"));
        match record {
            "item" => {
                self.fields.insert(field.to_owned());
                // One is the other by another name.
                if field == "subject" {
                    self.fields.insert("title".to_owned());
                }
            }
            "party" => {
                self.party = true;
                self.balance |= field == "balance";
            }
            "link" => self.links = true,
            "process" => self.process = true,
            "event" => self.event = true,
            _ => {}
        }
    }
}
