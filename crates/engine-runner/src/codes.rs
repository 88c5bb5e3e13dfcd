//! The pages about codes and activities: those of the rooms below, and those of this program.

use charkh::activity::Catalog;
use charkh::{scenario, workflow_file};

/// A page about a code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// The code.
    pub(crate) code: &'static str,
    /// What it says, in a few words.
    pub(crate) title: &'static str,
    /// The whole page.
    pub(crate) text: &'static str,
}

/// Every code there is, in order.
pub(crate) fn all() -> Vec<Page> {
    let files = workflow_file::codes()
        .into_iter()
        .filter_map(workflow_file::explain)
        .map(|page| Page {
            code: page.code,
            title: page.title,
            text: page.markdown,
        });
    let scenarios = scenario::pages().iter().map(|page| Page {
        code: page.code,
        title: page.title,
        text: page.markdown,
    });
    let own = OWN.iter().map(|(code, text)| Page {
        code,
        title: title(text),
        text,
    });
    let activities = Catalog::builtin();
    let activities = activities.iter().map(|activity| {
        let descriptor = activity.descriptor();
        Page {
            code: descriptor.name,
            title: descriptor.summary.trim_end_matches('.'),
            text: descriptor.page,
        }
    });
    let mut pages: Vec<Page> = files
        .chain(scenarios)
        .chain(own)
        .chain(activities)
        .collect();
    pages.sort_by_key(|page| page.code);
    pages
}

/// The words behind the code in a page's first line.
fn title(text: &'static str) -> &'static str {
    let first = text.lines().next().unwrap_or_default();
    first.split_once(": ").map_or(first, |(_, title)| title)
}

/// The codes of this program.
const OWN: [(&str, &str); 30] = [
    ("RN0101", include_str!("pages/RN0101.md")),
    ("RN0102", include_str!("pages/RN0102.md")),
    ("RN0103", include_str!("pages/RN0103.md")),
    ("RN0104", include_str!("pages/RN0104.md")),
    ("RN0105", include_str!("pages/RN0105.md")),
    ("RN0106", include_str!("pages/RN0106.md")),
    ("RN0201", include_str!("pages/RN0201.md")),
    ("RN0202", include_str!("pages/RN0202.md")),
    ("RN0203", include_str!("pages/RN0203.md")),
    ("RN0204", include_str!("pages/RN0204.md")),
    ("RN0205", include_str!("pages/RN0205.md")),
    ("RN0301", include_str!("pages/RN0301.md")),
    ("bad_statement", include_str!("pages/bad_statement.md")),
    ("disk_full", include_str!("pages/disk_full.md")),
    ("file_is_folder", include_str!("pages/file_is_folder.md")),
    ("file_missing", include_str!("pages/file_missing.md")),
    (
        "gateway_settings",
        include_str!("pages/gateway_settings.md"),
    ),
    ("ledger", include_str!("pages/ledger.md")),
    ("listen_missing", include_str!("pages/listen_missing.md")),
    ("not_allowed", include_str!("pages/not_allowed.md")),
    ("party_field", include_str!("pages/party_field.md")),
    ("real_store", include_str!("pages/real_store.md")),
    ("secret_missing", include_str!("pages/secret_missing.md")),
    ("store_damaged", include_str!("pages/store_damaged.md")),
    ("store_differs", include_str!("pages/store_differs.md")),
    ("store_locked", include_str!("pages/store_locked.md")),
    ("store_missing", include_str!("pages/store_missing.md")),
    ("store_newer", include_str!("pages/store_newer.md")),
    ("unknown_gateway", include_str!("pages/unknown_gateway.md")),
    ("virtual_store", include_str!("pages/virtual_store.md")),
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_is_explained_once_and_says_its_own_name() {
        let pages = super::all();
        for pair in pages.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} comes twice", pair[1].code);
        }
        for page in pages {
            assert!(
                page.text.len() > 60 && !page.title.is_empty(),
                "{}",
                page.code
            );
            let first = page.text.lines().next().unwrap();
            assert!(
                first.contains(page.code) || page.code.starts_with("WF04"),
                "{}",
                page.code
            );
        }
    }
}
