//! Watching a call for what spoils it: one-way audio, a dead microphone, clipping, long mutual silence, echo. Pure state machines, each fed
//! once per 20 ms frame; each says only when something changes.
//!
//! Levels are those of `level`. Not here: loss and delay (`quality`), what is done about an alarm.

use crate::level::{SILENCE_DBFS, rms_dbfs};

/// Somebody speaks above this; a room is below.
const SPEECH_DBFS: f32 = -45.0;
/// Below this there is no working microphone: even a quiet room has more noise than A-law's smallest step makes.
const DEAD_DBFS: f32 = -75.0;
const FRAMES_PER_SECOND: u32 = 50;

/// A change of what a detector thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The trouble is there now.
    Began,
    /// It is over.
    Ended,
}

/// A trouble that must last to be believed, and stay away to be over.
#[derive(Debug, Clone, Copy)]
struct Latch {
    begins_after: u32,
    ends_after: u32,
    frames: u32,
    on: bool,
}

impl Latch {
    fn new(begins_after: u32, ends_after: u32) -> Self {
        Self { begins_after, ends_after, frames: 0, on: false }
    }

    /// Counts frames that speak against the present state; one that speaks for it starts the count anew.
    fn note(&mut self, trouble: bool) -> Option<Change> {
        self.frames = if trouble == self.on { 0 } else { self.frames + 1 };
        let needed = if self.on { self.ends_after } else { self.begins_after };
        if self.frames < needed {
            return None;
        }
        self.frames = 0;
        self.on = trouble;
        Some(if trouble { Change::Began } else { Change::Ended })
    }
}

/// One side gets through and the other does not: the classic fault of firewalls and wrong addresses.
#[derive(Debug, Clone, Copy)]
pub struct OneWayAudio {
    silent_frames: u32,
    other_speech_frames: u32,
    on: bool,
}

/// How long one side must give nothing at all: 4 s, in which the other speaks for 1 s.
const ONE_WAY_FRAMES: u32 = 4 * FRAMES_PER_SECOND;
const ONE_WAY_SPEECH_FRAMES: u32 = FRAMES_PER_SECOND;

impl Default for OneWayAudio {
    fn default() -> Self {
        Self::new()
    }
}

impl OneWayAudio {
    /// Watches the one side; for both directions there are two of them.
    #[must_use]
    pub fn new() -> Self {
        Self { silent_frames: 0, other_speech_frames: 0, on: false }
    }

    /// Level of the frame that came from the watched side, `None` if no packet came, and of the other side's frame. Not to be called while
    /// the call is on hold, or the watched side is muted or silent by agreement (telephone events, silence suppression).
    pub fn note(&mut self, watched_dbfs: Option<f32>, other_dbfs: Option<f32>) -> Option<Change> {
        if watched_dbfs.is_some_and(|level| level > DEAD_DBFS) {
            (self.silent_frames, self.other_speech_frames) = (0, 0);
            return std::mem::take(&mut self.on).then_some(Change::Ended);
        }
        self.silent_frames = self.silent_frames.saturating_add(1);
        let speaks = other_dbfs.is_some_and(|level| level > SPEECH_DBFS);
        self.other_speech_frames = self.other_speech_frames.saturating_add(u32::from(speaks));
        let trouble = self.silent_frames >= ONE_WAY_FRAMES && self.other_speech_frames >= ONE_WAY_SPEECH_FRAMES;
        let begins = trouble && !self.on;
        self.on |= trouble;
        begins.then_some(Change::Began)
    }
}

/// The own microphone gives nothing although it is not muted: unplugged, muted by its own switch, the wrong device.
#[derive(Debug, Clone, Copy)]
pub struct DeadMicrophone(Latch);

impl Default for DeadMicrophone {
    fn default() -> Self {
        Self::new()
    }
}

impl DeadMicrophone {
    /// Begins after 3 s without any sound, ends with 60 ms of it.
    #[must_use]
    pub fn new() -> Self {
        Self(Latch::new(3 * FRAMES_PER_SECOND, 3))
    }

