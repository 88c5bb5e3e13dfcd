//! What people and accidents hand in: each gets a code and an exit code, and nothing is lost.

use std::path::PathBuf;
use std::process::Stdio;

use crate::support::Place;

const RUN: &str = "run workflows/invoice.yaml --items invoice.json --play invoice.play.yaml \
                   --clock virtual --store data";

#[test]
fn a_folder_a_missing_file_and_an_unreadable_one_are_told_apart() {
    let place = Place::with_project();
    for (words, exit, code) in [
        ("run workflows --items invoice.json", 3, "file_is_folder"),
        ("graph workflows", 3, "file_is_folder"),
        (
            "run workflows/invoice.yaml --items workflows",
            3,
            "file_is_folder",
        ),
        (
            "run workflows/none.yaml --items invoice.json",
            3,
            "file_missing",
        ),
        ("check none.yaml", 3, "file_missing"),
        ("check --project none.yaml", 3, "file_missing"),
        ("test none", 3, "file_missing"),
        (
            "run invoice.play.yaml --items invoice.json",
            3,
            "not_a_workflow",
        ),
        ("run workflows/invoice.yaml", 4, "no_items"),
        ("items --store data", 3, "store_missing"),
        ("verify --store workflows", 3, "store_missing"),
    ] {
        let ran = place.run(words).expect(exit);
        assert!(
            ran.err.contains(&format!("error[{code}]")),
            "{words}: {}",
            ran.err
        );
        assert_eq!(ran.out, "", "{words}");
    }
    assert!(!place.path().join("data").exists());
}

#[test]
fn broken_workflow_files_are_shown_with_their_place() {
    let place = Place::with_project();
    let mut deep = "a: ".to_owned();
    deep.push_str(&"[".repeat(1_000));
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("broken-utf-8", vec![b'w', b':', 0xff, 0xfe]),
        ("nul", b"workflow: a\0b\n".to_vec()),
        ("bomb", bomb.as_bytes().to_vec()),
        ("deep", deep.into_bytes()),
        ("huge", "# x\n".repeat(2_700_000).into_bytes()),
        ("twice", b"workflow: a\nworkflow: b\n".to_vec()),
        ("list", b"- a\n".to_vec()),
    ] {
        let file = format!("{name}.yaml");
        place.write(&file, &bytes);
        let ran = place.run(&format!("check {file}")).expect(2);
        assert!(
            ran.out.contains("error[WF") && ran.out.contains(&file),
            "{name}: {}",
            ran.out
        );
        let ran = place
            .run(&format!("run {file} --items invoice.json"))
            .expect(2);
        assert!(ran.err.contains("error[WF"), "{name}: {}", ran.err);
    }
}

#[test]
fn mistakes_in_the_project_are_found_before_anything_runs() {
    let place = Place::with_project();
    let good = place.read("charkh.yaml");
    for (from, to, code) in [
        ("zone: Asia/Tehran", "zone: Asia/Teheran", "WF0504"),
        ("currency: IRR", "currency: IRX", "WF0112"),
        ("script: { pay: { after: 26h } }", "token: abc", "WF0502"),
        ("mobile: ۰۹۱۲۱۱۱۲۲۳۳", "mobile: ۰۹۱۲", "WF0507"),
    ] {
        place.edit("charkh.yaml", from, to);
        let ran = place.run("check").expect(2);
        assert!(ran.out.contains(code), "{to}: {}", ran.out);
        let ran = place.run(RUN).expect(2);
        assert!(ran.err.contains(code), "{to}: {}", ran.err);
        place.write("charkh.yaml", good.as_bytes());
    }
    place.edit("charkh.yaml", "gateway: sandbox ", "gateway: elsewhere ");
    place.edit("charkh.yaml", "    sandbox:\n", "    elsewhere:\n");
    let ran = place.run(RUN).expect(2);
    assert!(ran.err.contains("error[unknown_gateway]"), "{}", ran.err);
}

#[test]
fn an_account_that_does_not_exist_is_found_by_check_and_by_run() {
    let place = Place::with_project();
    place.edit("charkh.yaml", "  main:\n", "  other:\n");
    let checked = place.run("check workflows/invoice.yaml").expect(2).out;
    assert!(checked.contains("WF0408"), "{checked}");
    assert!(place.run(RUN).expect(2).err.contains("WF0408"));
    // Without a project file the account is taken on trust, and missed when it is needed.
    let alone = Place::with_project();
    std::fs::remove_file(alone.path().join("charkh.yaml")).unwrap();
    alone.edit("workflows/invoice.yaml", "account: main", "account: other");
    alone.run("check workflows/invoice.yaml").expect(0);
    alone.write("items.yaml", b"- { id: 1, final_amount: 1_000 IRR }\n");
    let ran = alone
        .run("run workflows/invoice.yaml --items items.yaml --clock virtual")
        .expect(2);
    assert!(
        ran.err.contains("error[definition]") && ran.err.contains("other"),
        "{}",
        ran.err
    );
}

