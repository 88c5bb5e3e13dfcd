//! The memory host keeps the promises of a CRM; and the list notices a CRM that does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use host::conformance::{Bench, CASES, Given, run};
use host::{
    Applied, Change, Delivery, Error, Host, HostWrite, ItemSnapshot, Items, MemoryHost, Message,
    Messenger, PartyRole, RelatedRecord, Relation,
};
use values::{Currency, ItemRef, PartyId, UserId};

use super::{PARTY, destination, item, rials, world};

struct MemoryBench;

fn given(memory: Arc<MemoryHost>, host: Host) -> Given {
    let (sent, receipts) = (memory.clone(), memory);
    Given {
        host,
        opportunity: item("opportunity", "o-1"),
        invoices: vec![item("invoice", "i-1"), item("invoice", "i-2")],
        text_field: "note".to_owned(),
        receipt_field: "payment_receipt".to_owned(),
        party: PartyId::from(PARTY),
        balance: rials(12_500_000),
        other_currency: Currency::Irt,
        role_of_people: PartyRole::Contact,
        role: "sales_manager".to_owned(),
        active: vec![UserId::from("maryam"), UserId::from("reza")],
        inactive: UserId::from("left"),
        destination: destination(),
        messages_sent: Box::new(move || sent.sent().len()),
        receipts: Box::new(move || receipts.receipts().len()),
    }
}

impl Bench for MemoryBench {
    fn given(&self) -> Given {
        let memory = Arc::new(world());
        given(memory.clone(), Host::from_one(memory))
    }
}

#[tokio::test]
async fn the_memory_host_keeps_every_promise() {
    let results = run(&MemoryBench).await;
    assert_eq!(results.len(), CASES.len());
    for (promise, result) in results {
        result.unwrap_or_else(|broken| panic!("{promise}: {broken}"));
    }
}

/// What a careless CRM gets wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    ForgetsKeys,
    ApprovesEveryReceipt,
    ForgetsMessageKeys,
    ReversesChildren,
}

/// The memory host behind a careless adapter.
struct Careless {
    inner: Arc<MemoryHost>,
    fault: Fault,
    calls: AtomicU64,
}

impl Careless {
    /// A key that was never seen before.
    fn fresh(&self, key: &str) -> String {
        format!("{key}-{}", self.calls.fetch_add(1, Ordering::Relaxed))
    }
}

#[async_trait]
impl Items for Careless {
    async fn load(&self, item: &ItemRef) -> Result<Option<ItemSnapshot>, Error> {
        self.inner.load(item).await
    }

    async fn related(
        &self,
        item: &ItemRef,
        relation: &Relation,
    ) -> Result<Vec<RelatedRecord>, Error> {
        let mut records = self.inner.related(item, relation).await?;
        if self.fault == Fault::ReversesChildren {
            records.reverse();
        }
        Ok(records)
    }

    async fn apply(&self, write: &HostWrite) -> Result<Applied, Error> {
        let mut write = write.clone();
        match (self.fault, &mut write.change) {
            (Fault::ForgetsKeys, _) => write.key = self.fresh(&write.key),
            (Fault::ApprovesEveryReceipt, Change::RegisterReceipt { receipt }) => {
                receipt.approved = true;
            }
            _ => {}
        }
        self.inner.apply(&write).await
    }
}

#[async_trait]
impl Messenger for Careless {
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, Error> {
        if self.fault == Fault::ForgetsMessageKeys {
            return self.inner.send(&self.fresh(key), message).await;
        }
        self.inner.send(key, message).await
    }
}

struct CarelessBench(Fault);

impl Bench for CarelessBench {
    fn given(&self) -> Given {
        let memory = Arc::new(world());
        let careless = Arc::new(Careless {
            inner: memory.clone(),
            fault: self.0,
            calls: AtomicU64::new(0),
        });
        let mut host = Host::from_one(memory.clone()).with_messenger(careless.clone());
        host.items = careless;
        given(memory, host)
    }
}

#[tokio::test]
async fn every_fault_of_a_careless_crm_breaks_exactly_its_promises() {
    let faults: [(Fault, &[&str]); 4] = [
        (
            Fault::ForgetsKeys,
            &[
                "a_write_is_applied_once_per_key",
                "a_record_is_created_once_per_key",
            ],
        ),
        (
            Fault::ApprovesEveryReceipt,
            &["the_balance_falls_only_when_a_receipt_is_approved"],
        ),
        (
            Fault::ForgetsMessageKeys,
            &["a_message_is_sent_once_per_key"],
        ),
        (
            Fault::ReversesChildren,
            &["the_children_come_in_the_crms_order"],
        ),
    ];
    for (fault, promises) in faults {
        let results = run(&CarelessBench(fault)).await;
        let broken: Vec<&str> = results
            .into_iter()
            .filter(|(_, result)| result.is_err())
            .map(|(name, _)| name)
            .collect();
        assert_eq!(broken, promises, "{fault:?}");
    }
}
