//! What ships is clean.

use workflow_file::{Project, check, load};

use crate::support::{SHIPPED, catalog, file, report};

#[test]
fn every_shipped_workflow_is_clean_and_the_core_takes_it() {
    let project = Project::default();
    for path in SHIPPED {
        let source = file(path);
        let checked = check(&source, catalog(), Some(&project));
        assert!(
            checked.diagnostics.is_empty(),
            "{}",
            report(&source, &checked.diagnostics)
        );
        let loaded = load(&source, catalog(), Some(&project)).expect("the core takes it");
        assert_eq!(Some(loaded.model), checked.model);
    }
}

#[test]
fn every_label_of_the_shipped_workflows_speaks_three_languages() {
    for path in &SHIPPED[..3] {
        let checked = check(&file(path), catalog(), None);
        let model = checked.model.expect("a clean workflow");
        let states = model.states.iter().filter_map(|state| state.label.as_ref());
        let fields = model
            .fields
            .values()
            .filter_map(|field| field.label.as_ref());
        assert_eq!(
            model.states.len(),
            states.clone().count(),
            "{path}: every state has a label"
        );
        for label in states.chain(fields).chain([&model.label]) {
            assert_eq!(label.texts().count(), 3, "{path}: {label:?}");
        }
    }
}

#[test]
fn the_words_of_the_flagship_step_are_as_promised() {
    let text = file("examples/workflows/invoice-payment.yaml").lossy_text();
    for line in [
        "workflow: invoice-payment",
        "entity: invoice                      # financial: `final_amount` is there without declaring it",
        "  paid_late: { of: make_link, to: thank }",
        "      timeout: { after: 2d, to: escalated }",
        "        approve: { to: make_link, when: item.final_amount > 0 }",
        "        reject:  { to: rejected, require: [reject_reason] }",
        "    activity: create_payment_link",
        "      amount: final                  # or { fixed: 1_500_000 IRR } · { field: deposit } · balance",
        "        sms:   [manager, contact, { position: accountant }, { number: \"۰۹۱۲۱۱۱۲۲۳۳\" }, { field: mobile }]",
        "      receipt: { type: online, approve: auto, field: receipt }",
        "    wait: { payment: make_link }",
    ] {
        assert!(text.lines().any(|written| written == line), "{line}");
    }
}
