//! The jitter buffer: packets come when they come, audio is taken every 20 ms. Time is passed in.
//!
//! Audio is placed by its RTP timestamp, so packets of any length, repeated, early and disordered ones all find their place. The delay
//! follows the packets, from [`LEAST_MS`] to [`MOST_MS`]: a voice is made longer or shorter by a pitch period where that is not heard.
//! What is missing is recovered from the next packet where the codec sends that along (Opus), else concealed. Nothing allocates but the
//! making of a buffer. Not here: sample rates other than 8 kHz, the drift of devices.

mod delay;
mod shelf;

use crate::codec::{Codec, CodecError, Decoder};
use crate::conceal::Concealer;
use crate::rtp::{Header, ReceiveStatistics};
use crate::stretch::{SHORTEN_SAMPLES, lengthen, shorten};
use crate::{FRAME_SAMPLES, MAX_PACKET_SAMPLES};
use delay::Delays;
use shelf::Shelf;

/// Least delay between a packet's arrival and its sound when nothing is known of the stream, in ms; up to a frame more, so that frames and
/// packets begin together.
pub const TARGET_MS: u32 = 40;
/// Delay of a calm stream, in ms.
pub const LEAST_MS: u32 = 20;
/// Delay that late packets can bring about, in ms.
pub const MOST_MS: u32 = 200;

const SAMPLES_PER_MS: u64 = 8;
const TARGET: u64 = TARGET_MS as u64 * SAMPLES_PER_MS;
const LEAST: u64 = LEAST_MS as u64 * SAMPLES_PER_MS;
const MOST: u64 = MOST_MS as u64 * SAMPLES_PER_MS;
const FRAME: u64 = FRAME_SAMPLES as u64;
/// Room for samples; more than [`FURTHEST_AHEAD`] and a packet.
const RING: usize = 4_096;
/// Audio that would be played later than this, in samples, means that the sender or the reader stood still: begin anew.
const FURTHEST_AHEAD: u64 = 3_200;
/// Audio that is later than this, in samples: likewise.
const FURTHEST_BEHIND: u64 = 2_400;
/// After this long without audio, in samples, the next packet begins a talk spurt.
const SPURT_PAUSE: u64 = 1_920;
/// The delay may be so much more than needed before it is shortened, in samples.
const SLACK: i64 = FRAME as i64 * 3 / 2;
/// From here on above the need, shortening is more urgent than being unheard, in samples: 120 ms.
const URGENT: i64 = 960;
/// Frames between two changes of the delay: a voice may become faster by a tenth, not more.
const REST_FRAMES: u64 = 5;

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
    /// Samples of lost packets that the packet behind brought along.
    pub recovered_samples: u64,
    /// Samples left out to shorten the delay.
    pub shortened_samples: u64,
    /// Samples put in to lengthen it.
    pub lengthened_samples: u64,
    /// Smoothed difference of transit times (RFC 3550), in µs.
    pub jitter_us: u64,
    /// How long the newest packet will have waited when it is played, in ms.
    pub delay_ms: u32,
    /// How long the fastest packets should wait, in ms.
    pub target_ms: u32,
}

/// One stream on its way to an ear.
#[derive(Debug)]
pub struct JitterBuffer {
    ring: Ring,
    intake: Intake,
    ticks: Ticks,
    concealer: Concealer,
    statistics: ReceiveStatistics,
    spurt: Option<Spurt>,
    delays: Delays,
    /// Pulls so far, in samples: the clock of all delays.
    pulled: u64,
    rest_until: u64,
    last_pull_us: Option<u64>,
    late: u64,
    concealed: u64,
    shortened: u64,
    lengthened: u64,
    newest_lead: u64,
}

/// What becomes of a payload.
#[derive(Debug)]
enum Intake {
    /// It is decoded when it comes.
    AtOnce(Decoder),
    /// It is decoded in order, when it is needed.
    InOrder(Shelf),
}

/// Samples by position, as far as they are there.
#[derive(Debug)]
struct Ring {
    samples: Box<[i16; RING]>,
    present: Box<[bool; RING]>,
}

impl Ring {
    fn has(&self, position: u64) -> bool {
        self.present[slot(position)]
    }

    /// Stores what is not over yet: `next` is what will be heard next.
    fn store(&mut self, next: u64, start: u64, samples: &[i16]) {
        let gone = usize::try_from(next.saturating_sub(start)).unwrap_or(usize::MAX);
        for (offset, sample) in samples.iter().enumerate().skip(gone) {
            let slot = slot(start + offset as u64);
            self.samples[slot] = *sample;
            self.present[slot] = true;
        }
    }

