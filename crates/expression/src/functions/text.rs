//! Texts, and membership in lists.

use values::{Mobile, Value};

use super::{Function, Kind, Look, Yields, text_at, wrong};
use crate::operator::equal;
use crate::sandbox::Fault;
use crate::slot::Slot;
use crate::types::Type;

macro_rules! textual {
    ($name:literal, $signature:literal, $parameters:expr, $yields:ident, $run:expr) => {
        Function {
            name: $name,
            signature: $signature,
            parameters: $parameters,
            yields: Yields::Type(Type::$yields),
            looks_at: Look::Nothing,
            literal: false,
            run: $run,
        }
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
    textual!(
        "contains",
        "contains(text, text)",
        &[Kind::Text, Kind::Text],
        Bool,
        |_, slots| { Ok(Slot::bool(text_at(slots, 0)?.contains(text_at(slots, 1)?))) }
    ),
    textual!(
        "contains",
        "contains(list, value)",
        &[Kind::List, Kind::Member],
        Bool,
        |_, slots| { contains(slots) }
    ),
    textual!(
        "starts_with",
        "starts_with(text, text)",
        &[Kind::Text, Kind::Text],
        Bool,
        |_, slots| {
            Ok(Slot::bool(
                text_at(slots, 0)?.starts_with(text_at(slots, 1)?),
            ))
        }
    ),
    textual!(
        "ends_with",
        "ends_with(text, text)",
        &[Kind::Text, Kind::Text],
        Bool,
        |_, slots| { Ok(Slot::bool(text_at(slots, 0)?.ends_with(text_at(slots, 1)?))) }
    ),
    textual!("len", "len(text)", &[Kind::Text], Number, |_, slots| {
        Ok(Slot::number(text_at(slots, 0)?.chars().count()))
    }),
    textual!("lower", "lower(text)", &[Kind::Text], Text, |_, slots| {
        Ok(Slot::text(text_at(slots, 0)?.to_lowercase()))
    }),
    textual!("upper", "upper(text)", &[Kind::Text], Text, |_, slots| {
        Ok(Slot::text(text_at(slots, 0)?.to_uppercase()))
    }),
    textual!("trim", "trim(text)", &[Kind::Text], Text, |_, slots| {
        Ok(Slot::text(text_at(slots, 0)?.trim()))
    }),
    textual!(
        "text",
        "text(value)",
        &[Kind::Value],
        Text,
        |_, slots| match slots {
            [value @ (Slot::Value(_) | Slot::Duration(_))] => Ok(Slot::text(value.written())),
            _ => Err(wrong(slots)),
        }
    ),
    textual!("digits", "digits(text)", &[Kind::Text], Text, |_, slots| {
        Ok(Slot::text(
            values::latin_digits(text_at(slots, 0)?).into_owned(),
        ))
    }),
    textual!("normal", "normal(text)", &[Kind::Text], Text, |_, slots| {
        Ok(Slot::text(
            values::normalize_text(text_at(slots, 0)?).trim(),
        ))
    }),
    Function {
        name: "mobile",
        signature: "mobile(text)",
        parameters: &[Kind::Text],
        yields: Yields::Type(Type::Text),
        looks_at: Look::Nothing,
        literal: true,
        run: |_, slots| {
            let mobile = Mobile::parse(text_at(slots, 0)?).map_err(Fault::failed)?;
            Ok(Slot::text(mobile.as_str()))
        },
    },
    textual!("user", "user(text)", &[Kind::Text], User, |_, slots| {
        Ok(Slot::Value(Value::User(text_at(slots, 0)?.to_owned())))
    }),
    textual!("group", "group(text)", &[Kind::Text], Group, |_, slots| {
        Ok(Slot::Value(Value::Group(text_at(slots, 0)?.to_owned())))
    }),
    textual!(
        "position",
        "position(text)",
        &[Kind::Text],
        Position,
        |_, slots| { Ok(Slot::Value(Value::Position(text_at(slots, 0)?.to_owned()))) }
    ),
    textual!(
        "is_empty",
        "is_empty(value)",
        &[Kind::Anything],
        Bool,
        |_, slots| match slots {
            [Slot::Value(value)] => Ok(Slot::bool(value.is_empty())),
            [Slot::Rows(rows)] => Ok(Slot::bool(rows.0.is_empty())),
            [Slot::Duration(_)] => Ok(Slot::bool(false)),
            _ => Err(wrong(slots)),
        }
    ),
];

fn contains(slots: &[Slot]) -> Result<Slot, Fault> {
    let [Slot::Value(Value::List(members)), wanted] = slots else {
        return Err(wrong(slots));
    };
    for member in members {
        if equal(&Slot::Value(member.clone()), wanted)? {
            return Ok(Slot::bool(true));
        }
    }
    Ok(Slot::bool(false))
}
