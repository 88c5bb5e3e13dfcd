//! Mistakes are found when a source is compiled, all at once, each at its place.

use crate::operator::Operator;
use crate::{Expected, Expression, Problem, ProblemCode, Type};

use super::{compile, facts, problems, schema};

/// A source, the kind of mistake, the text that is marked, and what is put in its place.
type Case = (
    &'static str,
    ProblemCode,
    &'static str,
    Option<&'static str>,
);

fn marked<'a>(source: &'a str, problem: &Problem) -> &'a str {
    let line = source.lines().nth(problem.line - 1).unwrap();
    let start: usize = line
        .chars()
        .take(problem.column - 1)
        .map(char::len_utf8)
        .sum();
    let rest = &source[source.find(line).unwrap() + start..];
    let end: usize = rest.chars().take(problem.length).map(char::len_utf8).sum();
    &rest[..end]
}

/// Puts the suggestion in place of the marked text.
fn mended(source: &str, problem: &Problem) -> Option<String> {
    let suggestion = problem.suggestion.as_ref()?;
    let wrong = marked(source, problem);
    let start = wrong.as_ptr() as usize - source.as_ptr() as usize;
    Some(format!(
        "{}{suggestion}{}",
        &source[..start],
        &source[start + wrong.len()..]
    ))
}

const NAMES: &[Case] = &[
    (
        "item.final_amuont > 0",
        ProblemCode::UnknownField,
        "final_amuont",
        Some("final_amount"),
    ),
    (
        "item[\"reject-raeson\"]",
        ProblemCode::UnknownField,
        "\"reject-raeson\"",
        Some("\"reject-reason\""),
    ),
    (
        "item.field(\"mobil\")",
        ProblemCode::UnknownField,
        "\"mobil\"",
        Some("\"mobile\""),
    ),
    (
        "item.مبلق > 0",
        ProblemCode::UnknownField,
        "مبلق",
        Some("مبلغ"),
    ),
    (
        "item.zzzzzz == 1",
        ProblemCode::UnknownField,
        "zzzzzz",
        None,
    ),
    (
        "itm.pay_days > 3",
        ProblemCode::UnknownName,
        "itm",
        Some("item"),
    ),
    (
        "pay_days > 3",
        ProblemCode::UnknownName,
        "pay_days",
        Some("item.pay_days"),
    ),
    (
        "party.balanse > 0",
        ProblemCode::UnknownField,
        "balanse",
        Some("balance"),
    ),
    (
        "identity.emial == ()",
        ProblemCode::UnknownField,
        "emial",
        Some("email"),
    ),
    ("link.ulr", ProblemCode::UnknownField, "ulr", Some("url")),
    (
        "process.stat == \"review\"",
        ProblemCode::UnknownField,
        "stat",
        Some("state"),
    ),
    (
        "event.amout",
        ProblemCode::UnknownField,
        "amout",
        Some("amount"),
    ),
    (
        "parent(\"Opportunity\")?.delivery_date",
        ProblemCode::UnknownName,
        "\"Opportunity\"",
        Some("\"opportunity\""),
    ),
    (
        "children(\"qoute\").count()",
        ProblemCode::UnknownName,
        "\"qoute\"",
        Some("\"quote\""),
    ),
    (
        "children(\"quote\").any(|q| q.aproved)",
        ProblemCode::UnknownField,
        "aproved",
        Some("approved"),
    ),
    (
        "children(\"quote\").sum(\"discont\")",
        ProblemCode::UnknownField,
        "\"discont\"",
        Some("\"discount\""),
    ),
    (
        "visits(\"reveiw\") > 2",
        ProblemCode::UnknownName,
        "\"reveiw\"",
        Some("\"review\""),
    ),
    (
        "last_actor(\"make-link\") == item.owner",
        ProblemCode::UnknownName,
        "\"make-link\"",
        Some("\"make_link\""),
    ),
    (
        "link_of(\"review\").url",
        ProblemCode::UnknownName,
        "\"review\"",
        None,
    ),
    (
        "rond(item.pay_days, 2)",
        ProblemCode::UnknownFunction,
        "rond",
        Some("round"),
    ),
    (
        "item.title.startswith(\"a\")",
        ProblemCode::UnknownFunction,
        "startswith",
        Some("starts_with"),
    ),
    (
        "item.department == \"finanse\"",
        ProblemCode::UnknownOption,
        "\"finanse\"",
        Some("\"finance\""),
    ),
    (
        "item.department in [\"salse\"]",
        ProblemCode::UnknownOption,
        "\"salse\"",
        Some("\"sales\""),
    ),
    (
        "switch item.department { \"suport\" => 1, _ => 2 }",
        ProblemCode::UnknownOption,
        "\"suport\"",
        Some("\"support\""),
    ),
    (
        "convert(item.deposit, \"IRX\")",
        ProblemCode::UnknownName,
        "\"IRX\"",
        Some("\"IRR\""),
    ),
    (
        "divide(item.deposit, 3, \"halfup\")",
        ProblemCode::UnknownName,
        "\"halfup\"",
        Some("\"half_up\""),
    ),
    (
        "format(item.due_date, \"jalaly\")",
        ProblemCode::UnknownName,
        "\"jalaly\"",
        Some("\"jalali\""),
    ),
    (
        "item.frmk?.custmerno",
        ProblemCode::UnknownField,
        "custmerno",
        Some("customerno"),
    ),
];

