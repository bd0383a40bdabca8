//! The jitter buffer: packets come when they come, audio is taken every 20 ms. Time is passed in.
//!
//! Audio is placed by its RTP timestamp, so packets of any length, repeated, early and disordered ones all find their place. The delay
//! starts at [`TARGET_MS`] and grows in steps up to [`MOST_MS`] when packets come too late; in quiet moments it shrinks again. What is
//! missing is concealed. Not here: decoding, sample rates other than 8 kHz, the drift of devices.

use crate::conceal::Concealer;
use crate::level::rms_dbfs;
use crate::rtp::{Header, ReceiveStatistics};
use crate::{FRAME_SAMPLES, MAX_PACKET_SAMPLES};

/// Least delay between a packet's arrival and its sound when a talk spurt begins, in ms; up to a frame more, so that frames and packets
/// begin together.
pub const TARGET_MS: u32 = 40;
/// Delay that late packets can bring about, in ms.
pub const MOST_MS: u32 = 120;

const SAMPLES_PER_MS: u64 = 8;
const TARGET: u64 = TARGET_MS as u64 * SAMPLES_PER_MS;
const MOST: u64 = MOST_MS as u64 * SAMPLES_PER_MS;
const FRAME: u64 = FRAME_SAMPLES as u64;
/// Room for samples; more than [`FURTHEST_AHEAD`] and a packet.
const RING: usize = 4_096;
/// Audio that would be played later than this, in samples, means that the sender or the reader stood still: begin anew.
const FURTHEST_AHEAD: u64 = 2_400;
/// Audio that is later than this, in samples: likewise.
const FURTHEST_BEHIND: u64 = 2_400;
/// After this long without audio, in samples, the next packet begins a talk spurt.
const SPURT_PAUSE: u64 = 1_920;
/// One change of the delay: 10 ms.
const STEP: usize = 80;
/// Packets between two looks at whether the delay can shrink: about 5 s.
const LOOK_PACKETS: u32 = 256;
/// Audio below this level may be shortened without being heard.
const QUIET_DBFS: f32 = -45.0;

/// What came and what was made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterStats {
    /// Packets received.
    pub received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Samples invented within talk spurts.
    pub concealed_samples: u64,
    /// Smoothed difference of transit times (RFC 3550), in µs.
    pub jitter_us: u64,
    /// How long the newest packet will have waited when it is played, in ms.
    pub delay_ms: u32,
}

/// One stream on its way to an ear.
#[derive(Debug, Clone)]
pub struct JitterBuffer {
    samples: Box<[i16; RING]>,
    present: Box<[bool; RING]>,
    concealer: Concealer,
    statistics: ReceiveStatistics,
    spurt: Option<Spurt>,
    delay: Delay,
    last_pull_us: Option<u64>,
    late: u64,
    concealed: u64,
    newest_lead: u64,
}

/// A run of packets without a long pause; positions are timestamps that do not wrap.
#[derive(Debug, Clone, Copy)]
struct Spurt {
    ssrc: u32,
    /// End of the newest audio.
    end: u64,
    /// What the next pull begins with.
    next: u64,
    /// Samples invented since the last that was there, if any was: a gap only once audio follows.
    gap: Option<u64>,
}

/// How long packets wait, in samples, and what is to be changed about it.
#[derive(Debug, Clone, Copy)]
struct Delay {
    target: u64,
    least_lead: u64,
    looked_at: u32,
    late_seen: bool,
    stretch: usize,
    excess: u64,
}

impl Delay {
    const START: Self = Self { target: TARGET, least_lead: u64::MAX, looked_at: 0, late_seen: false, stretch: 0, excess: 0 };

    fn note_lead(&mut self, lead: u64) {
        self.least_lead = self.least_lead.min(lead);
        self.looked_at += 1;
        if self.looked_at < LOOK_PACKETS {
            return;
        }
        if !self.late_seen {
            self.target = self.target.saturating_sub(STEP as u64 / 2).max(TARGET);
        }
        self.excess = if self.least_lead > self.target + FRAME { self.least_lead - self.target } else { 0 };
        *self = Self { least_lead: u64::MAX, looked_at: 0, late_seen: false, ..*self };
    }

