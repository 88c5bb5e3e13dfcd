//! What the sandbox refuses, and that nothing it is given makes it panic or run on.

use std::sync::Arc;

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use proptest::test_runner::Config;
use values::{Locale, Value};

use super::{compile, evaluate, facts, problems, record, rial, schema};
use crate::{
    EvaluationError, Expected, Expression, Facts, MAX_SOURCE_BYTES, ProblemCode, Template,
};

/// Clause 16: guards are pure. Nothing here compiles, and none of it panics.
#[test]
fn hostile_sources_are_refused() {
    let sources = [
        "eval(\"1\")",
        "import \"x\" as y",
        "export x",
        "fn f() { 1 }",
        "let x = 1",
        "const X = 1",
        "while true { 1 }",
        "loop { 1 }",
        "for i in [1] { i }",
        "do { 1 } while true",
        "return 1",
        "throw 1",
        "try { 1 } catch { 2 }",
        "print(\"x\")",
        "debug(item)",
        "sleep(5)",
        "timestamp()",
        "item.final_amount = irr(1)",
        "item.pay_days += 1",
        "children(\"quote\").filter(|q| q.number = \"x\")",
        "children(\"quote\").filter(|q| { q.number; true })",
        "children(\"quote\").filter(|q| children(\"quote\").filter(|q| true))",
        "Fn(\"now\").call()",
        "now.call()",
        "type_of(item)",
        "is_def_fn(\"now\", 0)",
        "this.item",
        "global::x",
        "item::title",
        "#{a: item}.a",
        "`${while true {}}`",
        "`${{ let x = 1; x }}`",
        "[1, 2].push(3)",
        "[1, 2][0]",
        "\"abc\"[0]",
        "\"abc\".pad(1000000, \"x\")",
        "item.title.replace(\"a\", \"b\")",
        "item.to_string()",
        "to_float(1)",
        "parse_int(\"1\")",
        "0..1000000000",
        "2 ** 100",
        "1 << 62",
        "now!()",
        "item.get$title",
        "|x| x",
        "(|x| x).call(1)",
        "{ 1 }",
        "\0",
        "\u{202e}item.title",
        "item.title\u{0} == ()",
        "/* open",
        "\"open",
        "`open ${",
    ];
    assert!(sources.len() >= 40);
    for source in sources {
        let found = problems(source);
        assert!(!found.is_empty(), "{source}");
        assert!(
            found
                .iter()
                .all(|p| p.line >= 1 && p.column >= 1 && p.length >= 1),
            "{source}"
        );
    }
}

/// Clause 16: depth and length are limited when a source is compiled.
#[test]
fn deep_and_long_sources_are_refused_on_a_small_stack() {
    let work = || {
        for part in [
            "(",
            "[",
            "!",
            "-",
            "`${",
            "item.a",
            "f(",
            "{",
            "if true {",
            "a?.",
            "()??",
            "1+",
            "1&&",
            "x|",
            "|x|",
            "switch 1 {",
            "'",
            "#{a:",
            "[1].filter(|x| ",
        ] {
            for count in [40, 600, 2_000] {
                let source: String = part.repeat(count).chars().take(MAX_SOURCE_BYTES).collect();
                assert!(
                    Expression::compile(&source, &schema(), Expected::Any).is_err(),
                    "{part}"
                );
                let balanced = format!("{}1{}", "(".repeat(count), ")".repeat(count));
                assert!(Expression::compile(&balanced, &schema(), Expected::Any).is_err());
            }
        }
        for joined in [
            "1 + ",
            "item.approved && ",
            "item.mobile ?? ",
            "item.mobile + ",
            "item.pay_days == ",
        ] {
            let long = format!("{}item.mobile", joined.repeat(100));
            let _ = Expression::compile(&long, &schema(), Expected::Any)
                .map(|expression| expression.evaluate(&facts()));
        }
    };
    std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
    let long = format!("item.title == \"{}\"", "x".repeat(MAX_SOURCE_BYTES));
    assert_eq!(problems(&long)[0].code, ProblemCode::TooLong);
    let deep = format!("{}1{}", "(".repeat(100), ")".repeat(100));
    assert_eq!(problems(&deep)[0].code, ProblemCode::TooComplex);
}

fn crowd(count: usize) -> Facts {
    let quotes = (0..count)
        .map(|id| {
            record(
                "quote",
                &id.to_string(),
                &[("final_amount", rial(1)), ("approved", Value::Bool(true))],
            )
        })
        .collect();
    let mut crowded = facts();
    crowded.children.insert("quote".to_owned(), quotes);
    crowded
}

/// Clause 16: an evaluation is limited in operations, also when its work is hidden in tests of
/// records inside tests of records.
#[test]
fn work_is_limited() {
    let simple =
        compile("children(\"quote\").filter(|q| q.approved && q.final_amount > 0).count()");
    assert_eq!(simple.evaluate(&crowd(500)).unwrap(), super::number("500"));
    let nested = compile(
        "children(\"quote\").all(|a| children(\"quote\").all(|b| children(\"quote\").all(|c| a.approved && b.approved && c.approved)))",
    );
    assert_eq!(nested.evaluate(&crowd(3)).unwrap(), Value::Bool(true));
    assert_eq!(
        nested.evaluate(&crowd(300)),
        Err(EvaluationError::TooExpensive)
    );
    let wide = compile("children(\"quote\").sum(\"final_amount\")");
    assert_eq!(
        wide.evaluate(&crowd(50_000)),
        Err(EvaluationError::TooExpensive)
    );
    // One evaluation that ran out leaves nothing behind for the next.
    assert_eq!(simple.evaluate(&crowd(2)).unwrap(), super::number("2"));
}

