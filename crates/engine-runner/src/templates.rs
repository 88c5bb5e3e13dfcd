//! The projects that `init` makes: the shipped workflows, each with a few of its scenarios.

use crate::commands::init::Template;

/// A file of a template: its path in the project, and its text.
pub(crate) type TemplateFile = (String, String);

const PROJECT: &str = include_str!("../../../charkh.yaml");

/// A workflow with the scenarios that show its main ways.
struct Shipped {
    name: &'static str,
    workflow: &'static str,
    scenarios: &'static [(&'static str, &'static str)],
}

macro_rules! shipped {
    ($name:literal, [$($scenario:literal),+ $(,)?]) => {
        Shipped {
            name: $name,
            workflow: include_str!(concat!("../../../workflows/", $name, ".yaml")),
            scenarios: &[$((
                $scenario,
                include_str!(concat!("../../../workflows/", $name, "/", $scenario, ".scenario.yaml")),
            )),+],
        }
    };
}

const INVOICE: Shipped = shipped!(
    "invoice",
    [
        "approved-and-paid",
        "below-the-limit",
        "lost-callback",
        "no-mobile",
        "paid-late"
    ]
);

const OPPORTUNITY: Shipped = shipped!(
    "opportunity",
    [
        "expired-new-link",
        "given-up",
        "group-claim",
        "link-error",
        "won"
    ]
);

const CONTRACT: Shipped = shipped!(
    "contract",
    [
        "late-to-manager",
        "postponed",
        "resend",
        "twelve-instalments",
        "unknown-is-parked"
    ]
);

/// Every file of a project from a template, schemas aside.
pub(crate) fn files(template: Template) -> Vec<TemplateFile> {
    let shipped = match template {
        Template::Opportunity => &OPPORTUNITY,
        Template::Invoice => &INVOICE,
        Template::Contract => &CONTRACT,
    };
    let name = shipped.name;
    let with_schema = |schema: &str, up: &str, text: &str| {
        format!("# yaml-language-server: $schema={up}.charkh/{schema}.schema.json\n{text}")
    };
    let mut files = vec![
        (
            "charkh.yaml".to_owned(),
            with_schema("project", "", PROJECT),
        ),
        (
            format!("workflows/{name}.yaml"),
            with_schema("workflow", "../", shipped.workflow),
        ),
        ("README.md".to_owned(), readme(name)),
    ];
    for (scenario, text) in shipped.scenarios {
        let path = format!("workflows/{name}/{scenario}.scenario.yaml");
        files.push((path, with_schema("scenario", "../../", text)));
    }
    files
}

fn readme(name: &str) -> String {
    format!(
        "# {name}\n\n\
        A lifecycle, tested by example.\n\n\
        ```console\n\
        $ engine-runner check                # every mistake, with its place\n\
        $ engine-runner test --min 20        # the scenarios, on a virtual clock\n\
        $ engine-runner graph workflows/{name}.yaml --format svg --lang fa > {name}.svg\n\
        ```\n\n\
        | file | what it is |\n\
        | --- | --- |\n\
        | `charkh.yaml` | time zone, languages, accounts, people |\n\
        | `workflows/{name}.yaml` | the lifecycle |\n\
        | `workflows/{name}/*.scenario.yaml` | what must happen, as given, when and then |\n\
        | `.charkh/*.schema.json` | completion and checks in editors with a YAML language server |\n"
    )
}
