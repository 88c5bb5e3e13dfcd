//! Message templates.

use values::{Currency, Locale, Value};

use super::{facts, facts_with, money, number, rial, schema, text};
use crate::{EvaluationError, ProblemCode, Template};

fn template(text: &str) -> Template {
    Template::compile(text, &schema()).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

fn render(text: &str, locale: Locale) -> String {
    template(text).render(&facts(), locale).unwrap()
}

const WRITTEN: &[(&str, &str, &str, &str)] = &[
    (
        "{{ item.final_amount }}",
        "150,000,000 IRR",
        "۱۵۰٬۰۰۰٬۰۰۰ ریال",
        "150\u{a0}000\u{a0}000\u{a0}IRR",
    ),
    (
        "{{ item.due_date }}",
        "2024-07-31",
        "۱۴۰۳/۰۵/۱۰",
        "31.07.2024",
    ),
    (
        "{{ now() }}",
        "2024-07-22 13:00",
        "۱۴۰۳/۰۵/۰۱ ۱۳:۰۰",
        "22.07.2024 13:00",
    ),
    (
        "{{ now() | date }}",
        "2024-07-22",
        "۱۴۰۳/۰۵/۰۱",
        "22.07.2024",
    ),
    (
        "{{ now() | datetime }}",
        "2024-07-22 13:00",
        "۱۴۰۳/۰۵/۰۱ ۱۳:۰۰",
        "22.07.2024 13:00",
    ),
    ("{{ 1234567.50 }}", "1234567.5", "۱۲۳۴۵۶۷٫۵", "1234567,5"),
    (
        "{{ 1234567.50 | number }}",
        "1,234,567.5",
        "۱٬۲۳۴٬۵۶۷٫۵",
        "1\u{a0}234\u{a0}567,5",
    ),
    ("{{ -1234 | number }}", "-1,234", "-۱٬۲۳۴", "-1\u{a0}234"),
    ("{{ item.approved }}", "yes", "بله", "да"),
    ("{{ item.tags }}", "vip, تهران", "vip، تهران", "vip, تهران"),
    (
        "{{ link.url }}",
        "https://pay.example/l-1?a=1&b=2",
        "https://pay.example/l-1?a=1&b=2",
        "https://pay.example/l-1?a=1&b=2",
    ),
    (
        "{{ party.mobile }}",
        "+989121112233",
        "+989121112233",
        "+989121112233",
    ),
    ("{{ item.number }}", "1403-17", "1403-17", "1403-17"),
    ("{{ item.id }}", "17", "17", "17"),
    ("{{ item.frmk }}", "7", "7", "7"),
    ("{{ item.department }}", "finance", "finance", "finance"),
    (
        "{{ item.final_amount | raw }}",
        "150000000 IRR",
        "150000000 IRR",
        "150000000 IRR",
    ),
    (
        "{{ item.due_date | raw }}",
        "2024-07-31",
        "2024-07-31",
        "2024-07-31",
    ),
    (
        "{{ format(item.due_date, \"jalali\") }}",
        "1403/05/10",
        "1403/05/10",
        "1403/05/10",
    ),
    ("{{ item.deposit }}", "", "", ""),
];

#[test]
fn values_are_written_in_the_way_of_the_reader() {
    for (source, english, persian, russian) in WRITTEN.iter().copied() {
        assert_eq!(render(source, Locale::En), english, "{source}");
        assert_eq!(render(source, Locale::Fa), persian, "{source}");
        // The separator between an amount and its unit is the business of money itself.
        let plain = |text: String| text.replace(' ', "\u{a0}");
        assert_eq!(
            plain(render(source, Locale::Ru)),
            plain(russian.to_owned()),
            "{source}"
        );
    }
}

#[test]
fn a_message_mixes_text_and_tokens() {
    let message = "{{ party.name ?? \"مشتری\" }} گرامی، مبلغ {{ item.final_amount | money }} بابت «{{ item.title }}» را تا {{ item.due_date }} از {{ link.url }} بپردازید.";
    assert_eq!(
        render(message, Locale::Fa),
        "شرکت آریا گرامی، مبلغ ۱۵۰٬۰۰۰٬۰۰۰ ریال بابت «فاکتور فروش دستگاه» را تا ۱۴۰۳/۰۵/۱۰ از https://pay.example/l-1?a=1&b=2 بپردازید."
    );
}

#[test]
fn braces_bars_and_quotes_inside_a_token_do_not_end_it() {
    let cases = [
        ("{{ if item.approved { \"a\" } else { \"b\" } }}!", "a!"),
        ("{{if item.approved {\"a\"} else {\"b\"}}}!", "a!"),
        ("{{ \"}} | raw\" }}", "}} | raw"),
        (
            "{{ children(\"quote\").filter(|q| q.approved || false).count() | number }}",
            "2",
        ),
        (
            "{{ switch item.stage { \"x\" | \"صدور\" => \"y\", _ => \"z\" } }}",
            "y",
        ),
        ("{{ `a ${item.pay_days} b` }}", "a 3 b"),
        ("{{{{ item.title }}", "{{ item.title }}"),
        ("a { b } }} {", "a { b } }} {"),
        ("{{\n  item.pay_days\n}}", "3"),
        ("", ""),
    ];
    for (source, expected) in cases {
        assert_eq!(render(source, Locale::En), expected, "{source}");
    }
}

#[test]
fn a_value_is_inserted_once_and_cannot_disguise_itself() {
    let hostile = facts_with(&[
        ("title", text("{{ item.final_amount }}")),
        (
            "mobile",
            text("a\u{202e}b\u{200f}c\u{0}d\r\nBcc: x\te\u{2066}\u{7}"),
        ),
        ("description", text("می\u{200c}رود")),
        ("final_amount", Value::Money(money(-5, Currency::Irr))),
    ]);
    let show = |text: &str, locale| template(text).render(&hostile, locale).unwrap();
    assert_eq!(
        show("<{{ item.title }}>", Locale::En),
        "<{{ item.final_amount }}>"
    );
    assert_eq!(show("{{ item.mobile }}", Locale::En), "abcd Bcc: x e");
    assert_eq!(show("{{ item.mobile | raw }}", Locale::En), "abcd Bcc: x e");
    assert_eq!(show("{{ item.description }}", Locale::Fa), "می\u{200c}رود");
    assert!(show("{{ item.final_amount }}", Locale::Fa).contains('۵'));
}

/// A text, the kind of mistake, its line, column and length, and what is put in its place.
type Mistake = (
    &'static str,
    ProblemCode,
    (usize, usize, usize),
    Option<&'static str>,
);

const MISTAKES: &[Mistake] = &[
    (
        "سلام {{ item.titel }}",
        ProblemCode::UnknownField,
        (1, 14, 5),
        Some("title"),
    ),
    (
        "a\nb {{ link.ulr }} c",
        ProblemCode::UnknownField,
        (2, 11, 3),
        Some("url"),
    ),
    (
        "a {{\n  itm.title }}",
        ProblemCode::UnknownName,
        (2, 3, 3),
        Some("item"),
    ),
    (
        "a {{\n  item.pay_days >\n item.titel }}",
        ProblemCode::UnknownField,
        (3, 7, 5),
        Some("title"),
    ),
    (
        "x {{ item.title | mony }}",
        ProblemCode::BadToken,
        (1, 19, 4),
        Some("money"),
    ),
    (
        "x {{ item.title | money }}",
        ProblemCode::BadToken,
        (1, 19, 5),
        None,
    ),
    (
        "x {{ item.due_date | datetime }}",
        ProblemCode::BadToken,
        (1, 22, 8),
        None,
    ),
    ("x {{ item.title", ProblemCode::BadToken, (1, 3, 2), None),
    ("x {{ item.title }", ProblemCode::BadToken, (1, 3, 2), None),
    ("{{ }}", ProblemCode::Syntax, (1, 4, 1), None),
    (
        "{{ item.title | }}",
        ProblemCode::BadToken,
        (1, 15, 1),
        None,
    ),
    (
        "{{ children(\"quote\") }}",
        ProblemCode::WrongResult,
        (1, 4, 17),
        None,
    ),
];

/// Clause 16: a token is checked as a guard is, with its place in the text.
#[test]
fn a_mistake_in_a_token_has_its_place_in_the_text() {
    for (source, code, place, suggestion) in MISTAKES.iter().copied() {
        let found = Template::compile(source, &schema()).unwrap_err();
        let problem = &found[0];
        assert_eq!(problem.code, code, "{source}: {problem:?}");
        assert_eq!(
            (problem.line, problem.column, problem.length),
            place,
            "{source}: {problem:?}"
        );
        assert_eq!(problem.suggestion.as_deref(), suggestion, "{source}");
    }
    let two = Template::compile("{{ item.titel }} {{ itm.x }}", &schema()).unwrap_err();
    assert_eq!(two.len(), 2);
}

#[test]
fn what_a_template_reads_is_known() {
    let message = template("{{ item.title }} {{ link_of(\"make_link\").url }} {{ party.balance }}");
    assert!(message.uses("link.url") && message.uses("item.title"));
    assert!(!message.uses("link.id"));
    assert!(message.reads().links && message.reads().balance);
    assert_eq!(
        message.tokens(),
        ["item.title", "link_of(\"make_link\").url", "party.balance"]
    );
    assert_eq!(
        message.source(),
        "{{ item.title }} {{ link_of(\"make_link\").url }} {{ party.balance }}"
    );
}

#[test]
fn an_evaluation_that_fails_fails_the_message() {
    let message = template("{{ item.pay_days + 1 }}");
    let error = message.render(&facts_with(&[]), Locale::Fa).unwrap_err();
    assert_eq!(
        error,
        EvaluationError::Empty {
            what: "item.pay_days".to_owned()
        }
    );
    let mixed = template("{{ item.deposit + item.final_amount }}");
    let facts = facts_with(&[
        ("deposit", rial(1)),
        ("final_amount", Value::Money(money(1, Currency::Rub))),
    ]);
    assert!(matches!(
        mixed.render(&facts, Locale::En),
        Err(EvaluationError::Failed { .. })
    ));
}

#[test]
fn templates_and_what_they_yield_have_limits() {
    let long = "x".repeat(crate::MAX_TEMPLATE_BYTES + 1);
    assert_eq!(
        Template::compile(&long, &schema()).unwrap_err()[0].code,
        ProblemCode::TooLong
    );
    let many = "{{ 1 }}".repeat(65);
    assert_eq!(
        Template::compile(&many, &schema()).unwrap_err()[0].code,
        ProblemCode::TooComplex
    );
    let facts = facts_with(&[("description", text(&"متن ".repeat(400)))]);
    let repeated = template(&"{{ item.description }}".repeat(10));
    assert!(matches!(
        repeated.render(&facts, Locale::Fa),
        Err(EvaluationError::TooLarge { .. })
    ));
    let once = template("{{ item.description }}");
    assert_eq!(
        once.render(&facts, Locale::Fa).unwrap().chars().count(),
        1600
    );
    let facts = facts_with(&[
        ("qty", number("3")),
        ("description", text(&"x".repeat(9_000))),
    ]);
    assert_eq!(once.render(&facts, Locale::En).unwrap().len(), 9_000);
}
