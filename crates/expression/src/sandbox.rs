//! The Rhai engine, stripped to expressions, and the way facts get into it.
//!
//! One engine serves the process. It has no package of Rhai's: every operator and function it knows
//! is registered here from our own lists, so nothing can be called that the checker has not seen.

mod context;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use rhai::{
    AST, Caches, Dynamic, Engine, LexError, NativeCallContext, OptimizationLevel, ParseError,
    Scope, Token,
};
use rust_decimal::Decimal;
use values::{Fields, Value};

use crate::error::EvaluationError;
use crate::facts::Facts;
use crate::functions::{self, Function};
use crate::operator::Operator;
use crate::slot::{Cell, Row, Slot, operand_types, value_into_rhai};

pub(crate) use context::{Call, Fault, Place, Plan, Test, place_of};
use context::{Context, Native, context, explain, finish, place};

/// The most steps one evaluation may take, and the most work its tests of records may do together.
pub(crate) const MAX_OPERATIONS: u64 = 20_000;
/// How deep an expression may be nested.
pub(crate) const MAX_DEPTH: usize = 32;
/// The longest text in an expression, in bytes. Fields hold descriptions, and a guard that only asks
/// whether there is one must not fail because it is long.
pub(crate) const MAX_TEXT_BYTES: usize = 65_536;
/// The longest list.
pub(crate) const MAX_LIST: usize = 256;

/// Words of Rhai that expressions do not have.
pub(crate) const FORBIDDEN_WORDS: [&str; 36] = [
    "let",
    "const",
    "fn",
    "private",
    "while",
    "loop",
    "do",
    "until",
    "for",
    "break",
    "continue",
    "return",
    "throw",
    "try",
    "catch",
    "import",
    "export",
    "as",
    "global",
    "this",
    "eval",
    "Fn",
    "call",
    "curry",
    "print",
    "debug",
    "type_of",
    "is_def_var",
    "is_def_fn",
    "is_shared",
    "var",
    "static",
    "new",
    "async",
    "await",
    "exit",
];

static ENGINE: LazyLock<Engine> = LazyLock::new(build);

/// Reads a source into Rhai's tree.
pub(crate) fn parse(source: &str) -> Result<AST, ParseFailure> {
    match catch_unwind(AssertUnwindSafe(|| ENGINE.compile_expression(source))) {
        Ok(Ok(ast)) => Ok(ast),
        Ok(Err(error)) => Err(ParseFailure::Refused(error)),
        Err(_) => Err(ParseFailure::Panicked),
    }
}

/// Why a source has no tree.
pub(crate) enum ParseFailure {
    Refused(ParseError),
    Panicked,
}

/// Evaluates a checked tree.
pub(crate) fn evaluate(
    ast: &AST,
    plan: &Arc<Plan>,
    facts: &Facts,
) -> Result<Slot, EvaluationError> {
    match catch_unwind(AssertUnwindSafe(|| run(ast, plan, facts))) {
        Ok(result) => result,
        Err(_) => Err(EvaluationError::Internal {
            message: "the evaluator panicked".to_owned(),
        }),
    }
}

fn run(ast: &AST, plan: &Arc<Plan>, facts: &Facts) -> Result<Slot, EvaluationError> {
    let mut scope = Scope::new();
    for variable in &plan.variables {
        scope.push_dynamic(
            *variable,
            Dynamic::from(variable_row(variable, plan, facts)),
        );
    }
    let shared = plan.needs_facts.then(|| Arc::new(facts.clone()));
    let spent = (plan.needs_facts || !plan.tests.is_empty()).then(Arc::default);
    let context = Context {
        plan: Arc::clone(plan),
        facts: shared,
        spent,
    };
    let mut global = ENGINE.new_global_runtime_state();
    global.tag = Dynamic::from(context);
    global.lib.push(ast.shared_lib().clone());
    #[allow(
        deprecated,
        reason = "Rhai has no other call that evaluates a tree with its own tag"
    )]
    let result = ENGINE.eval_statements_raw(
        &mut global,
        &mut Caches::new(),
        &mut scope,
        ast.statements(),
    );
    match result {
        Ok(value) => Ok(Slot::from_rhai(&value)),
        Err(error) => Err(explain(*error, plan)),
    }
}

