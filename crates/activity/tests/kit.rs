//! An invoice, its party and its project, to try activities on.

use std::collections::BTreeMap;
use std::sync::Arc;

use activity::{
    Account, Activity, Answers, Attempt, Attempted, Catalog, Outcome, Plan, PlanContext,
    PrepareContext, Prepared, PreviousAttempt, Problem, Request, World,
};
use chrono::TimeDelta;
use expression::{Facts, ProcessFacts, RecordType, Schema};
use host::{Host, MemoryHost, Party, PartyKind, PartyRole, Person};
use payment::Gateway;
use serde_json::Value as Json;
use values::{
    AccountName, Calendar, Currency, FieldType, Fields, ItemRef, Locale, Money, Secret, Timestamp,
    Value, Zone,
};

pub(crate) const REFERENCE: &str = "ref-1";
pub(crate) const STATE: &str = "make_link";

pub(crate) fn at(text: &str) -> Timestamp {
    values::parse_timestamp(text, &Zone::UTC).expect(text)
}

pub(crate) fn irr(amount: i64) -> Money {
    Money::new(amount.into(), Currency::Irr).unwrap()
}

pub(crate) fn money(text: &str) -> Money {
    Money::parse(text).expect(text)
}

pub(crate) fn date(text: &str) -> Value {
    Value::Date(values::parse_date(text).expect(text).date)
}