const TYPES: &[Case] = &[
    (
        "item.final_amount > 5",
        ProblemCode::TypeMismatch,
        "5",
        Some("irr(5)"),
    ),
    (
        "100_000_000 <= item.final_amount",
        ProblemCode::TypeMismatch,
        "100_000_000",
        Some("irr(100_000_000)"),
    ),
    (
        "item.final_amount == -1",
        ProblemCode::TypeMismatch,
        "-1",
        Some("irr(-1)"),
    ),
    (
        "item.final_amount > \"5\"",
        ProblemCode::TypeMismatch,
        "item.final_amount > \"5\"",
        None,
    ),
    (
        "item.mobile > 5",
        ProblemCode::TypeMismatch,
        "item.mobile > 5",
        None,
    ),
    (
        "item.title < \"b\"",
        ProblemCode::TypeMismatch,
        "item.title < \"b\"",
        None,
    ),
    (
        "item.due_date > 3",
        ProblemCode::TypeMismatch,
        "item.due_date > 3",
        None,
    ),
    (
        "item.due_date > item.created_at",
        ProblemCode::TypeMismatch,
        "item.due_date > item.created_at",
        None,
    ),
    (
        "item.creator == \"u-1\"",
        ProblemCode::TypeMismatch,
        "item.creator == \"u-1\"",
        None,
    ),
    (
        "item.approved == 1",
        ProblemCode::TypeMismatch,
        "item.approved == 1",
        None,
    ),
    (
        "!item.pay_days",
        ProblemCode::TypeMismatch,
        "item.pay_days",
        None,
    ),
    ("-item.title", ProblemCode::TypeMismatch, "item.title", None),
    (
        "item.pay_days && true",
        ProblemCode::TypeMismatch,
        "item.pay_days",
        None,
    ),
    (
        "if item.pay_days { 1 } else { 2 }",
        ProblemCode::TypeMismatch,
        "item.pay_days",
        None,
    ),
    (
        "if item.approved { 1 } else { \"x\" }",
        ProblemCode::TypeMismatch,
        "\"x\"",
        None,
    ),
    (
        "switch item.pay_days { \"a\" => 1, _ => 2 }",
        ProblemCode::TypeMismatch,
        "\"a\"",
        None,
    ),
    (
        "switch item.due_date { _ => 2 }",
        ProblemCode::TypeMismatch,
        "item.due_date",
        None,
    ),
    (
        "item.final_amount / 3",
        ProblemCode::TypeMismatch,
        "item.final_amount / 3",
        None,
    ),
    (
        "item.final_amount * item.deposit",
        ProblemCode::TypeMismatch,
        "item.final_amount * item.deposit",
        None,
    ),
    ("\"a\" + 5", ProblemCode::TypeMismatch, "\"a\" + 5", None),
    (
        "item.due_date + 3",
        ProblemCode::TypeMismatch,
        "item.due_date + 3",
        None,
    ),
    ("item.deposit ?? 0", ProblemCode::TypeMismatch, "0", None),
    ("5 in item.tags", ProblemCode::TypeMismatch, "5", None),
    ("[1, \"a\"]", ProblemCode::TypeMismatch, "\"a\"", None),
    (
        "round(item.mobile)",
        ProblemCode::WrongArgument,
        "item.mobile",
        None,
    ),
    (
        "round(item.pay_days, 2, 3)",
        ProblemCode::WrongArgument,
        "round",
        None,
    ),
    ("now(1)", ProblemCode::WrongArgument, "now", None),
    (
        "item.title.contains(5)",
        ProblemCode::WrongArgument,
        "5",
        None,
    ),
    (
        "children(item.title).count()",
        ProblemCode::WrongArgument,
        "item.title",
        None,
    ),
    (
        "children(\"quote\").filter(\"x\").count()",
        ProblemCode::WrongArgument,
        "\"x\"",
        None,
    ),
    (
        "children(\"quote\").filter(|q| q.discount).count()",
        ProblemCode::TypeMismatch,
        "q.discount",
        None,
    ),
    (
        "children(\"quote\").sum(\"number\")",
        ProblemCode::WrongArgument,
        "\"number\"",
        None,
    ),
    (
        "children(\"quote\").number",
        ProblemCode::UnknownField,
        "number",
        None,
    ),
    (
        "children(\"quote\").first().number",
        ProblemCode::MayBeAbsent,
        ".",
        Some("?."),
    ),
    (
        "parent(\"opportunity\").title",
        ProblemCode::MayBeAbsent,
        ".",
        Some("?."),
    ),
    (
        "item.frmk.customerno",
        ProblemCode::MayBeAbsent,
        ".",
        Some("?."),
    ),
    (
        "item.any_item.number",
        ProblemCode::UnknownField,
        "number",
        None,
    ),
    (
        "item.pay_days.title",
        ProblemCode::UnknownField,
        "title",
        None,
    ),
    ("item", ProblemCode::WrongResult, "item", None),
    (
        "children(\"quote\")",
        ProblemCode::WrongResult,
        "children(\"quote\")",
        None,
    ),
    ("days(3)", ProblemCode::WrongResult, "days(3)", None),
];

