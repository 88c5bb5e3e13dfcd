//! What expressions mean.

use std::collections::BTreeSet;
use std::sync::Arc;

use values::{Currency, Value};

use super::{
    compile, evaluate, facts, facts_with, fails, jalali, money, number, problems, record, rial,
    schema, text,
};
use crate::{EvaluationError, Expected, Expression, Facts, Type};

const REFERENCE: &str = include_str!("../../../../docs/expressions.md");

/// The rows of the tables of functions: their signatures and their example.
fn reference_rows() -> Vec<(Vec<String>, String)> {
    let quoted = |cell: &str| -> Vec<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    REFERENCE
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 2)
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
            let example = quoted(cells[2]).first().cloned().unwrap_or_default();
            (quoted(cells[0]), example.replace("\\|", "|"))
        })
        .collect()
}

#[test]
fn the_reference_lists_exactly_the_functions_there_are() {
    let written: BTreeSet<String> = reference_rows()
        .into_iter()
        .flat_map(|(signatures, _)| signatures)
        .collect();
    let there: BTreeSet<String> = crate::functions::all()
        .map(|function| function.signature.to_owned())
        .collect();
    assert_eq!(written, there);
}

#[test]
fn every_example_of_the_reference_has_a_value() {
    let rows = reference_rows();
    assert!(rows.len() > 40);
    for (signatures, example) in rows {
        let name = signatures[0].split('(').next().unwrap().to_owned();
        assert!(
            example.contains(&name),
            "{signatures:?} are shown by {example}"
        );
        evaluate(&example);
    }
}

#[test]
fn a_signature_has_as_many_parts_as_the_function_takes() {
    for function in crate::functions::all() {
        let inside = function
            .signature
            .split_once('(')
            .unwrap()
            .1
            .trim_end_matches(')');
        let parts = if inside.is_empty() {
            0
        } else {
            inside.split(", ").count()
        };
        assert_eq!(parts, function.parameters.len(), "{}", function.signature);
        assert!(
            function
                .signature
                .starts_with(&format!("{}(", function.name))
        );
    }
}

/// Clause 16: a compiled guard holds nothing of the items it has seen. Two items, in both orders,
/// through one expression.
#[test]
fn one_expression_serves_two_items_in_either_order() {
    let small = facts_with(&[
        ("final_amount", rial(5)),
        ("department", Value::Choice("sales".to_owned())),
    ]);
    let large = facts_with(&[
        ("final_amount", rial(5_000)),
        ("department", Value::Choice("finance".to_owned())),
    ]);
    let sources = [
        (
            "item.final_amount > irr(100)",
            Value::Bool(false),
            Value::Bool(true),
        ),
        ("item.final_amount * 2", rial(10), rial(10_000)),
        (
            "item.department in [\"finance\"]",
            Value::Bool(false),
            Value::Bool(true),
        ),
        (
            "switch item.department { \"sales\" => 1, _ => 2 }",
            number("1"),
            number("2"),
        ),
        (
            "children(\"quote\").filter(|q| q.final_amount > item.final_amount).count()",
            number("3"),
            number("0"),
        ),
    ];
    for (source, of_small, of_large) in sources {
        let first = compile(source);
        assert_eq!(first.evaluate(&small).unwrap(), of_small, "{source}");
        assert_eq!(first.evaluate(&large).unwrap(), of_large, "{source}");
        let second = compile(source);
        assert_eq!(second.evaluate(&large).unwrap(), of_large, "{source}");
        assert_eq!(second.evaluate(&small).unwrap(), of_small, "{source}");
        assert_eq!(second.evaluate(&large).unwrap(), of_large, "{source}");
    }
}

