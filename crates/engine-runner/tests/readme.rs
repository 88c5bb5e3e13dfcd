//! What the README shows is true: its first command, that command's output, its picture.

use crate::support::{Place, Ran, root};

/// The fenced block behind a mark, without its fences.
fn block(readme: &str, mark: &str) -> String {
    let mark = format!("<!-- ci: {mark} -->");
    let (_, rest) = readme
        .split_once(&mark)
        .unwrap_or_else(|| panic!("no {mark}"));
    let mut lines = rest
        .lines()
        .skip_while(|line| !line.starts_with("```"))
        .skip(1);
    let inside: Vec<&str> = lines
        .by_ref()
        .take_while(|line| !line.starts_with("```"))
        .collect();
    format!("{}\n", inside.join("\n"))
}

fn in_root(words: &str) -> Ran {
    let output = Place::empty()
        .command(words)
        .current_dir(root())
        .output()
        .unwrap();
    Ran::from(output).expect(0)
}

#[test]
fn the_first_command_of_the_readme_ends_as_it_shows() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let command = block(&readme, "run");
    // The test harness has built the binary already; everything behind `--` is the binary's.
    let (_, words) = command.split_once("-p engine-runner -- ").unwrap();
    let ran = in_root(words.trim());
    assert_eq!(ran.out, block(&readme, "run-output"));
    assert!(ran.out.contains("ended in paid (success)"));
    assert!(ran.out.lines().count() < 40);
}

#[test]
fn the_picture_of_the_readme_is_what_graph_draws() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let ran = in_root("graph examples/workflows/invoice-payment.yaml");
    assert_eq!(ran.out, block(&readme, "picture"));
}
