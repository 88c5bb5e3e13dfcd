//! Lists for people: columns under headings.

use owo_colors::OwoColorize as _;

/// Rows under headings, each column as wide as its widest cell.
pub(crate) fn render(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| width(heading)).collect();
    for row in rows {
        for (wide, cell) in widths.iter_mut().zip(row) {
            *wide = (*wide).max(width(cell));
        }
    }
    let line = |cells: &[&str]| {
        let mut line = String::new();
        for (index, (cell, wide)) in cells.iter().zip(&widths).enumerate() {
            line.push_str(cell);
            // The last column may be long; blanks behind it would only break lines.
            if index + 1 < cells.len() {
                line.extend(std::iter::repeat_n(
                    ' ',
                    wide.saturating_sub(width(cell)) + 2,
                ));
            }
        }
        line.trim_end().to_owned()
    };
    let mut text = format!("{}\n", line(headings).bold());
    for row in rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        text.push_str(&line(&cells));
        text.push('\n');
    }
    text
}

/// How many columns a text takes. Marks that join or steer letters take none.
fn width(text: &str) -> usize {
    let is_mark = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{064b}'..='\u{065f}' | '\u{0670}' | '\u{feff}');
    text.chars().filter(|c| !is_mark(*c)).count()
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn columns_stand_under_their_headings_in_persian_too() {
        let rows = vec![
            vec!["سند".to_owned(), "۱".to_owned()],
            vec!["می‌شود".to_owned(), "2".to_owned()],
        ];
        let text = anstream::adapter::strip_str(&render(&["name", "n"], &rows)).to_string();
        assert_eq!(text, "name   n\nسند    ۱\nمی‌شود  2\n");
    }
}
