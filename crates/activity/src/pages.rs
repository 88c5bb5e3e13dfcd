//! The explanations of mistakes in settings, as one list.

/// Code, title and page (Markdown) of every mistake that an activity's settings can have.
pub fn problem_pages() -> &'static [(&'static str, &'static str, &'static str)] {
    &PAGES
}

const PAGES: [(&str, &str, &str); 36] = [
    (
        "WF0401",
        "Unknown setting",
        include_str!("problems/WF0401.md"),
    ),
    (
        "WF0402",
        "Wrong type of setting",
        include_str!("problems/WF0402.md"),
    ),
    (
        "WF0403",
        "Missing setting",
        include_str!("problems/WF0403.md"),
    ),
    ("WF0404", "Unknown word", include_str!("problems/WF0404.md")),
    (
        "WF0405",
        "No final amount",
        include_str!("problems/WF0405.md"),
    ),
    (
        "WF0406",
        "Unknown field",
        include_str!("problems/WF0406.md"),
    ),
    (
        "WF0407",
        "Field of the wrong type",
        include_str!("problems/WF0407.md"),
    ),
    (
        "WF0408",
        "Unknown account",
        include_str!("problems/WF0408.md"),
    ),
    (
        "WF0409",
        "Another currency than the account's",
        include_str!("problems/WF0409.md"),
    ),
    (
        "WF0410",
        "Text without the link",
        include_str!("problems/WF0410.md"),
    ),
    ("WF0411", "Bad token", include_str!("problems/WF0411.md")),
    (
        "WF0412",
        "Bad expression",
        include_str!("problems/WF0412.md"),
    ),
    (
        "WF0413",
        "Bad mobile number",
        include_str!("problems/WF0413.md"),
    ),
    (
        "WF0414",
        "Bad e-mail address",
        include_str!("problems/WF0414.md"),
    ),
    (
        "WF0415",
        "Bad amount of money",
        include_str!("problems/WF0415.md"),
    ),
    (
        "WF0416",
        "Amount not above zero",
        include_str!("problems/WF0416.md"),
    ),
    (
        "WF0417",
        "Bad number of days",
        include_str!("problems/WF0417.md"),
    ),
    ("WF0418", "Bad date", include_str!("problems/WF0418.md")),
    (
        "WF0419",
        "Secret in a workflow",
        include_str!("problems/WF0419.md"),
    ),
    (
        "WF0420",
        "Host not allowed",
        include_str!("problems/WF0420.md"),
    ),
    (
        "WF0421",
        "Address that must not be called",
        include_str!("problems/WF0421.md"),
    ),
    (
        "WF0422",
        "Unknown stage",
        include_str!("problems/WF0422.md"),
    ),
    (
        "WF0423",
        "Nothing to approve or reject",
        include_str!("problems/WF0423.md"),
    ),
    (
        "WF0424",
        "Constant that does not fit",
        include_str!("problems/WF0424.md"),
    ),
    (
        "WF0425",
        "Nothing to do, or two things at once",
        include_str!("problems/WF0425.md"),
    ),
    (
        "WF0426",
        "List of recipients without a recipient",
        include_str!("problems/WF0426.md"),
    ),
    (
        "WF0427",
        "Missing language",
        include_str!("problems/WF0427.md"),
    ),
    ("WF0428", "Missing text", include_str!("problems/WF0428.md")),
    (
        "WF0429",
        "Account takes no links",
        include_str!("problems/WF0429.md"),
    ),
    (
        "WF0430",
        "Read-only field",
        include_str!("problems/WF0430.md"),
    ),
    (
        "WF0431",
        "Header that cannot be set",
        include_str!("problems/WF0431.md"),
    ),
    (
        "WF0432",
        "Bad JSON pointer",
        include_str!("problems/WF0432.md"),
    ),
    (
        "WF0433",
        "Bad length of time",
        include_str!("problems/WF0433.md"),
    ),
    (
        "WF0434",
        "Not offered by the gateway",
        include_str!("problems/WF0434.md"),
    ),
    (
        "WF0435",
        "No such payment link",
        include_str!("problems/WF0435.md"),
    ),
    (
        "WF0436",
        "Beyond the gateway's limit",
        include_str!("problems/WF0436.md"),
    ),
];
