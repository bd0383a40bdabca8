//! How near a media thread is to its limit, measured: how much of its time it works, how long packets had waited when it came to them, and
//! what its work costs. Not here: the limits; how much of its time a thread may work is said in `budget` alone.

use std::sync::atomic::{AtomicU32, Ordering};

/// How often it is judged, in µs.
const WINDOW_US: u64 = 1_000_000;
/// Packets that wait for longer than this are late, in µs: a quarter of the way to the next one.
pub(super) const LATE_US: u64 = 5_000;
/// A thread that works for more than this share of its time, in 1/1,000, and comes late so often in a second takes nobody, whatever it has promised: a
/// hiccup of an idle machine is no reason to refuse anybody.
const STRAINED_PERMILLE: u32 = 500;
const LATE_TURNS: u32 = 20;
/// After so many windows without lateness it takes calls again.
const CALM_WINDOWS: u32 = 2;
/// The price of work that takes as long as where it was calibrated, in 1/1,000.
pub(super) const PRICE_ONE: u32 = 1_000;
/// What is believed of a price.
const PRICES: std::ops::RangeInclusive<u64> = 250..=4_000;
/// Less work than this in a second, in 1/1,000 of it, tells nothing about prices: to wake up costs more.
const TELLING_PERMILLE: u64 = 100;

/// What others may see of a thread's strain.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    load_permille: AtomicU32,
    /// For so many windows to come it counts as late.
    late: AtomicU32,
    /// 0: not known yet.
    price_permille: AtomicU32,
}

impl Gauge {
    /// Whether voices are served late already, whatever was promised.
    pub(super) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed) > 0
    }

    /// Late until two seconds have passed.
    #[cfg(test)]
    pub(super) fn late_for_test(&self) {
        self.late.store(CALM_WINDOWS, Ordering::Relaxed);
    }

    /// This load and this price, until the thread has measured.
    #[cfg(test)]
    pub(super) fn set_for_test(&self, load_permille: u32, price_permille: u32) {
        self.load_permille.store(load_permille, Ordering::Relaxed);
        self.price_permille.store(price_permille, Ordering::Relaxed);
    }

    /// How long this thread's work takes beside what it took where it was calibrated, in 1/[`PRICE_ONE`].
    ///
    /// One price for relaying, mixing and Opus, although mixing was found to be a tenth dearer than by the book where relaying was not. A price
    /// says above all how fast the machine is, and that is the same for all of them. By kind each would have to be learnt from its own work, of
    /// which most sites have too little to tell ([`TELLING_PERMILLE`]): a talk of three would be judged by the machine of the book, off by
    /// much more than a tenth. Nor can the kinds be told apart in the one sum of a second's time, whose shares hardly change from one second to
    /// the next. The tenth is what the limits in `budget` leave free; a thread that mixes learns it within a second, and then asks the
    /// dearer price of everything, which is the safe side.
    pub(super) fn price(&self) -> u32 {
        match self.price_permille.load(Ordering::Relaxed) {
            0 => PRICE_ONE,
            known => known,
        }
    }

    /// Dearer work is believed at once, cheaper work by and by.
    fn learn_price(&self, busy_us: u64, work_us: u64) {
        let measured = (busy_us * u64::from(PRICE_ONE) / work_us.max(1)).clamp(*PRICES.start(), *PRICES.end()) as u32;
        let before = self.price();
        let price = if measured >= before { measured } else { before - (before - measured).div_ceil(4) };
        self.price_permille.store(price, Ordering::Relaxed);
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
    /// What was done up to the window's beginning, by the book, in ns.
    work_ns: u64,
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

    /// The work of a turn is done; `work_ns` tells what was done since the start, by the book.
    pub(super) fn worked(&mut self, from_us: u64, now_us: u64, gauge: &Gauge, work_ns: impl Fn() -> u64) {
        let spent_us = now_us.saturating_sub(from_us);
        self.busy_us += spent_us;
        // What came during the turn waits for its end.
        self.late_turns += u32::from(spent_us >= LATE_US);
        let window_us = now_us.saturating_sub(self.window_us);
        if window_us < WINDOW_US {
            return;
        }
        let load = (self.busy_us * 1_000 / window_us) as u32;
        let is_late = load >= STRAINED_PERMILLE && self.late_turns >= LATE_TURNS;
        let calm = gauge.late.load(Ordering::Relaxed).saturating_sub(1);
        gauge.late.store(if is_late { CALM_WINDOWS } else { calm }, Ordering::Relaxed);
        gauge.load_permille.store(load, Ordering::Relaxed);
        let work_ns = work_ns();
        let work_us = work_ns.saturating_sub(std::mem::replace(&mut self.work_ns, work_ns)) / 1_000;
        if work_us * 1_000 / window_us >= TELLING_PERMILLE {
            gauge.learn_price(self.busy_us, work_us);
        }
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
            strain.worked(now_us, now_us + turn_us, gauge, || 0);
            now_us += turn_us.max(1_000);
        }
        now_us
    }

    #[test]
    fn a_thread_that_comes_late_counts_as_late_until_it_is_calm_again() {
        let (mut strain, gauge) = (Strain::default(), Gauge::default());
        let now = second(&mut strain, &gauge, 0, 300);
        assert!(!gauge.is_late() && (250..350).contains(&gauge.load_permille()), "{}", gauge.load_permille());
        let now = second(&mut strain, &gauge, now, 950);
        assert!(!gauge.is_late() && gauge.load_permille() > 900, "much to do, and all of it in time");
        let now = second(&mut strain, &gauge, now, 6_000);
        assert!(gauge.is_late());
        let now = second(&mut strain, &gauge, now, 300);
        assert!(gauge.is_late(), "one calm second is not enough");
        let now = second(&mut strain, &gauge, now, 300);
        let now = second(&mut strain, &gauge, now, 300);
        assert!(!gauge.is_late());
        assert_eq!(strain.woke(now, true), 0);
        assert!(strain.woke(now + 4_000, false) >= 4_000 && strain.woke(now + 6_000, false) >= LATE_US);
        strain.worked(now + 6_000, now + 400_000, &gauge, || 0);
        second(&mut strain, &gauge, now + 1_500_000, 300);
        assert!(!gauge.is_late(), "one hiccup is no strain");
    }

    #[test]
    fn work_that_becomes_dearer_is_believed_at_once_and_cheaper_work_slowly() {
        let (mut strain, gauge) = (Strain::default(), Gauge::default());
        assert_eq!(gauge.price(), PRICE_ONE);
        let mut now_us = 0;
        let mut second = |work_us: u64, by_the_book_us: u64| {
            let (before, until) = (strain.work_ns, now_us + WINDOW_US);
            strain.worked(now_us, now_us + work_us, &gauge, || before);
            now_us = until + 1;
            strain.worked(until, until, &gauge, || before + by_the_book_us * 1_000);
            gauge.price()
        };
        assert_eq!(second(10_000, 1_000), PRICE_ONE, "too little to tell");
        assert_eq!(second(300_000, 200_000), 1_500);
        let (after, then) = (second(200_000, 200_000), second(200_000, 200_000));
        assert!(after == 1_375 && then < after && then > 1_200, "{after} {then}");
        (0..30).for_each(|_| _ = second(100_000, 200_000));
        assert!((500..510).contains(&second(100_000, 200_000)));
        (0..60).for_each(|_| _ = second(30_000, 400_000));
        assert_eq!(second(30_000, 400_000), 250, "and not below what can be");
    }
}