    /// Level of the microphone's frame, before noise suppression and mute.
    pub fn note(&mut self, level_dbfs: f32) -> Option<Change> {
        self.0.note(level_dbfs <= DEAD_DBFS)
    }
}

/// Samples from here on are at the limit of G.711 (A-law's largest is 32,256, µ-law's 32,124).
const LIMIT: u16 = 32_000;
/// So many at the limit, of the same sign and in a row, are no natural peak.
const CLIPPED_RUN: usize = 3;

/// A voice that is too loud for the line and breaks at its limits.
#[derive(Debug, Clone, Copy)]
pub struct Clipping {
    /// Share of clipped frames, smoothed over 2 s.
    share: f32,
    on: bool,
}

impl Default for Clipping {
    fn default() -> Self {
        Self::new()
    }
}

impl Clipping {
    const SMOOTHING: f32 = 0.01;

    /// Begins when every tenth frame of the last seconds was clipped, ends when fewer than every fiftieth is.
    #[must_use]
    pub fn new() -> Self {
        Self { share: 0.0, on: false }
    }

    /// One frame of the voice.
    pub fn note(&mut self, samples: &[i16]) -> Option<Change> {
        let at_limit = |run: &[i16]| {
            let same_sign = run.iter().all(|sample| (*sample > 0) == (run[0] > 0));
            same_sign && run.iter().all(|sample| sample.unsigned_abs() >= LIMIT)
        };
        self.note_frame(samples.windows(CLIPPED_RUN).any(at_limit))
    }

    /// One frame of which it is known whether it was clipped.
    pub fn note_frame(&mut self, clipped: bool) -> Option<Change> {
        self.share += Self::SMOOTHING * (if clipped { 1.0 } else { 0.0 } - self.share);
        let trouble = self.share > if self.on { 0.02 } else { 0.1 };
        let before = std::mem::replace(&mut self.on, trouble);
        (before != trouble).then_some(if trouble { Change::Began } else { Change::Ended })
    }
}

/// Nobody says anything for long: a forgotten call, or sound that both sides miss.
#[derive(Debug, Clone, Copy)]
pub struct MutualSilence(Latch);

impl MutualSilence {
    /// Begins after so many seconds (at least 1), ends with 100 ms of speech.
    #[must_use]
    pub fn new(seconds: u32) -> Self {
        Self(Latch::new(seconds.max(1).saturating_mul(FRAMES_PER_SECOND), 5))
    }

    /// Levels of both sides' frames; nothing came is [`SILENCE_DBFS`]. Not to be called while the call is on hold.
    pub fn note(&mut self, one_dbfs: f32, other_dbfs: f32) -> Option<Change> {
        self.0.note(one_dbfs.max(other_dbfs) <= SPEECH_DBFS)
    }
}

/// Longest way there and back that is searched for an echo, in frames: 500 ms.
const LAGS: usize = 25;
/// Levels below this all count alike: an echo hides in the noise of the room.
const FLOOR_DBFS: f32 = -65.0;

/// What is said to the far side comes back: its loudness over time is that of what was sent some time before.
#[derive(Debug, Clone, Copy)]
pub struct Echo {
    /// Levels sent, the newest first.
    sent: [f32; LAGS],
    sent_mean: Moments,
    heard_mean: Moments,
    /// Smoothed products of what is heard with what was sent, by lag.
    products: [f32; LAGS],
    frames: u32,
    latch: Latch,
}

/// Smoothed mean and mean square.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    mean: f32,
    square: f32,
}

impl Moments {
    fn note(&mut self, value: f32) {
        self.mean += Echo::SMOOTHING * (value - self.mean);
        self.square += Echo::SMOOTHING * (value * value - self.square);
    }

    fn variance(&self) -> f32 {
        (self.square - self.mean * self.mean).max(0.0)
    }
}

impl Default for Echo {
    fn default() -> Self {
        Self::new()
    }
}

