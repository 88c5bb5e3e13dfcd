//! How output looks to programs, pipes and people without colours.

use std::io::Read as _;
use std::process::Stdio;

use crate::support::Place;

const ESCAPE: char = '\u{1b}';

#[test]
fn colours_are_written_only_where_they_are_wished() {
    let place = Place::with_project();
    place.edit(
        "workflows/invoice.yaml",
        "to: auto_approve, color",
        "to: auto_aprove, color",
    );
    let plain = place.run("check").expect(2);
    assert!(!plain.out.contains(ESCAPE) && !plain.err.contains(ESCAPE));
    let forced = place
        .command("check")
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(String::from_utf8(forced.stdout).unwrap().contains(ESCAPE));
    let refused = place
        .command("check")
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(!String::from_utf8(refused.stdout).unwrap().contains(ESCAPE));
    for words in [
        "test",
        "run workflows/invoice.yaml --items invoice.json",
        "explain nonsense",
    ] {
        let ran = place.command(words).env("NO_COLOR", "1").output().unwrap();
        let said = [ran.stdout, ran.stderr].concat();
        assert!(
            !String::from_utf8(said).unwrap().contains(ESCAPE),
            "{words}"
        );
    }
}

#[test]
fn a_reader_who_hangs_up_is_no_error() {
    let place = Place::empty();
    let mut child = place
        .command("explain")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Dropping the reading end is what `head` does.
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{err}");
    assert_eq!(err, "");
}

#[test]
fn findings_come_as_json_and_as_annotations() {
    let place = Place::with_project();
    place.edit(
        "workflows/invoice.yaml",
        "to: auto_approve, color",
        "to: auto_aprove, color",
    );
    let json = place.run("check --format json").expect(2).json();
    assert_eq!(json["errors"], 1);
    assert_eq!(json["diagnostics"][0]["code"], "WF0201");
    let github = place.run("check --format github").expect(2).out;
    let line = github.lines().next().unwrap();
    assert!(
        line.starts_with("::error file=workflows/invoice.yaml,line="),
        "{line}"
    );
    let human = place.run("check workflows").expect(2).out;
    assert!(human.contains("did you mean `auto_approve`?"), "{human}");
}

#[test]
fn misspelt_words_are_mended_and_the_rest_of_the_file_is_left_alone() {
    let place = Place::with_project();
    let good = place.read("workflows/invoice.yaml");
    place.edit(
        "workflows/invoice.yaml",
        "to: auto_approve, color",
        "to: auto_aprove, color",
    );
    place.edit(
        "workflows/invoice.yaml",
        "recipients:\n        sms",
        "recipents:\n        sms",
    );
    let before = place.run("check").expect(2).out;
    assert!(
        before.contains("WF0201") && before.contains("recipents"),
        "{before}"
    );
    let fixed = place.run("check --fix").expect(0);
    assert!(
        fixed
            .err
            .contains("fixed 2 words in workflows/invoice.yaml"),
        "{}",
        fixed.err
    );
    assert_eq!(place.read("workflows/invoice.yaml"), good);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_so_and_goes_on_later() {
    let place = Place::with_project();
    // In real time the customer pays tomorrow, so the run waits.
    place.write(
        "play.yaml",
        b"play: [{ in: review, as: zahra, do: approve }]\n",
    );
    let words = "run workflows/invoice.yaml --items invoice.json --play play.yaml --store data";
    let mut child = place
        .command(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let messages = place.path().join("data/messages.jsonl");
    while std::fs::read_to_string(&messages)
        .unwrap_or_default()
        .lines()
        .count()
        < 2
    {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended by itself"
        );
        std::thread::yield_now();
    }
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("is in await_payment"), "{out}");
    let items = place.run("items --store data").expect(0).out;
    assert!(items.contains("await_payment"), "{items}");
}