/// Clause 16: a guard that cannot be answered is an error that names what is missing, never "no".
#[test]
fn a_guard_over_an_empty_field_fails_and_names_it() {
    let bare = facts_with(&[]);
    let cases = [
        ("item.final_amount > 0", "item.final_amount"),
        ("0 < item.final_amount", "item.final_amount"),
        ("item.final_amount == irr(5)", "item.final_amount"),
        ("item.final_amount != irr(5)", "item.final_amount"),
        ("item.approved", "item.approved"),
        ("!item.approved", "item.approved"),
        ("item.approved && true", "item.approved"),
        ("false || item.approved", "item.approved"),
        ("if item.approved { true } else { false }", "item.approved"),
        ("item.title.contains(\"a\")", "item.title"),
        ("contains(\"a\", item.title)", "item.title"),
        ("\"a\" in item.tags", "item.tags"),
        ("item.owner in [user(\"u-1\")]", "item.owner"),
        ("days_between(item.due_date, today()) > 3", "item.due_date"),
        ("item.due_date + days(1) > today()", "item.due_date"),
        ("party.balance > 0", "party.balance"),
        ("children(\"quote\").any(|q| q.stage == \"x\")", "q.stage"),
        (
            "children(\"contract\").any(|c| c.kind == \"a\" || true)",
            "c.kind",
        ),
        (
            "parent(\"opportunity\")?.title.len() > 3",
            "parent(\"opportunity\")?.title",
        ),
        (
            "item[\"reject-reason\"] == \"x\"",
            "item[\"reject-reason\"]",
        ),
        (
            "children(\"opportunity\").sum(\"realized_value\") > 0",
            "children(\"opportunity\").sum(\"realized_value\")",
        ),
    ];
    for (source, what) in cases {
        let guard = Expression::compile(source, &schema(), Expected::Guard).unwrap();
        let expected = EvaluationError::Empty {
            what: what.to_owned(),
        };
        assert_eq!(guard.guard(&bare), Err(expected), "{source}");
    }
    let said = EvaluationError::Empty {
        what: "item.final_amount".to_owned(),
    };
    assert_eq!(said.to_string(), "item.final_amount is empty");
}

