//! Tests of the room. The sample facts here are shared by all of them.

mod examples;
mod language;
mod mistakes;
mod sandbox;
mod templates;

use std::collections::BTreeMap;
use std::sync::Arc;

use values::{
    Calendar, Currency, Decimal, FieldType, Fields, ItemRef, JalaliDate, Money, Timestamp, UserId,
    Value, Zone,
};

use crate::{
    EvaluationError, Expected, Expression, Facts, LinkFacts, Problem, ProcessFacts, Record,
    RecordType, Schema,
};

pub(crate) fn rial(amount: i64) -> Value {
    Value::Money(money(amount, Currency::Irr))
}

pub(crate) fn money(amount: i64, currency: Currency) -> Money {
    Money::new(Decimal::from(amount), currency).unwrap()
}

pub(crate) fn number(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub(crate) fn instant(text: &str) -> Timestamp {
    values::parse_timestamp(text, &Zone::UTC).unwrap()
}

pub(crate) fn jalali(year: i32, month: u32, day: u32) -> Value {
    Value::Date(JalaliDate::new(year, month, day).unwrap().to_gregorian())
}

fn item_of(entity: &str) -> FieldType {
    FieldType::Item {
        entity: Some(entity.to_owned()),
    }
}

fn choice(options: &[&str]) -> FieldType {
    FieldType::Choice {
        options: options.iter().map(|o| (*o).to_owned()).collect(),
    }
}

pub(crate) fn schema() -> Schema {
    let date = FieldType::Date {
        calendar: Calendar::Jalali,
    };
    let item = RecordType::new("invoice")
        .with("final_amount", FieldType::Money)
        .with("deposit", FieldType::Money)
        .with("due_date", date.clone())
        .with("pay_days", FieldType::Number)
        .with("score_sum", FieldType::Number)
        .with("qty", FieldType::Number)
        .with("price", FieldType::Number)
        .with("mobile", FieldType::Text)
        .with("approved", FieldType::Bool)
        .with("department", choice(&["finance", "sales", "support"]))
        .with(
            "tags",
            FieldType::List {
                of: Box::new(FieldType::Text),
            },
        )
        .with(
            "watchers",
            FieldType::List {
                of: Box::new(FieldType::User),
            },
        )
        .with("meeting", FieldType::Time)
        .with("frmk", item_of("form"))
        .with("any_item", FieldType::Item { entity: None })
        .with("reject-reason", FieldType::Text)
        .with("مبلغ", FieldType::Money);
    let mut schema = Schema::new(item)
        .relate(
            RecordType::new("opportunity")
                .with("delivery_date", date.clone())
                .with("realized_value", FieldType::Money),
        )
        .relate(
            RecordType::new("quote")
                .with("discount", FieldType::Money)
                .with("final_amount", FieldType::Money)
                .with("approved", FieldType::Bool),
        )
        .relate(
            RecordType::new("contract")
                .with("final_amount", FieldType::Money)
                .with("end_date", date),
        )
        .relate(RecordType::new("ticket"))
        .relate(
            RecordType::new("form")
                .with("number", FieldType::Number)
                .with("poljoin", FieldType::Number)
                .with("polformat", FieldType::Money)
                .with("customerno", FieldType::Text),
        )
        .relate(RecordType::new("sales_document").with("final_amount", FieldType::Money));
    schema.party = schema.party.with("pphali", FieldType::Text);
    schema.states = ["review", "make_link", "await_payment"]
        .map(str::to_owned)
        .to_vec();
    schema.link_states = vec!["make_link".to_owned()];
    schema.event = Some(RecordType::new("event").with("amount", FieldType::Money));
    schema
}

pub(crate) fn record(entity: &str, id: &str, fields: &[(&str, Value)]) -> Arc<Record> {
    Arc::new(Record {
        reference: Some(ItemRef::new(entity, id).unwrap()),
        fields: fields_of(fields),
    })
}

pub(crate) fn fields_of(fields: &[(&str, Value)]) -> Fields {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn item_fields() -> Fields {
    fields_of(&[
        ("title", text("فاکتور فروش دستگاه")),
        ("number", text("1403-17")),
        ("creator", Value::User("u-maryam".to_owned())),
        ("owner", Value::User("u-reza".to_owned())),
        (
            "created_at",
            Value::Instant(instant("2024-07-20T08:00:00Z")),
        ),
        ("stage", text("صدور")),
        ("final_amount", rial(150_000_000)),
        ("due_date", jalali(1403, 5, 10)),
        ("pay_days", number("3")),
        ("score_sum", number("20")),
        ("qty", number("12")),
        ("price", number("100")),
        ("mobile", text("۰۹۱۲ ۱۱۱ ۲۲۳۳")),
        ("approved", Value::Bool(true)),
        ("department", Value::Choice("finance".to_owned())),
        ("tags", Value::List(vec![text("vip"), text("تهران")])),
        (
            "watchers",
            Value::List(vec![Value::User("u-reza".to_owned())]),
        ),
        ("frmk", Value::Item(ItemRef::new("form", "7").unwrap())),
        ("reject-reason", text("ناقص")),
        ("مبلغ", rial(5_000)),
    ])
}

fn quote(id: &str, discount: i64, final_amount: i64, description: &str) -> Arc<Record> {
    let fields = [
        ("number", text(&format!("Q-{id}"))),
        ("discount", rial(discount)),
        ("final_amount", rial(final_amount)),
        ("description", text(description)),
        ("approved", Value::Bool(discount > 0)),
    ];
    record("quote", id, &fields)
}

fn contract(id: &str, subject: &str, final_amount: i64, end_date: Value) -> Arc<Record> {
    let fields = [
        ("subject", text(subject)),
        ("final_amount", rial(final_amount)),
        ("end_date", end_date),
    ];
    record("contract", id, &fields)
}

fn ticket(id: &str, created_at: &str, description: &str) -> Arc<Record> {
    let fields = [
        ("created_at", Value::Instant(instant(created_at))),
        ("description", text(description)),
    ];
    record("ticket", id, &fields)
}

fn form(id: &str, numbers: [&str; 2], polformat: i64, modified_at: &str) -> Arc<Record> {
    let fields = [
        ("number", number(numbers[0])),
        ("poljoin", number(numbers[1])),
        ("polformat", rial(polformat)),
        ("modified_at", Value::Instant(instant(modified_at))),
    ];
    record("form", id, &fields)
}

fn sales_document(id: &str, kind: &str, final_amount: i64) -> Arc<Record> {
    record(
        "sales_document",
        id,
        &[("kind", text(kind)), ("final_amount", rial(final_amount))],
    )
}

fn children() -> BTreeMap<String, Vec<Arc<Record>>> {
    let quotes = vec![
        quote("1", 0, 10, "بدون تخفیف"),
        quote("2", 700, 30, "تخفیف نوروزی"),
        quote("3", 300, 20, "تخفیف ویژه"),
    ];
    let contracts = vec![
        contract("1", "پشتیبانی", 9_000, jalali(1404, 1, 1)),
        contract("2", "نمایندگی", 8_000, jalali(1405, 12, 29)),
    ];
    let tickets = vec![
        ticket("1", "2024-03-02T10:00:00Z", "دومی"),
        ticket("2", "2024-01-02T10:00:00Z", "قدیمی‌ترین"),
        ticket("3", "2024-05-02T10:00:00Z", "تازه‌ترین"),
    ];
    let forms = vec![
        form("1", ["12", "400"], 111, "2020-08-30T10:00:00Z"),
        form("2", ["670", "1"], 222, "2020-08-31T20:00:00Z"),
    ];
    let documents = vec![
        sales_document("1", "sales", 5),
        sales_document("2", "sales_return", 6),
    ];
    BTreeMap::from([
        ("quote".to_owned(), quotes),
        ("contract".to_owned(), contracts),
        ("ticket".to_owned(), tickets),
        ("form".to_owned(), forms),
        ("sales_document".to_owned(), documents),
    ])
}

pub(crate) fn facts() -> Facts {
    let party = Record {
        reference: None,
        fields: fields_of(&[
            ("name", text("شرکت آریا")),
            ("mobile", text("+989121112233")),
            ("is_lead", Value::Bool(false)),
            ("balance", rial(2_500_000)),
            ("pphali", text("مقدار افزوده")),
        ]),
    };
    let link = LinkFacts {
        id: "l-1".to_owned(),
        url: Some("https://pay.example/l-1?a=1&b=2".to_owned()),
        status: "active".to_owned(),
        amount: money(150_000_000, Currency::Irr),
        expires_at: Some(instant("2024-07-31T20:30:00Z")),
        paid_at: None,
        tracking_no: None,
        state: "make_link".to_owned(),
    };
    let opportunity = record(
        "opportunity",
        "9",
        &[
            ("delivery_date", jalali(1403, 6, 31)),
            ("realized_value", rial(77_000)),
        ],
    );
    Facts {
        now: instant("2024-07-22T09:30:00Z"),
        zone: Zone::parse("Asia/Tehran").unwrap(),
        item_ref: ItemRef::new("invoice", "17").unwrap(),
        item: Arc::new(item_fields()),
        party: Some(Arc::new(party)),
        parents: BTreeMap::from([("opportunity".to_owned(), opportunity)]),
        children: children(),
        references: BTreeMap::from([(
            "frmk".to_owned(),
            record("form", "7", &[("customerno", text("C-77"))]),
        )]),
        process: Arc::new(ProcessFacts {
            state: "await_payment".to_owned(),
            entered_at: instant("2024-07-22T08:00:00Z"),
            started_at: instant("2024-07-20T08:00:00Z"),
            visits: BTreeMap::from([("make_link".to_owned(), 2)]),
            last_actor: BTreeMap::from([("review".to_owned(), UserId::new("u-reza"))]),
        }),
        links: Arc::new(BTreeMap::from([("make_link".to_owned(), link)])),
        latest_link: Some("make_link".to_owned()),
        event: Some(Arc::new(fields_of(&[("amount", rial(150_000_000))]))),
    }
}

/// Facts in which only these fields of the item are filled in.
pub(crate) fn facts_with(fields: &[(&str, Value)]) -> Facts {
    Facts {
        item: Arc::new(fields_of(fields)),
        party: None,
        ..facts()
    }
}

pub(crate) fn compile(source: &str) -> Expression {
    Expression::compile(source, &schema(), Expected::Any)
        .unwrap_or_else(|problems| panic!("{source}\n{problems:#?}"))
}

pub(crate) fn evaluate(source: &str) -> Value {
    compile(source)
        .evaluate(&facts())
        .unwrap_or_else(|error| panic!("{source}: {error}"))
}

pub(crate) fn fails(source: &str) -> EvaluationError {
    match compile(source).evaluate(&facts()) {
        Ok(value) => panic!("{source} yields {value:?}"),
        Err(error) => error,
    }
}

pub(crate) fn problems(source: &str) -> Vec<Problem> {
    match Expression::compile(source, &schema(), Expected::Any) {
        Ok(expression) => panic!("{source} compiles as {:?}", expression.result_type()),
        Err(problems) => problems,
    }
}