#[test]
fn texts_cannot_grow_without_end() {
    let mut wordy = facts();
    let mut fields = wordy.item.as_ref().clone();
    fields.insert("title".to_owned(), super::text(&"ب".repeat(20_000)));
    wordy.item = Arc::new(fields);
    let doubled = compile("item.title + item.title + item.title");
    assert!(matches!(
        doubled.evaluate(&wordy),
        Err(EvaluationError::TooLarge { .. })
    ));
    let spliced = compile("`${item.title}${item.title}${item.title}`");
    assert!(matches!(
        spliced.evaluate(&wordy),
        Err(EvaluationError::TooLarge { .. })
    ));
    assert_eq!(
        compile("len(item.title)").evaluate(&wordy).unwrap(),
        super::number("20000")
    );
}

#[test]
fn many_threads_share_one_expression() {
    let guard =
        compile("children(\"quote\").any(|q| q.discount > 0 && item.final_amount > q.discount)");
    let facts = facts();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(guard.evaluate(&facts), Ok(Value::Bool(true)));
                }
            });
        }
    });
}

#[test]
fn comments_and_line_breaks_are_allowed() {
    assert_eq!(
        evaluate("// why\nitem.pay_days /* days */ > 2\n  && true"),
        Value::Bool(true)
    );
}

/// Words that make most random sources look like real ones.
const WORDS: &[&str] = &[
    "item",
    "party",
    "link",
    "process",
    "event",
    "q",
    ".",
    "?.",
    "??",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "|",
    "||",
    "&&",
    "!",
    "==",
    "!=",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    ",",
    "=>",
    "in",
    "!in",
    "if",
    "else",
    "switch",
    "_",
    "true",
    "()",
    "0",
    "1",
    "2.5",
    "irr(5)",
    "\"a\"",
    "\"quote\"",
    "`${",
    "}`",
    "final_amount",
    "pay_days",
    "title",
    "department",
    "due_date",
    "tags",
    "frmk",
    "مبلغ",
    "children(\"quote\")",
    "parent(\"opportunity\")",
    ".first()",
    ".filter(|q|",
    ".any(|q|",
    ".count()",
    ".nth(1)",
    "sum",
    "\"discount\"",
    "now()",
    "today()",
    "days(1)",
    "text(",
    "len(",
    "let",
    "=",
    ";",
    "'",
    "\"",
    "#{",
    "..",
    "**",
    "۵",
    "۰٫۵",
    "\u{200c}",
    "\u{202e}",
    "and",
    "fn",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => prop::sample::select(WORDS).prop_map(str::to_owned),
        1 => any::<char>().prop_map(|c| c.to_string()),
    ]
}

fn try_everything(source: &str) {
    let schema = schema();
    let facts = facts();
    for expected in [Expected::Any, Expected::Guard] {
        match Expression::compile(source, &schema, expected) {
            Ok(expression) => {
                let first = expression.evaluate(&facts);
                assert_eq!(first, expression.evaluate(&facts), "{source}");
                assert!(
                    !matches!(first, Err(EvaluationError::Internal { .. })),
                    "{source}: {first:?}"
                );
            }
            Err(problems) => {
                assert!(!problems.is_empty());
                let lines = source.lines().count().max(1);
                for problem in problems {
                    assert!(
                        problem.line >= 1 && problem.line <= lines + 1,
                        "{source}: {problem:?}"
                    );
                    assert!(
                        problem.column >= 1 && problem.length >= 1,
                        "{source}: {problem:?}"
                    );
                }
            }
        }
    }
    if let Ok(template) = Template::compile(source, &schema) {
        let _ = template.render(&facts, Locale::Fa);
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(3_000) })]

    /// Clause 16: whatever is typed, compiling and evaluating it never panics, and gives the same
    /// answer twice.
    #[test]
    fn random_sources_never_panic(
        words in prop::collection::vec(word(), 1..24),
        separator in prop_oneof![Just(" "), Just(""), Just("\n")],
    ) {
        let source = words.join(separator);
        try_everything(&source);
        try_everything(&format!("سلام {{{{ {source} }}}} و {{{{ item.title | {source} }}}}"));
    }

    /// The same for sources that are sound but for one word.
    #[test]
    fn sound_sources_with_one_word_changed_never_panic(
        which in 0_usize..6,
        place in any::<prop::sample::Index>(),
        changed in word(),
    ) {
        let sound = [
            "children(\"quote\").filter(|q| q.discount > irr(0) && q.approved).order_by(\"discount\").first()?.number ?? \"x\"",
            "if item.final_amount > 0 && item.due_date < today() + days(3) { item.title } else { party.name }",
            "switch item.department { \"finance\" | \"sales\" => 1, \"support\" if item.pay_days > 2 => 2, _ => 3 }",
            "`مبلغ ${item.final_amount} تا ${format(item.due_date, \"jalali\")}`",
            "part(item.final_amount, 3, 1) + divide(item.final_amount, 7, \"half_up\") * 2 >= irr(100)",
            "item.owner in item.watchers || \"vip\" in item.tags && !(item.frmk?.customerno == ())",
        ];
        let scan = crate::scan::Scan::new(sound[which]);
        let word = &scan.words()[place.index(scan.words().len())];
        let characters: Vec<char> = sound[which].chars().collect();
        let mut source: String = characters[..word.start].iter().collect();
        source.push_str(&changed);
        source.extend(&characters[word.end..]);
        try_everything(&source);
    }
}
