//! Every provider over sockets: played by `sandbox`, called back through `listen`, and the commands on
//! the store that comes of it.

use crate::provider_stage::{Scene, Stage, Way, http, token};
use crate::support::{Place, Ran};

/// From an item to its receipt, by a callback over sockets.
fn from_item_to_receipt(way: Way, amount: &str) {
    let mut stage = Stage::new(way, "[]");
    let link = stage.make_link(amount);
    let url = link["url"].as_str().unwrap();
    assert_eq!(link["status"], "created", "{link}");
    let page = http("GET", url, "").unwrap();
    assert_eq!(page.status, 200, "{}", page.body);
    let mut listener = stage.listen();
    // Opening our own short link changes nothing, as often as it is done.
    let own = token(&format!("p/{}", link["id"].as_str().unwrap()));
    let own = format!("http://127.0.0.1:{}/p/{own}", stage.port);
    for method in ["HEAD", "GET"] {
        let answer = http(method, &own, "").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (302, ""), "{way:?}");
        assert_eq!(answer.headers["location"], url);
    }
    let paid = http("POST", url, "action=pay").unwrap();
    assert!(paid.status < 400, "{}: {}", paid.status, paid.body);
    stage.wait_for_receipt(&mut listener);
    assert_eq!(listener.interrupt(), 130);
    let items = stage.run("items --store data --json").expect(0).json();
    assert_eq!(items["items"][0]["state"], "paid", "{items}");
    let shown = stage
        .run("links show invoice/1 --store data --json")
        .expect(0)
        .json();
    let ledger = stage.ledger();
    let theirs = ledger["ledger"][0]["payments"].as_array().unwrap();
    let ours = shown["link"]["paid"].as_array().unwrap();
    assert_eq!((ours.len(), theirs.len()), (1, 1), "{shown}\n{ledger}");
    assert_eq!(ours[0]["fact"]["amount"], theirs[0][1]);
    assert_eq!(shown["link"]["receipts"].as_array().unwrap().len(), 1);
    stage.run("verify --store data").expect(0);
    assert_eq!(stage.provider.interrupt(), 130);
}

#[test]
fn robokassa_goes_from_an_item_to_its_receipt_over_sockets() {
    from_item_to_receipt(Way::RobokassaInvoices, "4_500.50 RUB");
}

#[test]
fn pod_goes_from_an_item_to_its_receipt_over_sockets() {
    from_item_to_receipt(Way::Pod, "450_000_000 IRR");
}

#[test]
fn a_message_carries_our_short_link_where_the_providers_url_lives_for_minutes() {
    let stage = Stage::new(Way::Pod, "[]");
    stage.place.edit(
        "charkh.yaml",
        "options:\n",
        "options:\n      link: short_lived\n",
    );
    let link = stage.make_link("450_000_000 IRR");
    let own = token(&format!("p/{}", link["id"].as_str().unwrap()));
    let own = format!("http://127.0.0.1:{}/p/{own}", stage.port);
    assert_eq!(link["url"], own.as_str());
    assert!(stage.place.read("data/messages.jsonl").contains(&own));
    let mut listener = stage.listen();
    let answer = http("GET", &own, "").unwrap();
    assert_eq!(answer.status, 302, "{}", answer.body);
    let url = &answer.headers["location"];
    assert!(url.starts_with(&stage.base), "{url}");
    assert!(http("POST", url, "action=pay").unwrap().status < 400);
    stage.wait_for_receipt(&mut listener);
    let over = http("GET", &own, "").unwrap();
    assert_eq!(over.status, 410, "{}", over.body);
    assert_eq!(listener.interrupt(), 130);
    let links = stage.run("links --store data --json").expect(0).json();
    assert_eq!(links["links"][0]["status"], "paid");
}