    /// Grows by at most a frame; gives by how much.
    fn grow(&mut self, wanted: u64) -> u64 {
        let step = wanted.min(FRAME).min(MOST.saturating_sub(self.target));
        self.target += step;
        self.late_seen = true;
        self.excess = 0;
        step
    }
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    /// An empty buffer. This is the only place that allocates.
    #[must_use]
    pub fn new() -> Self {
        Self {
            samples: Box::new([0; RING]),
            present: Box::new([false; RING]),
            concealer: Concealer::default(),
            statistics: ReceiveStatistics::default(),
            spurt: None,
            delay: Delay::START,
            last_pull_us: None,
            late: 0,
            concealed: 0,
            newest_lead: 0,
        }
    }

    /// Takes a packet's decoded audio that arrived at `now_us` (any monotonic clock, the same as in [`JitterBuffer::pull`]). More than
    /// [`MAX_PACKET_SAMPLES`] are cut off.
    pub fn insert(&mut self, now_us: u64, header: &Header, samples: &[i16]) {
        self.statistics.note(now_us, header);
        let samples = &samples[..samples.len().min(MAX_PACKET_SAMPLES)];
        let until_pull = self.until_pull(now_us);
        let (mut spurt, start) = self.place(header, until_pull);
        if let Some(behind) = spurt.next.checked_sub(start).filter(|behind| *behind > 0) {
            self.late += 1;
            self.catch_up(&mut spurt, start, behind);
        }
        let lead = (start + until_pull).saturating_sub(spurt.next);
        self.newest_lead = lead;
        self.delay.note_lead(lead);
        self.store(&spurt, start, samples);
        spurt.end = spurt.end.max(start + samples.len() as u64);
        self.spurt = Some(spurt);
    }

    /// The next 20 ms, to be called every 20 ms.
    pub fn pull(&mut self, now_us: u64) -> [i16; FRAME_SAMPLES] {
        self.last_pull_us = Some(now_us);
        let mut frame = [0; FRAME_SAMPLES];
        let Some(mut spurt) = self.spurt else {
            self.concealer.fill(&mut frame);
            return frame;
        };
        let filled = self.stretched(&mut frame);
        if filled == 0 && self.may_shorten(&spurt) {
            self.shorten(&mut spurt, &mut frame);
        } else {
            self.play(&mut spurt, &mut frame[filled..]);
        }
        self.spurt = (spurt.next < spurt.end + SPURT_PAUSE).then_some(spurt);
        frame
    }

    /// What came so far.
    #[must_use]
    pub fn stats(&self) -> JitterStats {
        JitterStats {
            received: self.statistics.received(),
            lost: self.statistics.lost(),
            late: self.late,
            concealed_samples: self.concealed,
            jitter_us: self.statistics.jitter_us(),
            delay_ms: u32::try_from(self.newest_lead / SAMPLES_PER_MS).unwrap_or(u32::MAX),
        }
    }

    /// Samples' time until the next pull is due.
    fn until_pull(&self, now_us: u64) -> u64 {
        let since = self.last_pull_us.map_or(0, |last| now_us.saturating_sub(last).saturating_mul(SAMPLES_PER_MS) / 1_000);
        FRAME.saturating_sub(since)
    }

