//! The parts of an SMS.

use messaging::{Alphabet, Parts};

#[test]
fn parts_are_counted_in_every_language() {
    use Alphabet::{Gsm7, Ucs2};
    let table: &[(&str, String, Alphabet, usize, usize)] = &[
        ("nothing", String::new(), Gsm7, 0, 0),
        ("one letter", "a".to_owned(), Gsm7, 1, 1),
        ("160 letters", "a".repeat(160), Gsm7, 160, 1),
        ("161 letters", "a".repeat(161), Gsm7, 161, 2),
        ("306 letters", "a".repeat(306), Gsm7, 306, 2),
        ("307 letters", "a".repeat(307), Gsm7, 307, 3),
        (
            "signs of the basic table",
            "@£¥èéÄñü¿§\n".to_owned(),
            Gsm7,
            11,
            1,
        ),
        ("eighty euros", "€".repeat(80), Gsm7, 160, 1),
        ("eighty-one euros", "€".repeat(81), Gsm7, 162, 2),
        // 153 is odd: the 77th sign of two units goes to the next part.
        ("152 euros", "€".repeat(152), Gsm7, 304, 2),
        ("153 euros", "€".repeat(153), Gsm7, 306, 3),
        (
            "every extended sign",
            "^{}\\[~]|€\u{c}".to_owned(),
            Gsm7,
            20,
            1,
        ),
        ("a backtick", "`".to_owned(), Ucs2, 1, 1),
        ("70 Persian", "س".repeat(70), Ucs2, 70, 1),
        ("71 Persian", "س".repeat(71), Ucs2, 71, 2),
        ("134 Persian", "س".repeat(134), Ucs2, 134, 2),
        ("135 Persian", "س".repeat(135), Ucs2, 135, 3),
        ("70 Russian", "ж".repeat(70), Ucs2, 70, 1),
        ("71 Russian", "ж".repeat(71), Ucs2, 71, 2),
        (
            "one Persian among Latin",
            format!("{}س", "a".repeat(70)),
            Ucs2,
            71,
            2,
        ),
        ("Persian digits", "۱۲۳".to_owned(), Ucs2, 3, 1),
        ("35 emoji", "🙂".repeat(35), Ucs2, 70, 1),
        ("36 emoji", "🙂".repeat(36), Ucs2, 72, 2),
        // 67 is odd: the pair that would be cut goes to the next part.
        ("66 emoji", "🙂".repeat(66), Ucs2, 132, 2),
        ("67 emoji", "🙂".repeat(67), Ucs2, 134, 3),
        (
            "an emoji on the cut",
            format!("{}🙂{}", "س".repeat(66), "س".repeat(66)),
            Ucs2,
            134,
            3,
        ),
    ];
    for (name, text, alphabet, units, count) in table {
        let parts = Parts::of(text);
        assert_eq!(
            (parts.alphabet, parts.units, parts.count),
            (*alphabet, *units, *count),
            "{name}"
        );
    }
}
