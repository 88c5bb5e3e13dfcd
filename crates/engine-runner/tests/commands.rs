//! Every command on a good day.

use crate::support::{Place, golden, root};

#[test]
fn an_invoice_runs_to_its_payment_and_its_story_is_told() {
    let place = Place::with_project();
    let ran = place.run_invoice().expect(0);
    assert!(ran.out.contains("ended in paid (success)"), "{}", ran.out);
    assert!(ran.out.lines().count() < 40);
    golden("run.txt", &ran.out);
    assert_eq!(ran.err, "");
}

#[test]
fn the_same_run_again_changes_nothing() {
    let place = Place::with_project();
    let first = place.run_invoice().expect(0);
    let messages = place.read("data/messages.jsonl");
    let ledger = place.read("data/sandbox.jsonl");
    let again = place.run_invoice().expect(0);
    assert_eq!(first.out, again.out);
    assert_eq!(place.read("data/messages.jsonl"), messages);
    assert_eq!(place.read("data/sandbox.jsonl"), ledger);
}

#[test]
fn a_store_can_be_looked_into() {
    let place = Place::with_project();
    place.run_invoice().expect(0);
    for (command, part) in [
        ("items", "paid"),
        ("items --state nowhere", "item"),
        ("history invoice/INV-1042", "zahra chooses approve"),
        ("timers", "due"),
        ("links", "https://sandbox.invalid/pay/"),
        ("messages", "+989124445566"),
        ("verify", "none live twice: yes"),
    ] {
        let ran = place.run(&format!("{command} --store data")).expect(0);
        assert!(ran.out.contains(part), "{command}: {}", ran.out);
    }
    for (command, name, count) in [
        ("items", "items", 1),
        ("history invoice/INV-1042", "history", 11),
        ("timers", "timers", 0),
        ("links", "links", 1),
        ("messages", "messages", 4),
    ] {
        let ran = place
            .run(&format!("{command} --store data --json"))
            .expect(0);
        assert!(ran.out.starts_with("{\n  \"v\": 1,"), "{}", ran.out);
        let rows = ran.json()[name].as_array().unwrap().len();
        assert!(
            rows == count || name == "history" && rows >= 5,
            "{command}: {rows}"
        );
    }
    let verified = place.run("verify --store data --json").expect(0).json();
    assert_eq!(verified["verify"]["whole"], true);
    assert_eq!(verified["verify"]["messages"], 4);
    assert_eq!(
        place
            .run("history invoice/INV-1 --store data")
            .expect(4)
            .out,
        ""
    );
}

#[test]
fn an_export_holds_every_commit_and_row_as_json_lines() {
    let place = Place::with_project();
    place.run_invoice().expect(0);
    let ran = place.run("export --store data").expect(0);
    let lines: Vec<serde_json::Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_kind = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!(
        (lines[0]["kind"].as_str(), of_kind("store")),
        (Some("store"), 1)
    );
    assert_eq!((of_kind("end"), of_kind("gap")), (1, 0));
    assert!(of_kind("commit") > 8);
    let tables: std::collections::BTreeSet<&str> = lines
        .iter()
        .filter(|line| line["kind"] == "row")
        .map(|line| line["table"].as_str().unwrap())
        .collect();
    for table in [
        "instances",
        "inputs",
        "links",
        "payments",
        "receipts",
        "messages",
        "definitions",
    ] {
        assert!(tables.contains(table), "{table}: {tables:?}");
    }
}

#[test]
fn people_act_on_stored_items_by_the_rules() {
    let place = Place::with_project();
    let words = "run workflows/invoice.yaml --items invoice.json --clock virtual --store data \
                 --at 2026-08-23T09:00:00+03:30";
    let ran = place.run(words).expect(0);
    assert!(ran.err.contains("waits for people"), "{}", ran.err);
    let refused = place
        .run("act invoice/INV-1042 approve --as ali --store data")
        .expect(6);
    assert!(
        refused.err.contains("error[not_allowed]"),
        "{}",
        refused.err
    );
    let missing = place
        .run("act invoice/INV-1042 reject --as zahra --store data")
        .expect(6);
    assert!(missing.err.contains("reject_reason"), "{}", missing.err);
    place
        .run("act invoice/INV-1042 approve --as nobody --store data")
        .expect(6);
    let words = "act invoice/INV-1042 approve --as zahra --id form-1 --store data";
    let ran = place.run(words).expect(0);
    assert_eq!(ran.out, "invoice/INV-1042 is in await_payment\n");
    let again = place.run(words).expect(0);
    assert!(again.err.contains("applied before"), "{}", again.err);
    let history = place.run("history invoice/INV-1042 --store data").expect(0);
    assert!(history.out.contains("refused to ali"), "{}", history.out);
    // The link is paid once the run goes on.
    let ran = place
        .run("run workflows/invoice.yaml --clock virtual --store data")
        .expect(0);
    assert!(ran.out.contains("ended in paid"), "{}", ran.out);
}

