//! Putting the proposed replacements into a text.

use crate::diagnostic::{Diagnostic, Fix};

/// The text with every fix in its place; of two that overlap, the first in the file.
pub fn apply_fixes(text: &str, diagnostics: &[Diagnostic]) -> String {
    let mut fixes: Vec<&Fix> = diagnostics
        .iter()
        .filter_map(|diagnostic| diagnostic.fix.as_ref())
        .collect();
    fixes.sort_by_key(|fix| (fix.span.start, fix.span.end));
    let mut fixed = String::with_capacity(text.len());
    let mut done = 0;
    for fix in fixes {
        let (start, end) = (fix.span.start, fix.span.end);
        let Some(between) = text.get(done..start) else {
            continue;
        };
        if text.get(start..end).is_none() {
            continue;
        }
        fixed.push_str(between);
        fixed.push_str(&fix.replacement);
        done = end;
    }
    fixed.push_str(text.get(done..).unwrap_or_default());
    fixed
}
