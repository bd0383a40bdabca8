//! Which numbers are free: places of legs and talks in their threads. A number that was given back waits at the end of the row.

use std::collections::VecDeque;

/// Free numbers.
#[derive(Debug)]
pub(super) struct Roll {
    free: VecDeque<u16>,
    taken: usize,
}

impl Roll {
    /// All numbers below `count`.
    pub(super) fn new(count: usize) -> Self {
        Self { free: (0..count).filter_map(|number| u16::try_from(number).ok()).collect(), taken: 0 }
    }

    /// The number that was free for longest.
    pub(super) fn take(&mut self) -> Option<u16> {
        let number = self.free.pop_front()?;
        self.taken += 1;
        Some(number)
    }

    /// It is free again.
    pub(super) fn give_back(&mut self, number: u16) {
        self.free.push_back(number);
        self.taken = self.taken.saturating_sub(1);
    }

    /// How many are not free.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }
}
