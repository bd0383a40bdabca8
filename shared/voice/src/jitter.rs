//! The jitter buffer: packets come when they come, audio is taken every 20 ms. Time is passed in.
//!
//! Audio is placed by its RTP timestamp, so packets of any length, repeated, early and disordered ones all find their place. The delay
//! follows the packets, from [`LEAST_MS`] to [`MOST_MS`]: a voice is made longer or shorter by a pitch period where that is not heard.
//! What is missing is recovered from the next packet where the codec sends that along (Opus), else concealed. Nothing allocates but the
//! making of a buffer. Not here: sample rates other than 8 kHz, the drift of devices.

mod delay;
mod ring;
mod shelf;

use crate::codec::{Codec, CodecError, Decoder};
use crate::conceal::Concealer;
use crate::conceal::bridge::{MAX_AFTER, MAX_GAP};
use crate::rtp::{Header, ReceiveStatistics};
use crate::stretch::{SHORTEN_SAMPLES, lengthen, shorten};
use crate::{FRAME_SAMPLES, FRAME_US, MAX_PACKET_SAMPLES};
use delay::{Arrivals, Delays};
use ring::{Ring, Ticks};
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
/// Audio that would be played later than this, in samples, means that the sender or the reader stood still, or the network: what is older is left
/// out, or nothing goes together and all begins anew.
const FURTHEST_AHEAD: u64 = 3_200;
/// Audio that is later than this, in samples: likewise.
const FURTHEST_BEHIND: u64 = 2_400;
/// After this long without audio, in samples, the next packet begins a talk spurt.
const SPURT_PAUSE: u64 = 1_920;
/// The delay may be so much more than needed before it is shortened, in samples.
const SLACK: i64 = FRAME as i64 * 3 / 2;
/// From here on above the need, shortening is more urgent than being unheard, in samples: 120 ms.
const URGENT: i64 = 960;
/// A reader that did not come for so long stood still, in µs: 80 ms.
const STOOD_STILL_US: u64 = 80_000;
/// For so long after that it may make up for the frames that it missed, in µs.
const MAKING_UP_US: u64 = 100_000;
/// Frames for which all that comes may be too late to be heard: then the way has become longer, or the reader's clock has jumped, and what
/// was learnt of it is void.
const REFUSED_FRAMES: u32 = 3;
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
    /// Where lost packets come back from those behind them.
    arrivals: Arrivals,
    /// Pulls so far, those that were missed included, in samples: the clock of all delays.
    pulled: u64,
    /// Pulls that were missed and are counted already.
    missed: Option<Missed>,
    rest_until: u64,
    last_pull_us: Option<u64>,
    late: u64,
    concealed: u64,
    shortened: u64,
    lengthened: u64,
    newest_lead: u64,
    /// Frames in which the newest packet came too late to be heard, one after the other, and the pull before the last of them.
    refused: (u32, u64),
    /// How long the first packet of the next spurt waits, in samples, if that is known already.
    lead: Option<u64>,
    playing: bool,
}

/// What a reader that stood still may make up for.
#[derive(Debug, Clone, Copy)]
struct Missed {
    frames: u64,
    /// When it came again.
    again_us: u64,
}

