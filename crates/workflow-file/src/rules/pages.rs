//! The pages about the codes.

mod list;

/// A page about a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The code, such as `WF0201`.
    pub code: &'static str,
    /// What it says, in a few words.
    pub title: &'static str,
    /// The whole page: what it means, why, and a wrong and a right example.
    pub markdown: &'static str,
}

/// The page about a code, written in any case.
pub fn explain(code: &str) -> Option<Explanation> {
    let wanted = code.trim();
    pages().find(|page| page.code.eq_ignore_ascii_case(wanted))
}

/// Every code there is, in order.
pub fn codes() -> Vec<&'static str> {
    let mut codes: Vec<&'static str> = pages().map(|page| page.code).collect();
    codes.sort_unstable();
    codes
}

fn pages() -> impl Iterator<Item = Explanation> {
    let own = list::PAGES.iter().map(|(code, markdown)| Explanation {
        code,
        title: title(markdown),
        markdown,
    });
    let settings = activity::problem_pages().iter();
    own.chain(settings.map(|(code, title, markdown)| Explanation {
        code,
        title,
        markdown,
    }))
}

/// The words behind the code in a page's first line.
fn title(markdown: &'static str) -> &'static str {
    let first = markdown.lines().next().unwrap_or_default();
    first.split_once(": ").map_or(first, |(_, title)| title)
}
