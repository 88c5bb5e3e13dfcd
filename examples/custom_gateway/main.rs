//! A gateway of one's own: one folder, and one line that gives it to the engine.
//!
//! `bank.rs` is the gateway: a translator of the bank's protocol, without I/O. `played.rs` plays the bank and its
//! customers. The promises that every gateway keeps are run against both; then an invoice goes through it, although
//! the bank's first answer is lost.

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

mod bank;
mod played;

use std::collections::BTreeMap;
use std::sync::Arc;

use charkh::engine::ManualClock;
use charkh::host::{Host, Party, PartyKind};
use charkh::payment::conformance::{self, Bench, Situation, Verdict};
use charkh::payment::gateways::Secret;
use charkh::payment::{LinkRequest, Usage, Wired};
use charkh::values::{
    Currency, Fields, Locale, PartyId, TimeDelta, Timestamp, Value, Zone, parse_timestamp,
};
use charkh::{
    Account, Catalog, Engine, Gateway, Input, ItemRef, MemoryHost, MemoryItem, MemoryStore, Money,
    SourceFile, workflow_file,
};

use bank::Bank;
use played::Played;

const WORKFLOW: &str = "
workflow: donation
version: 1
entity: donation
label: { en: Donation, fa: کمک مالی, ru: Пожертвование }
fields: { amount: { type: money }, receipt: { type: receipt } }
initial: ask
states:
  ask:
    activity: create_payment_link
    with:
      account: bank
      amount: { field: amount }
      recipients: { sms: [{ number: '09121112233' }] }
      receipt: { type: online, approve: auto, field: receipt }
    next: { success: asked, error: failed }
  asked:
    wait: { payment: ask }
    next: { paid: paid, expired: failed }
  paid:   { end: success }
  failed: { end: failed }
";

fn start() -> Result<Timestamp, Box<dyn std::error::Error>> {
    Ok(parse_timestamp("1405/06/01 09:00", &Zone::UTC)?)
}

/// The gateway in front of a bank.
fn gateway(bank: Played) -> Arc<dyn Gateway> {
    let adapter = Bank {
        base: "https://api.bank.example".to_owned(),
        token: Secret::new("a token of the account"),
    };
    Arc::new(Wired::new(Arc::new(adapter), Arc::new(bank)))
}

/// Sets the gateway up for the promises.
struct Promises {
    start: Timestamp,
    amount: Money,
}

impl Bench for Promises {
    fn gateway(&self, situation: Situation) -> Option<Arc<dyn Gateway>> {
        Some(gateway(Played::new(situation)))
    }

    fn start(&self) -> Timestamp {
        self.start
    }

    fn request(&self, reference: &str) -> LinkRequest {
        LinkRequest {
            reference: reference.to_owned(),
            amount: self.amount,
            expires_at: self.start + TimeDelta::days(1),
            description: "کمک مالی".to_owned(),
            usage: Usage::OneTime,
            payer_name: None,
            payer_mobile: None,
            comment: None,
            locale: Locale::Fa,
            extras: BTreeMap::new(),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let amount = Money::parse("250_000 IRR")?;
    let bench = Promises {
        start: start()?,
        amount,
    };
    let mut broken = 0;
    for (promise, verdict) in conformance::run(&bench).await {
        let promise = promise.replace('_', " ");
        match verdict {
            Verdict::Kept => println!("kept     {promise}"),
            Verdict::Skipped => println!("skipped  {promise}"),
            Verdict::Broken(seen) => {
                broken += 1;
                println!("BROKEN   {promise}: {seen}");
            }
        }
    }
    if broken > 0 {
        return Err(format!("{broken} promises are broken").into());
    }
    println!();
    donate(amount).await
}

/// One donation through the bank, from the link to the receipt.
async fn donate(amount: Money) -> Result<(), Box<dyn std::error::Error>> {
    let bank = Played {
        customers: Situation::Paid,
        first: Situation::FirstAnswerLost,
        talks: true,
        ..Played::new(Situation::Quiet)
    };
    let clock = Arc::new(ManualClock::at(start()?));
    let crm = Arc::new(crm());
    let engine = Engine::builder()
        .store(Arc::new(MemoryStore::new()))
        .host(Host::from_one(crm.clone()))
        // The one line.
        .account(account(), gateway(bank))
        .clock(clock.clone())
        .build()
        .await?;
    let source = SourceFile::new("donation.yaml", WORKFLOW);
    let workflow = workflow_file::load(&source, &Catalog::builtin(), None)
        .map_err(|found| format!("{} mistakes in the workflow", found.len()))?;
    engine.deploy(workflow.definition).await?;

    let item = ItemRef::new("donation", "1")?;
    let fields = Fields::from([("amount".to_owned(), Value::Money(amount))]);
    let party = Some(PartyId::from("nasrin"));
    engine
        .submit(Input::start_with(item.clone(), fields, party))
        .await?;
    engine.settle().await?;
    // The clock goes from one thing that is due to the next: another attempt, a reading of the link.
    while let Some(due) = engine.next_due().await? {
        clock.set(due);
        engine.settle().await?;
        let instance = engine.instance(&item).await?.ok_or("it has started")?;
        if instance.ended.is_some() {
            println!("donation 1: {}", instance.state);
            break;
        }
    }
    for link in engine.links().await? {
        println!("link {} {} {}", link.status.name(), link.amount, link.url);
    }
    for receipt in crm.receipts() {
        println!("receipt {} over {}", receipt.id, receipt.amount);
    }
    Ok(())
}

fn account() -> Account {
    Account {
        expires_days: Some(7),
        ..Account::new("bank", "bank", Currency::Irr)
    }
}

fn crm() -> MemoryHost {
    let crm = MemoryHost::new();
    crm.put_party(Party {
        id: "nasrin".into(),
        name: "نسرین".to_owned(),
        number: None,
        kind: PartyKind::Person,
        lead: false,
        language: None,
        mobile: Some("۰۹۱۲۱۱۱۲۲۳۳".to_owned()),
        email: None,
        fields: Fields::new(),
    });
    if let Ok(item) = ItemRef::new("donation", "1") {
        crm.put_item(item, MemoryItem::default());
    }
    crm
}
