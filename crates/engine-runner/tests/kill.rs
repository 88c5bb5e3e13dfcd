//! `kill -9` while work is open, then the same command again: nothing is lost and nothing twice.
//!
//! A small run in every test; `CHARKH_KILLS=100 CHARKH_INVOICES=1000` makes it the evidence run.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};

use charkh::payment::gateways::sandbox::read_ledger;

use crate::support::Place;

const RUN: &str = "run workflows/invoice.yaml --items items.csv --play invoice.play.yaml \
                   --clock virtual --store data --json";

/// What the history says of an attempt that a kill cut off.
pub(crate) const CUT_OFF: &str = "the process that made this attempt is gone";

/// A generator that is good enough to choose moments, and the same for a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least)
    }
}

pub(crate) fn number(variable: &str, default: u64) -> u64 {
    let set = std::env::var_os(variable);
    set.map_or(default, |text| text.to_str().unwrap().parse().unwrap())
}

/// A project whose sandbox takes its time, with so many invoices of three kinds.
fn project(profile: &str, invoices: u64) -> Place {
    let place = Place::with_project();
    let settings =
        format!("profile: {profile}\n      delay: 20ms\n      script: {{ pay: {{ after: 26h }} }}");
    place.edit("charkh.yaml", "script: { pay: { after: 26h } }", &settings);
    let mut csv = String::from("id,number,party,final_amount,pay_days\n");
    for number in 1..=invoices {
        let amount =
            [90_000_000_u64, 120_000_000, 450_000_000][usize::try_from(number % 3).unwrap()];
        csv.push_str(&format!(
            "INV-{number},INV-{number},parsplast,{amount} IRR,3\n"
        ));
    }
    place.write("items.csv", csv.as_bytes());
    place
}

/// What became of an item: its state, its end, its incident.
type Fate = (String, String, String);

fn fates(place: &Place) -> BTreeMap<String, Fate> {
    let items = place.run("items --store data --json").expect(0).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    items["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                text(&row["item"]),
                (
                    text(&row["state"]),
                    text(&row["ended"]),
                    text(&row["incident"]),
                ),
            )
        })
        .collect()
}

/// What a series of kills came to.
#[derive(Default, Debug)]
struct Series {
    kills: u64,
    rounds: u64,
    cut_off: usize,
    parked: usize,
}

/// What becomes of every item when nobody kills anything.
fn without_kills(profile: &str, invoices: u64) -> BTreeMap<String, Fate> {
    let whole = project(profile, invoices);
    whole.run(RUN).expect(0);
    let without_kills = fates(&whole);
    assert_eq!(without_kills.len(), usize::try_from(invoices).unwrap());
    assert!(
        without_kills.values().all(|fate| fate.0 == "paid"),
        "{without_kills:?}"
    );
    without_kills
}

/// Kills so often, over as many rounds as it takes, and judges every round.
fn series(
    profile: &str,
    seed: u64,
    (kills, invoices): (u64, u64),
    without_kills: &BTreeMap<String, Fate>,
) -> Series {
    let mut random = Random(seed | 1);
    let mut series = Series::default();
    while series.kills < kills {
        series.rounds += 1;
        let place = project(profile, invoices);
        let before = series.kills;
        round(&place, &mut random, kills, invoices, &mut series);
        assert!(
            series.kills > before,
            "a round without a kill shows nothing"
        );
        judge(&place, profile, without_kills, &mut series);
    }
    series
}

/// Runs, kills and runs again, until a run comes to its end.
fn round(place: &Place, random: &mut Random, kills: u64, invoices: u64, series: &mut Series) {
    // The kills of a series are spread over the work of a round.
    let most = 2 * invoices * BYTES_PER_INVOICE / (kills + 1);
    loop {
        let mut child = place
            .command(RUN)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let growth = random.between(0, most);
        if series.kills < kills && comes_to(&mut child, place, written(place) + growth) {
            // `Child::kill` is SIGKILL.
            child.kill().unwrap();
            child.wait().unwrap();
            series.kills += 1;
            continue;
        }
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{err}");
        return;
    }
}

