//! How long packets must wait: a histogram of how much later than the fastest each of them came, slowly forgotten.
//!
//! Where a lost packet comes back from the one behind it, that is when it came: an ear that does not wait for it hears all loss as if there
//! were no correction. Times are counted in pulls, as samples: a packet matters by the pull for which it is in time. Not here: changing the delay (`jitter`).

/// Width of a class, in samples: 10 ms.
const CLASS: u64 = 80;
/// Classes up to 250 ms; later packets fall into the last.
const CLASSES: usize = 26;
/// Share of packets that may come too late: what concealment hides without being noticed.
const LATE_SHARE: f32 = 0.01;
/// On a line that loses at least this share of its packets,
const LEAST_LOSS: f32 = 0.003;
/// so many of the lost ones may come back too late.
const UNRECOVERED_SHARE: f32 = 0.08;
/// Weight of one packet: about 10 s are remembered.
const LEAST_WEIGHT: f32 = 1.0 / 512.0;
/// Packets after which the fastest one is looked for anew: about 5 s.
const WINDOW_PACKETS: u32 = 256;
/// A packet that has not come while so many behind it did is lost, not overtaken: 320 ms.
const SURELY_LOST: u16 = 16;
/// Arrivals that are remembered.
const ARRIVALS: usize = 2 * SURELY_LOST as usize;
/// Before so many packets were seen, nothing is known and the starting delay is the least.
const EARLY_PACKETS: u32 = 50;

/// Shares of all packets, by how much later than the fastest they came.
type Shares = [f32; CLASSES];

/// Delays of one stream's packets.
#[derive(Debug, Clone)]
pub(super) struct Delays {
    shares: Shares,
    /// Of those that were lost and came back, among all.
    lost: Shares,
    packets: u32,
    fastest: Option<Fastest>,
}

/// The newest packets by their numbers: when each of them came.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals {
    newest: Option<u16>,
    /// Number, pull minus position, length in samples.
    packets: [Option<(u16, i64, u64)>; ARRIVALS],
}

impl Arrivals {
    /// Takes note of a packet; tells of those that are known to be lost now when the one behind each came, as pull minus the lost one's
    /// position.
    pub(super) fn note(&mut self, number: u16, transit: i64, samples: u64, mut lost: impl FnMut(i64)) {
        self.packets[usize::from(number) % ARRIVALS] = Some((number, transit, samples));
        let newest = self.newest.unwrap_or(number);
        let newer = number.wrapping_sub(newest).cast_signed();
        if newer.unsigned_abs() >= SURELY_LOST {
            *self = Self { newest: Some(number), ..Self::default() };
        } else if newer >= 0 {
            self.newest = Some(number);
            let ahead = 1..=newer.unsigned_abs();
            ahead.filter_map(|step| self.came_with_the_next(newest.wrapping_add(step).wrapping_sub(SURELY_LOST))).for_each(&mut lost);
        }
    }

    fn came_with_the_next(&self, number: u16) -> Option<i64> {
        let of = |number: u16| self.packets[usize::from(number) % ARRIVALS].filter(|packet| packet.0 == number);
        let (_, transit, samples) = of(number.wrapping_add(1))?;
        // Before the first of all nothing was lost.
        let began = (1..SURELY_LOST).any(|before| of(number.wrapping_sub(before)).is_some());
        (of(number).is_none() && began).then_some(transit + samples.cast_signed())
    }
}

/// Pull minus position of the fastest packet, in the window now and in the one before.
#[derive(Debug, Clone, Copy)]
struct Fastest {
    before: i64,
    now: i64,
    packets: u32,
}

impl Fastest {
    fn least(&self) -> i64 {
        self.before.min(self.now)
    }
}

impl Delays {
    pub(super) fn new() -> Self {
        Self { shares: [0.0; CLASSES], lost: [0.0; CLASSES], packets: 0, fastest: None }
    }

    /// Positions have begun anew: only how the delays differ is still known.
    pub(super) fn forget_positions(&mut self) {
        self.fastest = None;
    }

    /// Pull minus position of the fastest packet.
    pub(super) fn fastest(&self) -> Option<i64> {
        self.fastest.as_ref().map(Fastest::least)
    }

    /// Takes note of a packet's pull minus its position.
    pub(super) fn note(&mut self, transit: i64) {
        let class = self.weigh(transit);
        self.shares[class.0] += class.1;
    }

    /// Takes note of a packet that was lost, and came back by the one behind it.
    pub(super) fn note_lost(&mut self, transit: i64) {
        let class = self.weigh(transit);
        self.lost[class.0] += class.1;
    }