#[test]
fn mistakes_in_items_are_all_shown_and_nothing_starts() {
    let place = Place::with_project();
    place.write(
        "invoice.json",
        "[{\"id\": \"a\u{202e}b\"},\n{\"id\": \"1\", \"final_amount\": \"5 USDT\"},\n\
         {\"id\": \"2\", \"party\": \"nobody\"},\n{\"id\": \"3\", \"due_date\": \"1404/12/30\"},\n\
         {\"id\": \"4\", \"amuont\": \"1\"},\n{\"id\": \"4\"}]"
            .as_bytes(),
    );
    let ran = place.run(RUN).expect(2);
    for (code, line) in [
        ("RN0102", 1),
        ("RN0105", 2),
        ("RN0106", 3),
        ("RN0105", 4),
        ("RN0104", 5),
        ("RN0103", 6),
    ] {
        assert!(
            ran.err.contains(&format!("error[{code}]")),
            "{code}: {}",
            ran.err
        );
        assert!(
            ran.err.contains(&format!("invoice.json:{line}:")),
            "{line}: {}",
            ran.err
        );
    }
    assert!(!place.path().join("data").exists());
}

#[test]
fn a_lead_as_party_ends_in_the_error_state_without_a_call_to_the_gateway() {
    let place = Place::with_project();
    place.write(
        "invoice.json",
        br#"{ "id": "L-1", "party": "nika", "final_amount": "90_000_000 IRR", "pay_days": 3 }"#,
    );
    // Past the workflow's own check for leads, straight to the link.
    place.edit(
        "workflows/invoice.yaml",
        "initial: check_amount",
        "initial: set_expiry",
    );
    place.write("none.play.yaml", b"clock: 1405/06/01 09:00\nplay: []\n");
    let ran = place
        .run(&RUN.replace("invoice.play", "none.play"))
        .expect(0);
    assert!(
        ran.out.contains("is in finance_task") && ran.out.contains("lead"),
        "{}",
        ran.out
    );
    assert_eq!(place.read("data/sandbox.jsonl"), "");
}

