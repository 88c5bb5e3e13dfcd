//! What the front page shows is true.

use std::path::Path;
use std::process::Command;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The first fenced block after `<!-- ci: NAME -->`.
fn block(readme: &str, name: &str) -> String {
    let mark = format!("<!-- ci: {name} -->");
    let (_, rest) = readme
        .split_once(&mark)
        .unwrap_or_else(|| panic!("no {mark}"));
    let (_, fenced) = rest.split_once("```").unwrap();
    let (_, body) = fenced.split_once('\n').unwrap();
    body.split_once("```").unwrap().0.to_owned()
}

fn engine_runner(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "-p", "engine-runner", "--"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let readme = read("README.md");
    let command = block(&readme, "run");
    let (cargo, arguments) = command.trim().split_once(" -- ").unwrap();
    assert_eq!(cargo, "cargo run --quiet --locked -p engine-runner");
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    assert_eq!(engine_runner(&arguments), block(&readme, "run-output"));
}

#[test]
fn the_second_command_is_what_ci_runs() {
    let command = block(&read("README.md"), "test");
    assert_eq!(command.trim(), "cargo test --workspace --locked");
    assert!(read(".ci/run").contains("readme_command test"));
}

#[test]
fn the_picture_is_drawn_from_the_workflow() {
    let drawn = engine_runner(&[
        "graph",
        "examples/workflows/invoice-payment.yaml",
        "--format",
        "mermaid",
    ]);
    assert_eq!(drawn, block(&read("README.md"), "picture"));
}

#[test]
fn the_yaml_shown_is_in_the_example() {
    let readme = read("README.md");
    let (_, shown) = readme.split_once("```yaml\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let example = read("examples/workflows/invoice-payment.yaml");
    let code = |line: &str| {
        let line = line.split(" #").next().unwrap_or_default().trim();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let known: Vec<String> = example.lines().map(code).collect();
    for line in shown.lines().map(code).filter(|line| !line.is_empty()) {
        assert!(known.contains(&line), "not in the example: {line}");
    }
}

#[test]
fn every_link_of_the_pages_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for folder in ["docs", "docs/decisions"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                pages.push(format!("{folder}/{name}"));
            }
        }
    }
    for page in pages {
        let folder = Path::new(&page).parent().unwrap().to_owned();
        for target in read(&page)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            assert!(
                root.join(&folder).join(path).exists(),
                "{page} links to {target}"
            );
        }
    }
}
