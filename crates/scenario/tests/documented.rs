//! The page about scenarios: every complete example on it is played.

use workflow_file::SourceFile;

use crate::support::{file, play, project};

/// The YAML blocks of a page, each with its place.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line) {
            (None, "```yaml") => open = Some((number + 1, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, text)), line) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

#[tokio::test]
async fn every_example_of_the_page_passes() {
    let page = file("docs/scenarios.md").lossy_text();
    let project = project();
    let mut played = 0;
    for (line, text) in blocks(&page) {
        // Pieces of a scenario are put into the first example, in the place of their own kind.
        let whole = text.starts_with("scenario:");
        assert!(
            whole || text.starts_with("given:") || text.starts_with("steps:"),
            "line {line}"
        );
        let text = if whole { text } else { complete(&page, &text) };
        let source = SourceFile::new(format!("docs/line-{line}.scenario.yaml"), text.clone());
        let report = play(&source, &project).await;
        assert!(
            report.passed(),
            "line {line}: {:#?}\n{text}",
            report.failures
        );
        played += 1;
    }
    assert!(played >= 2, "{played} examples");
}

/// A piece with everything else from the first example of the page.
fn complete(page: &str, piece: &str) -> String {
    let (_, first) = blocks(page).into_iter().next().expect("an example");
    let given = first.find("given:").expect("given");
    let steps = first.find("steps:").expect("steps");
    let (head, own_given, own_steps) = (&first[..given], &first[given..steps], &first[steps..]);
    match (piece.find("given:"), piece.find("steps:")) {
        (Some(_), Some(_)) => format!("{head}{piece}"),
        (Some(_), None) => format!("{head}{piece}{own_steps}"),
        _ => format!("{head}{own_given}{piece}"),
    }
}