#[test]
fn emptiness_can_be_asked_for_and_replaced() {
    let bare = facts_with(&[]);
    let cases = [
        ("item.final_amount == ()", Value::Bool(true)),
        ("() != item.final_amount", Value::Bool(false)),
        (
            "item.final_amount != () && item.final_amount > 0",
            Value::Bool(false),
        ),
        ("is_empty(item.title)", Value::Bool(true)),
        ("is_empty(children(\"opportunity\"))", Value::Bool(true)),
        ("item.deposit ?? irr(7)", rial(7)),
        ("item.pay_days ?? 0 > 5", Value::Bool(false)),
        ("item.title ?? item.mobile ?? \"هیچ\"", text("هیچ")),
        ("item.frmk?.customerno", Value::Empty),
        ("item.title?.len()", Value::Empty),
        ("party.name", Value::Empty),
        (
            "switch item.stage { \"a\" => 1, () => 2, _ => 3 }",
            number("2"),
        ),
        ("switch item.stage { \"a\" => 1, _ => 3 }", number("3")),
        ("`${item.title}|${item.pay_days}`", text("|")),
        ("if true { item.title }", Value::Empty),
        (
            "children(\"quote\").any(|q| q.stage == ())",
            Value::Bool(true),
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(
            compile(source).evaluate(&bare).unwrap(),
            expected,
            "{source}"
        );
    }
}

/// Clause 17: numbers are exact decimals, whatever they look like.
#[test]
fn numbers_are_exact() {
    let cases = [
        ("0.1 + 0.2 == 0.3", Value::Bool(true)),
        ("5 / 2", number("2.5")),
        ("-7 / 2", number("-3.5")),
        ("7 % 3", number("1")),
        ("9007199254740993 == 9007199254740992.0", Value::Bool(false)),
        ("12345678901234567890 + 1", number("12345678901234567891")),
        ("1.10 == 1.1", Value::Bool(true)),
        ("0x10 + 1_000", number("1016")),
        ("round(2.345, 2)", number("2.35")),
        ("round(-2.5)", number("-3")),
        ("floor(-2.5) + ceil(2.1) + abs(-3)", number("3")),
        ("item.qty * item.price * 0.95", number("1140")),
        ("1e3", number("1000")),
    ];
    for (source, expected) in cases {
        assert_eq!(evaluate(source), expected, "{source}");
    }
    for source in ["1 / 0", "1 % 0", "79228162514264337593543950335 * 10"] {
        assert!(
            matches!(fails(source), EvaluationError::Failed { .. }),
            "{source}"
        );
    }
}

/// Clause 17: money keeps its currency, is never rounded or converted on its own, and a bare number
/// beside it is refused, except zero.
#[test]
fn money_is_exact_and_keeps_its_currency() {
    let euro = |minor| Value::Money(values::Money::from_minor(minor, Currency::Eur).unwrap());
    let cases = [
        (
            "item.final_amount > 0 && 0 < item.final_amount",
            Value::Bool(true),
        ),
        ("item.final_amount == 0", Value::Bool(false)),
        ("irr(0) == 0 && irt(0) >= 0", Value::Bool(true)),
        ("item.final_amount - irr(1) + irr(2)", rial(150_000_001)),
        ("item.final_amount * 0.1", rial(15_000_000)),
        ("3 * irt(7)", Value::Money(money(21, Currency::Irt))),
        ("eur(\"1.50\") + eur(2)", euro(350)),
        (
            "money(1.5, \"EUR\") == money(\"۱٫۵۰\", \"EUR\")",
            Value::Bool(true),
        ),
        ("convert(irt(5), \"IRR\") == irr(50)", Value::Bool(true)),
        ("multiply(irr(10), 0.25, \"half_even\")", rial(2)),
        ("divide(irr(100), 3, \"up\")", rial(34)),
        (
            "part(irr(100), 3, 1) + part(irr(100), 3, 2) + part(irr(100), 3, 3) == irr(100)",
            Value::Bool(true),
        ),
        ("part(irr(100), 3, 3)", rial(34)),
        (
            "max(irr(3), irr(4)) == -min(-irr(4), irr(4))",
            Value::Bool(true),
        ),
        ("amount(rub(\"2.50\")) * 2", number("5")),
        ("currency(item.final_amount)", text("IRR")),
    ];
    for (source, expected) in cases {
        assert_eq!(evaluate(source), expected, "{source}");
    }
    let refused = [
        "irr(1) + rub(1)",
        "irr(1) > irt(1)",
        "irr(1) == irt(1)",
        "irr(101) * 0.5",
        "convert(irr(5), \"IRT\")",
        "convert(irr(5), \"USD\")",
        "part(irr(100), 3, 4)",
        "part(irr(100), 0, 1)",
        "part(irr(100), 2.5, 1)",
        "divide(irr(100), 0, \"down\")",
    ];
    for source in refused {
        assert!(
            matches!(fails(source), EvaluationError::Failed { .. }),
            "{source}"
        );
    }
    for source in [
        "irr(1) + 1",
        "irr(1) > 1",
        "1 - irr(1)",
        "irr(1) / 2",
        "irr(1) / irr(2)",
    ] {
        assert!(
            problems(source)[0].hint.is_some() || source.ends_with("irr(2)"),
            "{source}"
        );
    }
}

#[test]
fn days_are_counted_in_the_calendar_of_the_author_and_the_zone_of_the_facts() {
    let cases = [
        (
            "jalali(\"1403/05/01\") == date(\"2024-07-22\")",
            Value::Bool(true),
        ),
        ("today()", jalali(1403, 5, 1)),
        ("add_months(jalali(\"1403/06/31\"), 1)", jalali(1403, 7, 30)),
        (
            "add_months(jalali(\"1402/12/29\"), -12)",
            jalali(1401, 12, 29),
        ),
        (
            "format(add_gregorian_months(date(\"2024-01-31\"), 1), \"gregorian\")",
            text("2024-02-29"),
        ),
        (
            "jalali(\"۱۴۰۳/۰۵/۰۱\") + days(3) == add_days(jalali(\"1403/05/01\"), 3)",
            Value::Bool(true),
        ),
        (
            "add_weeks(today(), 2) - weeks(2) == today()",
            Value::Bool(true),
        ),
        ("days_between(today(), item.due_date)", number("9")),
        ("format(item.due_date, \"jalali\")", text("1403/05/10")),
        ("format(now(), \"gregorian\")", text("2024-07-22 13:00")),
        (
            "start_of_day(today()) < now() && now() < end_of_day(today())",
            Value::Bool(true),
        ),
        (
            "end_of_day(today()) == start_of_day(today() + days(1))",
            Value::Bool(true),
        ),
        (
            "hours_between(now(), now() + hours(2) + minutes(59))",
            number("2"),
        ),
        (
            "jalali_year(today()) * 10000 + jalali_month(today()) * 100 + jalali_day(today())",
            number("14030501"),
        ),
        (
            "year(today()) * 10000 + month(today()) * 100 + day(today())",
            number("20240722"),
        ),
        (
            "process.entered_at + hours(24) * 2 > now()",
            Value::Bool(true),
        ),
        (
            "max(item.due_date, today()) == item.due_date",
            Value::Bool(true),
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(evaluate(source), expected, "{source}");
    }
    let after_midnight = Facts {
        now: super::instant("2024-07-22T20:31:00Z"),
        ..facts()
    };
    let tomorrow = compile("today()").evaluate(&after_midnight).unwrap();
    assert_eq!(tomorrow, jalali(1403, 5, 2));
}

#[test]
fn a_day_that_cannot_be_is_an_error() {
    for source in [
        "today() + hours(3)",
        "today() + days(9999999)",
        "add_months(today(), 9999999)",
        "days(1.5) * 1 == days(1)",
    ] {
        assert!(
            matches!(fails(source), EvaluationError::Failed { .. }),
            "{source}"
        );
    }
}

#[test]
fn texts_of_three_scripts_are_handled() {
    let cases = [
        (
            "item.title.starts_with(\"فاکتور\") && item.title.ends_with(\"دستگاه\")",
            Value::Bool(true),
        ),
        ("len(\"نامه‌ها\")", number("7")),
        ("digits(\"شماره ۱۲۳ و ٤٥\")", text("شماره 123 و 45")),
        ("normal(\" كتاب علي \")", text("کتاب علی")),
        ("mobile(item.mobile)", text("+989121112233")),
        ("number(\"۱٬۲۳۴٫۵\")", number("1234.5")),
        (
            "upper(\"да\") + lower(\"ДА\") + trim(\"  x \")",
            text("ДАдаx"),
        ),
        (
            "`مبلغ: ${item.final_amount}، روز: ${item.pay_days}`",
            text("مبلغ: 150000000 IRR، روز: 3"),
        ),
        (
            "text(item.due_date) + text(1.50) + text(true)",
            text("2024-07-311.5yes"),
        ),
        ("\"خط\\n\" + \"دوم\"", text("خط\nدوم")),
        (
            "item.مبلغ == irr(5_000) && item.field(\"مبلغ\") > 0",
            Value::Bool(true),
        ),
        (
            "\"تهران\" in item.tags && \"قم\" !in item.tags",
            Value::Bool(true),
        ),
        ("\"تهر\" in \"تهران\"", Value::Bool(true)),
    ];
    for (source, expected) in cases {
        assert_eq!(evaluate(source), expected, "{source}");
    }
    assert!(matches!(
        fails("mobile(item.title)"),
        EvaluationError::Failed { .. }
    ));
}

#[test]
fn records_around_the_item_can_be_searched() {
    let cases = [
        ("children(\"quote\").count()", number("3")),
        ("children(\"quote\").last()?.number", text("Q-3")),
        ("children(\"quote\").nth(9)?.number", Value::Empty),
        (
            "children(\"quote\").order_by_desc(\"discount\").first()?.number",
            text("Q-2"),
        ),
        (
            "children(\"contract\").order_by(\"subject\").first()?.subject",
            text("نمایندگی"),
        ),
        ("children(\"quote\").sum(\"final_amount\")", rial(60)),
        ("children(\"quote\").min(\"final_amount\")", rial(10)),
        ("children(\"quote\").max(\"final_amount\")", rial(30)),
        ("children(\"form\").sum(\"number\")", number("682")),
        (
            "children(\"quote\").all(|q| q.discount >= 0)",
            Value::Bool(true),
        ),
        (
            "children(\"quote\").any(|q| q.approved && q.discount < irr(500))",
            Value::Bool(true),
        ),
        (
            "children(\"opportunity\").any(|q| true)",
            Value::Bool(false),
        ),
        (
            "children(\"opportunity\").sum(\"realized_value\") ?? irr(0)",
            rial(0),
        ),
        (
            "children(\"quote\").filter(|q| children(\"contract\").any(|c| c.final_amount > q.final_amount && item.approved)).count()",
            number("3"),
        ),
        (
            "children(\"quote\").any(|r| r.title == ()) && children(\"ticket\").any(|r| r.title == ())",
            Value::Bool(true),
        ),
        (
            "children(\"quote\").filter(|item| item.discount > 0).count()",
            number("2"),
        ),
        (
            "item.id + \"/\" + children(\"quote\").first()?.id ?? \"\"",
            text("17/1"),
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(evaluate(source), expected, "{source}");
    }
    assert!(matches!(
        fails("children(\"quote\").nth(0)?.number"),
        EvaluationError::Failed { .. }
    ));
}

#[test]
fn a_total_with_a_missing_part_is_an_error() {
    let mut partial = facts();
    partial.children.insert(
        "quote".to_owned(),
        vec![
            record("quote", "1", &[("final_amount", rial(10))]),
            record("quote", "2", &[]),
        ],
    );
    let error = compile("children(\"quote\").sum(\"final_amount\")")
        .evaluate(&partial)
        .unwrap_err();
    assert_eq!(error.to_string(), "final_amount of quote/2 is empty");
    let kept = "children(\"quote\").filter(|q| q.final_amount != ()).sum(\"final_amount\")";
    assert_eq!(compile(kept).evaluate(&partial).unwrap(), rial(10));
}

#[test]
fn the_link_the_process_and_the_event_can_be_read() {
    let cases = [
        (
            "link.status == \"active\" && link.amount == item.final_amount",
            Value::Bool(true),
        ),
        ("link_of(\"make_link\").id", text("l-1")),
        (
            "link.paid_at == () && link.tracking_no == ()",
            Value::Bool(true),
        ),
        ("visits(\"make_link\") + visits(\"review\")", number("2")),
        ("last_actor(\"review\") == item.owner", Value::Bool(true)),
        ("last_actor(\"make_link\")", Value::Empty),
        (
            "hours_between(process.started_at, process.entered_at)",
            number("48"),
        ),
        ("event.amount == link.amount", Value::Bool(true)),
    ];
    for (source, expected) in cases {
        assert_eq!(evaluate(source), expected, "{source}");
    }
    let without = Facts {
        latest_link: None,
        links: Arc::default(),
        ..facts()
    };
    assert_eq!(
        compile("link.url").evaluate(&without).unwrap(),
        Value::Empty
    );
    assert_eq!(
        compile("link_of(\"make_link\").url")
            .evaluate(&without)
            .unwrap(),
        Value::Empty
    );
}

#[test]
fn a_followed_reference_without_its_record_is_an_error() {
    let without = Facts {
        references: Default::default(),
        ..facts()
    };
    let error = compile("item.frmk?.customerno")
        .evaluate(&without)
        .unwrap_err();
    assert_eq!(
        error,
        EvaluationError::NotSupplied {
            what: "form/7".to_owned()
        }
    );
}

/// Clause 16: facts that contradict the schema are an error as well, whatever the operator.
#[test]
fn facts_of_the_wrong_type_are_an_error_and_never_false() {
    let wrong = facts_with(&[
        ("final_amount", text("۱۰۰")),
        ("pay_days", rial(3)),
        ("approved", text("yes")),
        ("title", number("5")),
        ("due_date", text("1403/05/01")),
    ]);
    let sources = [
        "item.final_amount > 0",
        "item.final_amount == irr(100)",
        "item.final_amount != irr(100)",
        "item.pay_days > 3",
        "item.pay_days == 3",
        "item.approved",
        "item.approved && true",
        "item.title == \"5\"",
        "item.title != \"5\"",
        "item.due_date < today()",
        "item.title.contains(\"5\")",
    ];
    for source in sources {
        let guard = Expression::compile(source, &schema(), Expected::Guard).unwrap();
        assert!(guard.guard(&wrong).is_err(), "{source} answers");
    }
}

#[test]
fn what_an_expression_reads_is_known_without_running_it() {
    let reads = |source: &str| compile(source).reads().clone();
    let amounts = reads(
        "item.final_amount > 0 && item[\"reject-reason\"] != () && item.field(\"mobile\") == item.subject",
    );
    let fields: Vec<&str> = amounts.fields.iter().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "final_amount",
            "mobile",
            "reject-reason",
            "subject",
            "title"
        ]
    );
    assert!(!amounts.party && !amounts.clock && !amounts.links && !amounts.event);
    let party = reads("party.name == \"x\"");
    assert!(party.party && !party.balance);
    assert!(reads("identity.balance > 0").balance);
    assert!(reads("today() > item.due_date").clock && reads("now() > link.expires_at").clock);
    assert!(!reads("date_of(item.created_at) == item.due_date").clock);
    assert!(reads("link_of(\"make_link\").url == ()").links && reads("link.id == ()").links);
    assert!(reads("visits(\"review\") > 1").process && reads("event.amount > 0").event);
    assert!(
        reads("parent(\"opportunity\")?.title")
            .parents
            .contains("opportunity")
    );
    let nested = reads("children(\"quote\").any(|q| q.final_amount > item.deposit)");
    assert!(nested.children.contains("quote") && nested.fields.contains("deposit"));
    assert!(!nested.fields.contains("final_amount"));
    assert!(reads("item.frmk?.customerno").references.contains("frmk"));
    assert!(
        reads("link_of(\"make_link\").url")
            .paths
            .contains("link.url")
    );
}

#[test]
fn the_result_has_the_type_that_was_promised() {
    let yields = |source: &str| compile(source).result_type().clone();
    assert_eq!(yields("item.final_amount"), Type::Money.optional());
    assert_eq!(yields("item.final_amount ?? irr(0)"), Type::Money);
    assert_eq!(yields("\"a\""), Type::Text);
    assert_eq!(
        yields("[\"a\", item.title]"),
        Type::List(Box::new(Type::Text))
    );
    assert_eq!(yields("process.state"), Type::Text);
    assert_eq!(yields("item.id"), Type::Text);
    let department = Expression::compile(
        "\"sales\"",
        &schema(),
        Expected::from(&schema().item.fields["department"]),
    );
    let value = department.unwrap().evaluate(&facts()).unwrap();
    assert_eq!(value, Value::Choice("sales".to_owned()));
    let plain =
        Expression::compile("item.department", &schema(), Expected::Type(Type::Text)).unwrap();
    assert_eq!(plain.evaluate(&facts()).unwrap(), text("finance"));
}

#[test]
fn facts_survive_json_and_give_the_same_answers() {
    let written = serde_json::to_string(&facts()).unwrap();
    let read: Facts = serde_json::from_str(&written).unwrap();
    assert_eq!(read, facts());
    for source in [
        "item.final_amount",
        "today()",
        "children(\"quote\").sum(\"discount\")",
        "link.url",
    ] {
        let expression = compile(source);
        assert_eq!(
            expression.evaluate(&read),
            expression.evaluate(&facts()),
            "{source}"
        );
    }
}

#[test]
fn a_declared_field_wins_over_a_standard_one() {
    let declared = schema();
    let form = &declared.related["form"];
    assert_eq!(form.fields["number"], values::FieldType::Number);
    assert_eq!(form.fields["title"], values::FieldType::Text);
}