#[test]
fn a_question_must_be_answered() {
    let place = Place::with_project();
    place.edit("charkh.yaml", "{ pay: { after: 26h } }", "refused");
    let words = "run workflows/invoice.yaml --items invoice.json --play only.yaml \
                 --clock virtual --store data";
    place.write(
        "only.yaml",
        b"clock: 1405/06/01 09:00\nplay: [{ in: review, as: zahra, do: approve }]\n",
    );
    let ran = place.run(words).expect(0);
    assert!(ran.out.contains("is in finance_task"), "{}", ran.out);
    let asked = place
        .run("act invoice/INV-1042 legal --as reza --store data")
        .expect(6);
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    let ran = place
        .run("act invoice/INV-1042 legal --as reza --yes --store data")
        .expect(0);
    assert_eq!(ran.out, "invoice/INV-1042 is in legal\n");
}

const SHIPPING: &str = "
workflow: shipping
version: 1
entity: order
label: Shipping
fields: { limit: { type: number }, parcel: { type: text } }
events: { shipped: { payload: { parcel: { type: text } } } }
initial: packed
states:
  packed:
    wait: { event: { name: shipped, when: event.parcel != () } }
    next: { event: check }
  check:
    decision: [{ when: 'item.limit > 3', to: sent }, { otherwise: kept }]
  sent: { end: success }
  kept: { end: failed }
";

#[test]
fn events_come_from_the_command_line_and_an_incident_is_retried() {
    let place = Place::with_project();
    place.write("workflows/shipping.yaml", SHIPPING.as_bytes());
    place.write("orders.csv", b"id,limit\n1,5\n2,\n");
    let words = "run workflows/shipping.yaml --items orders.csv --clock virtual --store data";
    let ran = place.run(words).expect(0);
    assert!(ran.out.contains("order/2\n"), "{}", ran.out);
    let declined = place.run("event order/1 shipped --store data").expect(0);
    assert!(
        declined.err.contains("no condition let it through"),
        "{}",
        declined.err
    );
    let ran = place
        .run("event order/1 shipped --set parcel=P-1 --store data")
        .expect(0);
    assert_eq!(ran.out, "order/1 is in sent\n");
    place.run("event order/1 shiped --store data").expect(6);
    place
        .run("event order/1 shipped --set parcl=P-1 --store data")
        .expect(3);
    // A condition that fails at run time parks the item; it never counts as false.
    let ran = place
        .run("event order/2 shipped --set parcel=P-2 --store data")
        .expect(0);
    assert!(
        ran.out.contains("order/2 is in packed") && ran.out.contains('['),
        "{}",
        ran.out
    );
    let retried = place
        .run("retry order/2 --as zahra --reason again --store data")
        .expect(0);
    assert!(
        retried.out.contains("order/2 is in packed"),
        "{}",
        retried.out
    );
    let items = place.run("items --store data").expect(0);
    assert!(items.out.contains("incident"), "{}", items.out);
}

#[test]
fn many_items_get_a_summary_and_all_kinds_of_files_work() {
    let place = Place::with_project();
    let mut csv = String::from("id,number,party,final_amount,pay_days\n");
    for number in 1..=12 {
        csv.push_str(&format!(
            "{number},INV-{number},parsplast,۹۰٬۰۰۰٬۰۰۰ IRR,3\n"
        ));
    }
    place.write("items.csv", csv.as_bytes());
    let words =
        "run workflows/invoice.yaml --items items.csv --play invoice.play.yaml --clock virtual";
    let ran = place.run(words).expect(0);
    assert_eq!(
        ran.out,
        "items  state  remark\n12     paid   ended: success\n"
    );
    let json = place.run(&format!("{words} --json")).expect(0).json();
    assert_eq!(json["items"].as_array().unwrap().len(), 12);
    place.write(
        "items.yaml",
        b"- { id: 1, party: sepid, final_amount: 1_000 IRR }\n",
    );
    let ran = place.run(&words.replace("csv", "yaml")).expect(0);
    assert!(ran.out.contains("ended in paid"), "{}", ran.out);
}