fn variable_row(name: &str, plan: &Plan, facts: &Facts) -> Row {
    let of = |fields: Fields| Row::Item(Arc::new(fields), None);
    match name {
        "item" => {
            let reference = plan.reads_id.then(|| facts.item_ref.clone());
            Row::Item(Arc::clone(&facts.item), reference)
        }
        "party" | "identity" => facts
            .party
            .as_ref()
            .map_or(Row::Absent, |party| Row::Record(Arc::clone(party))),
        "process" => of(facts.process.fields()),
        "link" => {
            let latest = facts
                .latest_link
                .as_ref()
                .and_then(|state| facts.links.get(state));
            latest.map_or(Row::Absent, |link| of(link.fields(&facts.zone)))
        }
        _ => facts
            .event
            .as_ref()
            .map_or(Row::Absent, |event| Row::Item(Arc::clone(event), None)),
    }
}

fn build() -> Engine {
    let mut engine = Engine::new_raw();
    engine
        .set_max_operations(MAX_OPERATIONS)
        .set_max_call_levels(8)
        .set_max_expr_depths(MAX_DEPTH, MAX_DEPTH)
        .set_max_string_size(MAX_TEXT_BYTES)
        .set_max_array_size(MAX_LIST)
        .set_max_map_size(1)
        .set_max_variables(16)
        .set_max_functions(16)
        .set_max_modules(0)
        .set_allow_looping(false)
        .set_allow_anonymous_fn(true)
        .set_allow_shadowing(false)
        .set_strict_variables(false)
        .set_fail_on_invalid_map_property(true)
        // Rhai's own operators answer `false` when the types differ; ours are always asked.
        .set_fast_operators(false)
        // With optimisation, Rhai copies values and results into the tree.
        .set_optimization_level(OptimizationLevel::None);
    for word in FORBIDDEN_WORDS {
        engine.disable_symbol(word);
    }
    #[allow(
        deprecated,
        reason = "marked so because it may change, not because it will go"
    )]
    engine.on_parse_token(|token, _, _| exact_number(token));
    register_operators(&mut engine);
    register_functions(&mut engine);
    engine.register_indexer_get(row_field);
    engine.register_indexer_get(followed_field);
    engine
}

/// Every number becomes an exact decimal, so that `5 / 2` is 2.5 and `0.1 + 0.2` is 0.3.
fn exact_number(token: Token) -> Token {
    match token {
        Token::IntegerConstant(number) => {
            Token::DecimalConstant(Box::new((Decimal::from(number), "integer".into())))
        }
        Token::FloatConstant(number) => {
            let written = number.1.replace('_', "");
            match Decimal::from_str_exact(&written).or_else(|_| Decimal::from_scientific(&written))
            {
                Ok(exact) => Token::DecimalConstant(Box::new((exact, number.1.clone()))),
                Err(_) => Token::LexError(Box::new(LexError::MalformedNumber(written))),
            }
        }
        other => other,
    }
}

fn register_operators(engine: &mut Engine) {
    for operator in Operator::ALL {
        for left in operand_types() {
            for right in operand_types() {
                engine.register_raw_fn(operator.symbol(), [left, right], move |rhai, arguments| {
                    operate(operator, &rhai, arguments)
                });
            }
        }
    }
    for operand in operand_types() {
        engine.register_raw_fn("-", [operand], |rhai, arguments| {
            let operand = arguments.first().map(|value| Slot::from_rhai(value));
            let minus = Slot::number(Decimal::NEGATIVE_ONE);
            let result = match operand {
                Some(operand) if operand.is_empty() => Err(Fault::Empty(0)),
                Some(operand) => Operator::Multiply.run(&operand, &minus),
                None => Err(Fault::says("`-` needs a number")),
            };
            finish(result, &rhai)
        });
        engine.register_raw_fn("!", [operand], |rhai, arguments| {
            let result = match arguments.first().map(|value| Slot::from_rhai(value)) {
                Some(Slot::Value(Value::Bool(yes))) => Ok(Slot::bool(!yes)),
                Some(operand) if operand.is_empty() => Err(Fault::Empty(0)),
                _ => Err(Fault::says("`!` needs yes/no")),
            };
            finish(result, &rhai)
        });
        // Rhai asks for this when a value stands in `${…}`.
        engine.register_raw_fn("to_string", [operand], |_, arguments| {
            let shown = arguments
                .first()
                .map_or_else(String::new, |value| Slot::from_rhai(value).written());
            Ok(Dynamic::from(shown))
        });
    }
}

