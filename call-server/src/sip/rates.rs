//! How many requests each trunk address may begin: a bucket that fills at a steady rate (RFC 5390 asks for local overload control).
//!
//! Pure; the time is an argument. Only addresses of trunks have a bucket, so there are no more of them than the configuration names.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Parts of one request that a bucket counts in, so that a rate per second fills it every ms.
const PARTS: u64 = 1_000;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    parts: u64,
    filled_at: u64,
}

/// All buckets.
#[derive(Debug)]
pub(super) struct Rates {
    per_s: u64,
    burst_parts: u64,
    buckets: BTreeMap<IpAddr, Bucket>,
}

impl Rates {
    /// `per_s` requests a second, and up to `burst` at once.
    pub(super) fn new(per_s: u32, burst: u32) -> Self {
        Self { per_s: u64::from(per_s), burst_parts: u64::from(burst).saturating_mul(PARTS), buckets: BTreeMap::new() }
    }

    /// Takes one request of this address; `false` if it comes too soon.
    pub(super) fn take(&mut self, now: u64, address: IpAddr) -> bool {
        let full = Bucket { parts: self.burst_parts, filled_at: now };
        let bucket = self.buckets.entry(address.to_canonical()).or_insert(full);
        let gained = now.saturating_sub(bucket.filled_at).saturating_mul(self.per_s);
        bucket.parts = bucket.parts.saturating_add(gained).min(self.burst_parts);
        bucket.filled_at = now;
        let is_allowed = bucket.parts >= PARTS;
        if is_allowed {
            bucket.parts -= PARTS;
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds_for_each_address_alone() {
        let mut rates = Rates::new(10, 5);
        let (one, two): (IpAddr, IpAddr) = ("192.0.2.1".parse().expect("an address"), "192.0.2.2".parse().expect("an address"));
        let taken = |rates: &mut Rates, now, address| (0..20).filter(|_| rates.take(now, address)).count();
        assert_eq!((taken(&mut rates, 0, one), taken(&mut rates, 0, two)), (5, 5));
        assert_eq!((taken(&mut rates, 99, one), taken(&mut rates, 100, one), taken(&mut rates, 300, one)), (0, 1, 2));
        assert_eq!(taken(&mut rates, 3_600_000, one), 5, "no more than the burst gathers");
    }
}
