//! Places inside scalars: a mistake in an expression is pointed at where it stands in the file.

use workflow_file::apply_fixes;

use crate::support::{checked, codes_of, guarded, pointed};

/// Every way to write one condition with the same mistake in it.
const STYLES: [&str; 9] = [
    "item.final_amont > 0",
    "'item.final_amont > 0'",
    "\"item.final_amont > 0\"",
    "\"item.\\x66inal_amount > 0 && \\u0070arty.name != \\\"علی\\\" && item.final_amont > 0\"",
    "'party.name != \"it''s\" && item.final_amont > 0'",
    "|\n            party.name != \"شرکت پارس\" &&\n              item.final_amont > 0",
    ">-\n            party.name != \"شرکت پارس\" &&\n            item.final_amont > 0",
    "party.name != ()\n            && item.final_amont > 0",
    "\"party.name != () &&\\\n            item.final_amont > 0\"",
];

#[test]
fn a_mistake_is_found_in_every_style_of_scalar() {
    for style in STYLES {
        let text = guarded(style);
        let diagnostics = checked(&text).diagnostics;
        assert_eq!(codes_of(&diagnostics), ["WF0303"], "{style}");
        assert_eq!(pointed(&text, &diagnostics[0]), "final_amont", "{style}");
        let before = &text[..diagnostics[0].span.start];
        assert_eq!(
            diagnostics[0].span.line,
            before.matches('\n').count() + 1,
            "{style}"
        );
        let last = before.rsplit('\n').next().unwrap_or_default();
        assert_eq!(
            diagnostics[0].span.column,
            last.chars().count() + 1,
            "{style}"
        );
    }
}

#[test]
fn the_proposed_fix_mends_every_style_of_scalar() {
    for style in STYLES {
        let text = guarded(style);
        let fixed = apply_fixes(&text, &checked(&text).diagnostics);
        let again = checked(&fixed);
        assert!(
            again.diagnostics.is_empty(),
            "{style}: {:?}",
            again.diagnostics
        );
    }
}

#[test]
fn a_token_in_a_persian_text_is_pointed_at() {
    let text = "workflow: sample\nversion: 1\nentity: invoice\nlabel: Sample\ninitial: tell\nstates:\n  \
                tell:\n    activity: send_message\n    with:\n      recipients: { sms: [contact] }\n      \
                message:\n        sms: |\n          سلام،\n          فاکتور {{ item.numbr }} آماده است.\n    \
                next: { success: done, error: done }\n  done: { end: success }\n";
    let diagnostics = checked(text).diagnostics;
    let wrong: Vec<&str> = diagnostics
        .iter()
        .map(|found| pointed(text, found))
        .collect();
    assert_eq!(wrong, ["numbr"], "{diagnostics:?}");
    assert_eq!(
        (diagnostics[0].span.line, diagnostics[0].span.column),
        (14, 26)
    );
}

#[test]
fn a_condition_that_breaks_off_is_pointed_at_where_it_ends() {
    let text = guarded("item.final_amount >");
    let diagnostics = checked(&text).diagnostics;
    assert_eq!(pointed(&text, &diagnostics[0]), ">");
}
