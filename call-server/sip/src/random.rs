//! Tags and branches: unguessable for whoever has seen others, repeatable for whoever knows the seed (RFC 3261 section 19.3).
//!
//! SipHash-2-4 (Aumasson, Bernstein 2012) over a counter, keyed with the seed. A plain generator would give its state away with
//! the first tag that a stranger reads.

/// The secret that all names of one endpoint come from.
#[derive(Clone)]
pub struct Seed(pub [u64; 2]);

/// The seed is a secret.
impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(<secret>)")
    }
}

/// Gives names.
#[derive(Debug)]
pub(crate) struct Names {
    seed: Seed,
    count: u64,
}

impl Names {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, count: 0 }
    }

    /// 64 fresh bits as 16 hexadecimal digits.
    pub(crate) fn next(&mut self) -> String {
        format!("{:016x}", self.bits())
    }

    /// A fresh number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits().checked_rem(end).unwrap_or(0)
    }

    fn bits(&mut self) -> u64 {
        self.count = self.count.wrapping_add(1);
        keyed_hash(&self.seed, &self.count.to_le_bytes())
    }

    /// 32 bits that belong to this text, the least that a tag may have: the same each time, unguessable without the seed.
    pub(crate) fn of(&self, text: &[u8]) -> String {
        // Longer than a counter, whatever the text: the two kinds of name never meet.
        format!("{:08x}", keyed_hash(&self.seed, &[b"stateless", text].concat()) >> 32)
    }
}

fn keyed_hash(seed: &Seed, message: &[u8]) -> u64 {
    let [k0, k1] = seed.0;
    let start = [k0 ^ 0x736f_6d65_7073_6575, k1 ^ 0x646f_7261_6e64_6f6d, k0 ^ 0x6c79_6765_6e65_7261, k1 ^ 0x7465_6462_7974_6573];
    let (blocks, rest) = message.as_chunks::<8>();
    let state = blocks.iter().fold(start, |state, block| absorb(state, u64::from_le_bytes(*block)));
    // The last block holds the rest and, in its top byte, the length.
    let length = (message.len() as u64) << 56;
    let last = rest.iter().rev().fold(0, |block: u64, byte| (block << 8) | u64::from(*byte)) | length;
    let [v0, v1, v2, v3] = absorb(state, last);
    let [v0, v1, v2, v3] = (0..4).fold([v0, v1, v2 ^ 0xff, v3], |state, _| round(state));
    v0 ^ v1 ^ v2 ^ v3
}

fn absorb([v0, v1, v2, v3]: [u64; 4], block: u64) -> [u64; 4] {
    let [v0, v1, v2, v3] = round(round([v0, v1, v2, v3 ^ block]));
    [v0 ^ block, v1, v2, v3]
}

fn round([mut v0, mut v1, mut v2, mut v3]: [u64; 4]) -> [u64; 4] {
    v0 = v0.wrapping_add(v1);
    v1 = v1.rotate_left(13) ^ v0;
    v0 = v0.rotate_left(32);
    v2 = v2.wrapping_add(v3);
    v3 = v3.rotate_left(16) ^ v2;
    v0 = v0.wrapping_add(v3);
    v3 = v3.rotate_left(21) ^ v0;
    v2 = v2.wrapping_add(v1);
    v1 = v1.rotate_left(17) ^ v2;
    v2 = v2.rotate_left(32);
    [v0, v1, v2, v3]
}

#[cfg(test)]
mod tests {
    use super::{Names, Seed, keyed_hash};

    #[test]
    fn the_hash_agrees_with_its_published_vectors() {
        // The reference implementation's vectors 0, 8 and 15: messages 00 01 02 ... under the key 00..0f.
        let seed = Seed([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(keyed_hash(&seed, b""), 0x726f_db47_dd0e_0e31);
        assert_eq!(keyed_hash(&seed, &message[..8]), 0x93f5_f579_9a93_2462);
        assert_eq!(keyed_hash(&seed, &message), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn equal_seeds_give_equal_names_and_no_name_twice() {
        let (mut one, mut two) = (Names::new(Seed([1, 2])), Names::new(Seed([1, 2])));
        let first: Vec<String> = (0..100).map(|_| one.next()).collect();
        assert!(first.iter().all(|name| *name == two.next()));
        assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 100);
    }
}
