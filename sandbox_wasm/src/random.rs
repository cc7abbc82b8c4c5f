//! Random bytes of a session: from the operating system, or a reproducible stream when a seed is given.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A stream of SHA-256 blocks over a key and a counter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Random {
    key: [u8; 32],
    counter: u64,
    block: Vec<u8>,
}

impl Random {
    /// The stream of `seed`, or a different one each time.
    pub fn new(seed: Option<u64>) -> Self {
        let mut hash = Sha256::new();
        match seed {
            Some(seed) => hash.update(seed.to_le_bytes()),
            None => hash.update(entropy()),
        }
        Self { key: hash.finalize().into(), counter: 0, block: Vec::new() }
    }

    /// A seed that nobody chose.
    pub fn draw_seed() -> u64 {
        let mut word = [0; 8];
        Self::new(None).fill(&mut word);
        u64::from_le_bytes(word)
    }

    /// Fills `into`.
    pub fn fill(&mut self, into: &mut [u8]) {
        for byte in into {
            if self.block.is_empty() {
                self.counter += 1;
                let block =
                    Sha256::new().chain_update(self.key).chain_update(self.counter.to_le_bytes()).finalize();
                self.block = block.to_vec();
            }
            *byte = self.block.pop().unwrap_or_default();
        }
    }
}

/// Entropy without another dependency: std keys its hashers from the operating system once per thread and counts up
/// from there; time and process number keep even equal keys apart.
fn entropy() -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..4 {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        bytes.extend(hasher.finish().to_le_bytes());
    }
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    bytes.extend(since.as_nanos().to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_no_seed_does_not() {
        let draw = |seed, len| {
            let mut bytes = vec![0; len];
            Random::new(seed).fill(&mut bytes);
            bytes
        };
        assert_eq!(draw(Some(7), 100), draw(Some(7), 100));
        assert_ne!(draw(Some(7), 100), draw(Some(8), 100));
        assert_ne!(draw(None, 32), draw(None, 32));
    }
}
