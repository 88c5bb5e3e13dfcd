//! A gateway of one's own: six answers to six questions, and what it can do as data.
//!
//! This bank makes one link per reference and says so when asked again. The engine needs to know no
//! more: it sends the same reference in every attempt, and a lost answer is looked up.

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use charkh::engine::ManualClock;
use charkh::host::{Host, Party, PartyKind};
use charkh::payment::{
    Call, Callback, CallbackParts, Capabilities, CreatedLink, DUPLICATE_REFERENCE, Descriptor,
    Found, GatewayError, Limits, LinkRequest, LinkStatus, ProviderRef, RepeatClass, RepeatSafety,
    StatusReport,
};
use charkh::values::{Currency, Fields, PartyId, TimeDelta, Value, Zone, parse_timestamp};
use charkh::{
    Account, Catalog, Engine, Gateway, Input, ItemRef, MemoryHost, MemoryItem, MemoryStore, Money,
    SourceFile, async_trait, workflow_file,
};

const WORKFLOW: &str = "
workflow: donation
version: 1
entity: donation
label: { en: Donation, fa: کمک مالی, ru: Пожертвование }
fields: { amount: { type: money } }
initial: ask
states:
  ask:
    activity: create_payment_link
    with: { account: bank, amount: { field: amount }, recipients: { sms: [{ number: '09121112233' }] } }
    next: { success: asked, error: failed }
  asked:  { end: success }
  failed: { end: failed }
";

/// The bank's side.
#[derive(Default)]
struct Bank {
    links: Mutex<BTreeMap<String, LinkRequest>>,
    /// The first answer gets lost on the way.
    loses: Mutex<bool>,
}

impl Bank {
    fn links(&self) -> MutexGuard<'_, BTreeMap<String, LinkRequest>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loses_this_answer(&self) -> bool {
        std::mem::take(&mut self.loses.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn link(reference: &str) -> CreatedLink {
    CreatedLink {
        provider_ref: ProviderRef(BTreeMap::from([("no".to_owned(), reference.to_owned())])),
        url: format!(
            "https://bank.example/pay?no={}",
            reference.replace('/', "-")
        ),
        url_valid_until: None,
        amount: None,
    }
}

#[async_trait]
impl Gateway for Bank {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "bank",
            title: "The bank",
            currencies: vec![Currency::Irr],
            sandbox: true,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            repeat: RepeatSafety {
                class: RepeatClass::UniqueReference,
                request_life_max: None,
                lookup_staleness_max: None,
            },
            status: true,
            deactivate: false,
            reusable: false,
            closes_at_expiry: true,
            signed_callback: false,
            texts_payer: false,
            operations: Vec::new(),
            limits: Limits {
                amount_max: Money::parse("500_000_000 IRR").ok(),
                ..Limits::default()
            },
        }
    }

    fn validate(&self, _: &LinkRequest) -> Vec<GatewayError> {
        Vec::new()
    }

    async fn create(&self, _: Call, request: &LinkRequest) -> Result<CreatedLink, GatewayError> {
        let mut links = self.links();
        if links.contains_key(&request.reference) {
            let message = "the reference is taken";
            return Err(GatewayError::permanent(DUPLICATE_REFERENCE, message));
        }
        links.insert(request.reference.clone(), request.clone());
        println!("bank: made a link for {}", request.reference);
        if self.loses_this_answer() {
            println!("bank: … and the answer is lost");
            // It may have happened: never a failure, never a reason for a new reference.
            return Err(GatewayError::ambiguous("timeout", "no answer in time"));
        }
        Ok(link(&request.reference))
    }

    async fn status(&self, _: Call, link: &ProviderRef) -> Result<StatusReport, GatewayError> {
        let reference = link.0.get("no").cloned().unwrap_or_default();
        Ok(StatusReport {
            reference,
            status: LinkStatus::Created,
            payments: Vec::new(),
        })
    }

    async fn find(&self, _: Call, reference: &str) -> Result<Found, GatewayError> {
        println!("bank: asked for {reference}");
        let known = self.links().contains_key(reference);
        Ok(if known {
            Found::Link(link(reference))
        } else {
            Found::NotFound
        })
    }

    fn read_callback(&self, _: &CallbackParts) -> Callback {
        Callback::Rejected {
            code: "none_expected".to_owned(),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bank = Arc::new(Bank {
        loses: Mutex::new(true),
        ..Bank::default()
    });
    let clock = Arc::new(ManualClock::at(parse_timestamp(
        "1405/06/01 09:00",
        &Zone::UTC,
    )?));
    let account = Account {
        expires_days: Some(7),
        ..Account::new("bank", "bank", Currency::Irr)
    };
    let source = SourceFile::new("donation.yaml", WORKFLOW);
    let workflow = workflow_file::load(&source, &Catalog::builtin(), None)
        .map_err(|found| format!("{} mistakes in the workflow", found.len()))?;
    let crm = Arc::new(crm());
    let engine = Engine::builder()
        .store(Arc::new(MemoryStore::new()))
        .host(Host::from_one(crm.clone()))
        .account(account, bank.clone())
        .clock(clock.clone())
        .build()
        .await?;
    engine.deploy(workflow.definition).await?;

    for (id, amount) in [("1", "250_000 IRR"), ("2", "900_000_000 IRR")] {
        let item = ItemRef::new("donation", id)?;
        let fields = Fields::from([("amount".to_owned(), Value::Money(Money::parse(amount)?))]);
        let party = Some(PartyId::from("nasrin"));
        engine
            .submit(Input::start_with(item.clone(), fields, party))
            .await?;
        // An unclear answer is asked for again a little later.
        for _ in 0..10 {
            engine.settle().await?;
            clock.set(engine.now() + TimeDelta::minutes(10));
        }
        let instance = engine.instance(&item).await?.ok_or("it has started")?;
        println!("donation {id}: {}", instance.state);
    }
    for link in engine.links().await? {
        println!("link {} {} {}", link.status.name(), link.amount, link.url);
    }
    println!(
        "the bank has {} link, the CRM {} message",
        bank.links().len(),
        crm.sent().len()
    );
    Ok(())
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
    for id in ["1", "2"] {
        if let Ok(item) = ItemRef::new("donation", id) {
            crm.put_item(item, MemoryItem::default());
        }
    }
    crm
}
