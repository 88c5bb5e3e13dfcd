//! Embedding the engine: a store, a CRM, an account, a workflow. An invoice is approved and paid.

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::sync::Arc;

use charkh::engine::ManualClock;
use charkh::host::{Host, Party, PartyKind, User};
use charkh::payment::gateways::{SandboxOptions, SandboxSettings};
use charkh::scenario::story;
use charkh::values::{Currency, Fields, PartyId, Value, Zone, parse_timestamp};
use charkh::{
    Account, Catalog, Engine, Input, ItemRef, MemoryHost, MemoryItem, MemoryStore, Money, Sandbox,
    SourceFile, workflow_file,
};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let zone = Zone::parse("Asia/Tehran")?;
    let clock = Arc::new(ManualClock::at(parse_timestamp("1405/06/01 09:00", &zone)?));
    let item = ItemRef::new("invoice", "INV-7")?;
    let crm = Arc::new(crm(&item)?);

    // From here on it is the engine: ten lines.
    let source = SourceFile::new("invoice.yaml", include_str!("../workflows/invoice.yaml"));
    let workflow = workflow_file::load(&source, &Catalog::builtin(), None)
        .map_err(|found| format!("{} mistakes in the workflow", found.len()))?;
    let engine = Engine::builder()
        .store(Arc::new(MemoryStore::new()))
        .host(Host::from_one(crm.clone()))
        .account(account(), Arc::new(sandbox()?))
        .clock(clock.clone())
        .zone(zone)
        .build()
        .await?;
    engine.deploy(workflow.definition).await?;
    engine
        .submit(Input::start(item.clone()).with_id("created-7"))
        .await?;
    engine
        .submit(Input::action(item.clone(), "approve", "zahra").with_id("button-1"))
        .await?;
    // A program that lives on calls `engine.run(stop)`; this one lets its own time pass.
    while engine.settle().await?.done > 0 {
        if let Some(next) = engine.next_due().await? {
            clock.set(next);
        }
    }

    for line in story(&engine, &item).await?.render(&zone) {
        println!("{line}");
    }
    println!(
        "the CRM has {} receipt and {} messages",
        crm.receipts().len(),
        crm.sent().len()
    );
    Ok(())
}

/// What a CRM has anyway: an item, a customer, a colleague.
fn crm(item: &ItemRef) -> Result<MemoryHost, Failure> {
    let crm = MemoryHost::new();
    crm.put_user(User {
        id: "zahra".into(),
        name: "زهرا محمدی".to_owned(),
        active: true,
        roles: vec!["sales_manager".to_owned()],
        groups: Vec::new(),
        positions: Vec::new(),
        manager: None,
        mobile: None,
        email: None,
        language: None,
    });
    let party = PartyId::from("parsplast");
    crm.put_party(Party {
        id: party.clone(),
        name: "پارس‌پلاست".to_owned(),
        number: None,
        kind: PartyKind::Company,
        lead: false,
        language: None,
        mobile: Some("۰۹۱۲۱۱۱۲۲۳۳".to_owned()),
        email: None,
        fields: Fields::new(),
    });
    let amount = Money::parse("۴۵۰٬۰۰۰٬۰۰۰ IRR")?;
    crm.put_balance(party.clone(), amount);
    let fields = Fields::from([
        ("number".to_owned(), Value::Text("INV-7".to_owned())),
        ("final_amount".to_owned(), Value::Money(amount)),
    ]);
    let record = MemoryItem {
        fields,
        party: Some(party),
        ..MemoryItem::default()
    };
    crm.put_item(item.clone(), record);
    Ok(crm)
}

fn account() -> Account {
    Account {
        expires_days: Some(3),
        ..Account::new("main", "sandbox", Currency::Irr)
    }
}

/// A gateway whose customers pay one day after they get their link.
fn sandbox() -> Result<Sandbox, Failure> {
    let options: SandboxOptions =
        serde_json::from_value(serde_json::json!({ "script": { "pay": { "after": "1d" } } }))?;
    Ok(Sandbox::in_memory(
        SandboxSettings::new("main", Currency::Irr).with(options),
    )?)
}
