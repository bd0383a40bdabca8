//! How near a media thread is to its limit, measured: how much of its time it works, and how long packets had waited when it came to them.

use std::sync::atomic::{AtomicU32, Ordering};

/// How often it is judged, in µs.
const WINDOW_US: u64 = 1_000_000;
/// Packets that wait for longer than this are late, in µs: a quarter of the way to the next one.
pub(super) const LATE_US: u64 = 5_000;
/// Above this share of its time, in 1/1,000, a thread takes no more calls: bursts need the rest.
const FULL_PERMILLE: u32 = 850;
/// Nor above this one, if it comes late so often in a second: a hiccup of an idle machine is no reason to refuse anybody.
const STRAINED_PERMILLE: u32 = 500;
const LATE_TURNS: u32 = 20;
/// After so many windows without strain calls are taken again.
const CALM_WINDOWS: u32 = 2;
/// What a new call will cost at most once it talks, in 1/1,000 of a thread's time.
pub(super) const CALL_PERMILLE: u32 = 1;
/// What an agent's voice costs more in Opus, likewise.
pub(super) const OPUS_PERMILLE: u32 = 5;

/// What others may see of a thread's strain.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    load_permille: AtomicU32,
    full: AtomicU32,
}

/// What a thread was given to do that its gauge does not show yet: a thousand calls in one second, or a thousand agents whose network
/// becomes bad in the same moment, would all find it at rest.
#[derive(Debug, Default)]
pub(super) struct Promised {
    /// In the newest second, and in those before: the gauge shows a whole second of it after two at the latest.
    permille: [u32; 3],
    second: u64,
}

impl Promised {
    /// Gives the thread so much more to do, if it has the time; whether it has.
    pub(super) fn give(&mut self, now_us: u64, gauge: &Gauge, permille: u32) -> bool {
        let second = now_us / WINDOW_US;
        for _ in 0..second.saturating_sub(self.second).min(3) {
            self.permille = [0, self.permille[0], self.permille[1]];
        }
        self.second = second;
        let promised: u32 = self.permille.iter().sum();
        let has_time = !gauge.is_full() && gauge.load_permille() + promised + permille <= FULL_PERMILLE;
        if has_time {
            self.permille[0] += permille;
        }
        has_time
    }
}

impl Gauge {
    /// Whether another call would spoil those that run.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed) > 0
    }

    /// Full until two seconds have passed.
    #[cfg(test)]
    pub(super) fn fill_for_test(&self) {
        self.full.store(CALM_WINDOWS, Ordering::Relaxed);
    }

    /// Share of its time that the thread worked in the last second, in 1/1,000.
    pub(super) fn load_permille(&self) -> u32 {
        self.load_permille.load(Ordering::Relaxed)
    }
}

/// The thread's own measure.
#[derive(Debug, Default)]
pub(super) struct Strain {
    window_us: u64,
    busy_us: u64,
    late_turns: u32,
    /// When the thread had last come to everything that waited.
    caught_up_us: u64,
}

impl Strain {
    /// Something waits, and `all` of it is known, or there may be more. Gives for how long it may have waited.
    pub(super) fn woke(&mut self, now_us: u64, all: bool) -> u64 {
        let waited_us = if all { 0 } else { now_us.saturating_sub(self.caught_up_us) };
        if all {
            self.caught_up_us = now_us;
        }
        self.late_turns += u32::from(waited_us >= LATE_US);
        waited_us
    }

    /// The work of a turn is done.
    pub(super) fn worked(&mut self, from_us: u64, now_us: u64, gauge: &Gauge) {
        let spent_us = now_us.saturating_sub(from_us);
        self.busy_us += spent_us;
        // What came during the turn waits for its end.
        self.late_turns += u32::from(spent_us >= LATE_US);
        let window_us = now_us.saturating_sub(self.window_us);
        if window_us < WINDOW_US {
            return;
        }
        let load = (self.busy_us * 1_000 / window_us) as u32;
        let strained = load >= FULL_PERMILLE || (load >= STRAINED_PERMILLE && self.late_turns >= LATE_TURNS);
        let calm = gauge.full.load(Ordering::Relaxed).saturating_sub(1);
        gauge.full.store(if strained { CALM_WINDOWS } else { calm }, Ordering::Relaxed);
        gauge.load_permille.store(load, Ordering::Relaxed);
        (self.window_us, self.busy_us, self.late_turns) = (now_us, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of turns, one each ms, of which each takes so long.
    fn second(strain: &mut Strain, gauge: &Gauge, from_us: u64, turn_us: u64) -> u64 {
        let mut now_us = from_us;
        while now_us < from_us + 1_001_000 {
            strain.woke(now_us, true);
            strain.worked(now_us, now_us + turn_us, gauge);
            now_us += turn_us.max(1_000);
        }
        now_us
    }

    #[test]
    fn a_thread_that_works_nearly_always_or_comes_late_is_full_until_it_is_calm_again() {
        let (mut strain, gauge) = (Strain::default(), Gauge::default());
        let now = second(&mut strain, &gauge, 0, 300);
        assert!(!gauge.is_full() && (250..350).contains(&gauge.load_permille()), "{}", gauge.load_permille());
        let now = second(&mut strain, &gauge, now, 950);
        assert!(gauge.is_full());
        let now = second(&mut strain, &gauge, now, 300);
        let now = second(&mut strain, &gauge, now, 300);
        let now = second(&mut strain, &gauge, now, 300);
        assert!(!gauge.is_full());
        assert_eq!(strain.woke(now, true), 0);
        assert!(strain.woke(now + 4_000, false) >= 4_000 && strain.woke(now + 6_000, false) >= LATE_US);
        strain.worked(now + 6_000, now + 400_000, &gauge);
        second(&mut strain, &gauge, now + 1_500_000, 300);
        assert!(!gauge.is_full(), "one hiccup is no strain");
        second(&mut strain, &gauge, now + 2_600_000, 6_000);
        assert!(gauge.is_full());
    }
    #[test]
    fn what_was_given_and_does_not_show_yet_counts_as_done() {
        let (mut strain, gauge, mut promised) = (Strain::default(), Gauge::default(), Promised::default());
        let mut given = |now_us: u64, gauge: &Gauge| (0..1_000).filter(|_| promised.give(now_us, gauge, OPUS_PERMILLE)).count();
        assert_eq!(given(500_000, &gauge), (FULL_PERMILLE / OPUS_PERMILLE) as usize, "all at once");
        assert_eq!(given(2_999_000, &gauge), 0, "it may not show yet");
        // Now it must: it costs 30 % of the time.
        second(&mut strain, &gauge, 2_000_000, 300);
        assert!((90..=115).contains(&given(3_000_000, &gauge)));
        assert_eq!(given(3_100_000, &gauge), 0);
        assert!((90..=115).contains(&given(60_000_000, &gauge)), "and whoever has come and gone meanwhile counts no more");
    }
}
