//! When faults come.

use simulator::{Fault, FaultRule, Faults};

#[test]
fn a_rule_counts_its_own_operation_alone() {
    let faults = Faults::new(vec![FaultRule {
        skip: 1,
        times: 2,
        ..FaultRule::first(Fault::AcceptThenDrop, "create")
    }]);
    let seen: Vec<bool> = ["create", "status", "create", "create", "create"]
        .iter()
        .map(|operation| faults.at(operation).is_some())
        .collect();
    assert_eq!(seen, [false, false, true, true, false]);
}

#[test]
fn every_fault_says_whether_the_provider_acts() {
    assert!(Fault::ALL.iter().any(|fault| fault.acts()));
    let text = serde_json::to_string(Fault::ALL).unwrap();
    let again: Vec<Fault> = serde_json::from_str(&text).unwrap();
    assert_eq!(again, Fault::ALL);
}
