//! The examples that people know from the CRM: what each means, in this language.

use values::Value;

use super::{evaluate, jalali, number, rial, text};

type Example = (&'static str, &'static str, Value);

fn examples_that_read() -> Vec<Example> {
    vec![
        (
            "title of the item",
            "item.subject",
            text("فاکتور فروش دستگاه"),
        ),
        (
            "who created it",
            "item.creator",
            Value::User("u-maryam".to_owned()),
        ),
        (
            "mobile of the customer",
            r#"identity.mobile ?? """#,
            text("+989121112233"),
        ),
        (
            "an added field of the customer",
            r#"identity.field("pphali")"#,
            text("مقدار افزوده"),
        ),
        (
            "promised delivery date",
            r#"parent("opportunity")?.delivery_date"#,
            jalali(1403, 6, 31),
        ),
        (
            "realised value above",
            r#"parent("opportunity")?.realized_value"#,
            rial(77_000),
        ),
        (
            "number of the first proforma",
            r#"children("quote").first()?.number"#,
            text("Q-1"),
        ),
        (
            "final amount of the first contract",
            r#"children("contract").first()?.final_amount"#,
            rial(9_000),
        ),
        (
            "text of the oldest ticket",
            r#"children("ticket").order_by("created_at").nth(1)?.description"#,
            text("قدیمی‌ترین"),
        ),
        (
            "the fourth newest ticket, or a Persian text",
            r#"children("ticket").order_by_desc("created_at").nth(4)?.description ?? "فقط سه درخواست""#,
            text("فقط سه درخواست"),
        ),
        (
            "end of the agency contract",
            r#"children("contract").filter(|c| c.subject == "نمایندگی").first()?.end_date"#,
            jalali(1405, 12, 29),
        ),
        (
            "note of a discounted proforma",
            r#"children("quote").filter(|q| q.discount > 0).first()?.description"#,
            text("تخفیف نوروزی"),
        ),
    ]
}

fn examples_that_choose() -> Vec<Example> {
    vec![
        (
            "a form that meets one of two conditions",
            r#"children("form").filter(|f| f.number == 670 || f.poljoin == 400).first()?.polformat"#,
            rial(111),
        ),
        (
            "a form edited in a window of days",
            r#"children("form").filter(|f| date_of(f.modified_at) >= date("2020-08-31") && date_of(f.modified_at) <= date("2020-09-01")).first()?.polformat"#,
            rial(222),
        ),
        (
            "amount of the sales return",
            r#"children("sales_document").filter(|i| i.kind == "sales_return").first()?.final_amount"#,
            rial(6),
        ),
        (
            "a field of the item that a field points at",
            "item.frmk?.customerno",
            text("C-77"),
        ),
        (
            "approve small invoices",
            "item.final_amount < irr(100_000_000)",
            Value::Bool(false),
        ),
        ("break a wait", "item.score_sum == 20", Value::Bool(true)),
        (
            "a way for each department",
            r#"switch item.department { "finance" => "a", "sales" => "b", _ => "c" }"#,
            text("a"),
        ),
        (
            "computed price with a discount",
            "if item.qty * item.price > 1000 { item.qty * item.price * 0.95 } else { item.qty * item.price }",
            number("1140"),
        ),
    ]
}

/// Clause 16: what the CRM's own expressions can say, a guard or a computed value can say too.
#[test]
fn the_twenty_known_examples_have_their_meaning() {
    let cases = [examples_that_read(), examples_that_choose()].concat();
    assert_eq!(cases.len(), 20);
    for (meaning, source, expected) in cases {
        assert_eq!(evaluate(source), expected, "{meaning}: {source}");
    }
}
