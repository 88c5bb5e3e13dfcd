//! The sandbox's section of the project file.

use chrono::TimeDelta;
use payment::RepeatClass;
use payment::gateways::sandbox::{CallbackPlay, CreatePlay, Pay, Script};
use payment::gateways::{BUILT_IN, SandboxOptions, built_in};

use super::{script, span};

#[test]
fn a_full_section_is_read() {
    let yaml = "
profile: unique-reference
script:
  creates: [timeout-after-accepting, { unavailable: 2 }, created]
  pay: { after: ۲d }
  callback: lost
delay: 250ms
settling: 0s
request-life-max: 90s
lookup_staleness_max: null
deactivate: false
limits: { amount_max: '500,000,000 IRR', description-chars-max: 255, expiry_max: 30d }
seed: 7
";
    let options: SandboxOptions = serde_yaml::from_str(yaml).unwrap();
    assert_eq!(options.profile, RepeatClass::UniqueReference);
    let play = &options.script.default;
    assert_eq!(
        play.creates,
        [
            CreatePlay::TimeoutAfterAccepting,
            CreatePlay::Unavailable,
            CreatePlay::Unavailable,
            CreatePlay::Created
        ]
    );
    assert_eq!(
        play.pay,
        Pay::After {
            after: span("2d"),
            twice: false,
            in_flight: false
        }
    );
    assert_eq!(play.callback, CallbackPlay::Lost);
    assert_eq!(options.delay, Some(TimeDelta::milliseconds(250)));
    assert_eq!(options.settling, TimeDelta::zero());
    assert_eq!(options.request_life_max, Some(span("90s")));
    assert_eq!(options.lookup_staleness_max, None);
    assert!(!options.deactivate);
    assert_eq!(options.limits.description_chars_max, Some(255));
    assert_eq!(options.limits.expiry_max, Some(span("30d")));
    assert_eq!(options.seed, 7);
}

#[test]
fn an_empty_section_is_the_defaults() {
    let options: SandboxOptions = serde_yaml::from_str("{}").unwrap();
    assert_eq!(options, SandboxOptions::default());
    assert_eq!(options.profile, RepeatClass::Idempotent);
}

#[test]
fn a_script_can_be_one_word() {
    assert_eq!(script("never"), Script::default());
    assert_eq!(script("created"), Script::default());
    assert_eq!(script("refused").default.create, CreatePlay::Refused);
    let lost = script("timeout_after_accepting").default;
    assert_eq!(lost.creates, [CreatePlay::TimeoutAfterAccepting]);
    assert_eq!(
        lost.create,
        CreatePlay::Created,
        "the repeat is answered as the profile has it"
    );
    assert!(matches!(
        script("paid").default.pay,
        Pay::After { twice: false, .. }
    ));
    assert!(matches!(
        script("paid_twice").default.pay,
        Pay::After { twice: true, .. }
    ));
    assert!(matches!(script("paid-late").default.pay, Pay::Late { .. }));
}

#[test]
fn a_case_keeps_what_it_does_not_name() {
    let script =
        script("{ pay: paid, callback: lost, cases: [{ when: { order: 2 }, create: refused }] }");
    let case = &script.cases[0].play;
    assert_eq!(case.create, CreatePlay::Refused);
    assert_eq!(
        (case.pay, case.callback),
        (script.default.pay, CallbackPlay::Lost)
    );
}

#[test]
fn a_mistake_is_named() {
    let cases = [
        ("profil: nothing", "unknown field `profil`"),
        ("profile: sometimes", "unknown variant `sometimes`"),
        ("script: payed", "payed"),
        (
            "script: { pay: { after: 2d, late: 1h } }",
            "write either `after` or `late`",
        ),
        ("script: { pay: {} }", "write either `after` or `late`"),
        (
            "script: { pay: { late: 1h, twice: true } }",
            "`twice` goes with `after`",
        ),
        (
            "script: { create: unavailable, creates: [created] }",
            "beside `creates`",
        ),
        ("script: { create: { unavailable: 0 } }", "from 1 to 1000"),
        (
            "script: { cases: [{ when: {}, create: refused }] }",
            "a case needs",
        ),
        ("script: { callback: maybe }", "unknown variant `maybe`"),
        ("settling: -5s", "-5s"),
        ("limits: { amount_max: [500] }", "money as"),
        ("limits: { amount_max: '500' }", "no currency"),
    ];
    for (yaml, expected) in cases {
        let error = serde_yaml::from_str::<SandboxOptions>(yaml)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{yaml}: {error}");
    }
}

#[test]
fn the_list_of_gateways_checks_a_section() {
    let names: Vec<&str> = BUILT_IN.iter().map(|gateway| gateway.name).collect();
    assert!(names.is_sorted() && names.contains(&"sandbox"), "{names:?}");
    let sandbox = built_in("sandbox").unwrap();
    assert!(sandbox.sandbox && !sandbox.network && sandbox.secrets.is_empty());
    (sandbox.check_options)(&serde_json::json!({ "profile": "nothing" })).unwrap();
    let error = (sandbox.check_options)(&serde_json::json!({ "profile": 1 })).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("options of gateway sandbox: "),
        "{error}"
    );
    assert!(built_in("cash").is_none());
}

#[test]
fn the_example_of_the_page_is_read() {
    let page = include_str!("../../../docs/sandbox.md");
    let (_, example) = page.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let options: SandboxOptions = serde_yaml::from_str(example).unwrap();
    assert_eq!(options.profile, RepeatClass::LookupOnly);
    assert_eq!(options.script.cases.len(), 2);
    assert_eq!(options.script.default.callback, CallbackPlay::Repeated);
}
