//! Failed sign-ins per number and address, and the lock that follows too many of them (5-1).
//!
//! Unknown numbers are counted like known ones: the lock must not tell who exists. The table is bounded; when it is full the
//! pair that failed longest ago is forgotten, locked pairs last: a flood of invented numbers costs a fixed amount of memory, costs
//! nobody the sign-in, and opens no lock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// The table of failures.
pub(super) struct Attempts {
    failures_allowed: u32,
    lock: Duration,
    capacity: usize,
    failures: HashMap<(String, IpAddr), Failures>,
}

struct Failures {
    count: u32,
    last: Instant,
}

impl Attempts {
    pub(super) fn new(failures_allowed: u32, lock: Duration, capacity: usize) -> Self {
        Self { failures_allowed, lock, capacity, failures: HashMap::new() }
    }

    /// Whether this pair must wait before its next try.
    pub(super) fn is_locked(&self, number: &str, address: IpAddr, now: Instant) -> bool {
        self.failures.get(&(number.to_owned(), address)).is_some_and(|failures| self.locks(failures, now))
    }

    fn locks(&self, failures: &Failures, now: Instant) -> bool {
        failures.count >= self.failures_allowed && now.duration_since(failures.last) < self.lock
    }

    /// Counts a wrong password. A count older than the lock starts anew.
    pub(super) fn failed(&mut self, number: &str, address: IpAddr, now: Instant) {
        let key = (number.to_owned(), address);
        if !self.failures.contains_key(&key) && self.failures.len() >= self.capacity {
            self.forget_one(now);
        }
        let failures = self.failures.entry(key).or_insert(Failures { count: 0, last: now });
        if now.duration_since(failures.last) >= self.lock {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    /// A right password ends the row of failures.
    pub(super) fn succeeded(&mut self, number: &str, address: IpAddr) {
        self.failures.remove(&(number.to_owned(), address));
    }

    /// Ends the failures of a number at every address; returns how many of them were locked.
    pub(super) fn forgive(&mut self, number: &str, now: Instant) -> usize {
        let locked = self.failures.iter().filter(|((whose, _), failures)| whose == number && self.locks(failures, now)).count();
        self.failures.retain(|(whose, _), _| whose != number);
        locked
    }

    fn forget_one(&mut self, now: Instant) {
        let least = self.failures.iter().min_by_key(|(_, failures)| (self.locks(failures, now), failures.last));
        if let Some(key) = least.map(|(key, _)| key.clone()) {
            self.failures.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const LOCK: Duration = Duration::from_secs(600);

    fn after_failures(count: u32, at: Instant) -> Attempts {
        let mut attempts = Attempts::new(5, LOCK, 3);
        for _ in 0..count {
            attempts.failed("1001", HERE, at);
        }
        attempts
    }

    #[test]
    fn the_fifth_failure_locks_the_pair_for_ten_minutes_and_nobody_else() {
        let now = Instant::now();
        assert!(!after_failures(4, now).is_locked("1001", HERE, now));
        let attempts = after_failures(5, now);
        assert!(attempts.is_locked("1001", HERE, now));
        assert!(!attempts.is_locked("1002", HERE, now));
        assert!(!attempts.is_locked("1001", IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), now));
        assert!(!attempts.is_locked("1001", HERE, now + LOCK));
    }

    #[test]
    fn after_the_lock_the_count_starts_anew() {
        let now = Instant::now();
        let mut attempts = after_failures(5, now);
        attempts.failed("1001", HERE, now + LOCK);
        assert!(!attempts.is_locked("1001", HERE, now + LOCK));
    }

    #[test]
    fn a_success_ends_the_row() {
        let now = Instant::now();
        let mut attempts = after_failures(4, now);
        attempts.succeeded("1001", HERE);
        attempts.failed("1001", HERE, now);
        assert!(!attempts.is_locked("1001", HERE, now));
    }

    #[test]
    fn the_table_stays_bounded_and_forgets_the_oldest_but_no_lock() {
        let now = Instant::now();
        let mut attempts = after_failures(5, now);
        for (seconds, number) in ["a", "b", "c"].into_iter().enumerate() {
            attempts.failed(number, HERE, now + Duration::from_secs(1 + seconds as u64));
        }
        assert_eq!(attempts.failures.len(), 3);
        assert!(attempts.is_locked("1001", HERE, now));
        assert!(!attempts.failures.contains_key(&("a".to_owned(), HERE)));
    }

    #[test]
    fn a_forgiven_number_may_try_again_everywhere_and_no_other_number() {
        let now = Instant::now();
        let mut attempts = after_failures(5, now);
        let elsewhere = IpAddr::from([10, 0, 0, 1]);
        (0..5).for_each(|_| attempts.failed("1001", elsewhere, now));
        (0..5).for_each(|_| attempts.failed("1002", HERE, now));
        assert_eq!(attempts.forgive("1001", now), 2);
        assert!(!attempts.is_locked("1001", HERE, now) && !attempts.is_locked("1001", elsewhere, now));
        assert!(attempts.is_locked("1002", HERE, now));
        assert_eq!(attempts.forgive("1001", now), 0);
    }
}