const SPELLING: &[Case] = &[
    (
        "item.approved and item.pay_days > 3",
        ProblemCode::Syntax,
        "and",
        Some("&&"),
    ),
    (
        "item.approved or item.pay_days > 3",
        ProblemCode::Syntax,
        "or",
        Some("||"),
    ),
    ("not item.approved", ProblemCode::Syntax, "not", Some("!")),
    ("item.pay_days = 3", ProblemCode::Syntax, "=", Some("==")),
    (
        "item.pay_days === 3",
        ProblemCode::Syntax,
        "===",
        Some("=="),
    ),
    ("item.pay_days <> 3", ProblemCode::Syntax, "<>", Some("!=")),
    ("item.pay_days ≥ 3", ProblemCode::Syntax, "≥", Some(">=")),
    ("item.pay_days > ۵", ProblemCode::Syntax, "۵", Some("5")),
    (
        "item.pay_days > ٣٫٥",
        ProblemCode::Syntax,
        "٣٫٥",
        Some("3.5"),
    ),
    (
        "item.mobile == 'abc'",
        ProblemCode::Syntax,
        "'abc'",
        Some("\"abc\""),
    ),
    (
        "item.mobile == null",
        ProblemCode::Syntax,
        "null",
        Some("()"),
    ),
    (
        "item.for == ()",
        ProblemCode::Syntax,
        "for",
        Some("field(\"for\")"),
    ),
    ("\"abc", ProblemCode::Syntax, "\"abc", None),
    ("item.title is empty", ProblemCode::Syntax, "is", None),
    ("item.pay_days >", ProblemCode::Syntax, ">", None),
    ("item..title", ProblemCode::NotAllowed, "item..title", None),
    (
        "jalali(\"1403/13/01\")",
        ProblemCode::BadLiteral,
        "\"1403/13/01\"",
        None,
    ),
    (
        "jalali(\"1404/12/30\")",
        ProblemCode::BadLiteral,
        "\"1404/12/30\"",
        None,
    ),
    (
        "date(\"1403/05/01\")",
        ProblemCode::BadLiteral,
        "\"1403/05/01\"",
        None,
    ),
    ("irr(1.5)", ProblemCode::BadLiteral, "1.5", None),
    ("rub(\"1.505\")", ProblemCode::BadLiteral, "\"1.505\"", None),
    (
        "mobile(\"0912\")",
        ProblemCode::BadLiteral,
        "\"0912\"",
        None,
    ),
    (
        "99999999999999999999999999999999 > 1",
        ProblemCode::BadLiteral,
        "99999999999999999999999999999999",
        None,
    ),
];