fn operate(operator: Operator, rhai: &NativeCallContext<'_>, arguments: &[&mut Dynamic]) -> Native {
    let [left, right] = arguments else {
        return finish(Err(Fault::says("an operator needs two operands")), rhai);
    };
    if operator.tests_equality() && (left.is_unit() || right.is_unit()) {
        let tested = context(rhai).is_some_and(|c| c.plan.empty_tests.contains(&place(rhai)));
        if tested {
            let equal = left.is_unit() && right.is_unit();
            return Ok(Dynamic::from(equal == (operator == Operator::Equal)));
        }
    }
    finish(
        operator.run(&Slot::from_rhai(left), &Slot::from_rhai(right)),
        rhai,
    )
}

/// One registration for each name and number of arguments; the kinds choose between those of one
/// name when it runs.
fn register_functions(engine: &mut Engine) {
    let mut registered = BTreeSet::new();
    for function in functions::all() {
        let arity = function.parameters.len();
        if !registered.insert((function.name, arity)) {
            continue;
        }
        let overloads: Vec<&'static Function> = functions::named(function.name)
            .into_iter()
            .filter(|other| other.parameters.len() == arity)
            .collect();
        let types = vec![std::any::TypeId::of::<Dynamic>(); arity];
        engine.register_raw_fn(function.name, types, move |rhai, arguments| {
            let slots: Vec<Slot> = arguments
                .iter()
                .map(|value| Slot::from_rhai(value))
                .collect();
            finish(call(&overloads, &slots, &rhai), &rhai)
        });
    }
}

fn call(
    overloads: &[&'static Function],
    slots: &[Slot],
    rhai: &NativeCallContext<'_>,
) -> Result<Slot, Fault> {
    let function = choose(overloads, slots)?;
    let context = context(rhai).ok_or_else(|| Fault::says("no facts are at hand"))?;
    (function.run)(
        &Call {
            context,
            rhai: Some(rhai),
        },
        slots,
    )
}

/// The overload that takes these values. When none does because one is empty, that is the fault.
pub(crate) fn choose(
    overloads: &[&'static Function],
    slots: &[Slot],
) -> Result<&'static Function, Fault> {
    let takes = |function: &&&'static Function| {
        function
            .parameters
            .iter()
            .zip(slots)
            .all(|(kind, slot)| kind.takes(slot))
    };
    if let Some(function) = overloads.iter().find(takes) {
        return Ok(function);
    }
    match slots.iter().position(Slot::is_empty) {
        Some(place) => Err(Fault::Empty(place)),
        None => {
            let kinds: Vec<&str> = slots.iter().map(Slot::kind).collect();
            let name = overloads.first().map_or("", |function| function.name);
            Err(Fault::says(format!(
                "`{name}` does not take {}",
                kinds.join(", ")
            )))
        }
    }
}

fn row_field(row: &mut Row, name: &str) -> Dynamic {
    value_into_rhai(row.field(name))
}

/// A field of the item that a reference field points at.
fn followed_field(rhai: NativeCallContext<'_>, cell: &mut Cell, name: &str) -> Native {
    let Value::Item(wanted) = &cell.0 else {
        let kind = cell.0.type_name();
        return finish(
            Err(Fault::says(format!("a value of type {kind} has no fields"))),
            &rhai,
        );
    };
    let facts = context(&rhai).and_then(|context| context.facts);
    let record = facts.as_deref().and_then(|facts| {
        facts
            .references
            .values()
            .find(|record| record.reference.as_ref() == Some(wanted))
    });
    match record {
        Some(record) => Ok(value_into_rhai(Row::Record(Arc::clone(record)).field(name))),
        None => finish(Err(Fault::NotSupplied(wanted.to_string())), &rhai),
    }
}