/// About what a run writes for an invoice into the files that [`written`] looks at.
const BYTES_PER_INVOICE: u64 = 3_600;

/// What the gateway, the CRM and the outbox have been told so far, in bytes.
fn written(place: &Place) -> u64 {
    ["sandbox.jsonl", "crm.jsonl", "messages.jsonl"]
        .iter()
        .filter_map(|name| std::fs::metadata(place.path().join("data").join(name)).ok())
        .map(|file| file.len())
        .sum()
}

/// Waits until the process has come that far; false when it ended before.
fn comes_to(child: &mut Child, place: &Place, bytes: u64) -> bool {
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if written(place) >= bytes {
            return true;
        }
        std::thread::yield_now();
    }
}

/// Everything is as it would be without kills, and nothing happened twice.
fn judge(
    place: &Place,
    profile: &str,
    without_kills: &BTreeMap<String, Fate>,
    series: &mut Series,
) {
    let fates = fates(place);
    let mut parked = 0;
    for (item, wanted) in without_kills {
        let fate = fates.get(item).unwrap_or_else(|| panic!("{item} is lost"));
        // Nobody can be asked what became of such a request, so a person decides.
        if profile == "nothing" && fate.0 == "make_link" && !fate.2.is_empty() {
            parked += 1;
            continue;
        }
        assert_eq!(fate, wanted, "{item} with profile {profile}");
    }
    let audit = read_ledger(place.path().join("data/sandbox.jsonl")).unwrap();
    assert_eq!(
        audit.twice_live(),
        Vec::<&str>::new(),
        "two live links for one entry"
    );
    let messages = place.read("data/messages.jsonl");
    let mut keys = BTreeSet::new();
    for line in messages.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let key = line["key"].as_str().unwrap().to_owned();
        assert!(keys.insert(key.clone()), "{key} was sent twice");
    }
    // Two messages with the link and two words of thanks for every invoice that is paid.
    assert_eq!(keys.len(), (without_kills.len() - parked) * 4);
    let receipts = place
        .read("data/crm.jsonl")
        .lines()
        .filter(|line| line.contains("register_receipt"))
        .count();
    assert_eq!(receipts, without_kills.len() - parked);
    place.run("verify --store data").expect(0);
    let export = place.run("export --store data").expect(0).out;
    series.cut_off += export.matches(CUT_OFF).count();
    series.parked += parked;
}

/// The fixed seed, and one that is new every time and printed.
pub(crate) fn seeds() -> [u64; 2] {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    [
        0x51ed_c0de,
        u64::from(now.subsec_nanos()) << 20 | now.as_secs() & 0xf_ffff,
    ]
}

fn survives(profile: &str) {
    let (kills, invoices) = (number("CHARKH_KILLS", 6), number("CHARKH_INVOICES", 40));
    let without_kills = without_kills(profile, invoices);
    for (seed, kills) in seeds().into_iter().zip([kills / 2, kills - kills / 2]) {
        println!("profile {profile}, seed {seed:#x}");
        let series = series(profile, seed, (kills, invoices), &without_kills);
        println!("profile {profile}: {series:?}");
        assert_eq!(series.kills, kills);
    }
}

/// Clauses 38 to 41: a repeat gives the same link.
#[test]
fn with_an_idempotent_gateway_every_item_ends_as_without_kills() {
    survives("idempotent");
}

/// Clauses 38 to 41: a repeat is refused as a duplicate, and the first link is found.
#[test]
fn with_a_gateway_of_unique_references_every_item_ends_as_without_kills() {
    survives("unique_reference");
}

/// Clauses 38 to 41: nothing is repeated before the look-up is certain.
#[test]
fn with_a_gateway_that_can_only_be_asked_every_item_ends_as_without_kills() {
    survives("lookup_only");
}

/// Clauses 38 to 41: nobody can tell, so the item is parked for a person.
#[test]
fn with_a_gateway_that_tells_nothing_unknown_ones_are_parked_and_no_link_is_made_twice() {
    survives("nothing");
}
