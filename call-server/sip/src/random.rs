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
        self.count = self.count.wrapping_add(1);
        format!("{:016x}", keyed_hash(&self.seed, self.count))
    }
}

fn keyed_hash(seed: &Seed, message: u64) -> u64 {
    let [k0, k1] = seed.0;
    let mut state = [k0 ^ 0x736f_6d65_7073_6575, k1 ^ 0x646f_7261_6e64_6f6d, k0 ^ 0x6c79_6765_6e65_7261, k1 ^ 0x7465_6462_7974_6573];
    // The message is always eight bytes; its length stands in the top byte of the last block.
    for block in [message, 8 << 56] {
        state = absorb(state, block);
    }
    let [v0, v1, v2, v3] = state;
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
    fn the_hash_agrees_with_its_published_vector() {
        // Appendix A of the paper, message of eight bytes 00..07 under the key 00..0f.
        let seed = Seed([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        assert_eq!(keyed_hash(&seed, 0x0706_0504_0302_0100), 0x93f5_f579_9a93_2462);
    }

    #[test]
    fn equal_seeds_give_equal_names_and_no_name_twice() {
        let (mut one, mut two) = (Names::new(Seed([1, 2])), Names::new(Seed([1, 2])));
        let first: Vec<String> = (0..100).map(|_| one.next()).collect();
        assert!(first.iter().all(|name| *name == two.next()));
        assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 100);
    }
}
