//! The project file.

use host::{Medium, PartyKind};
use serde_json::json;
use values::{AccountName, Currency, Locale, Money, SecretRef};
use workflow_file::{Channel, Project, Reach};

use crate::support::{catalog, codes_of, file, source};

const FULL: &str = r#"
workflows: flows
zone: Europe/Moscow
languages: [ru, en]
accounts:
  main:
    gateway: sandbox
    currency: IRR
    active: true
    online_payment: true
    expires_days: ۲
    receipt_type: online
    sandbox: { profile: nothing, limits: { amount_max: 500_000_000 IRR } }
  shut: { gateway: acme, currency: RUB, active: false, online_payment: false, acme: { webhook_secret: env:HOOK } }
people:
  zahra: { name: زهرا رضایی, roles: [sales_manager], groups: [sales], positions: [head], manager: ali, mobile: ۰۹۱۲۱۱۱۲۲۳۳, email: zahra@example.com, language: fa }
  ali: { active: false }
parties:
  acme:
    name: پارس‌پلاست
    number: "C-17"
    kind: company
    lead: false
    mobile: 09121112233
    balance: 120_000_000 IRR
    manager: { name: آقای مدیر, mobile: "09121112234" }
    contact: { name: خانم رابط }
    positions: { accountant: { name: حسابدار }, buyer: [{ name: الف }, { name: ب }] }
    fields: { score: 1.5, visits: 3 }
messages: { sms: { channel: outbox }, email: { channel: outbox } }
services: { allow: [API.example.com] }
limits: { in_flight: 4, overlay: 100 }
listen: { secret: env:LISTEN_SECRET, public_url: "https://crm.example/pay/" }
"#;

#[test]
fn every_part_of_the_file_is_read() {
    let (project, diagnostics) = Project::check(&source(FULL));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let project = project.expect("a project");
    assert_eq!(
        (project.workflows.as_str(), project.zone.name()),
        ("flows", "Europe/Moscow")
    );
    assert_eq!(project.languages, [Locale::Ru, Locale::En]);
    let main = &project.accounts[&AccountName::new("main")];
    assert_eq!(main.account.expires_days, Some(2));
    assert_eq!(main.account.currency, Currency::Irr);
    assert_eq!(main.settings["profile"], json!("nothing"));
    assert_eq!(
        main.settings["limits"]["amount_max"],
        json!("500_000_000 IRR")
    );
    assert_eq!(main.account.amount_max, Money::parse("500000000 IRR").ok());
    let shut = &project.accounts()[&AccountName::new("shut")];
    assert!(!shut.active && !shut.online_payment && shut.expires_days.is_none());
    let zahra = &project.people[0];
    assert_eq!(
        (zahra.name.as_str(), zahra.language),
        ("زهرا رضایی", Some(Locale::Fa))
    );
    assert_eq!(
        zahra.manager.as_ref().map(|manager| manager.as_str()),
        Some("ali")
    );
    assert!(zahra.active && !project.people[1].active);
    assert_eq!(project.people[1].name, "ali");
    let acme = &project.parties[0];
    assert_eq!(
        (acme.party.kind, acme.party.lead),
        (PartyKind::Company, false)
    );
    assert_eq!(acme.party.mobile.as_deref(), Some("09121112233"));
    assert_eq!(acme.balance, Money::parse("120000000 IRR").ok());
    assert_eq!(acme.positions["buyer"].len(), 2);
    assert_eq!(acme.fields["score"], json!("1.5"));
    assert_eq!(acme.fields["visits"], json!(3));
    assert_eq!(project.messages[&Medium::Sms], Channel::Outbox);
    assert_eq!(project.allowed_hosts, ["api.example.com"]);
    assert_eq!((project.limits.in_flight, project.limits.overlay), (4, 100));
    let listen = project.listen.expect("a listener");
    assert_eq!(listen.secret, SecretRef::Env("LISTEN_SECRET".to_owned()));
    assert_eq!(
        listen.public_url.as_deref(),
        Some("https://crm.example/pay")
    );
}

#[test]
fn without_a_file_everything_runs_on_the_sandbox() {
    let project = Project::default();
    let main = &project.accounts[&AccountName::new("main")].account;
    assert_eq!(
        (main.gateway.as_str(), main.currency),
        ("sandbox", Currency::Irr)
    );
    assert!(main.active && main.online_payment);
    assert_eq!(project.zone.name(), "Asia/Tehran");
    assert_eq!(project.languages, [Locale::Fa, Locale::En, Locale::Ru]);
}

#[test]
fn parts_that_are_left_out_are_as_without_a_file() {
    let (project, diagnostics) = Project::check(&source("zone: Asia/Tehran\n"));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert_eq!(project.expect("a project"), Project::default());
}

#[test]
fn an_unknown_key_is_an_error_at_every_level() {
    for text in [
        "zon: Asia/Tehran\n",
        "accounts: { main: { gateway: sandbox, currency: IRR, sandbx: {} } }\n",
        "people: { zahra: { rolls: [a] } }\n",
        "parties: { acme: { contact: { phone: 1 } } }\n",
        "messages: { sns: {} }\n",
        "services: { alow: [] }\n",
        "limits: { inflight: 3 }\n",
    ] {
        let (project, diagnostics) = Project::check(&source(text));
        assert!(project.is_none(), "{text}");
        assert!(
            codes_of(&diagnostics).contains(&"WF0101"),
            "{text}: {diagnostics:?}"
        );
    }
}