/// What becomes of a payload.
#[derive(Debug)]
enum Intake {
    /// It is decoded when it comes.
    AtOnce(Decoder),
    /// It is decoded in order, when it is needed.
    InOrder(Shelf),
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
            ring: Ring::new(),
            intake,
            ticks: Ticks { per_sample: ticks_per_sample, newest: None },
            concealer: Concealer::default(),
            statistics: ReceiveStatistics::default(),
            spurt: None,
            delays: Delays::new(),
            arrivals: Arrivals::default(),
            pulled: 0,
            missed: None,
            rest_until: 0,
            last_pull_us: None,
            late: 0,
            concealed: 0,
            shortened: 0,
            lengthened: 0,
            newest_lead: 0,
            refused: (0, 0),
            lead: None,
            playing: false,
        }
    }

    /// This buffer takes up the stream of another one: it knows what that one has learnt of the delays, and its first packet waits until what
    /// waits there was heard.
    pub fn follow(&mut self, before: &Self) {
        self.delays = before.delays.clone();
        self.lead = before.spurt.map(|spurt| spurt.end.saturating_sub(spurt.next));
        (self.pulled, self.last_pull_us, self.missed) = (before.pulled, before.last_pull_us, before.missed);
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
        self.follow_clock(now_us);
        let (mut spurt, start) = self.place(header);
        // When a packet came that lay there for a reader who stood still, nobody knows.
        if self.missed.is_none_or(|missed| now_us >= missed.again_us + FRAME_US) {
            self.note_delay(header, start, count);
        }
        match spurt.next.checked_sub(start).filter(|behind| *behind > 0) {
            Some(behind) => {
                self.late += 1;
                self.go_back(&mut spurt, start, behind);
            }
            None => self.refused.0 = 0,
        }
        self.newest_lead = (start + self.until_pull(now_us)).saturating_sub(spurt.next);
        spurt.end = spurt.end.max(start + count as u64);
        self.spurt = Some(spurt);
        start
    }

    fn note_delay(&mut self, header: &Header, start: u64, count: usize) {
        let transit = self.transit(start);
        self.delays.note(transit);
        if matches!(self.intake, Intake::InOrder(_)) {
            let delays = &mut self.delays;
            self.arrivals.note(header.sequence, transit, count as u64, |transit| delays.note_lost(transit));
        }
    }

    fn transit(&self, start: u64) -> i64 {
        self.pulled.cast_signed() - start.cast_signed()
    }

    /// The next 20 ms, to be called every 20 ms.
    pub fn pull(&mut self, now_us: u64) -> [i16; FRAME_SAMPLES] {
        self.follow_clock(now_us);
        let follows_at_once = self.last_pull_us.replace(now_us).is_some_and(|last_us| now_us.saturating_sub(last_us) < FRAME_US / 2);
        self.playing = false;
        let mut frame = [0; FRAME_SAMPLES];
        if let Some(mut spurt) = self.spurt {
            if let Intake::InOrder(shelf) = &mut self.intake {
                shelf.prepare(&mut self.ring, spurt.next, spurt.next + SHORTEN_SAMPLES as u64);
            }
            if let Some(changed) = self.change_delay(&mut spurt) {
                frame = changed;
                self.playing = true;
                self.concealer.pass(&mut frame);
            } else {
                self.play(&mut spurt, &mut frame);
            }
            self.spurt = (spurt.next < spurt.end + SPURT_PAUSE).then_some(spurt);
        } else {
            self.concealer.fill(&mut frame);
        }
        if !(follows_at_once && self.makes_up(now_us)) {
            self.pulled += FRAME;
        }
        frame
    }

    /// Whether a pull that follows another one at once is one that was missed, and counted.
    fn makes_up(&mut self, now_us: u64) -> bool {
        let owed = self.missed.as_mut().filter(|missed| missed.frames > 0 && now_us < missed.again_us + MAKING_UP_US);
        owed.map(|missed| missed.frames -= 1).is_some()
    }

    /// Counts the pulls that a reader missed while it stood still: what comes now is not faster for it, and what comes after the reader has made up
    /// for them is not slower.
    fn follow_clock(&mut self, now_us: u64) {
        let Some(last_us) = self.last_pull_us.filter(|last_us| now_us.saturating_sub(*last_us) >= STOOD_STILL_US) else { return };
        let frames = (now_us - last_us) / FRAME_US - 1;
        self.pulled += frames * FRAME;
        self.last_pull_us = Some(last_us + frames * FRAME_US);
        self.missed = Some(Missed { frames, again_us: now_us });
    }

    /// Whether anything in the newest frame had come; else all of it was invented, or silence.
    #[must_use]
    pub fn is_playing(&self) -> bool {
        self.playing
    }

    /// Samples from the next one to be heard to the end of the newest that came.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.spurt.map_or(0, |spurt| spurt.end.saturating_sub(spurt.next))
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
            if let Some(spurt) = self.skip(spurt, start) {
                return (spurt, start);
            }
        }
        self.forget_sound();
        self.delays.forget_positions();
        self.arrivals = Arrivals::default();
        let start = (1 << 32) | u64::from(header.timestamp);
        // Whole frames: a packet is then needed at the moment when its first sample is due, and not up to a frame earlier.
        let next = start - self.lead.take().unwrap_or_else(|| self.target()).div_ceil(FRAME) * FRAME;
        (Spurt { ssrc: header.ssrc, end: start, next, gap: None }, start)
    }

    /// More has come than may wait: the oldest is left out, and what is left is heard with the delay that is wanted. `None` if the packet does
    /// not belong to what is there.
    fn skip(&mut self, mut spurt: Spurt, start: u64) -> Option<Spurt> {
        let next = start.checked_sub(self.target().div_ceil(FRAME) * FRAME).filter(|next| (spurt.next + 1..spurt.end).contains(next))?;
        let skipped = next - spurt.next;
        // What is left out lies within the ring: the end of what was stored does.
        self.ring.drop_samples(spurt.next, skipped as usize);
        if let Intake::InOrder(shelf) = &mut self.intake {
            shelf.drop_before(next);
        }
        self.shortened += skipped;
        spurt.next = next;
        Some(spurt)
    }

    fn forget_sound(&mut self) {
        self.ring.clear();
        if let Intake::InOrder(shelf) = &mut self.intake {
            shelf.clear();
        }
    }

    /// A late packet: if nothing newer came, it is still worth hearing, and so the delay grows. It does not grow beyond its limit for a few of
    /// them; but if that goes on, they are all that there is to be heard, and the delay is counted anew from here.
    fn go_back(&mut self, spurt: &mut Spurt, start: u64, behind: u64) {
        let room = MOST.cast_signed() - self.delay(spurt);
        if start < spurt.end {
            return;
        }
        if behind.cast_signed() <= room {
            spurt.next = start;
            self.refused.0 = 0;
        } else if self.is_refused_for_long() {
            self.forget_sound();
            (self.delays, self.arrivals) = (Delays::new(), Arrivals::default());
            self.delays.note(self.transit(start));
            (spurt.next, spurt.gap) = (start - TARGET, None);
        }
    }

    /// Counts a frame in which the newest packet is refused; packets that come together count once.
    fn is_refused_for_long(&mut self) -> bool {
        let (frames, at) = self.refused;
        if frames == 0 || at != self.pulled {
            self.refused = (frames + 1, self.pulled);
        }
        self.refused.0 > REFUSED_FRAMES
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

    /// Fills a piece of a gap: towards what is there behind it, if that has come. Before the first sound of a spurt, and behind a pause,
    /// nothing was lost: there one would hear the beginning of a word before it begins.
    fn conceal(&mut self, spurt: &Spurt, piece: &mut [i16]) {
        let missing = self.ring.run(spurt.next, MAX_GAP + 1);
        // The gap counts this piece already.
        let is_loss = spurt.gap.is_some_and(|made| made as usize - piece.len() + missing <= MAX_GAP);
        let mut after = [0; MAX_AFTER];
        let known = if is_loss { self.ring.copy(spurt.next + missing as u64, &mut after) } else { 0 };
        self.concealer.fill_before(piece, missing, &after[..known]);
    }

    /// Plays what is there and conceals what is not, run by run.
    fn play(&mut self, spurt: &mut Spurt, mut frame: &mut [i16]) {
        while !frame.is_empty() {
            let here = self.ring.has(spurt.next);
            let run = self.ring.run(spurt.next, frame.len());
            let (piece, rest) = frame.split_at_mut(run);
            if here {
                self.playing = true;
                self.ring.copy(spurt.next, piece);
                self.ring.drop_samples(spurt.next, run);
                self.concealer.pass(piece);
                self.concealed += spurt.gap.replace(0).unwrap_or(0);
            } else {
                spurt.gap = spurt.gap.map(|gap| gap + run as u64);
                self.conceal(spurt, piece);
            }
            spurt.next += run as u64;
            frame = rest;
        }
    }
}

#[cfg(test)]
mod tests;
