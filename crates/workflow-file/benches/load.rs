//! What loading a workflow of sixty states costs: text to a definition that can run, all rules checked.

use std::fmt::Write as _;
use std::hint::black_box;

use activity::Catalog;
use workflow_file::{SourceFile, load};

fn main() {
    divan::main();
}

/// A chain of twenty rounds: a task with two guarded actions and a limit, a link, a wait for its payment.
fn sixty_states() -> String {
    const ROUNDS: usize = 20;
    let mut yaml = String::from(
        "workflow: sixty\nversion: 1\nentity: invoice\nlabel: Sixty states\nfields:\n  note: { type: text }\n  pay_days: { type: number }\n\
         initial: review1\nstates:\n",
    );
    for round in 1..=ROUNDS {
        let next = match round {
            ROUNDS => "done".to_owned(),
            _ => format!("review{}", round + 1),
        };
        let _ = write!(
            yaml,
            "  review{round}:\n    task:\n      assignee: {{ role: sales_manager }}\n      timeout: {{ after: 2d, to: failed }}\n      actions:\n\
             \u{20}       approve: {{ to: link{round}, when: item.final_amount > 0 && item.pay_days >= {round} }}\n\
             \u{20}       reject: {{ to: failed, require: [note] }}\n\
             \u{20} link{round}:\n    activity: create_payment_link\n    with:\n      account: main\n      amount: final\n\
             \u{20}     expires: {{ days: {{ field: pay_days }} }}\n      recipients: {{ sms: [contact] }}\n\
             \u{20}   next: {{ success: wait{round}, error: failed }}\n\
             \u{20} wait{round}:\n    wait: {{ payment: link{round} }}\n    next: {{ paid: {next}, expired: review{round} }}\n"
        );
    }
    yaml.push_str("  done: { end: success }\n  failed: { end: failed }\n");
    yaml
}

#[divan::bench]
fn sixty_states_to_a_definition(bencher: divan::Bencher<'_, '_>) {
    let source = SourceFile::new("sixty.yaml", sixty_states());
    let catalog = Catalog::builtin();
    bencher.bench(|| {
        let loaded = load(black_box(&source), &catalog, None);
        assert!(loaded.is_ok(), "{:?}", loaded.err());
        loaded.ok()
    });
}
