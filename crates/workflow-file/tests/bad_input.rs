//! Hostile and broken files: an answer with a code, never a panic, never a long wait.

use proptest::prelude::*;
use workflow_file::{Project, SourceFile, Sources, check, load, render_human, syntax};

use crate::support::{SHIPPED, catalog, codes_of, file, source};

fn codes(bytes: impl Into<Vec<u8>>) -> Vec<&'static str> {
    let source = source(bytes);
    let checked = check(&source, catalog(), None);
    assert!(checked.model.is_none());
    let rendered = render_human(&checked.diagnostics, &Sources::new().with(&source), false);
    assert!(!rendered.is_empty());
    codes_of(&checked.diagnostics)
}

#[test]
fn a_yaml_bomb_is_refused_at_its_first_anchor() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let before = level - 1;
        let list = vec![format!("*a{before}"); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    let found = codes(bomb);
    assert!(found.iter().all(|code| *code == "WF0008"), "{found:?}");
}

#[test]
fn ten_megabytes_are_refused_unread() {
    assert_eq!(codes(vec![b'['; 10 << 20]), ["WF0003"]);
}

#[test]
fn a_thousand_levels_are_refused_in_either_style() {
    assert_eq!(codes("[".repeat(1_000)), ["WF0004"]);
    let block: String = (0..1_000)
        .map(|level| format!("{}a:\n", " ".repeat(level)))
        .collect();
    assert_eq!(codes(block), ["WF0004"]);
}

#[test]
fn the_deepest_allowed_nesting_is_read() {
    let deep = syntax::DEPTH_MAX - 1;
    let found = codes(format!("a: {}{}\n", "[".repeat(deep), "]".repeat(deep)));
    assert!(!found.contains(&"WF0004"), "{found:?}");
    let found = codes(format!(
        "a: {}{}\n",
        "[".repeat(deep + 1),
        "]".repeat(deep + 1)
    ));
    assert_eq!(found, ["WF0004"]);
}

#[test]
fn a_map_of_fifty_thousand_keys_is_refused() {
    let keys: String = (0..60_000).map(|key| format!("k{key}: 1\n")).collect();
    assert_eq!(codes(keys), ["WF0005"]);
}

#[test]
fn hidden_characters_are_refused_raw_and_escaped() {
    assert_eq!(codes("workflow: a\u{0}b\n"), ["WF0007"]);
    assert!(codes("workflow: a\u{202e}b\n").contains(&"WF0007"));
    assert!(codes("\"work\\u202eflow\": a\n").contains(&"WF0007"));
    assert!(codes("\"work\\0flow\": a\n").contains(&"WF0007"));
    assert!(codes("workflow: \"a\\u2066b\"\n").contains(&"WF0109"));
    assert_eq!(codes("workflow: a\rversion: 1\n"), ["WF0007"]);
}

#[test]
fn a_joiner_inside_a_persian_word_is_no_hidden_character() {
    let text = file("workflows/invoice.yaml").lossy_text();
    assert!(text.contains('\u{200c}'));
}

#[test]
fn broken_utf8_is_placed_at_its_first_byte() {
    let mut bytes = "workflow: a\nlabel: فروش".as_bytes().to_vec();
    bytes.extend([0xd9, b'\n']);
    let source = source(bytes);
    let checked = check(&source, catalog(), None);
    assert_eq!(codes_of(&checked.diagnostics), ["WF0006"]);
    let span = checked.diagnostics[0].span;
    assert_eq!((span.line, span.column), (2, 12));
    assert_eq!(codes(b"\xff\xfew\0o\0r\0k\0".to_vec()), ["WF0006"]);
}

#[test]
fn nothing_at_all_is_an_empty_file() {
    for empty in ["", "\n\n", "# only a comment\n", "---\n", "~\n", "\u{feff}"] {
        assert_eq!(codes(empty), ["WF0002"], "{empty:?}");
    }
}

#[test]
fn a_byte_order_mark_changes_nothing() {
    let text = file("workflows/invoice.yaml").lossy_text();
    let marked = source(format!("\u{feff}{text}"));
    let checked = check(&marked, catalog(), None);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let wrong = source(format!("\u{feff}wrkflow: a\n{text}"));
    let checked = check(&wrong, catalog(), None);
    let first = &checked.diagnostics[0];
    assert_eq!(
        (first.code, first.span.line, first.span.column),
        ("WF0101", 1, 1)
    );
    assert_eq!(first.span.start, 3);
}

#[test]
fn windows_line_ends_change_nothing() {
    let text = file("workflows/contract.yaml")
        .lossy_text()
        .replace('\n', "\r\n");
    let checked = check(&source(text), catalog(), None);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
}