#[test]
fn a_run_in_real_time_does_what_is_due_and_ends() {
    let place = Place::with_project();
    place.edit("charkh.yaml", "after: 26h", "after: 1s");
    place.write(
        "play.yaml",
        b"play: [{ in: review, as: zahra, do: approve }]\n",
    );
    let words = "run workflows/invoice.yaml --items invoice.json --play play.yaml --store data";
    let ran = place.run(words).expect(0);
    assert!(ran.out.contains("ended in paid"), "{}", ran.out);
    assert!(!place.path().join("data/clock").exists());
}

#[test]
fn workflows_become_pictures_and_texts_that_draw_themselves() {
    let place = Place::with_project();
    let svg = place
        .run("graph workflows/invoice.yaml --format svg --lang fa")
        .expect(0)
        .out;
    assert!(svg.starts_with("<svg xmlns=") && svg.contains("direction=\"rtl\""));
    assert!(svg.contains("در انتظار پرداخت") && svg.ends_with("</svg>\n"));
    golden("invoice.fa.svg", &svg);
    golden(
        "invoice.mmd",
        &place.run("graph workflows/invoice.yaml").expect(0).out,
    );
    let dot = place
        .run("graph workflows/invoice.yaml --format dot --lang ru")
        .expect(0)
        .out;
    golden("invoice.ru.dot", &dot);
}

#[test]
fn schemas_are_json_and_codes_are_explained() {
    let place = Place::empty();
    for kind in ["workflow", "scenario", "project"] {
        let schema = place.run(&format!("schema {kind}")).expect(0).json();
        assert!(schema["properties"].is_object(), "{kind}");
    }
    let page = place.run("explain wf0201").expect(0).out;
    assert!(page.contains("WF0201"), "{page}");
    golden(
        "explain.txt",
        &place.run("explain store_locked").expect(0).out,
    );
    let activity = place.run("explain renew_payment_link").expect(0).out;
    assert!(activity.starts_with("# renew_payment_link\n"), "{activity}");
    let listed = place.run("explain").expect(0).out;
    assert!(listed.lines().count() > 60, "{listed}");
    let unknown = place.run("explain WF9999").expect(3);
    assert!(
        unknown.err.contains("error[unknown_code]"),
        "{}",
        unknown.err
    );
}

#[test]
fn every_command_has_a_help_text_with_an_example() {
    let place = Place::empty();
    let help = place.run("--help").expect(0).out;
    golden("help.txt", &help);
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert_eq!(commands.len(), 20, "{commands:?}");
    for command in commands {
        let help = place.run(&format!("{command} --help")).expect(0).out;
        assert!(
            help.contains(&format!("Example: engine-runner {command}")),
            "{help}"
        );
    }
    place.run("--version").expect(0);
    place.run("").expect(3);
    place.run("nonsense").expect(3);
    place.run("run").expect(3);
}

#[test]
fn scenarios_are_played_and_reported_in_every_format() {
    let place = Place::with_project();
    let scenario =
        std::fs::read(root().join("workflows/invoice/approved-and-paid.scenario.yaml")).unwrap();
    place.write("workflows/invoice/good.scenario.yaml", &scenario);
    let human = place.run("test").expect(0);
    assert!(
        human.out.contains("1 ") && human.err.is_empty(),
        "{}",
        human.out
    );
    place.run("test workflows/invoice.yaml").expect(0);
    place.run("test workflows --min 100").expect(1);
    place.run("test workflows/contract.yaml").expect(4);
    let text = String::from_utf8(scenario).unwrap();
    let bad = text.replace("state: paid\n", "state: rejected\n");
    place.write("workflows/invoice/bad.scenario.yaml", bad.as_bytes());
    let human = place.run("test").expect(1).out;
    assert!(
        human.contains("bad.scenario.yaml") && human.contains("rejected"),
        "{human}"
    );
    assert!(human.contains("zahra chooses approve"), "{human}");
    let json = place.run("test --format json").expect(1).json();
    assert_eq!(json["version"], 1);
    let junit = place.run("test --format junit").expect(1).out;
    assert!(
        junit.starts_with("<?xml") && junit.contains("<failure"),
        "{junit}"
    );
    let github = place.run("test --format github").expect(1).out;
    assert!(
        github.contains("::error file=workflows/invoice/bad.scenario.yaml,line="),
        "{github}"
    );
}