#[test]
fn a_sizpay_link_of_unknown_status_is_recorded_by_a_person() {
    let stage = Stage::new(Way::Sizpay, "[]");
    let link = stage.make_link("450_000_000 IRR");
    let url = link["url"].as_str().unwrap();
    assert_eq!(http("POST", url, "action=pay").unwrap().status, 200);
    // SizPay documents no status, so nothing it answers makes the link paid.
    stage.run("links check invoice/1 --as ali --store data");
    let shown = stage.run("links show invoice/1 --store data").expect(0).out;
    assert!(!shown.contains("paid "), "{shown}");
    let listed = stage.run("attention list --store data").expect(0).out;
    assert!(listed.contains("invoice/1"), "{listed}");
    let words =
        "attention resolve invoice/1 --as ali --record-payment 8812 450_000_000IRR --store data";
    for _ in 0..2 {
        let ran = stage.run(words).expect(0);
        assert!(ran.out.contains("is paid"), "{}", ran.out);
    }
    let items = stage.run("items --store data --json").expect(0).json();
    assert_eq!(items["items"][0]["state"], "paid", "{items}");
    let shown = stage
        .run("links show invoice/1 --store data --json")
        .expect(0)
        .json();
    assert_eq!(shown["link"]["paid"].as_array().unwrap().len(), 1);
    assert_eq!(shown["link"]["receipts"].as_array().unwrap().len(), 1);
    let compared = stage.run("links compare --store data").expect(0).out;
    assert!(
        compared.contains("8812") && compared.contains("recorded by hand"),
        "{compared}"
    );
    assert!(
        compared.contains("cannot list"),
        "nobody has said how its list is read: {compared}"
    );
    let further = words.replace("8812 450_000_000", "8813 5_000_000");
    assert!(stage.run(&further).expect(6).err.contains("link_settled"));
    stage.run(&format!("{further} --further")).expect(0);
    let shown = stage
        .run("links show invoice/1 --store data --json")
        .expect(0)
        .json();
    assert_eq!(shown["link"]["receipts"].as_array().unwrap().len(), 2);
    let reused = words.replace("450_000_000", "1_000");
    let refused = stage.run(&reused).expect(6);
    assert!(
        refused.err.contains("transaction_reused"),
        "{}",
        refused.err
    );
}

#[test]
fn whoever_knows_no_address_is_told_nothing() {
    let stage = Stage::new(Way::RobokassaInvoices, "[]");
    let link = stage.make_link("10 RUB");
    let mut listener = stage.listen();
    let at = |path: &str| format!("http://127.0.0.1:{}/{path}", stage.port);
    let own = token("main");
    for path in [
        "",
        "c/",
        "c/main",
        "p/",
        "p/x",
        "ledger",
        &format!("c/{own}x"),
    ] {
        let answer = http("GET", &at(path), "").unwrap();
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (404, "not found"),
            "{path}"
        );
    }
    // Whatever is wrong with a call, the answer is one and the same.
    let forged = format!("OutSum=10.00&InvId={}&SignatureValue=00", link["reference"]);
    let huge = "a".repeat(70_000);
    for body in ["", "OutSum=1&OutSum=2", forged.as_str(), huge.as_str()] {
        let answer = http("POST", &at(&format!("c/{own}")), body).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (400, "refused"));
    }
    assert_eq!(
        http("POST", &at(&format!("p/{own}")), "").unwrap().status,
        404
    );
    assert_eq!(listener.interrupt(), 130);
    let links = stage.run("links --store data --json").expect(0).json();
    assert_eq!(links["links"][0]["status"], "created");
}

#[test]
fn a_script_cuts_connections_and_its_mistakes_are_shown() {
    let script = "- { fault: accept_then_drop, operation: page }\n";
    let stage = Stage::new(Way::Sizpay, script);
    let link = stage.make_link("1_000 IRR");
    let url = link["url"].as_str().unwrap();
    assert!(http("GET", url, "").is_none(), "the connection is cut");
    let bad = "sandbox --provider pod --script script.yaml";
    stage
        .place
        .write("script.yaml", b"- { fault: accept_then_dorp }\n");
    let refused = stage.place.run(bad).expect(2);
    assert!(refused.err.contains("RN0205"), "{}", refused.err);
}

#[test]
fn a_secret_that_is_not_there_is_named_and_nothing_is_sent() {
    let stage = Stage::new(Way::RobokassaInvoices, "[]");
    let words = "run workflows/sale.yaml --items item.json --store data";
    stage.place.write(
        "item.json",
        b"{ \"id\": \"1\", \"party\": \"acme\", \"final_amount\": \"10 RUB\" }",
    );
    let mut command = stage.command(words);
    command.env_remove("ROBOKASSA_PASSWORD2");
    let ran = Ran::from(command.output().unwrap()).expect(5);
    assert!(
        ran.err.contains("secret_missing") && ran.err.contains("env:ROBOKASSA_PASSWORD2"),
        "{}",
        ran.err
    );
    assert!(stage.ledger()["ledger"].as_array().unwrap().is_empty());
    let mut command = stage.command("listen --store data --port 0");
    command.env_remove("LISTEN_SECRET");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.exit, 5, "{}", ran.err);
    assert!(!ran.err.contains("simulated-password"), "{}", ran.err);
}