    /// Where the packet belongs: in the running spurt, or at the head of a new one.
    fn place(&mut self, header: &Header, until_pull: u64) -> (Spurt, u64) {
        if let Some(spurt) = self.spurt.filter(|spurt| spurt.ssrc == header.ssrc) {
            let step = header.timestamp.wrapping_sub(spurt.next as u32).cast_signed();
            let start = spurt.next.saturating_add_signed(i64::from(step));
            if start < spurt.next + FURTHEST_AHEAD && spurt.next < start + FURTHEST_BEHIND {
                return (spurt, start);
            }
        }
        self.present.fill(false);
        self.delay = Delay { target: self.delay.target, ..Delay::START };
        let start = (1 << 32) | u64::from(header.timestamp);
        // Whole frames: a packet is then needed at the moment when its first sample is due, and not up to a frame earlier.
        let frames = self.delay.target.saturating_sub(until_pull).div_ceil(FRAME);
        (Spurt { ssrc: header.ssrc, end: start, next: start - frames * FRAME, gap: None }, start)
    }

    /// A late packet: if nothing newer was played, go back and play it now, else wait longer from the next pull on.
    fn catch_up(&mut self, spurt: &mut Spurt, start: u64, behind: u64) {
        let step = self.delay.grow(behind);
        if start >= spurt.end {
            spurt.next -= step;
        } else {
            self.delay.stretch += step as usize;
        }
    }

    fn store(&mut self, spurt: &Spurt, start: u64, samples: &[i16]) {
        let gone = usize::try_from(spurt.next.saturating_sub(start)).unwrap_or(usize::MAX);
        for (offset, sample) in samples.iter().enumerate().skip(gone) {
            let slot = slot(start + offset as u64);
            self.samples[slot] = *sample;
            self.present[slot] = true;
        }
    }

    /// Lets the delay grow by inventing a piece before the frame; gives its length.
    fn stretched(&mut self, frame: &mut [i16; FRAME_SAMPLES]) -> usize {
        let length = self.delay.stretch.min(STEP);
        if length > 0 {
            self.delay.stretch -= length;
            self.concealer.fill(&mut frame[..length]);
        }
        length
    }

    fn may_shorten(&self, spurt: &Spurt) -> bool {
        let needed = FRAME + STEP as u64;
        if self.delay.excess < STEP as u64 || !(0..needed).all(|offset| self.present[slot(spurt.next + offset)]) {
            return false;
        }
        let mut ahead = [0; FRAME_SAMPLES];
        (spurt.next..).zip(&mut ahead).for_each(|(position, sample)| *sample = self.samples[slot(position)]);
        self.delay.excess > MOST || rms_dbfs(&ahead) < QUIET_DBFS
    }

    /// Plays a frame and a step in the time of a frame, by fading from one to the other.
    fn shorten(&mut self, spurt: &mut Spurt, frame: &mut [i16; FRAME_SAMPLES]) {
        let mut skipped = [0; STEP];
        self.take_present(spurt, &mut skipped);
        self.take_present(spurt, frame);
        for (place, (sample, old)) in frame.iter_mut().zip(skipped).enumerate() {
            let (place, step) = (place as i32, STEP as i32);
            *sample = ((i32::from(old) * (step - place) + i32::from(*sample) * place) / step) as i16;
        }
        self.concealer.pass(frame);
        self.delay.excess -= STEP as u64;
    }

    /// Plays what is there and conceals what is not, run by run.
    fn play(&mut self, spurt: &mut Spurt, mut frame: &mut [i16]) {
        while !frame.is_empty() {
            let here = self.present[slot(spurt.next)];
            let run = (spurt.next..).take(frame.len()).take_while(|position| self.present[slot(*position)] == here).count();
            let (piece, rest) = frame.split_at_mut(run);
            if here {
                self.take_present(spurt, piece);
                self.concealer.pass(piece);
                self.concealed += spurt.gap.replace(0).unwrap_or(0);
            } else {
                spurt.next += run as u64;
                spurt.gap = spurt.gap.map(|gap| gap + run as u64);
                self.concealer.fill(piece);
            }
            frame = rest;
        }
    }

    fn take_present(&mut self, spurt: &mut Spurt, piece: &mut [i16]) {
        for sample in piece {
            let slot = slot(spurt.next);
            *sample = self.samples[slot];
            self.present[slot] = false;
            spurt.next += 1;
        }
    }
}

