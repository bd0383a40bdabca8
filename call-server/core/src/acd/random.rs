//! A small seeded generator (SplitMix64), part of the core's state so that a recorded day replays to the same choices.
//!
//! Not for secrets.

/// The state of the generator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Random(u64);

impl Random {
    /// Begins at a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The number that comes next; the same until [`Random::advance`].
    pub(crate) fn peek(self) -> u64 {
        let mut mixed = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The number was used.
    pub(crate) fn advance(&mut self) {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_stay_until_used_and_follow_from_the_seed() {
        let mut random = Random::new(0);
        assert_eq!((random.peek(), random.peek()), (0xE220_A839_7B1D_CDAF, 0xE220_A839_7B1D_CDAF));
        random.advance();
        assert_eq!(random.peek(), 0x6E78_9E6A_A1B9_65F4);
    }
}