#[test]
fn links_are_filtered_and_summed_and_exported() {
    let place = Place::with_project();
    place.run_invoice().expect(0);
    let list = |filter: &str| {
        let words = format!("links list --store data --json {filter}");
        place.run(&words).expect(0).json()
    };
    let all = list("");
    assert_eq!(all["links"].as_array().unwrap().len(), 1);
    assert_eq!(all["sums"][0]["links"], 1);
    assert_eq!(all["sums"][0]["amount"], all["links"][0]["amount"]);
    for (filter, count) in [
        ("--status paid", 1),
        ("--status created", 0),
        ("--status paid --status created", 1),
        ("--party parsplast --account main", 1),
        ("--party sepid", 0),
        ("--account other", 0),
        ("--created 1405/06/01", 1),
        ("--created ۱۴۰۵/۰۶/۰۲..", 0),
        ("--paid 2026-08-24..2026-08-24", 1),
        ("--paid ..2026-08-23", 0),
        ("--expires 1405/06/04..", 1),
        ("--amount 450_000_000..", 1),
        ("--amount ..449_999_999", 0),
    ] {
        let links = list(filter)["links"].as_array().unwrap().len();
        assert_eq!(links, count, "{filter}");
    }
    let refused = place
        .run("links list --store data --status payed")
        .expect(3);
    assert!(refused.err.contains("bad_filter"), "{}", refused.err);
    place
        .run("links list --store data --created 1404/12/30")
        .expect(3);
    let csv = place.run("links export --store data").expect(0).out;
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.starts_with("link,item,party,account"), "{csv}");
    let bare = place.run("links --store data").expect(0).out;
    assert_eq!(bare, place.run("links list --store data").expect(0).out);
    assert!(bare.ends_with("1 link over 450000000 IRR\n"), "{bare}");
    let shown = place
        .run("links show invoice/INV-1042 --store data")
        .expect(0)
        .out;
    assert!(
        shown.contains("registered") && shown.contains("+989124445566"),
        "{shown}"
    );
    place.run("links show nothing --store data").expect(4);
}

#[test]
fn a_link_is_checked_resent_and_cancelled_by_people_that_there_are() {
    let place = Place::with_project();
    let words = "run workflows/invoice.yaml --items invoice.json --clock virtual --store data \
                 --at 2026-08-23T09:00:00+03:30";
    place.run(words).expect(0);
    place
        .run("act invoice/INV-1042 approve --as zahra --store data")
        .expect(0);
    let deed = |deed: &str, who: &str| {
        place.run(&format!(
            "links {deed} invoice/INV-1042 --as {who} --store data"
        ))
    };
    assert!(deed("check", "ali").expect(0).out.contains("is created"));
    assert!(deed("check", "nobody").expect(6).err.contains("nobody"));
    let before = place.read("data/messages.jsonl").lines().count();
    deed("resend", "ali").expect(0);
    assert_eq!(
        place.read("data/messages.jsonl").lines().count(),
        before * 2
    );
    assert!(deed("cancel", "ali").expect(0).out.contains("is cancelled"));
    assert!(deed("resend", "ali").expect(6).err.contains("link_closed"));
    let none = place.run("attention resolve invoice/INV-1042 --as ali --note x --store data");
    assert!(none.expect(4).err.contains("no_attention"));
    place.run("attention --store data").expect(0);
    place
        .run("attention resolve invoice/INV-1042 --as ali --store data")
        .expect(3);
}

