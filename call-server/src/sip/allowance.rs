//! How many bytes all connections of one source together may bring in time. Whoever brings more is read more slowly, so that its own TCP
//! holds it back; nothing is lost, and nobody else waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Parts of one byte that a balance counts in, so that a rate per second fills it every ms.
const PARTS: i64 = 1_000;

/// One source's allowance; all its connections share it.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    started: Instant,
    balance: Arc<Mutex<Balance>>,
}

impl Allowance {
    /// So many bytes a second, and so many at once.
    pub(super) fn new(per_s: u32, burst: u32) -> Self {
        Self { started: Instant::now(), balance: Arc::new(Mutex::new(Balance::new(per_s, burst))) }
    }

    /// Notes bytes that were read, and waits until they are paid for.
    pub(super) async fn pay(&self, bytes: usize) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // A number has no half-done state: a poisoned lock is as good as a sound one.
        let wait_ms = self.balance.lock().unwrap_or_else(PoisonError::into_inner).take(now, bytes);
        if wait_ms > 0 {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
    }
}

/// A bucket that fills at a steady rate, and may be overdrawn by what was read before anybody could count it. Pure.
#[derive(Debug)]
struct Balance {
    per_s: i64,
    most: i64,
    parts: i64,
    filled_at: u64,
}

impl Balance {
    fn new(per_s: u32, burst: u32) -> Self {
        let most = i64::from(burst).saturating_mul(PARTS);
        Self { per_s: i64::from(per_s.max(1)), most, parts: most, filled_at: 0 }
    }

    /// Takes bytes; gives how long it takes to pay what is owed, in ms.
    fn take(&mut self, now: u64, bytes: usize) -> u64 {
        let gained = i64::try_from(now.saturating_sub(self.filled_at)).unwrap_or(i64::MAX).saturating_mul(self.per_s);
        let cost = i64::try_from(bytes).unwrap_or(i64::MAX).saturating_mul(PARTS);
        self.filled_at = now;
        self.parts = self.parts.saturating_add(gained).min(self.most).saturating_sub(cost);
        let owed = self.parts.saturating_neg().max(0);
        u64::try_from(owed.saturating_add(self.per_s - 1) / self.per_s).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_more_is_paid_for_at_the_rate() {
        let mut balance = Balance::new(1_000, 4_000);
        assert_eq!((balance.take(0, 4_000), balance.take(0, 500)), (0, 500));
        assert_eq!(balance.take(500, 2_000), 2_000, "what was owed is paid, this is new");
        assert_eq!((balance.take(3_500, 1_000), balance.take(3_500, 1)), (0, 1));
        assert_eq!((balance.take(3_600_000, 4_000), balance.take(3_600_000, 1)), (0, 1), "no more than the burst gathers");
    }

    #[test]
    fn all_holders_of_an_allowance_pay_from_one_purse() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let (one, start) = (Allowance::new(100_000, 1_000), Instant::now());
            let two = one.clone();
            one.pay(1_000).await;
            two.pay(10_000).await;
            assert!(start.elapsed() >= Duration::from_millis(95), "{:?}", start.elapsed());
        });
    }
}
