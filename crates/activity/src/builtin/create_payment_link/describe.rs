//! What the payer sees a link is for, where the step does not say: the item, its number, its date
//! and the amount.

use values::{Date, Locale, Money, Value, has_bidi_or_control};

use crate::PlanContext;
use crate::message::day;

/// Entities by name, in English, Persian and Russian.
const ENTITIES: [(&str, [&str; 3]); 11] = [
    ("opportunity", ["Opportunity", "فرصت", "Сделка"]),
    (
        "proforma",
        ["Proforma invoice", "پیش‌فاکتور", "Предварительный счёт"],
    ),
    ("invoice", ["Invoice", "فاکتور", "Счёт"]),
    (
        "sales_return",
        ["Sales return", "برگشت از فروش", "Возврат продажи"],
    ),
    (
        "purchase_proforma",
        [
            "Purchase proforma",
            "پیش‌فاکتور خرید",
            "Предварительный счёт на закупку",
        ],
    ),
    (
        "purchase_invoice",
        ["Purchase invoice", "فاکتور خرید", "Счёт на закупку"],
    ),
    (
        "purchase_return",
        ["Purchase return", "برگشت از خرید", "Возврат закупки"],
    ),
    ("contract", ["Contract", "قرارداد", "Договор"]),
    ("receipt", ["Receipt", "رسید", "Квитанция"]),
    ("payment", ["Payment", "پرداخت", "Платёж"]),
    (
        "payment_link",
        ["Payment link", "لینک پرداخت", "Платёжная ссылка"],
    ),
];

/// The default description.
pub(super) fn default_description(
    context: &PlanContext<'_>,
    amount: &Money,
    locale: Locale,
) -> String {
    let entity = entity_name(context.facts.item_ref.entity(), locale);
    let number = number(context);
    let amount = amount.grouped(locale);
    let date = day(date(context), locale);
    match locale {
        Locale::En => format!("{entity} {number} of {date}, {amount}"),
        Locale::Fa => format!("{entity} {number} مورخ {date} به مبلغ {amount}"),
        Locale::Ru => format!("{entity} {number} от {date} на сумму {amount}"),
    }
}

fn entity_name(entity: &str, locale: Locale) -> String {
    let known = ENTITIES
        .iter()
        .find(|(name, _)| *name == entity)
        .map(|(_, [en, fa, ru])| match locale {
            Locale::En => *en,
            Locale::Fa => *fa,
            Locale::Ru => *ru,
        });
    known.map_or_else(|| entity.replace('_', " "), str::to_owned)
}

/// The number people know the item by; its id where it has none.
fn number(context: &PlanContext<'_>) -> String {
    let number = context
        .facts
        .item
        .get("number")
        .filter(|number| !number.is_empty());
    let number = number.map_or_else(|| context.facts.item_ref.id().to_owned(), Value::to_string);
    // A payment page shows this text: what turns its direction stays out.
    number
        .chars()
        .filter(|c| has_bidi_or_control(c.encode_utf8(&mut [0; 4])).is_none())
        .collect()
}

/// The date of the item; where it has none, the day it was made, or else today.
fn date(context: &PlanContext<'_>) -> Date {
    let item = &context.facts.item;
    match (item.get("date"), item.get("created_at")) {
        (Some(Value::Date(date)), _) => *date,
        (_, Some(Value::Instant(at))) => context.zone.local_date(*at),
        _ => context.zone.local_date(context.entered_at),
    }
}