#[test]
fn a_store_is_open_once_at_a_time() {
    let place = Place::with_project();
    // In real time the customer pays tomorrow, so the run keeps its store open.
    place.write(
        "play.yaml",
        b"play: [{ in: review, as: zahra, do: approve }]\n",
    );
    let words = "run workflows/invoice.yaml --items invoice.json --play play.yaml --store data";
    let mut child = place
        .command(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let messages = place.path().join("data/messages.jsonl");
    while std::fs::read_to_string(&messages)
        .unwrap_or_default()
        .is_empty()
    {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended by itself"
        );
        std::thread::yield_now();
    }
    for command in ["items", "verify", "links"] {
        let ran = place.run(&format!("{command} --store data")).expect(6);
        assert!(ran.err.contains("error[store_locked]"), "{}", ran.err);
        assert!(
            ran.err.contains(&format!("process {}", child.id())),
            "{}",
            ran.err
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    place.run("items --store data").expect(0);
}

#[test]
fn times_do_not_mix() {
    let place = Place::with_project();
    place.run_invoice().expect(0);
    let real = RUN.replace("--clock virtual ", "");
    let ran = place.run(&real).expect(3);
    assert!(ran.err.contains("error[virtual_store]"), "{}", ran.err);
    let ran = place
        .run(&format!("{real} --at 2026-01-01T00:00:00Z"))
        .expect(3);
    assert!(ran.err.contains("error[at_needs_virtual]"), "{}", ran.err);
    std::fs::remove_file(place.path().join("data/clock")).unwrap();
    let ran = place.run(RUN).expect(3);
    assert!(ran.err.contains("error[real_store]"), "{}", ran.err);
}

/// The first file of the journal.
fn first_segment(place: &Place) -> PathBuf {
    let folder = place.path().join("data/journal/journal");
    std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .min()
        .unwrap()
}

#[test]
fn a_damaged_store_is_refused_untouched_and_the_rest_can_be_got_out() {
    let place = Place::with_project();
    place.run_invoice().expect(0);
    let segment = first_segment(&place);
    let good = std::fs::read(&segment).unwrap();
    // A record in the middle of the journal, with others behind it.
    let mut bad = good.clone();
    let at = good
        .windows(11)
        .position(|window| window == b"make_link/6")
        .expect("a reference");
    bad[at] ^= 1;
    std::fs::write(&segment, &bad).unwrap();
    let ran = place.run("verify --store data").expect(5);
    assert!(
        ran.err.contains("error[store_damaged]") && ran.err.contains("byte"),
        "{}",
        ran.err
    );
    assert_eq!(std::fs::read(&segment).unwrap(), bad);
    let export = place.run("export --store data").expect(5);
    assert!(export.out.contains("\"kind\":\"gap\""), "{}", export.err);
    assert!(export.out.lines().count() > 10);
    std::fs::write(&segment, &good).unwrap();
    place.run("verify --store data").expect(0);
}

#[test]
fn a_store_of_a_newer_version_is_refused_untouched() {
    let place = Place::with_project();
    place.run_invoice().expect(0);
    let segment = first_segment(&place);
    let mut bytes = std::fs::read(&segment).unwrap();
    // Magic, format, and a checksum of both: these keep their places for ever.
    bytes[8..12].copy_from_slice(&7_u32.to_le_bytes());
    let sum = crc32c(&bytes[..12]).to_le_bytes();
    bytes[12..16].copy_from_slice(&sum);
    std::fs::write(&segment, &bytes).unwrap();
    for command in ["items", "verify", "export"] {
        let ran = place.run(&format!("{command} --store data")).expect(5);
        assert!(
            ran.err.contains("error[store_newer]") && ran.err.contains('7'),
            "{}",
            ran.err
        );
    }
    assert!(
        place
            .run_invoice()
            .expect(5)
            .err
            .contains("error[store_newer]")
    );
    assert_eq!(std::fs::read(&segment).unwrap(), bytes);
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg());
    !bytes
        .iter()
        .fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

#[test]
fn the_index_of_a_store_may_be_lost() {
    let place = Place::with_project();
    place.run_invoice().expect(0);
    let before = place
        .run("history invoice/INV-1042 --store data --json")
        .expect(0)
        .out;
    std::fs::remove_dir_all(place.path().join("data/journal/index")).unwrap();
    assert_eq!(
        place
            .run("history invoice/INV-1042 --store data --json")
            .expect(0)
            .out,
        before
    );
    place.run("verify --store data").expect(0);
}

/// Clause 56: a definition that changes leaves running items with theirs.
#[test]
fn a_changed_workflow_leaves_running_items_with_theirs() {
    let place = Place::with_project();
    place.write("none.play.yaml", b"clock: 1405/06/01 09:00\nplay: []\n");
    let words = RUN.replace("invoice.play", "none.play");
    place.run(&words).expect(0);
    place.edit(
        "workflows/invoice.yaml",
        "      assignee: { role: sales_manager }\n      remind",
        "      assignee: { role: finance_manager }\n      remind",
    );
    place.edit("invoice.json", "INV-1042\",", "INV-2\",");
    place.run(&words).expect(0);
    let items = place.run("items --store data").expect(0).out;
    assert!(
        items.contains("role sales_manager") && items.contains("role finance_manager"),
        "{items}"
    );
    place
        .run("act invoice/INV-1042 approve --as zahra --store data")
        .expect(0);
    place
        .run("act invoice/INV-2 approve --as zahra --store data")
        .expect(6);
}

#[test]
fn a_play_that_is_refused_is_told_and_the_run_goes_on() {
    let place = Place::with_project();
    place.write(
        "invoice.play.yaml",
        b"clock: 1405/06/01 09:00\nplay:\n  - { in: review, as: ali, do: approve }\n  \
          - { in: review, as: zahra, do: approve, after: 1h }\n",
    );
    let ran = place.run(RUN).expect(0);
    assert!(
        ran.err
            .contains("note: invoice/INV-1042: ali could not choose approve"),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("ended in paid"), "{}", ran.out);
    place.write(
        "invoice.play.yaml",
        b"play: [{ in: reveiw, as: zahra, do: approve }]\n",
    );
    let ran = place.run(RUN).expect(2);
    assert!(
        ran.err.contains("error[RN0201]") && ran.err.contains("review"),
        "{}",
        ran.err
    );
}