/// The provider's book and ours differ until what was paid while nobody listened is settled.
#[test]
fn books_that_differ_are_shown_and_settled() {
    let stage = Stage::new(Way::RobokassaInvoices, "[]");
    let link = stage.make_link("4_500.50 RUB");
    let compare = |more: &str| stage.run(&format!("links compare --store data {more}"));
    let same = compare("").expect(0).out;
    assert!(
        same.contains("1 links read, 1 on the providers' lists: nothing differs"),
        "{same}"
    );
    let url = link["url"].as_str().unwrap();
    http("POST", url, "action=pay").unwrap();
    let told = compare("--json").expect(1).json();
    let kinds: Vec<&str> = told["report"]["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["not_recorded", "status"], "{told}");
    let items = stage.run("items --store data --json").expect(0).json();
    assert_eq!(
        items["items"][0]["state"], "await_payment",
        "looking changes nothing"
    );
    compare("--since 1404/01/01 --until 1404/12/29").expect(0);
    assert!(
        compare("--account other")
            .expect(3)
            .err
            .contains("bad_filter")
    );
    assert!(
        compare("--since 1404/12/30")
            .expect(3)
            .err
            .contains("bad_filter")
    );
    let settled = compare("--settle --account main").expect(1).out;
    assert!(
        settled.contains("not recorded") && settled.contains("4500.50 RUB"),
        "{settled}"
    );
    compare("").expect(0);
    let items = stage.run("items --store data --json").expect(0).json();
    assert_eq!(items["items"][0]["state"], "paid", "{items}");
}

/// SizPay cannot say what is paid: its statement is read in, as often as anybody likes.
#[test]
fn a_statement_is_recorded_once_and_all_of_it_or_nothing() {
    let stage = Stage::new(Way::Sizpay, "[]");
    let link = stage.make_link("12500000 IRR");
    let id = link["id"].as_str().unwrap();
    let import = |statement: &str| {
        stage.place.write("statement.csv", statement.as_bytes());
        stage.run("links import statement.csv --as ali --store data --json")
    };
    let heads = "link,transaction,amount,paid_at,tracking_no\n";
    let paid_at = "2026-03-01 10:00";
    for (wrong, said) in [
        (
            format!("{heads}{id},8812,12500000 IRR,yesterday,\n"),
            "line 2",
        ),
        (
            format!("{heads}{id},8812,12500000 IRR,{paid_at},\nL-9,1,5 IRR,{paid_at},\n"),
            "line 3",
        ),
        (
            format!("{heads}{id},,12500000 IRR,{paid_at},\n"),
            "no number",
        ),
        (format!("{heads}{id},8812,12500000,{paid_at},\n"), "line 2"),
        ("link,amount\n".to_owned(), "columns"),
    ] {
        let refused = import(&wrong).expect(2);
        assert!(refused.err.contains(said), "{}", refused.err);
    }
    let links = stage.run("links list --store data --json").expect(0).json();
    assert_eq!(
        links["links"][0]["payments"],
        serde_json::Value::Null,
        "nothing yet"
    );
    let statement = format!("{heads}invoice/1,8812,\"۱۲٬۵۰۰٬۰۰۰ IRR\",{paid_at},77\n");
    let told = import(&statement).expect(0).json();
    assert_eq!(told["payments"][0]["result"], "recorded", "{told}");
    assert_eq!(told["payments"][0]["status"], "paid");
    let told = import(&statement).expect(0).json();
    assert_eq!(told["payments"][0]["result"], "known", "{told}");
    let crm = stage.place.read("data/crm.jsonl");
    assert_eq!(crm.matches("register_receipt").count(), 1);
    let items = stage.run("items --store data --json").expect(0).json();
    assert_eq!(items["items"][0]["state"], "paid");
}

/// docs/gateways.md says that its shop can be copied: it can, and its link is paid.
#[test]
fn the_shop_of_the_page_about_gateways_sells() {
    let page = include_str!("../../../docs/gateways.md");
    let mut blocks = page.split("```yaml\n").skip(1);
    let mut block = || blocks.next().unwrap().split("```").next().unwrap();
    let (workflow, project) = (block(), block());
    let stage = Stage::with(
        Way::RobokassaInvoices,
        &Scene {
            workflow,
            ..Scene::default()
        },
    );
    let printed = stage.place.read("charkh.yaml");
    let from = printed.find("accounts:").unwrap();
    let to = printed.find("people:").unwrap();
    let whole = format!("{project}{}", &printed[from..to]);
    stage.place.write("charkh.yaml", whole.as_bytes());
    stage.run("check workflows").expect(0);
    let link = stage.make_link("1250.50 RUB");
    let mut listener = stage.listen();
    http("POST", link["url"].as_str().unwrap(), "action=pay").unwrap();
    stage.wait_for_receipt(&mut listener);
    assert_eq!(listener.interrupt(), 130);
    let items = stage.run("items --store data --json").expect(0).json();
    assert_eq!(items["items"][0]["state"], "paid");
}
