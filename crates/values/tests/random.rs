//! Random tests with a fixed seed and a fresh one; a failure prints the seed and the smallest
//! value that fails.

use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

const FIXED_SEED: u64 = 0x5eed_0000_1405_0631;

/// Runs the property over 512 values from each of the two seeds.
pub(crate) fn for_all<S>(strategy: &S, property: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S: Strategy,
    S::Value: Debug,
{
    // `RandomState` is the standard library's own source of fresh randomness.
    let fresh_seed = RandomState::new().hash_one(0);
    for seed in [FIXED_SEED, fresh_seed] {
        let mut bytes = [0; 32];
        for (byte, value) in bytes.iter_mut().zip(seed.to_le_bytes().iter().cycle()) {
            *byte = *value;
        }
        let config = Config {
            cases: 512,
            failure_persistence: None,
            ..Config::default()
        };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(config, rng);
        if let Err(error) = runner.run(strategy, &property) {
            panic!("seed {seed:#018x}: {error}");
        }
    }
}