#[test]
fn a_workflow_that_is_taken_for_a_project_is_refused() {
    let (project, diagnostics) = Project::check(&file("workflows/invoice.yaml"));
    assert!(project.is_none());
    assert!(codes_of(&diagnostics).contains(&"WF0101"));
}

#[test]
fn an_account_the_workflow_names_must_be_in_the_project() {
    let (project, _) = Project::check(&source(
        "accounts: { other: { gateway: sandbox, currency: IRR } }\n",
    ));
    let catalog = catalog();
    let checked = workflow_file::check(&file("workflows/invoice.yaml"), catalog, project.as_ref());
    assert!(
        codes_of(&checked.diagnostics).contains(&"WF0408"),
        "{:?}",
        checked.diagnostics
    );
}

#[test]
fn a_listener_has_a_secret_by_reference_and_an_encrypted_address() {
    for (text, code) in [
        ("listen: { public_url: https://crm.example }\n", "WF0102"),
        ("listen: { secret: hunter2 }\n", "WF0502"),
        (
            "listen: { secret: env:S, public_url: http://crm.example }\n",
            "WF0510",
        ),
        (
            "listen: { secret: env:S, public_url: https://crm.example/?a=b }\n",
            "WF0510",
        ),
        (
            "listen: { secret: env:S, public_url: https://a@crm.example }\n",
            "WF0510",
        ),
    ] {
        let (project, diagnostics) = Project::check(&source(text));
        assert!(project.is_none(), "{text}");
        assert_eq!(codes_of(&diagnostics), [code], "{text}: {diagnostics:?}");
    }
    let text = "listen: { secret: file:listen.key, public_url: \"http://127.0.0.1:8080\" }\n";
    let (project, diagnostics) = Project::check(&source(text));
    assert!(project.is_some(), "{diagnostics:?}");
}

/// An account at a provider, with one part written differently.
fn at_a_provider(part: &str, instead: &str) -> String {
    let text = "accounts:\n  main:\n    gateway: robokassa\n    currency: RUB\n    options: \
                { merchant_login: acme }\n    secrets: { password1: env:P1, password2: file:p2 }\n";
    assert!(text.contains(part), "{part}");
    text.replace(part, instead)
}

#[test]
fn an_account_at_a_provider_names_its_secrets_and_gets_the_providers_limits() {
    let (project, diagnostics) = Project::check(&source(at_a_provider("acme", "acme")));
    let project = project.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let main = &project.accounts[&AccountName::new("main")];
    assert_eq!(main.secrets["password1"], SecretRef::Env("P1".to_owned()));
    assert_eq!(main.secrets["password2"], SecretRef::File("p2".into()));
    assert_eq!(main.settings["merchant_login"], json!("acme"));
    assert_eq!(main.reach, Reach::Public);
    assert!(main.account.amount_max.is_some() && main.account.reusable == Some(true));
}

#[test]
fn what_a_provider_does_not_know_is_refused_at_its_place() {
    for (part, instead, code, place) in [
        ("password1: env:P1", "password1: hunter2", "WF0502", 6),
        ("password1: env:P1", "pasword1: env:P1", "WF0101", 6),
        ("password1: env:P1, ", "", "WF0102", 2),
        (
            "merchant_login: acme",
            "merchant_login: acme, hsah: md5",
            "WF0509",
            5,
        ),
        ("currency: RUB", "currency: IRR", "WF0509", 2),
        ("options:", "robokassa:", "WF0101", 5),
        (
            "acme }",
            "acme, auth_url: \"http://127.0.0.1:1\" }",
            "WF0510",
            5,
        ),
        (
            "currency: RUB",
            "currency: RUB\n    reach: loopback",
            "WF0510",
            5,
        ),
    ] {
        let (project, diagnostics) = Project::check(&source(at_a_provider(part, instead)));
        assert!(project.is_none(), "{instead}");
        let found = diagnostics.iter().find(|found| found.code == code);
        let found = found.unwrap_or_else(|| panic!("{instead}: {diagnostics:?}"));
        assert!(
            !format!("{diagnostics:?}").contains("hunter2"),
            "a secret is told"
        );
        assert_eq!(found.span.line, place, "{instead}: {diagnostics:?}");
    }
    let (_, misspelt) = Project::check(&source(at_a_provider("password1", "pasword1")));
    let help = misspelt.iter().find_map(|found| found.help.as_deref());
    assert_eq!(help, Some("did you mean `password1`?"));
}

#[test]
fn a_simulator_on_this_machine_is_reached_where_the_account_says_so() {
    let near = "acme, services_url: \"http://127.0.0.1:4011\" }\n    reach: loopback";
    let (project, diagnostics) = Project::check(&source(at_a_provider("acme }", near)));
    let project = project.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let main = &project.accounts[&AccountName::new("main")];
    assert_eq!(main.reach, Reach::Loopback);
    let far = "acme, services_url: \"http://127.0.0.1:1\", auth_url: \"http://example.com\" }\n    \
               reach: loopback";
    let (project, diagnostics) = Project::check(&source(at_a_provider("acme }", far)));
    assert!(
        project.is_none() && codes_of(&diagnostics).contains(&"WF0510"),
        "{diagnostics:?}"
    );
}
