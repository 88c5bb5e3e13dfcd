//! How messages leave, in the project file.

use host::Medium;
use workflow_file::{Channel, Project};

use crate::support::{codes_of, source};

const FULL: &str = r#"
messages:
  sms:
    channel: http
    http:
      url: "https://sms.example/v1/{secret.account}/send"
      headers: { Authorization: "Bearer env:SMS_TOKEN", Idempotency-Key: "{key}" }
      secrets: { account: env:SMS_ACCOUNT }
      form: { receptor: "{to}", message: "{text}", line: 30001 }
      accepted: { pointer: /return/status, equals: 200, later: [418] }
      message_id: /entries/0/messageid
      numbers: national
  email:
    channel: smtp
    smtp: { host: smtp.example.com, user: crm, password: env:MAIL, from: billing@crm.example }
"#;

#[test]
fn channels_are_read() {
    let (project, diagnostics) = Project::check(&source(FULL));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let project = project.expect("a project");
    let Channel::Http(sms) = &project.messages[&Medium::Sms] else {
        panic!("{:?}", project.messages);
    };
    assert_eq!(sms.numbers, messaging::Numbers::National);
    let Channel::Smtp(mail) = &project.messages[&Medium::Email] else {
        panic!("{:?}", project.messages);
    };
    assert_eq!(mail.from.as_str(), "billing@crm.example");
}

#[test]
fn a_section_may_wait_while_the_outbox_is_used() {
    let waiting = FULL
        .replace("channel: http", "channel: outbox")
        .replace("channel: smtp", "channel: outbox");
    let (project, diagnostics) = Project::check(&source(waiting.as_str()));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let project = project.expect("a project");
    assert_eq!(project.messages[&Medium::Sms], Channel::Outbox);
    assert_eq!(project.messages[&Medium::Email], Channel::Outbox);
}

#[test]
fn a_channel_that_cannot_work_is_an_error_and_no_secret_is_repeated() {
    let sms =
        |section: &str| format!("messages: {{ sms: {{ channel: http, http: {section} }} }}\n");
    let mail =
        |section: &str| format!("messages: {{ email: {{ channel: smtp, smtp: {section} }} }}\n");
    let good = "url: \"https://sms.example/{to}/{text}\"";
    for (text, code) in [
        (
            "messages: { sms: { channel: http } }\n".to_owned(),
            "WF0102",
        ),
        (
            "messages: { email: { channel: smtp } }\n".to_owned(),
            "WF0102",
        ),
        (
            "messages: { sms: { channel: smtp } }\n".to_owned(),
            "WF0112",
        ),
        (
            "messages: { email: { channel: outbox, http: {} } }\n".to_owned(),
            "WF0101",
        ),
        (sms("{ url: \"http://sms.example/{to}/{text}\" }"), "WF0509"),
        (sms("{ url: \"https://sms.example\" }"), "WF0509"),
        (sms(&format!("{{ {good}, colour: red }}")), "WF0509"),
        (
            sms(&format!("{{ {good}, secrets: {{ pin: hunter2 }} }}")),
            "WF0502",
        ),
        (sms(&format!("{{ {good}, secrets: hunter2 }}")), "WF0103"),
        (
            sms(&format!("{{ {good}, headers: {{ X-Token: hunter2 }} }}")),
            "WF0509",
        ),
        (mail("{ host: smtp.example.com }"), "WF0509"),
        (
            mail("{ host: smtp.example.com, from: a@b.example, tls: none }"),
            "WF0509",
        ),
        (
            mail("{ host: h, from: a@b.example, user: u, password: hunter2 }"),
            "WF0502",
        ),
    ] {
        let (project, diagnostics) = Project::check(&source(text.as_str()));
        assert!(project.is_none(), "{text}");
        assert_eq!(codes_of(&diagnostics), [code], "{text}: {diagnostics:?}");
        assert!(
            !format!("{diagnostics:?}").contains("hunter2"),
            "{diagnostics:?}"
        );
    }
}
