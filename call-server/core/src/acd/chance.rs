//! Chances by slot: draws a free member in a time that grows with the logarithm of their number (Fenwick 1994, "A new data structure
//! for cumulative frequency tables").

/// The free members of a class and their weights.
#[derive(Debug)]
pub(crate) struct Chance {
    heads: Sums,
    weights: Sums,
}

impl Chance {
    /// So many slots, all empty. None at all if nobody draws.
    pub(crate) fn new(slots: usize) -> Self {
        Self { heads: Sums::new(slots), weights: Sums::new(slots) }
    }

    /// A member is free, or is not any more.
    pub(crate) fn set(&mut self, slot: usize, weight: u32, free: bool) {
        self.heads.change(slot, 1, free);
        self.weights.change(slot, u64::from(weight), free);
    }

    /// By heads, or by weight.
    pub(crate) fn sums(&self, by_weight: bool) -> &Sums {
        if by_weight { &self.weights } else { &self.heads }
    }
}

/// Sums of the slots before each.
#[derive(Debug)]
pub(crate) struct Sums {
    /// From 1: each holds the sum of as many slots before it as its lowest bit says.
    tree: Vec<u64>,
}

impl Sums {
    fn new(slots: usize) -> Self {
        Self { tree: vec![0; if slots == 0 { 0 } else { slots + 1 }] }
    }

    fn change(&mut self, slot: usize, amount: u64, more: bool) {
        let mut at = slot + 1;
        while at < self.tree.len() {
            self.tree[at] = if more { self.tree[at] + amount } else { self.tree[at] - amount };
            at += at & at.wrapping_neg();
        }
    }

    /// Of all slots before this one.
    pub(crate) fn before(&self, slot: usize) -> u64 {
        let (mut at, mut sum) = (slot.min(self.tree.len().saturating_sub(1)), 0);
        while at > 0 {
            sum += self.tree[at];
            at &= at - 1;
        }
        sum
    }

    /// Of one slot.
    pub(crate) fn of(&self, slot: usize) -> u64 {
        self.before(slot + 1) - self.before(slot)
    }

    /// Of all slots.
    pub(crate) fn total(&self) -> u64 {
        self.before(self.tree.len())
    }

    /// The slot in which a point falls when all are laid end to end; the point is below the total.
    pub(crate) fn find(&self, mut point: u64) -> usize {
        let mut at = 0;
        let mut step = self.tree.len().next_power_of_two();
        while step > 0 {
            if let Some(sum) = self.tree.get(at + step)
                && *sum <= point
            {
                point -= sum;
                at += step;
            }
            step /= 2;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn each_point_falls_into_the_slot_that_plain_counting_names() {
        let weights = [3_u32, 0, 1, 7, 2, 0, 5];
        let mut chance = Chance::new(weights.len());
        for (slot, weight) in weights.iter().enumerate() {
            chance.set(slot, *weight, true);
        }
        chance.set(3, 7, false);
        let free = [3_u64, 0, 1, 0, 2, 0, 5];
        let plain: Vec<usize> = (0..free.len()).flat_map(|slot| std::iter::repeat_n(slot, free[slot] as usize)).collect();
        let sums = chance.sums(true);
        assert_eq!(sums.total(), plain.len() as u64);
        for (point, slot) in plain.into_iter().enumerate() {
            assert_eq!(sums.find(point as u64), slot, "point {point}");
        }
        for slot in 0..free.len() {
            assert_eq!((sums.of(slot), sums.before(slot)), (free[slot], free[..slot].iter().sum()));
        }
        assert_eq!(chance.sums(false).total(), 6);
    }
}