#[test]
fn a_list_or_a_text_is_no_workflow() {
    assert_eq!(codes("- a\n- b\n"), ["WF0103"]);
    assert_eq!(codes("just a text\n"), ["WF0103"]);
}

#[test]
fn a_file_full_of_mistakes_gives_a_bounded_answer() {
    let keys: String = (0..5_000).map(|key| format!("wrong{key}: 1\n")).collect();
    assert!(codes(keys).len() <= workflow_file::diagnostic::FINDINGS_MAX);
}

/// Whatever the bytes: no panic, findings or a model, every span inside the file, and what is clean
/// here is clean for the core.
fn holds_together(source: &SourceFile) {
    let project = Project::default();
    let checked = check(source, catalog(), Some(&project));
    assert!(checked.model.is_some() || !checked.diagnostics.is_empty());
    for diagnostic in &checked.diagnostics {
        let span = diagnostic.span;
        assert!(
            span.start <= span.end && span.end <= source.bytes.len().max(1),
            "{diagnostic:?}"
        );
        assert!(span.line >= 1 && span.column >= 1);
        assert_ne!(diagnostic.code, "WF0000", "{diagnostic:?}");
    }
    let text = render_human(&checked.diagnostics, &Sources::new().with(source), true);
    assert_eq!(text.is_empty(), checked.diagnostics.is_empty());
    if checked.model.is_some() {
        let loaded = load(source, catalog(), Some(&project));
        assert!(loaded.is_ok(), "{:?}", loaded.err());
    }
    let _ = Project::check(source);
}

/// One small change to a file: a byte, a line, a word.
fn mutate(text: &str, place: usize, kind: u8, byte: u8) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let at = place % bytes.len();
    let mut lines: Vec<&str> = text.lines().collect();
    let line = place % lines.len();
    match kind % 7 {
        0 => bytes[at] = byte,
        1 => drop(bytes.remove(at)),
        2 => bytes.insert(at, byte),
        3 => bytes.truncate(at),
        4 => {
            lines.remove(line);
            return lines.join("\n").into_bytes();
        }
        5 => {
            lines.insert(line, lines[(line + 1) % lines.len()]);
            return lines.join("\n").into_bytes();
        }
        _ => {
            let other = usize::from(byte) % lines.len();
            lines.swap(line, other);
            return lines.join("\n").into_bytes();
        }
    }
    bytes
}

#[test]
fn three_hundred_fixed_changes_to_shipped_files_never_panic() {
    let texts: Vec<String> = SHIPPED.iter().map(|path| file(path).lossy_text()).collect();
    let bytes = b"\0\"'{}[]:&*!|>#%@-,? \t\n\xffazAZ09\x80";
    for round in 0_usize..300 {
        let text = &texts[round % texts.len()];
        let place = round.wrapping_mul(2_654_435_761) >> 7;
        let kind = u8::try_from(round % 7).expect("below seven");
        let changed = mutate(text, place, kind, bytes[round % bytes.len()]);
        holds_together(&SourceFile::new("changed.yaml", changed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        holds_together(&SourceFile::new("random.yaml", bytes));
    }

    #[test]
    fn random_yaml_never_panics(text in "[a-z0-9 :{}\\[\\]\\-,\"'|>#\\n&*!?.$_()=<%؀-ۿ]{0,200}") {
        holds_together(&SourceFile::new("random.yaml", text.into_bytes()));
    }

    #[test]
    fn random_changes_to_shipped_files_never_panic(
        which in 0_usize..4, place in any::<usize>(), kind in any::<u8>(), byte in any::<u8>(),
    ) {
        let text = file(SHIPPED[which]).lossy_text();
        holds_together(&SourceFile::new("changed.yaml", mutate(&text, place >> 1, kind, byte)));
    }
}

#[test]
fn the_largest_file_that_is_read_is_read_to_its_end() {
    let mut text =
        String::from("workflow: a\nversion: 1\nentity: b\nlabel: c\ninitial: s0\nstates:\n");
    for state in 0..4_500 {
        text.push_str(&format!(
            "  s{state}: {{ wait: {{ for: 1d }}, next: {{ elapsed: s{} }} }}\n",
            state + 1
        ));
    }
    text.push_str("  s4500: { end: success }\n");
    assert!(text.len() < syntax::BYTES_MAX);
    let checked = check(&source(text), catalog(), None);
    assert!(
        checked.diagnostics.is_empty(),
        "{:?}",
        checked.diagnostics.first()
    );
}
