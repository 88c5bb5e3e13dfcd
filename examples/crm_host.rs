//! A CRM as a host: its own tables behind the four contracts, and what the engine tells it.
//!
//! Three rules make it safe: a write is applied once per key and answered the same again, what the CRM
//! changes itself is pushed in as an event, and a message is sent once per key.

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use charkh::engine::ManualClock;
use charkh::host::{
    Applied, Change, Delivery, Directory, Error, HostWrite, ItemSnapshot, Items, Ledger, MemberOf,
    Message, Messenger, Party, PartyKind, PartyRole, Person, RelatedRecord, Relation, User,
};
use charkh::payment::gateways::{SandboxOptions, SandboxSettings};
use charkh::values::{Currency, Fields, PartyId, UserId, Value, Zone, parse_timestamp};
use charkh::{
    Account, Catalog, Engine, Host, Input, ItemRef, MemoryStore, Money, Sandbox, SourceFile,
    async_trait, workflow_file,
};

/// A row of the table of invoices.
struct Invoice {
    customer: String,
    total: Money,
    approved: bool,
    number: Option<String>,
    /// Everything else that a workflow wants to keep.
    extra: Fields,
}

/// The tables of the CRM.
#[derive(Default)]
struct Tables {
    invoices: BTreeMap<String, Invoice>,
    receipts: Vec<String>,
    owed: BTreeMap<String, Money>,
    /// Writes by key, with what they were answered: in a database, a table with a unique key that is
    /// written in the transaction of the change.
    applied: BTreeMap<String, Applied>,
    sent: Vec<String>,
}

#[derive(Default)]
struct Crm {
    tables: Mutex<Tables>,
}

impl Crm {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn change(&mut self, item: &ItemRef, change: &Change) -> Result<Applied, Error> {
        let missing = || Error::rejected("items.apply", format!("there is no {item}"));
        let mut fields = Fields::new();
        match change {
            Change::Approve { number, .. } => {
                let next = format!("F-{}", 100 + self.applied.len());
                let invoice = self.invoices.get_mut(item.id()).ok_or_else(missing)?;
                invoice.approved = true;
                if *number {
                    fields.insert("number".to_owned(), Value::Text(next.clone()));
                    println!("  crm: {item} is approved as {next}");
                    invoice.number = Some(next);
                }
            }
            Change::SetFields { fields } => {
                let names: Vec<&str> = fields.keys().map(String::as_str).collect();
                println!("  crm: {item} has new {}", names.join(", "));
                let invoice = self.invoices.get_mut(item.id()).ok_or_else(missing)?;
                invoice.extra.extend(fields.clone());
            }
            Change::RegisterReceipt { receipt } => {
                println!("  crm: receipt {} over {}", receipt.id, receipt.amount);
                self.receipts.push(receipt.id.to_string());
                let owner = receipt
                    .party
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                if let Some(owed) = self.owed.get_mut(&owner) {
                    *owed = owed
                        .checked_sub(&receipt.amount)
                        .map_err(|error| Error::rejected("items.apply", error.to_string()))?;
                }
            }
            Change::Notify { state, to, .. } => println!("  crm: {to} is told of {state}"),
            Change::AttachReceipt { field, receipt } => {
                println!("  crm: {item} has {receipt} in {field}");
            }
            other => println!("  crm: does not do {other:?}"),
        }
        Ok(Applied::Done {
            created: None,
            fields,
        })
    }
}

#[async_trait]
impl Items for Crm {
    async fn load(&self, item: &ItemRef) -> Result<Option<ItemSnapshot>, Error> {
        Ok(self.tables().invoices.get(item.id()).map(|invoice| {
            let mut fields = invoice.extra.clone();
            fields.insert("final_amount".to_owned(), Value::Money(invoice.total));
            ItemSnapshot {
                fields,
                party: Some(PartyId::new(invoice.customer.clone())),
            }
        }))
    }

    async fn related(&self, _: &ItemRef, _: &Relation) -> Result<Vec<RelatedRecord>, Error> {
        Ok(Vec::new())
    }

    async fn apply(&self, write: &HostWrite) -> Result<Applied, Error> {
        let mut tables = self.tables();
        if let Some(earlier) = tables.applied.get(&write.key) {
            return Ok(earlier.clone());
        }
        let applied = tables.change(&write.item, &write.change)?;
        tables.applied.insert(write.key.clone(), applied.clone());
        Ok(applied)
    }
}

#[async_trait]
impl Directory for Crm {
    async fn user(&self, user: &UserId) -> Result<Option<User>, Error> {
        let roles = match user.as_str() {
            "zahra" => vec!["sales_manager".to_owned()],
            "omid" => Vec::new(),
            _ => return Ok(None),
        };
        Ok(Some(User {
            id: user.clone(),
            name: user.to_string(),
            active: true,
            roles,
            groups: Vec::new(),
            positions: Vec::new(),
            manager: None,
            mobile: None,
            email: None,
            language: None,
        }))
    }