/// Clause 16: a typo, a wrong type and a wrong spelling are refused before anything runs, at the
/// exact place, and the suggestion mends exactly that.
#[test]
fn every_mistake_is_found_at_its_place() {
    for (source, code, wrong, suggestion) in NAMES.iter().chain(TYPES).chain(SPELLING) {
        let found = problems(source);
        let problem = found
            .iter()
            .find(|problem| problem.code == *code)
            .unwrap_or_else(|| {
                panic!("{source}: {found:#?}");
            });
        assert_eq!(marked(source, problem), *wrong, "{source}: {problem:#?}");
        assert_eq!(
            problem.suggestion.as_deref(),
            *suggestion,
            "{source}: {problem:#?}"
        );
        assert!(!problem.message.ends_with('.') && !problem.message.is_empty());
    }
}

#[test]
fn a_suggestion_put_in_its_place_mends_the_source() {
    let mut mended_sources = 0;
    for (source, code, _, suggestion) in NAMES.iter().chain(TYPES).chain(SPELLING) {
        let before = problems(source);
        let problem = before.iter().find(|problem| problem.code == *code).unwrap();
        let Some(better) = mended(source, problem) else {
            assert!(suggestion.is_none());
            continue;
        };
        if let Err(after) = Expression::compile(&better, &schema(), Expected::Any) {
            assert!(
                after.len() < before.len() || !after.contains(problem),
                "{better}: {after:#?}"
            );
        }
        mended_sources += 1;
    }
    assert!(mended_sources > 30, "only {mended_sources} suggestions");
}

#[test]
fn all_mistakes_of_a_source_are_reported_in_order() {
    let source = "item.pay_days > 3 &&\n  item.final_amuont > 0 &&\n  item.mobile > 4 || itm.x";
    let found = problems(source);
    let places: Vec<(usize, usize)> = found.iter().map(|p| (p.line, p.column)).collect();
    assert_eq!(places, [(2, 8), (3, 3), (3, 22)]);
    assert_eq!(marked(source, &found[1]), "item.mobile > 4");
}

#[test]
fn columns_count_characters_and_not_bytes() {
    let source = "item.title == \"سلام 👋🏽\" && item.final_amuont > 0";
    let found = problems(source);
    assert_eq!(marked(source, &found[0]), "final_amuont");
    let inside = "`مبلغ ${item.final_amount} و ${itm.x}`";
    assert_eq!(marked(inside, &problems(inside)[0]), "itm");
}

#[test]
fn a_guard_yields_yes_or_no() {
    for source in [
        "item.final_amount",
        "1",
        "\"true\"",
        "()",
        "item.title",
        "item.owner",
    ] {
        let found = Expression::compile(source, &schema(), Expected::Guard).unwrap_err();
        assert_eq!(found[0].code, ProblemCode::WrongResult, "{source}");
        assert!(found[0].hint.is_some() || source == "()", "{source}");
    }
    assert!(Expression::compile("item.approved", &schema(), Expected::Guard).is_ok());
}

