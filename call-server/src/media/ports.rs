//! Which RTP port a new trunk leg gets. A port that was given back rests first (RFC 3550 has no rule for it; late packets of the old call
//! do). Sockets that were given back with their port stay open while it rests and come first afterwards: to open and to close them costs
//! more than all else that a leg needs of the system. Of the other ports the one comes first that was unused for longest.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Ports that keep their sockets while nobody uses them, at most: as many as rest at 250 calls a second.
const MOST_KEPT: usize = 1_024;
/// Their share of what the process may open: one handle in so many, and each port has two.
const SHARE_OF_HANDLES: u64 = 8;

/// How many ports may keep their sockets, where a process may have so many files open.
pub(super) fn most_kept(open_files: Option<u64>) -> usize {
    let share = open_files.map_or(u64::MAX, |files| files / SHARE_OF_HANDLES / 2);
    usize::try_from(share).unwrap_or(MOST_KEPT).min(MOST_KEPT)
}

/// The even ports of a range, some of them with their sockets, which are a `T`.
#[derive(Debug)]
pub(super) struct PortPool<T> {
    free: VecDeque<u16>,
    /// Those that have rested with their sockets.
    open: VecDeque<(u16, T)>,
    resting: VecDeque<Resting<T>>,
    rest_us: u64,
    /// How many have their sockets, resting or not, and how many may.
    kept: usize,
    most_kept: usize,
}

#[derive(Debug)]
struct Resting<T> {
    port: u16,
    sockets: Option<T>,
    until_us: u64,
}

impl<T> PortPool<T> {
    /// All even ports of the range but 0, to be used in order.
    pub(super) fn new(range: &RangeInclusive<u16>, rest: Duration, most_kept: usize) -> Self {
        let free: VecDeque<u16> = range.clone().filter(|port| port % 2 == 0 && *port != 0).collect();
        let resting = VecDeque::with_capacity(free.len());
        let rest_us = u64::try_from(rest.as_micros()).unwrap_or(u64::MAX);
        Self { free, open: VecDeque::new(), resting, rest_us, kept: 0, most_kept }
    }

    /// Whether no port is free.
    pub(super) fn is_empty(&self) -> bool {
        self.free.is_empty() && self.open.is_empty()
    }

    /// The first port on which `open` succeeds, with its sockets; `open` gets those that were kept for the port. Ports that somebody else
    /// holds rest like used ones.
    pub(super) fn take(&mut self, now_us: u64, mut open: impl FnMut(u16, Option<T>) -> std::io::Result<T>) -> Option<(u16, T)> {
        self.end_rest(now_us);
        while let Some((port, kept)) = self.next() {
            match open(port, kept) {
                Ok(sockets) => return Some((port, sockets)),
                Err(_) => self.give_back(now_us, port, None),
            }
        }
        None
    }

    /// A port that is not used any more, with its sockets if they may be kept. Those that are too many are closed.
    pub(super) fn give_back(&mut self, now_us: u64, port: u16, sockets: Option<T>) {
        let sockets = sockets.filter(|_| self.kept < self.most_kept);
        self.kept += usize::from(sockets.is_some());
        self.resting.push_back(Resting { port, sockets, until_us: now_us.saturating_add(self.rest_us) });
    }

    fn end_rest(&mut self, now_us: u64) {
        while let Some(Resting { port, sockets, .. }) = self.resting.pop_front_if(|resting| resting.until_us <= now_us) {
            match sockets {
                Some(sockets) => self.open.push_back((port, sockets)),
                None => self.free.push_back(port),
            }
        }
    }

    fn next(&mut self) -> Option<(u16, Option<T>)> {
        match self.open.pop_front() {
            Some((port, sockets)) => {
                self.kept -= 1;
                Some((port, Some(sockets)))
            }
            None => self.free.pop_front().map(|port| (port, None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port, and whether its sockets had been kept.
    fn take(pool: &mut PortPool<()>, now_us: u64) -> Option<(u16, bool)> {
        let mut had = false;
        let open = |_, kept: Option<()>| {
            had = kept.is_some();
            Ok(())
        };
        pool.take(now_us, open).map(|(port, ())| (port, had))
    }

    #[test]
    fn even_ports_rotate_and_rest() {
        let mut pool = PortPool::new(&(4_001..=4_006), Duration::from_secs(2), 0);
        assert_eq!([0; 3].map(|now| take(&mut pool, now)), [Some((4_002, false)), Some((4_004, false)), Some((4_006, false))]);
        assert_eq!(take(&mut pool, 0), None);
        pool.give_back(1_000_000, 4_004, None);
        pool.give_back(1_500_000, 4_002, None);
        assert_eq!(take(&mut pool, 2_999_999), None);
        assert_eq!(take(&mut pool, 3_000_000), Some((4_004, false)));
        assert_eq!(take(&mut pool, 3_000_000), None);
        assert_eq!(take(&mut pool, 3_500_000), Some((4_002, false)));
    }

    #[test]
    fn a_port_that_cannot_be_bound_is_passed_over_for_a_while() {
        let mut pool = PortPool::new(&(4_002..=4_004), Duration::from_secs(2), 0);
        let busy = |port, _| if port == 4_002 { Err(std::io::ErrorKind::AddrInUse.into()) } else { Ok(()) };
        assert_eq!(pool.take(0, busy), Some((4_004, ())));
        assert_eq!(pool.take(1, busy), None);
        assert_eq!(take(&mut pool, 2_000_000), Some((4_002, false)));
    }

    #[test]
    fn sockets_rest_with_their_port_and_come_first_afterwards_and_only_so_many_are_kept() {
        let mut pool = PortPool::new(&(4_002..=4_010), Duration::from_secs(2), 2);
        for port in [4_002, 4_004, 4_006] {
            assert_eq!(take(&mut pool, 0), Some((port, false)));
        }
        for port in [4_002, 4_004, 4_006] {
            pool.give_back(0, port, Some(()));
        }
        assert_eq!(take(&mut pool, 1_999_999), Some((4_008, false)), "those that rest are not given out");
        assert_eq!([2_000_000; 2].map(|now| take(&mut pool, now)), [Some((4_002, true)), Some((4_004, true))]);
        assert_eq!([2_000_000; 3].map(|now| take(&mut pool, now)), [Some((4_010, false)), Some((4_006, false)), None]);
        pool.give_back(2_000_000, 4_006, Some(()));
        assert_eq!(take(&mut pool, 4_000_000), Some((4_006, true)), "there is room for it again");
    }

    #[test]
    fn kept_sockets_take_a_small_share_of_the_files_that_may_be_open() {
        assert_eq!([Some(1_024), Some(20_000), None].map(most_kept), [64, 1_024, 1_024]);
    }
}