fn slot(position: u64) -> usize {
    (position % RING as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: u32 = 500;

    fn header(number: u32) -> Header {
        Header {
            marker: false,
            payload_type: 8,
            sequence: 65_400_u16.wrapping_add(number as u16),
            timestamp: 0xFFFF_0000_u32.wrapping_add(160 * number),
            ssrc: 9,
        }
    }

    /// A tone of 200 Hz: any frame of it continues the one before.
    fn tone(number: u32) -> [i16; 160] {
        std::array::from_fn(|n| {
            let n = f64::from(160 * number) + n as f64;
            (8_000.0 * (std::f64::consts::TAU * n / 40.0).sin()) as i16
        })
    }

    /// Sends one packet each 20 ms with the given delay in ms (`None`: lost) and pulls all the time; gives what was heard.
    fn run(buffer: &mut JitterBuffer, packets: u32, delay_ms: impl Fn(u32) -> Option<u64>) -> Vec<i16> {
        run_signal(buffer, packets, delay_ms, tone)
    }

    fn run_signal(
        buffer: &mut JitterBuffer,
        packets: u32,
        delay_ms: impl Fn(u32) -> Option<u64>,
        signal: fn(u32) -> [i16; 160],
    ) -> Vec<i16> {
        let mut arrivals: Vec<(u64, u32)> =
            (0..packets).filter_map(|number| Some((u64::from(number) * 20_000 + delay_ms(number)? * 1_000 + 7_000, number))).collect();
        arrivals.sort_unstable();
        let mut arrivals = arrivals.into_iter().peekable();
        let mut heard = Vec::new();
        for pull in 0..u64::from(packets) + 10 {
            let now = pull * 20_000;
            while let Some((arrival, number)) = arrivals.next_if(|(arrival, _)| *arrival <= now) {
                buffer.insert(arrival, &header(number), &signal(number));
            }
            heard.extend(buffer.pull(now));
        }
        heard
    }

    /// Where the tone begins, in samples.
    fn onset(heard: &[i16]) -> usize {
        heard.iter().position(|sample| sample.unsigned_abs() > 1_000).expect("something was heard")
    }

    #[test]
    fn a_steady_stream_is_heard_unchanged_after_the_target_delay() {
        let mut buffer = JitterBuffer::new();
        let heard = run(&mut buffer, PACKETS, |_| Some(0));
        let sent: Vec<i16> = (0..PACKETS).flat_map(tone).collect();
        let start = 3 * FRAME_SAMPLES;
        assert!(heard[start..start + sent.len()] == sent);
        assert_eq!((buffer.stats().late, buffer.stats().lost, buffer.stats().concealed_samples), (0, 0, 0));
        assert_eq!(buffer.stats().delay_ms, 53);
        assert!(heard[..start].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn jitter_and_disorder_below_the_target_are_not_heard() {
        let mut buffer = JitterBuffer::new();
        let heard = run(&mut buffer, PACKETS, |number| Some([0, 39, 5, 30][number as usize % 4]));
        let sent: Vec<i16> = (0..PACKETS).flat_map(tone).collect();
        let start = 3 * FRAME_SAMPLES;
        assert!(heard[start..start + sent.len()] == sent);
        assert!(buffer.stats().jitter_us > 15_000);
    }

    #[test]
    fn a_lost_packet_is_concealed_by_what_was_heard_before() {
        let mut buffer = JitterBuffer::new();
        let heard = run(&mut buffer, PACKETS, |number| (number % 20 != 10).then_some(0));
        let start = onset(&heard);
        for frame in heard[start..start + 160 * 480].chunks(160) {
            let level = rms_dbfs(frame);
            assert!((-18.5..-14.0).contains(&level), "{level}");
        }
        assert_eq!(buffer.stats().lost, u64::from(PACKETS / 20));
        assert_eq!(buffer.stats().concealed_samples, 160 * u64::from(PACKETS / 20));
    }

    #[test]
    fn packets_that_become_late_are_waited_for_longer() {
        let mut buffer = JitterBuffer::new();
        let heard = run(&mut buffer, PACKETS, |number| Some(if number < 100 { 0 } else { 60 }));
        let stats = buffer.stats();
        assert!((1..=2).contains(&stats.late), "{stats:?}");
        let calm = &heard[160 * 120..160 * 480];
        let sent: Vec<i16> = tone(0).into_iter().cycle().take(calm.len()).collect();
        let found = crate::correlate::find(&sent[..8_000], calm).expect("the tone");
        assert!(found.correlation > 0.999, "{found:?}");
    }

    #[test]
    fn the_delay_stays_below_its_limit_however_late_packets_come() {
        let mut buffer = JitterBuffer::new();
        run(&mut buffer, PACKETS, |number| Some(u64::from(number * 37 % 260)));
        assert!(buffer.delay.target <= MOST);
        assert!(buffer.stats().late > 50);
    }

    #[test]
    fn a_delay_that_is_no_longer_needed_shrinks_in_quiet_moments() {
        let delayed_at_first = |number| Some(if number < 300 && number % 10 == 3 { 100 } else { 0 });
        let delay_after = |packets| {
            let mut buffer = JitterBuffer::new();
            run_signal(&mut buffer, packets, delayed_at_first, |_| [8; 160]);
            buffer.stats().delay_ms
        };
        assert!((80..=140).contains(&delay_after(300)), "{}", delay_after(300));
        assert!(delay_after(6_000) <= TARGET_MS + 40, "{}", delay_after(6_000));
    }

    #[test]
    fn a_pause_or_another_source_begins_a_new_spurt() {
        let mut buffer = JitterBuffer::new();
        run(&mut buffer, 50, |_| Some(0));
        for _ in 0..50 {
            buffer.pull(2_000_000);
        }
        assert!(buffer.spurt.is_none());
        buffer.insert(3_000_000, &Header { timestamp: 5, sequence: 9, ..header(0) }, &tone(0));
        assert_eq!(buffer.spurt.map(|spurt| spurt.end), Some((1 << 32) | 165));
        buffer.insert(3_000_000, &Header { ssrc: 10, timestamp: 700, ..header(0) }, &tone(0));
        assert_eq!(buffer.spurt.map(|spurt| (spurt.ssrc, spurt.end)), Some((10, (1 << 32) | 860)));
    }

    #[test]
    fn packets_of_ten_and_sixty_milliseconds_are_heard_alike() {
        for length in [80_usize, 480] {
            let mut buffer = JitterBuffer::new();
            let sent: Vec<i16> = (0..60).flat_map(tone).collect();
            let mut heard = Vec::new();
            for pull in 0..66_u64 {
                for (number, piece) in (0_u64..).zip(sent.chunks(length)) {
                    let arrival = number * length as u64 * 125;
                    if arrival / 20_000 == pull {
                        let place = number as u32 * length as u32;
                        let header = Header { sequence: number as u16, timestamp: place, ..header(0) };
                        buffer.insert(arrival, &header, piece);
                    }
                }
                heard.extend(buffer.pull((pull + 1) * 20_000));
            }
            let start = onset(&heard) - onset(&sent);
            assert!(heard[start..start + sent.len()] == sent, "packets of {length} samples");
        }
    }

    #[test]
    fn random_headers_and_times_are_survived() {
        let mut random = fastrand::Rng::with_seed(6);
        let mut buffer = JitterBuffer::new();
        let mut now = 0;
        for _ in 0..50_000 {
            now += random.u64(..40_000);
            let base = if random.u8(..) == 0 { random.u32(..) } else { (now / 125) as u32 };
            let header = Header {
                sequence: random.u16(..),
                timestamp: base.wrapping_add(random.u32(..3_000)),
                ssrc: u32::from(random.u8(..) == 0),
                ..header(0)
            };
            buffer.insert(random.u64(..=now), &header, &[100; 600][..random.usize(..=600)]);
            buffer.pull(now);
            let _ = buffer.stats();
        }
    }
}