impl Echo {
    /// Memory of about 2 s.
    const SMOOTHING: f32 = 0.01;
    /// Likeness of both levels, of at most 1, that no conversation has for long.
    const LIKENESS: f32 = 0.75;
    /// Both must vary at least so much (4 dB): levels that stand still are alike without meaning.
    const LEAST_VARIANCE: f32 = 16.0;
    const FIRST_FRAMES: u32 = 2 * FRAMES_PER_SECOND;

    /// Begins after 1 s of likeness, not before 3 s of the call; ends after 2 s without.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sent: [0.0; LAGS],
            sent_mean: Moments::default(),
            heard_mean: Moments::default(),
            products: [0.0; LAGS],
            frames: 0,
            latch: Latch::new(FRAMES_PER_SECOND, 2 * FRAMES_PER_SECOND),
        }
    }

    /// Levels of the frame sent to the far side and of the frame heard from it at the same time.
    pub fn note(&mut self, sent_dbfs: f32, heard_dbfs: f32) -> Option<Change> {
        let (sent, heard) = (sent_dbfs.max(FLOOR_DBFS) - FLOOR_DBFS, heard_dbfs.max(FLOOR_DBFS) - FLOOR_DBFS);
        // Moved, which lets all lags be reckoned at once: a ring costs three times as much.
        self.sent.copy_within(..LAGS - 1, 1);
        self.sent[0] = sent;
        self.sent_mean.note(sent);
        self.heard_mean.note(heard);
        for (product, sent) in self.products.iter_mut().zip(&self.sent) {
            *product += Self::SMOOTHING * (heard * sent - *product);
        }
        self.frames = self.frames.saturating_add(1);
        let alike = self.frames > Self::FIRST_FRAMES && self.likeness() > Self::LIKENESS;
        self.latch.note(alike)
    }

    /// The largest correlation over all lags, 0 if either level stands still.
    #[must_use]
    pub fn likeness(&self) -> f32 {
        let (sent, heard) = (self.sent_mean.variance(), self.heard_mean.variance());
        if sent < Self::LEAST_VARIANCE || heard < Self::LEAST_VARIANCE {
            return 0.0;
        }
        let product = self.products.iter().copied().fold(0.0, f32::max);
        (product - self.sent_mean.mean * self.heard_mean.mean) / (sent * heard).sqrt()
    }
}