pub(crate) fn number(text: &str) -> Value {
    Value::Number(values::parse_decimal(text).expect(text))
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Everything that surrounds a step; change what a test is about.
#[derive(Debug, Clone)]
pub(crate) struct Kit {
    pub(crate) entity: String,
    pub(crate) financial: bool,
    pub(crate) declared: BTreeMap<String, FieldType>,
    pub(crate) related: Vec<RecordType>,
    pub(crate) stages: Vec<String>,
    pub(crate) accounts: Option<BTreeMap<AccountName, Account>>,
    pub(crate) locales: Vec<Locale>,
    pub(crate) hosts: Option<Vec<String>>,
    pub(crate) item: Fields,
    pub(crate) answers: Answers,
    pub(crate) entered_at: Timestamp,
    pub(crate) zone: Zone,
    pub(crate) link_states: Vec<String>,
}

fn person(name: &str, mobile: &str, email: &str, language: Option<Locale>) -> Person {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Person {
        name: name.to_owned(),
        mobile: given(mobile),
        email: given(email),
        language,
    }
}

/// Every kind of field.
fn declared() -> BTreeMap<String, FieldType> {
    let jalali = FieldType::Date {
        calendar: Calendar::Jalali,
    };
    let fields = [
        ("number", FieldType::Text),
        ("final_amount", FieldType::Money),
        ("deposit", FieldType::Money),
        ("due_date", jalali),
        ("pay_days", FieldType::Number),
        ("mobile", FieldType::Text),
        ("email", FieldType::Text),
        ("note", FieldType::Text),
        ("reject_reason", FieldType::Text),
        ("tracking_no", FieldType::Text),
        ("reminders_sent", FieldType::Number),
        (
            "priority",
            FieldType::Choice {
                options: vec!["low".into(), "high".into()],
            },
        ),
        ("reminded_at", FieldType::Instant),
        ("urgent", FieldType::Bool),
        ("owner", FieldType::User),
        ("receipt", FieldType::Receipt),
        (
            "receipts",
            FieldType::List {
                of: Box::new(FieldType::Receipt),
            },
        ),
        (
            "proforma",
            FieldType::Item {
                entity: Some("proforma".into()),
            },
        ),
        (
            "visit",
            FieldType::Item {
                entity: Some("task".into()),
            },
        ),
        ("anything", FieldType::Item { entity: None }),
        (
            "sales_invoice",
            FieldType::Item {
                entity: Some("invoice".into()),
            },
        ),
        ("their_invoice", FieldType::Text),
        ("wallet_code", FieldType::Text),
        ("slip_no", FieldType::Text),
        ("slip_time", FieldType::Instant),
        ("cash_amount", FieldType::Money),
    ];
    fields.map(|(name, kind)| (name.to_owned(), kind)).into()
}

impl Kit {
    /// A financial item with every kind of field, of a party with every kind of person.
    pub(crate) fn invoice() -> Kit {
        let item = [
            ("number", text("1405-17")),
            ("final_amount", Value::Money(irr(1_500_000))),
            ("deposit", Value::Money(irr(400_000))),
            ("due_date", date("1405/06/31")),
            ("pay_days", number("3")),
            ("mobile", text("۰۹۱۲ ۷۷۷ ۸۸ ۹۹")),
            ("email", text("field@example.com")),
            ("reminders_sent", number("2")),
            ("owner", Value::User("u1".to_owned())),
        ];
        Kit {
            entity: "invoice".to_owned(),
            financial: true,
            declared: declared(),
            related: Vec::new(),
            stages: vec!["open".to_owned(), "won".to_owned(), "lost".to_owned()],
            accounts: Some(BTreeMap::from([account("main", Currency::Irr)])),
            locales: vec![Locale::Fa, Locale::En],
            hosts: Some(vec![
                "api.example.com".to_owned(),
                "localhost:8080".to_owned(),
            ]),
            item: item.map(|(name, value)| (name.to_owned(), value)).into(),
            answers: answers(),
            entered_at: at("2026-09-01T08:00:00Z"),
            zone: Zone::parse("Asia/Tehran").unwrap(),
            link_states: vec![STATE.to_owned()],
        }
    }

    /// An item without a final amount.
    pub(crate) fn opportunity() -> Kit {
        let mut kit = Kit::invoice();
        kit.entity = "opportunity".to_owned();
        kit.financial = false;
        kit.declared.remove("final_amount");
        kit.item.remove("final_amount");
        kit
    }

    pub(crate) fn with_item(mut self, field: &str, value: Value) -> Kit {
        self.item.insert(field.to_owned(), value);
        self
    }

    fn schema(&self) -> Schema {
        let mut record = RecordType::new("item");
        for (name, kind) in &self.declared {
            record = record.with(name, kind.clone());
        }
        let mut schema = Schema::new(record);
        for related in &self.related {
            schema = schema.relate(related.clone());
        }
        schema.states = vec![STATE.to_owned()];
        schema.link_states.clone_from(&self.link_states);
        schema
    }

    pub(crate) fn prepare(
        &self,
        activity: &str,
        settings: &Json,
    ) -> Result<Box<dyn Prepared>, Vec<Problem>> {
        let schema = self.schema();
        find(activity).prepare(
            settings,
            &PrepareContext {
                entity: &self.entity,
                financial: self.financial,
                fields: &self.declared,
                schema: &schema,
                stages: &self.stages,
                accounts: self.accounts.as_ref(),
                locales: &self.locales,
                allowed_hosts: self.hosts.as_deref(),
            },
        )
    }

    /// Settings that are right.
    pub(crate) fn ready(&self, activity: &str, settings: &Json) -> Box<dyn Prepared> {
        match self.prepare(activity, settings) {
            Ok(ready) => ready,
            Err(problems) => panic!("{settings}: {problems:#?}"),
        }
    }

    /// Settings that are wrong: every problem as `code path: message`.
    pub(crate) fn problems(&self, activity: &str, settings: &Json) -> Vec<String> {
        match self.prepare(activity, settings) {
            Ok(_) => panic!("{settings} is accepted"),
            Err(problems) => problems.iter().map(shown).collect(),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts {
            now: self.entered_at,
            zone: self.zone,
            item_ref: ItemRef::new(&self.entity, "17").unwrap(),
            item: Arc::new(self.item.clone()),
            party: Some(Arc::new(expression::Record {
                reference: None,
                fields: Fields::from([("name".to_owned(), text("شرکت نمونه"))]),
            })),
            parents: BTreeMap::new(),
            children: BTreeMap::new(),
            references: BTreeMap::new(),
            process: Arc::new(ProcessFacts {
                state: STATE.to_owned(),
                entered_at: self.entered_at,
                started_at: self.entered_at,
                visits: BTreeMap::new(),
                last_actor: BTreeMap::new(),
            }),
            links: Arc::new(BTreeMap::new()),
            latest_link: None,
            event: None,
        }
    }

    pub(crate) fn context<'a>(&'a self, facts: &'a Facts) -> PlanContext<'a> {
        PlanContext {
            facts,
            answers: &self.answers,
            state: STATE,
            entered_at: self.entered_at,
            reference: REFERENCE,
            zone: &self.zone,
            locales: &self.locales,
        }
    }

    pub(crate) fn plan(&self, ready: &dyn Prepared) -> Plan {
        let facts = self.facts();
        let plan = ready.plan(&self.context(&facts));
        assert_eq!(ready.plan(&self.context(&facts)), plan, "a plan is pure");
        plan
    }

    /// What is performed.
    pub(crate) fn request(&self, ready: &dyn Prepared) -> Request {
        match self.plan(ready) {
            Plan::Perform(request) => request,
            Plan::Finish(outcome) => panic!("nothing is performed: {outcome:#?}"),
        }
    }

    /// The outcome of a plan that performs nothing.
    pub(crate) fn finished(&self, ready: &dyn Prepared) -> Outcome {
        match self.plan(ready) {
            Plan::Finish(outcome) => *outcome,
            Plan::Perform(request) => panic!("it is performed: {request:#?}"),
        }
    }

    pub(crate) fn conclude(
        &self,
        ready: &dyn Prepared,
        request: &Request,
        result: &Json,
    ) -> Outcome {
        let facts = self.facts();
        ready.conclude(&self.context(&facts), request, result)
    }
}

pub(crate) fn account(name: &str, currency: Currency) -> (AccountName, Account) {
    let name = AccountName::from(name);
    let account = Account {
        expires_days: Some(2),
        receipt_type: Some("cash".to_owned()),
        amount_max: Some(Money::new(1_000_000_000.into(), currency).unwrap()),
        ..Account::new(name.clone(), "sandbox", currency)
    };
    (name, account)
}

fn answers() -> Answers {
    Answers {
        party: Some(Party {
            id: "p1".into(),
            name: "شرکت نمونه".to_owned(),
            number: None,
            kind: PartyKind::Company,
            lead: false,
            language: Some(Locale::En),
            mobile: Some("09120000001".to_owned()),
            email: Some("party@example.com".to_owned()),
            fields: Fields::new(),
        }),
        balances: BTreeMap::from([(Currency::Irr, irr(700_000))]),
        people: vec![
            (
                PartyRole::Manager,
                vec![person(
                    "m",
                    "09120000002",
                    "manager@example.com",
                    Some(Locale::Ru),
                )],
            ),
            (
                PartyRole::Contact,
                vec![person("c", "09120000003", "contact@example.com", None)],
            ),
            (
                PartyRole::Position("accountant".to_owned()),
                vec![
                    person("a", "09120000004", "a@example.com", None),
                    person("b", "09120000005", "b@example.com", None),
                ],
            ),
        ],
        users: BTreeMap::from([(
            "owner".to_owned(),
            person("o", "09120000006", "owner@example.com", None),
        )]),
        accounts: BTreeMap::from([account("main", Currency::Irr)]),
        ..Answers::default()
    }
}

pub(crate) fn find(activity: &str) -> Arc<dyn Activity> {
    Catalog::builtin().get(activity).expect(activity).clone()
}

/// A problem as one line.
pub(crate) fn shown(problem: &Problem) -> String {
    let path: Vec<String> = problem
        .path
        .iter()
        .map(|step| match step {
            activity::PathStep::Key(key) => key.clone(),
            activity::PathStep::KeyName(key) => format!("({key})"),
            activity::PathStep::Index(index) => index.to_string(),
        })
        .collect();
    format!("{} {}: {}", problem.code, path.join("."), problem.message)
}

/// A world around some gateways, with a CRM in memory and no HTTP.
pub(crate) fn world(gateways: impl IntoIterator<Item = (&'static str, Arc<dyn Gateway>)>) -> World {
    let gateways = gateways
        .into_iter()
        .map(|(name, gateway)| (AccountName::from(name), gateway))
        .collect();
    World {
        host: Host::from_one(Arc::new(MemoryHost::new())),
        gateways: Arc::new(gateways),
        http: None,
        secrets: Arc::new(|reference| {
            (reference.to_string() == "env:COURIER_TOKEN").then(|| Secret::new("s3cret\n"))
        }),
    }
}

/// The `number`-th attempt, a minute after the one before; all before it may have arrived.
pub(crate) fn attempt(number: u32) -> Attempt {
    let first = at("2026-09-01T08:00:01Z");
    let time = |number: u32| first + TimeDelta::minutes(i64::from(number) - 1);
    let send_by = |number: u32| time(number) + TimeDelta::seconds(30);
    Attempt {
        item: ItemRef::new("invoice", "17").unwrap(),
        reference: REFERENCE.to_owned(),
        number,
        now: time(number),
        send_by: send_by(number),
        earlier: (1..number)
            .map(|number| PreviousAttempt {
                number,
                send_by: send_by(number),
            })
            .collect(),
    }
}

/// The outcome of an attempt that ended.
pub(crate) fn outcome(attempted: Attempted) -> Outcome {
    match attempted {
        Attempted::Ended { outcome, .. } => *outcome,
        other => panic!("it did not end: {other:#?}"),
    }
}

/// The result of an attempt that was answered.
pub(crate) fn done(attempted: Attempted) -> Json {
    match attempted {
        Attempted::Done { result, .. } => result,
        other => panic!("it was not answered: {other:#?}"),
    }
}

/// The code and the next time of an attempt whose outcome nobody knows.
pub(crate) fn unknown(attempted: Attempted) -> (String, Option<Timestamp>) {
    match attempted {
        Attempted::Unknown { code, again_at, .. } => (code, again_at),
        other => panic!("it is known: {other:#?}"),
    }
}
