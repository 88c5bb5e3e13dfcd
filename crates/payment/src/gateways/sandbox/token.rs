//! Names that the sandbox gives out: the same inputs give the same name on every machine.

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// A name out of the parts, by FNV-1a over 128 bits. It is wide enough never to collide by chance;
/// it is no secret, and nobody can pay with it.
pub(super) fn token(seed: u64, parts: &[&str]) -> String {
    let mut hash = mix(OFFSET, &seed.to_le_bytes());
    for part in parts {
        // The length parts `ab` + `c` from `a` + `bc`.
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hash = mix(mix(hash, &length.to_le_bytes()), part.as_bytes());
    }
    format!("{hash:032x}")
}

fn mix(hash: u128, bytes: &[u8]) -> u128 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    })
}