/// The level to feed to a detector for a frame that may be missing.
#[must_use]
pub fn frame_dbfs(frame: Option<&[i16]>) -> f32 {
    frame.map_or(SILENCE_DBFS, rms_dbfs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEAKS: f32 = -20.0;
    const ROOM: f32 = -60.0;

    /// The changes with the frames at which they came.
    fn changes(frames: usize, mut note: impl FnMut(usize) -> Option<Change>) -> Vec<(usize, Change)> {
        (0..frames).filter_map(|frame| note(frame).map(|change| (frame, change))).collect()
    }

    #[test]
    fn one_way_audio_is_told_within_five_seconds_of_talk_and_taken_back_at_the_first_sound() {
        let mut detector = OneWayAudio::new();
        let heard = |frame: usize| if frame < 300 { None } else { Some(ROOM) };
        let told = changes(400, |frame| detector.note(heard(frame), Some(SPEAKS)));
        assert_eq!(told, [(199, Change::Began), (300, Change::Ended)]);
        let mut detector = OneWayAudio::new();
        let told = changes(400, |frame| detector.note(Some(SILENCE_DBFS), Some(if frame < 260 { ROOM } else { SPEAKS })));
        assert_eq!(told, [(309, Change::Began)], "packets of digital silence, and the other speaks late");
    }

    #[test]
    fn a_quiet_room_or_silence_on_both_sides_is_not_one_way() {
        let (mut room, mut both) = (OneWayAudio::new(), OneWayAudio::new());
        assert_eq!(changes(2_000, |_| room.note(Some(ROOM), Some(SPEAKS))), []);
        assert_eq!(changes(2_000, |_| both.note(None, Some(ROOM))), []);
    }

    #[test]
    fn a_microphone_is_dead_after_three_seconds_of_nothing() {
        let mut detector = DeadMicrophone::new();
        let level = |frame: usize| if (100..400).contains(&frame) { SILENCE_DBFS } else { ROOM };
        assert_eq!(changes(500, |frame| detector.note(level(frame))), [(249, Change::Began), (402, Change::Ended)]);
    }

    #[test]
    fn clipping_is_told_while_it_lasts_and_loud_speech_is_none() {
        let mut detector = Clipping::new();
        let wave = |amplitude: f64| -> Vec<i16> { (0..160).map(|n| (amplitude * (f64::from(n) * 0.2).sin()) as i16).collect() };
        let told = changes(900, |frame| detector.note(&wave(if frame < 300 { 60_000.0 } else { 20_000.0 })));
        assert!(matches!(told[..], [(5..20, Change::Began), (400..700, Change::Ended)]), "{told:?}");
        let mut detector = Clipping::new();
        assert_eq!(changes(900, |_| detector.note(&wave(31_900.0))), []);
        let impulses = [32_767, -32_768, 32_767, -32_768, 0, 32_767, 32_767, 0];
        assert_eq!(changes(900, |_| detector.note(&impulses)), [], "single peaks are natural");
    }

    #[test]
    fn long_silence_of_both_is_told_and_one_who_speaks_breaks_it() {
        let mut detector = MutualSilence::new(20);
        let level = |frame: usize| if (900..910).contains(&frame) || frame >= 2_500 { SPEAKS } else { ROOM };
        let told = changes(2_600, |frame| detector.note(ROOM, level(frame)));
        assert_eq!(told, [(1_909, Change::Began), (2_504, Change::Ended)]);
    }

    fn speech_levels(name: &str) -> Vec<f32> {
        let path = format!("{}/../../assets/prompts/{name}.zh.wav", env!("CARGO_MANIFEST_DIR"));
        let samples: Vec<i16> =
            hound::WavReader::open(path).expect("a committed file").samples().map(|sample| sample.expect("16 bits")).collect();
        samples.chunks_exact(160).map(rms_dbfs).collect()
    }

    #[test]
    fn an_echo_is_heard_at_any_delay_and_loudness_and_is_over_when_it_stops() {
        let speech = speech_levels("citizen");
        for (delay, loss_db) in [(0, 6.0), (3, 20.0), (12, 30.0), (24, 20.0)] {
            let mut detector = Echo::new();
            let sent = |frame: usize| speech[frame % speech.len()];
            let echo = |frame: usize| if (delay..600).contains(&frame) { (sent(frame - delay) - loss_db).max(ROOM) } else { ROOM };
            let told = changes(1_200, |frame| detector.note(sent(frame), echo(frame)));
            assert!(
                matches!(told[..], [(149..=250, Change::Began), (600..=1_000, Change::Ended)]),
                "{delay} frames, {loss_db} dB: {told:?}"
            );
        }
    }

    #[test]
    fn two_who_talk_by_turns_or_at_once_or_only_one_are_no_echo() {
        let (citizen, agent) = (speech_levels("citizen"), speech_levels("agent"));
        let at = |speech: &[f32], frame: usize| speech[frame % speech.len()];
        for shift in (0..400).step_by(37) {
            let [mut turns, mut together, mut alone] = [Echo::new(); 3];
            let speaks = |frame: usize| (frame / 150).is_multiple_of(2);
            let by_turns = changes(3_000, |frame| {
                let sent = if speaks(frame) { at(&citizen, frame) } else { ROOM };
                turns.note(sent, if speaks(frame) { ROOM } else { at(&agent, frame + shift) })
            });
            assert_eq!(by_turns, [], "{shift}");
            assert_eq!(changes(3_000, |frame| together.note(at(&citizen, frame), at(&agent, frame + shift))), [], "{shift}");
            assert_eq!(changes(3_000, |frame| alone.note(at(&citizen, frame), ROOM)), []);
        }
    }

    #[test]
    fn a_missing_frame_is_silent() {
        assert_eq!((frame_dbfs(None), frame_dbfs(Some(&[i16::MIN; 160]))), (SILENCE_DBFS, 0.0));
    }
}