#[test]
fn the_result_fits_the_place_of_the_expression() {
    let options = || Type::Choice(vec!["finance".to_owned(), "sales".to_owned()]);
    let fits =
        |source: &str, wanted: Type| Expression::compile(source, &schema(), Expected::Type(wanted));
    assert!(fits("\"sales\"", options()).is_ok());
    assert!(
        fits(
            "if item.approved { \"sales\" } else { \"finance\" }",
            options()
        )
        .is_ok()
    );
    let found = fits("\"salse\"", options()).unwrap_err();
    assert_eq!(found[0].code, ProblemCode::UnknownOption);
    assert_eq!(found[0].suggestion.as_deref(), Some("\"sales\""));
    assert!(fits("item.title", options()).is_err());
    assert!(fits("item.department", Type::Text).is_ok());
    assert!(fits("()", Type::Money).is_ok());
    let found = fits("5", Type::Money).unwrap_err();
    assert!(found[0].hint.as_ref().unwrap().contains("irr("));
    assert!(fits("item.final_amount", Type::Number).is_err());
    assert!(fits("[\"a\"]", Type::List(Box::new(Type::Text))).is_ok());
    assert!(fits("[]", Type::List(Box::new(Type::User))).is_ok());
    assert!(fits("item.frmk", Type::Item(None)).is_ok());
    assert!(fits("item.frmk", Type::Item(Some("quote".to_owned()))).is_err());
}

#[test]
fn an_event_can_only_be_named_where_there_is_one() {
    let mut quiet = schema();
    quiet.event = None;
    let found = Expression::compile("event.amount", &quiet, Expected::Any).unwrap_err();
    assert_eq!(found[0].code, ProblemCode::UnknownName);
}

#[test]
fn a_field_with_a_dash_is_explained() {
    let found = problems("item.reject-reason == \"x\"");
    assert!(
        found[0]
            .hint
            .as_ref()
            .unwrap()
            .contains("item[\"reject-reason\"]")
    );
}

/// One source of each type.
const SAMPLES: [&str; 14] = [
    "item.approved",
    "item.pay_days",
    "item.final_amount",
    "item.title",
    "item.department",
    "item.due_date",
    "item.created_at",
    "days(2)",
    "item.owner",
    "item.frmk",
    "item.tags",
    "group(\"g\")",
    "\"finance\"",
    "children(\"quote\").first()",
];

/// Clause 16: what the checker lets pass never meets an operator that cannot handle it.
#[test]
fn the_checker_and_the_evaluator_agree_on_every_pair_of_types() {
    let mut allowed = 0;
    for operator in Operator::ALL {
        for left in SAMPLES {
            for right in SAMPLES {
                let source = format!("text({left} {} {right})", operator.symbol());
                let Ok(expression) = Expression::compile(&source, &schema(), Expected::Any) else {
                    continue;
                };
                allowed += 1;
                if let Err(error) = expression.evaluate(&facts()) {
                    panic!("{source} passes the checker and fails: {error}");
                }
            }
        }
    }
    assert!((60..300).contains(&allowed), "{allowed} pairs are allowed");
}

/// Clause 16: the same for the arguments of functions.
#[test]
fn the_checker_and_the_evaluator_agree_on_every_argument() {
    let names: std::collections::BTreeSet<&str> = crate::functions::all()
        .map(|function| function.name)
        .collect();
    let mut allowed = 0;
    let calls = names.iter().flat_map(|name| {
        let one = SAMPLES.iter().map(move |a| format!("{name}({a})"));
        let two = SAMPLES
            .iter()
            .flat_map(move |a| SAMPLES.iter().map(move |b| format!("{name}({a}, {b})")));
        one.chain(two)
    });
    for call in calls {
        let source = format!("is_empty({call})");
        let Ok(expression) = Expression::compile(&source, &schema(), Expected::Any) else {
            continue;
        };
        allowed += 1;
        if let Err(error) = expression.evaluate(&facts()) {
            let message = error.to_string();
            assert!(!message.contains("does not take"), "{source}: {message}");
        }
    }
    assert!(allowed > 50, "only {allowed} calls are allowed");
}

#[test]
fn an_expression_is_shared_and_printable() {
    let expression = compile("item.final_amount > 0");
    assert_eq!(
        format!("{expression:?}"),
        "Expression(\"item.final_amount > 0\")"
    );
    assert_eq!(expression.clone(), expression);
    assert_ne!(expression, compile("item.final_amount > irr(0)"));
    fn everywhere<T: Send + Sync + 'static>(_: &T) {}
    everywhere(&expression);
}