    async fn members(&self, of: &MemberOf) -> Result<Vec<UserId>, Error> {
        let manager = matches!(of, MemberOf::Role(role) if role == "sales_manager");
        Ok(if manager {
            vec!["zahra".into()]
        } else {
            Vec::new()
        })
    }

    async fn party(&self, party: &PartyId) -> Result<Option<Party>, Error> {
        Ok(Some(Party {
            id: party.clone(),
            name: "پارس‌پلاست".to_owned(),
            number: Some("C-1007".to_owned()),
            kind: PartyKind::Company,
            lead: false,
            language: None,
            mobile: Some("۰۹۱۲۱۱۱۲۲۳۳".to_owned()),
            email: None,
            fields: Fields::new(),
        }))
    }

    async fn party_people(&self, _: &PartyId, _: &PartyRole) -> Result<Vec<Person>, Error> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Ledger for Crm {
    async fn balance(&self, party: &PartyId, currency: Currency) -> Result<Money, Error> {
        let owed = self.tables().owed.get(party.as_str()).copied();
        Ok(owed
            .filter(|owed| owed.currency() == currency)
            .unwrap_or(Money::zero(currency)))
    }
}

#[async_trait]
impl Messenger for Crm {
    async fn send(&self, key: &str, message: &Message) -> Result<Delivery, Error> {
        let mut tables = self.tables();
        if !tables.sent.iter().any(|sent| sent == key) {
            tables.sent.push(key.to_owned());
            let first = message.body.lines().next().unwrap_or_default();
            println!("  sms: to {}: {first}", message.to.as_text());
        }
        Ok(Delivery::default())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let crm = Arc::new(Crm::default());
    let total = Money::parse("۴۵۰٬۰۰۰٬۰۰۰ IRR")?;
    crm.tables().owed.insert("c-1007".to_owned(), total);
    crm.tables().invoices.insert(
        "17".to_owned(),
        Invoice {
            customer: "c-1007".to_owned(),
            total,
            approved: false,
            number: None,
            extra: Fields::new(),
        },
    );
    let zone = Zone::parse("Asia/Tehran")?;
    let clock = Arc::new(ManualClock::at(parse_timestamp("1405/06/01 09:00", &zone)?));
    let engine = engine(crm.clone(), clock.clone(), zone).await?;
    let item = ItemRef::new("invoice", "17")?;

    println!("the CRM starts the lifecycle");
    engine
        .submit(Input::start(item.clone()).with_id("invoice 17 created"))
        .await?;
    engine.settle().await?;

    println!("somebody without the role presses the button");
    match engine
        .submit(Input::action(item.clone(), "approve", "omid"))
        .await
    {
        Err(refused) => println!("  refused ({}): {refused}", refused.code()),
        Ok(reply) => println!("  is in {}", reply.state),
    }

    println!("somebody fills in a field, and the CRM pushes it in");
    let days = Fields::from([("pay_days".to_owned(), Value::Number(5.into()))]);
    engine.submit(Input::changed(item.clone(), days)).await?;

    println!("zahra presses the button, twice by mistake: both times with the form's own id");
    for _ in 0..2 {
        let input = Input::action(item.clone(), "approve", "zahra").with_id("form 4711");
        let reply = engine.submit(input).await?;
        println!(
            "  is in {}{}",
            reply.state,
            if reply.repeated {
                ", as said before"
            } else {
                ""
            }
        );
    }
    engine.settle().await?;

    println!("time passes, the customer pays");
    while let Some(next) = engine.next_due().await? {
        clock.set(next);
        engine.settle().await?;
    }
    let instance = engine.instance(&item).await?.ok_or("it has started")?;
    println!("  is in {}", instance.state);
    let tables = crm.tables();
    let owed = tables.owed.get("c-1007").ok_or("it owes something")?;
    println!(
        "the CRM has {} receipt, {} messages went out, owed: {owed}",
        tables.receipts.len(),
        tables.sent.len()
    );
    Ok(())
}

async fn engine(
    crm: Arc<Crm>,
    clock: Arc<ManualClock>,
    zone: Zone,
) -> Result<Engine, Box<dyn std::error::Error>> {
    let options: SandboxOptions =
        serde_json::from_value(serde_json::json!({ "script": { "pay": { "after": "1d" } } }))?;
    let sandbox = Sandbox::in_memory(SandboxSettings::new("main", Currency::Irr).with(options))?;
    let account = Account {
        expires_days: Some(3),
        ..Account::new("main", "sandbox", Currency::Irr)
    };
    let source = SourceFile::new("invoice.yaml", include_str!("../workflows/invoice.yaml"));
    let workflow = workflow_file::load(&source, &Catalog::builtin(), None)
        .map_err(|found| format!("{} mistakes in the workflow", found.len()))?;
    let engine = Engine::builder()
        .store(Arc::new(MemoryStore::new()))
        .host(Host::from_one(crm))
        .account(account, Arc::new(sandbox))
        .clock(clock)
        .zone(zone)
        .build()
        .await?;
    engine.deploy(workflow.definition).await?;
    Ok(engine)
}