    /// The class of a packet, and its weight; all others count for less from now on.
    fn weigh(&mut self, transit: i64) -> (usize, f32) {
        let fastest = self.note_fastest(transit);
        let class = ((transit - fastest).unsigned_abs().div_ceil(CLASS) as usize).min(CLASSES - 1);
        self.packets = self.packets.saturating_add(1);
        let weight = (1.0 / self.packets as f32).max(LEAST_WEIGHT);
        self.shares.iter_mut().chain(&mut self.lost).for_each(|share| *share *= 1.0 - weight);
        (class, weight)
    }

    /// What a fastest packet that is slower, or faster, than the one before does to the classes of all.
    fn note_fastest(&mut self, transit: i64) -> i64 {
        let mut fastest = self.fastest.unwrap_or(Fastest { before: transit, now: transit, packets: 0 });
        let known = fastest.least();
        if fastest.packets >= WINDOW_PACKETS {
            fastest = Fastest { before: fastest.now, now: transit, packets: 0 };
        }
        fastest.now = fastest.now.min(transit);
        fastest.packets += 1;
        let least = fastest.least();
        self.fastest = Some(fastest);
        self.shift(least - known);
        least
    }

    fn shift(&mut self, later: i64) {
        let classes = ((later.unsigned_abs() / CLASS) as usize).min(CLASSES);
        for shares in [&mut self.shares, &mut self.lost] {
            for _ in 0..classes {
                if later > 0 {
                    let first = std::mem::take(&mut shares[0]);
                    shares.rotate_left(1);
                    shares[0] += first;
                } else {
                    let last = std::mem::take(&mut shares[CLASSES - 1]);
                    shares.rotate_right(1);
                    shares[CLASSES - 1] += last;
                }
            }
        }
    }

    /// How long the fastest packet should wait, in samples.
    pub(super) fn target(&self, start: u64, least: u64, most: u64) -> u64 {
        let timely = needed(&self.shares, LATE_SHARE);
        let all_lost: f32 = self.lost.iter().sum();
        let recovery = if all_lost < LEAST_LOSS { 0 } else { needed(&self.lost, all_lost * UNRECOVERED_SHARE) };
        let least = if self.packets < EARLY_PACKETS { start } else { least };
        (timely.max(recovery) as u64 * CLASS).clamp(least, most)
    }
}

/// The class behind which no more than `late` of the packets are.
fn needed(shares: &Shares, mut late: f32) -> usize {
    let place = shares.iter().rposition(|share| {
        late -= share;
        late < 0.0
    });
    place.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(delays: &Delays) -> u64 {
        delays.target(320, 160, 1_600)
    }

    fn noted(delays: &mut Delays, packets: i64, transit: impl Fn(i64) -> i64) -> u64 {
        (0..packets).for_each(|packet| delays.note(transit(packet)));
        target(delays)
    }

    #[test]
    fn the_target_is_what_all_but_a_hundredth_of_the_packets_need() {
        let mut delays = Delays::new();
        assert_eq!(target(&delays), 320);
        assert_eq!(noted(&mut delays, 40, |_| -7_000), 320, "too early to trust a calm line");
        assert_eq!(noted(&mut delays, 100, |_| -7_000), 160);
        assert_eq!(noted(&mut delays, 1, |_| -6_000), 160, "one straggler");
        assert_eq!(noted(&mut delays, 1_000, |packet| -7_000 + 160 * (packet % 4)), 480);
        assert_eq!(noted(&mut delays, 1_000, |packet| -7_000 + 160 * (packet % 40)), 1_600);
        assert_eq!(noted(&mut delays, 5_000, |_| -7_000), 160, "all is forgotten");
    }

    #[test]
    fn a_way_that_becomes_longer_or_shorter_for_all_does_not_need_a_longer_wait() {
        let mut delays = Delays::new();
        noted(&mut delays, 600, |packet| 160 * (packet % 2));
        assert_eq!(target(&delays), 160);
        let meanwhile = noted(&mut delays, 100, |packet| 800 + 160 * (packet % 2));
        assert_eq!(meanwhile, 960);
        assert_eq!(noted(&mut delays, 600, |packet| 800 + 160 * (packet % 2)), 160);
        assert_eq!(delays.fastest(), Some(800));
        noted(&mut delays, 1, |_| 0);
        assert_eq!(target(&delays), 960, "what is known now waits for the old fastest one");
    }
}