    /// The samples from here on, if all of them are there.
    fn peek<const N: usize>(&self, next: u64) -> Option<[i16; N]> {
        let mut samples = [0; N];
        for (position, sample) in (next..).zip(&mut samples) {
            if !self.has(position) {
                return None;
            }
            *sample = self.samples[slot(position)];
        }
        Some(samples)
    }

    fn drop_samples(&mut self, next: u64, count: usize) {
        (next..).take(count).for_each(|position| self.present[slot(position)] = false);
    }
}

fn slot(position: u64) -> usize {
    (position % RING as u64) as usize
}

/// Makes timestamps of another clock into those of samples, over the wrap.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    per_sample: u32,
    newest: Option<u64>,
}

impl Ticks {
    fn samples(&mut self, timestamp: u32) -> u32 {
        if self.per_sample == 1 {
            return timestamp;
        }
        let newest = self.newest.unwrap_or((1 << 40) | u64::from(timestamp));
        let step = i64::from(timestamp.wrapping_sub(newest as u32).cast_signed());
        let extended = newest.saturating_add_signed(step);
        self.newest = Some(extended);
        (extended / u64::from(self.per_sample)) as u32
    }
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

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    /// An empty buffer for G.711 A-law, or for samples that were decoded elsewhere.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Intake::AtOnce(Decoder::Pcma), 1)
    }

    /// An empty buffer that decodes. This is the only place that allocates.
    ///
    /// # Errors
    /// [`CodecError::NotReady`].
    pub fn for_codec(codec: Codec) -> Result<Self, CodecError> {
        let decoder = codec.decoder()?;
        let intake = if codec.is_in_order() { Intake::InOrder(Shelf::new(decoder)) } else { Intake::AtOnce(decoder) };
        Ok(Self::with(intake, codec.ticks_per_sample()))
    }

    fn with(intake: Intake, ticks_per_sample: u32) -> Self {
        Self {
            ring: Ring { samples: Box::new([0; RING]), present: Box::new([false; RING]) },
            intake,
            ticks: Ticks { per_sample: ticks_per_sample, newest: None },
            concealer: Concealer::default(),
            statistics: ReceiveStatistics::default(),
            spurt: None,
            delays: Delays::new(),
            pulled: 0,
            rest_until: 0,
            last_pull_us: None,
            late: 0,
            concealed: 0,
            shortened: 0,
            lengthened: 0,
            newest_lead: 0,
        }
    }

    /// Takes a packet's payload that arrived at `now_us` (any monotonic clock, the same as in [`JitterBuffer::pull`]). One that is not
    /// valid is as good as lost.
    pub fn insert_payload(&mut self, now_us: u64, header: &Header, payload: &[u8]) {
        let header = Header { timestamp: self.ticks.samples(header.timestamp), ..*header };
        let mut samples = [0; MAX_PACKET_SAMPLES];
        match &mut self.intake {
            Intake::AtOnce(decoder) => {
                if let Ok(count) = decoder.decode(payload, &mut samples) {
                    self.insert(now_us, &header, &samples[..count]);
                }
            }
            Intake::InOrder(shelf) => {
                if let Some(count) = shelf.samples_in(payload) {
                    let start = self.take_note(now_us, &header, count);
                    self.put_on_shelf(start, count, payload);
                }
            }
        }
    }

    fn put_on_shelf(&mut self, start: u64, count: usize, payload: &[u8]) {
        if let Intake::InOrder(shelf) = &mut self.intake {
            shelf.put(start, count, payload);
        }
    }

    /// Takes a packet's decoded audio, likewise. More than [`MAX_PACKET_SAMPLES`] are cut off. Its timestamp counts samples.
    pub fn insert(&mut self, now_us: u64, header: &Header, samples: &[i16]) {
        let samples = &samples[..samples.len().min(MAX_PACKET_SAMPLES)];
        let start = self.take_note(now_us, header, samples.len());
        let next = self.spurt.map_or(start, |spurt| spurt.next);
        self.ring.store(next, start, samples);
    }

    /// Finds the packet's place and learns from its time; gives its position.
    fn take_note(&mut self, now_us: u64, header: &Header, count: usize) -> u64 {
        self.statistics.note(now_us, header);
        let (mut spurt, start) = self.place(header);
        let transit = self.pulled.cast_signed() - start.cast_signed();
        self.delays.note(transit);
        if let Some(behind) = spurt.next.checked_sub(start).filter(|behind| *behind > 0) {
            self.late += 1;
            self.go_back(&mut spurt, start, behind);
        }
        self.newest_lead = (start + self.until_pull(now_us)).saturating_sub(spurt.next);
        spurt.end = spurt.end.max(start + count as u64);
        self.spurt = Some(spurt);
        start
    }

    /// The next 20 ms, to be called every 20 ms.
    pub fn pull(&mut self, now_us: u64) -> [i16; FRAME_SAMPLES] {
        self.last_pull_us = Some(now_us);
        let mut frame = [0; FRAME_SAMPLES];
        if let Some(mut spurt) = self.spurt {
            if let Intake::InOrder(shelf) = &mut self.intake {
                shelf.prepare(&mut self.ring, spurt.next, spurt.next + SHORTEN_SAMPLES as u64);
            }
            if let Some(changed) = self.change_delay(&mut spurt) {
                frame = changed;
                self.concealer.pass(&mut frame);
            } else {
                self.play(&mut spurt, &mut frame);
            }
            self.spurt = (spurt.next < spurt.end + SPURT_PAUSE).then_some(spurt);
        } else {
            self.concealer.fill(&mut frame);
        }
        self.pulled += FRAME;
        frame
    }

    /// What came so far.
    #[must_use]
    pub fn stats(&self) -> JitterStats {
        let (recovered, invented) = match &self.intake {
            Intake::AtOnce(_) => (0, 0),
            Intake::InOrder(shelf) => (shelf.recovered, shelf.concealed),
        };
        JitterStats {
            received: self.statistics.received(),
            lost: self.statistics.lost(),
            late: self.late,
            concealed_samples: self.concealed + invented,
            recovered_samples: recovered,
            shortened_samples: self.shortened,
            lengthened_samples: self.lengthened,
            jitter_us: self.statistics.jitter_us(),
            delay_ms: u32::try_from(self.newest_lead / SAMPLES_PER_MS).unwrap_or(u32::MAX),
            target_ms: (self.target() / SAMPLES_PER_MS) as u32,
        }
    }

    fn target(&self) -> u64 {
        self.delays.target(TARGET, LEAST, MOST)
    }

    /// Samples' time until the next pull is due.
    fn until_pull(&self, now_us: u64) -> u64 {
        let since = self.last_pull_us.map_or(0, |last| now_us.saturating_sub(last).saturating_mul(SAMPLES_PER_MS) / 1_000);
        FRAME.saturating_sub(since)
    }

    /// Where the packet belongs: in the running spurt, or at the head of a new one.
    fn place(&mut self, header: &Header) -> (Spurt, u64) {
        if let Some(spurt) = self.spurt.filter(|spurt| spurt.ssrc == header.ssrc) {
            let step = header.timestamp.wrapping_sub(spurt.next as u32).cast_signed();
            let start = spurt.next.saturating_add_signed(i64::from(step));
            if start < spurt.next + FURTHEST_AHEAD && spurt.next < start + FURTHEST_BEHIND {
                return (spurt, start);
            }
        }
        self.ring.present.fill(false);
        if let Intake::InOrder(shelf) = &mut self.intake {
            shelf.clear();
        }
        self.delays.forget_positions();
        let start = (1 << 32) | u64::from(header.timestamp);
        // Whole frames: a packet is then needed at the moment when its first sample is due, and not up to a frame earlier.
        let next = start - self.target().div_ceil(FRAME) * FRAME;
        (Spurt { ssrc: header.ssrc, end: start, next, gap: None }, start)
    }

    /// A late packet: if nothing newer came, it is still worth hearing, and so the delay grows.
    fn go_back(&mut self, spurt: &mut Spurt, start: u64, behind: u64) {
        let room = MOST.cast_signed() - self.delay(spurt);
        if start >= spurt.end && behind.cast_signed() <= room {
            spurt.next = start;
        }
    }

    /// How long the fastest packets wait now, in samples.
    fn delay(&self, spurt: &Spurt) -> i64 {
        self.pulled.cast_signed() - spurt.next.cast_signed() - self.delays.fastest().unwrap_or(0)
    }

    /// A frame that makes the delay shorter or longer, if that is needed and not heard.
    fn change_delay(&mut self, spurt: &mut Spurt) -> Option<[i16; FRAME_SAMPLES]> {
        let excess = self.delay(spurt) - self.target().cast_signed();
        let urgent = !(0..=URGENT).contains(&excess);
        if (0..=SLACK).contains(&excess) || (self.pulled < self.rest_until && !urgent) {
            return None;
        }
        let (frame, taken) = if excess > 0 { self.shorter(spurt.next)? } else { self.longer(spurt.next)? };
        self.ring.drop_samples(spurt.next, taken);
        spurt.next += taken as u64;
        self.concealed += spurt.gap.replace(0).unwrap_or(0);
        self.rest_until = self.pulled + REST_FRAMES * FRAME;
        Some(frame)
    }

    fn shorter(&mut self, next: u64) -> Option<([i16; FRAME_SAMPLES], usize)> {
        let (frame, piece) = shorten(&self.ring.peek(next)?)?;
        self.shortened += piece as u64;
        Some((frame, FRAME_SAMPLES + piece))
    }

    fn longer(&mut self, next: u64) -> Option<([i16; FRAME_SAMPLES], usize)> {
        let (frame, piece) = lengthen(self.concealer.recent()?, &self.ring.peek(next)?)?;
        self.lengthened += piece as u64;
        Some((frame, FRAME_SAMPLES - piece))
    }

    /// Plays what is there and conceals what is not, run by run.
    fn play(&mut self, spurt: &mut Spurt, mut frame: &mut [i16]) {
        while !frame.is_empty() {
            let here = self.ring.has(spurt.next);
            let run = (spurt.next..).take(frame.len()).take_while(|position| self.ring.has(*position) == here).count();
            let (piece, rest) = frame.split_at_mut(run);
            if here {
                (spurt.next..).zip(piece.iter_mut()).for_each(|(position, sample)| *sample = self.ring.samples[slot(position)]);
                self.ring.drop_samples(spurt.next, run);
                self.concealer.pass(piece);
                self.concealed += spurt.gap.replace(0).unwrap_or(0);
            } else {
                spurt.gap = spurt.gap.map(|gap| gap + run as u64);
                self.concealer.fill(piece);
            }
            spurt.next += run as u64;
            frame = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::rms_dbfs;

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
    fn a_single_straggler_costs_only_its_own_gap() {
        let mut buffer = JitterBuffer::new();
        run(&mut buffer, PACKETS, |number| Some(if number == 100 { 110 } else { 0 }));
        assert_eq!((buffer.stats().late, buffer.stats().concealed_samples), (1, 160));
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
        assert_eq!(buffer.stats().target_ms, MOST_MS);
        assert!(buffer.stats().late > 50);
    }

    #[test]
    fn a_delay_that_is_no_longer_needed_shrinks_in_quiet_moments() {
        let delayed_at_first = |number| Some(if number < 300 && number % 10 == 3 { 100 } else { 0 });
        let delay_after = |packets| {
            let mut buffer = JitterBuffer::new();
            run_signal(&mut buffer, packets, delayed_at_first, |_| [8; 160]);
            (buffer.stats().delay_ms, buffer.stats().late)
        };
        let ((before, late_before), (after, late_after)) = (delay_after(300), delay_after(6_000));
        assert!((80..=140).contains(&before), "{before}");
        assert!((LEAST_MS..=LEAST_MS + 50).contains(&after), "{after}");
        assert_eq!(late_after, late_before);
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

    /// Steady at first, then with each packet up to `jitter_ms` later, by chance.
    fn shaken(buffer: &mut JitterBuffer, packets: u32, jitter_ms: u64) -> Vec<i16> {
        let delays: Vec<u64> = {
            let mut random = fastrand::Rng::with_seed(16);
            (0..packets).map(|_| random.u64(..=jitter_ms)).collect()
        };
        run(buffer, packets, |number| Some(if number < 100 { 0 } else { delays[number as usize] }))
    }

    #[test]
    fn a_line_that_begins_to_shake_is_waited_for_without_a_click() {
        let mut buffer = JitterBuffer::new();
        let heard = shaken(&mut buffer, 2_000, 90);
        let stats = buffer.stats();
        assert!((80..=110).contains(&stats.target_ms), "{stats:?}");
        assert!(stats.late < 20 && stats.lengthened_samples > 200 && stats.lost == 0, "{stats:?}");
        let steps = heard.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
        let natural = (8_000.0 * std::f64::consts::TAU / 40.0) as i32;
        assert!(steps.max().is_some_and(|step| step < natural * 3 / 2));
    }

    #[test]
    fn a_voice_is_shortened_by_pitch_periods_when_the_line_calms_down() {
        let mut buffer = JitterBuffer::new();
        run(&mut buffer, 2_500, |number| Some(if number < 300 { u64::from(number % 5) * 30 } else { 0 }));
        let stats = buffer.stats();
        assert!(stats.shortened_samples >= 640 && stats.target_ms == LEAST_MS && stats.delay_ms < 70, "{stats:?}");
        assert_eq!(stats.shortened_samples % 40, 0, "a tone of 40 samples is shortened by whole periods");
    }

    #[test]
    fn clocks_of_other_speed_are_followed_over_the_wrap() {
        let mut ticks = Ticks { per_sample: 6, newest: None };
        let first = ticks.samples(u32::MAX - 1_000);
        assert_eq!(ticks.samples((u32::MAX - 1_000).wrapping_add(960 * 6)), first.wrapping_add(960));
        assert_eq!(ticks.samples((u32::MAX - 1_000).wrapping_sub(960)), first.wrapping_sub(160));
    }

    #[test]
    fn payloads_are_decoded_by_the_buffers_codec_and_bad_ones_are_lost() {
        let mut buffer = JitterBuffer::for_codec(Codec::Pcmu).expect("no state");
        buffer.insert_payload(0, &header(0), &[crate::g711::linear_to_ulaw(1_000); 160]);
        buffer.insert_payload(0, &header(1), &[]);
        buffer.insert_payload(0, &header(2), &[0; 481]);
        let heard: Vec<i16> = (0..4).flat_map(|pull| buffer.pull(pull * 20_000)).collect();
        assert!(heard[320..480].iter().all(|sample| (980..1_020).contains(sample)));
        assert_eq!(buffer.stats().received, 1);
    }

    #[cfg(feature = "opus")]
    #[test]
    fn with_opus_a_lost_packet_comes_back_from_the_next_and_longer_gaps_are_bridged() {
        let codec = Codec::Opus { expected_loss_percent: 10 };
        let (mut encoder, mut buffer) = (codec.encoder().expect("libopus"), JitterBuffer::for_codec(codec).expect("libopus"));
        let mut heard = Vec::new();
        for number in 0..500_u32 {
            let mut payload = [0; 480];
            let length = encoder.encode(&tone(number), &mut payload).expect("a frame");
            let header = Header { timestamp: (u32::MAX - 50_000).wrapping_add(960 * number), ..header(number) };
            if !matches!(number % 50, 10 | 30 | 31) {
                buffer.insert_payload(u64::from(number) * 20_000 + 3_000, &header, &payload[..length]);
            }
            heard.extend(buffer.pull((u64::from(number) + 1) * 20_000));
        }
        let stats = buffer.stats();
        assert_eq!((stats.recovered_samples, stats.concealed_samples, stats.late), (20 * 160, 10 * 160, 0), "{stats:?}");
        let start = onset(&heard);
        let quietest = heard[start + 160..].chunks_exact(160).map(rms_dbfs).fold(0.0, f32::min);
        assert!(quietest > -40.0, "never silent: {quietest}");
    }

    #[cfg(feature = "opus")]
    #[test]
    fn random_opus_payloads_headers_and_times_are_survived() {
        let mut random = fastrand::Rng::with_seed(17);
        let mut buffer = JitterBuffer::for_codec(Codec::Opus { expected_loss_percent: 0 }).expect("libopus");
        let (mut now, mut payload) = (0, [0; 500]);
        for _ in 0..20_000 {
            now += random.u64(..40_000);
            random.fill(&mut payload);
            let timestamp = ((now * 48 / 1_000) as u32).wrapping_add(random.u32(..18_000));
            let header = Header { sequence: random.u16(..), timestamp, ssrc: u32::from(random.u8(..) == 0), ..header(0) };
            buffer.insert_payload(random.u64(..=now), &header, &payload[..random.usize(..=500)]);
            buffer.pull(now);
        }
    }

    #[cfg(feature = "opus")]
    #[test]
    fn with_opus_a_packet_that_is_only_overtaken_is_waited_for() {
        let codec = Codec::Opus { expected_loss_percent: 10 };
        let (mut encoder, mut buffer) = (codec.encoder().expect("libopus"), JitterBuffer::for_codec(codec).expect("libopus"));
        let mut overtaken: Option<(Header, Vec<u8>)> = None;
        for number in 0..300_u32 {
            let mut payload = [0; 480];
            let length = encoder.encode(&tone(number), &mut payload).expect("a frame");
            let header = Header { timestamp: 960 * number, ..header(number) };
            let now_us = u64::from(number) * 20_000 + 3_000;
            if number % 10 == 5 {
                overtaken = Some((header, payload[..length].to_vec()));
            } else {
                buffer.insert_payload(now_us, &header, &payload[..length]);
            }
            buffer.pull(now_us + 7_000);
            if let Some((header, payload)) = overtaken.take_if(|_| number % 10 == 6) {
                buffer.insert_payload(now_us + 9_000, &header, &payload);
            }
        }
        let stats = buffer.stats();
        assert_eq!((stats.recovered_samples, stats.concealed_samples, stats.late), (0, 0, 0), "{stats:?}");
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
