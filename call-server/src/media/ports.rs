//! Which RTP port a new trunk leg gets: the one that was unused for longest. A port that was given back rests first (RFC 3550 has no
//! rule for it; late packets of the old call do).

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The even ports of a range.
#[derive(Debug)]
pub(super) struct PortPool {
    free: VecDeque<u16>,
    resting: VecDeque<Resting>,
    rest_us: u64,
}

#[derive(Debug)]
struct Resting {
    port: u16,
    until_us: u64,
}

impl PortPool {
    /// All even ports of the range but 0, to be used in order.
    pub(super) fn new(range: &RangeInclusive<u16>, rest: Duration) -> Self {
        let free: VecDeque<u16> = range.clone().filter(|port| port % 2 == 0 && *port != 0).collect();
        let resting = VecDeque::with_capacity(free.len());
        Self { free, resting, rest_us: u64::try_from(rest.as_micros()).unwrap_or(u64::MAX) }
    }

    /// Whether no port is free.
    pub(super) fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// The first port on which `bind` succeeds, with what `bind` made. Ports that somebody else holds rest like used ones.
    pub(super) fn take<T>(&mut self, now_us: u64, mut bind: impl FnMut(u16) -> std::io::Result<T>) -> Option<(u16, T)> {
        while self.resting.front().is_some_and(|resting| resting.until_us <= now_us) {
            self.free.extend(self.resting.pop_front().map(|resting| resting.port));
        }
        while let Some(port) = self.free.pop_front() {
            match bind(port) {
                Ok(bound) => return Some((port, bound)),
                Err(_) => self.give_back(now_us, port),
            }
        }
        None
    }

    /// A port that is closed now.
    pub(super) fn give_back(&mut self, now_us: u64, port: u16) {
        self.resting.push_back(Resting { port, until_us: now_us.saturating_add(self.rest_us) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pool: &mut PortPool, now_us: u64) -> Option<u16> {
        pool.take(now_us, |_| Ok(())).map(|(port, ())| port)
    }

    #[test]
    fn even_ports_rotate_and_rest() {
        let mut pool = PortPool::new(&(4_001..=4_006), Duration::from_secs(2));
        assert_eq!([0; 3].map(|now| take(&mut pool, now)), [Some(4_002), Some(4_004), Some(4_006)]);
        assert_eq!(take(&mut pool, 0), None);
        pool.give_back(1_000_000, 4_004);
        pool.give_back(1_500_000, 4_002);
        assert_eq!(take(&mut pool, 2_999_999), None);
        assert_eq!(take(&mut pool, 3_000_000), Some(4_004));
        assert_eq!(take(&mut pool, 3_000_000), None);
        assert_eq!(take(&mut pool, 3_500_000), Some(4_002));
    }

    #[test]
    fn a_port_that_cannot_be_bound_is_passed_over_for_a_while() {
        let mut pool = PortPool::new(&(4_002..=4_004), Duration::from_secs(2));
        let busy = |port| if port == 4_002 { Err(std::io::ErrorKind::AddrInUse.into()) } else { Ok(()) };
        assert_eq!(pool.take(0, busy), Some((4_004, ())));
        assert_eq!(pool.take(1, busy), None);
        assert_eq!(take(&mut pool, 2_000_000), Some(4_002));
    }
}
