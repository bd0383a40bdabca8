//! How a talk sounds: loudness of both sides, what the detectors make of it, loss, jitter and round trip every 2 s, and the sum of it all.
//!
//! A packet costs a look at every third sample; the detectors run over five frames at a time. Not here: sending reports, the log.

use shared::model::{LegHealth, VoiceTrouble};
use voice::detect::{Change, Clipping, DeadMicrophone, Echo, MutualSilence, OneWayAudio};
use voice::level::SILENCE_DBFS;
use voice::quality::{Coding, Conditions, mean_opinion_score};

/// How often a talk's figures are told, in µs.
pub(super) const WINDOW_US: u64 = 2_000_000;
/// How often the detectors run, in µs: five frames.
pub(super) const LOOK_US: u64 = 100_000;
const FRAMES_PER_LOOK: usize = 5;
/// Frames of one side that may wait for a look; a side that sends faster is not judged by more.
const WAITING: usize = 2 * FRAMES_PER_LOOK;
/// A side of which nothing came for so long after the joining is unheard, whoever speaks (I-35), in µs.
const FIRST_PACKET_US: u64 = 500_000;
/// Nobody says anything for so long: a forgotten call.
const LONG_SILENCE_S: u32 = 20;
/// Devices, packets and jitter buffer at the ears, in ms; the E-model's delay without the network's.
const OWN_DELAY_MS: f64 = 100.0;
/// A-law codes at its limit, without their sign.
const ALAW_LIMIT: u8 = 0x2A;
/// So many at the limit in a row are no natural peak.
const CLIPPED_RUN: usize = 3;
const TROUBLES: [VoiceTrouble; 8] = [
    VoiceTrouble::CitizenUnheard,
    VoiceTrouble::AgentUnheard,
    VoiceTrouble::AgentMicrophoneDead,
    VoiceTrouble::CitizenClips,
    VoiceTrouble::AgentClips,
    VoiceTrouble::LongSilence,
    VoiceTrouble::EchoFromCitizen,
    VoiceTrouble::EchoFromAgent,
];

/// Squares of A-law samples in 1/64, the quietest step counted as nothing: digital silence is silence.
static SQUARES: [u32; 256] = squares();

const fn squares() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = (byte as u8) ^ 0x55;
        let segment = (code >> 4) & 7;
        let step = ((code & 0x0F) as u32) << 4;
        let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
        table[byte] = if magnitude == 8 { 0 } else { (magnitude / 8) * (magnitude / 8) };
        byte += 1;
    }
    table
}

/// Which side of a talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The citizen's.
    Citizen,
    /// The agent's.
    Agent,
}

/// Troubles as bits, in the order of [`TROUBLES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Troubles(u8);

impl Troubles {
    /// Which they are.
    pub(super) fn list(self) -> Vec<VoiceTrouble> {
        TROUBLES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0).map(|(_, trouble)| *trouble).collect()
    }

    fn set(&mut self, bit: usize, change: Option<Change>) {
        match change {
            Some(Change::Began) => self.0 |= 1 << bit,
            Some(Change::Ended) => self.0 &= !(1 << bit),
            None => {}
        }
    }
}

/// What a leg knows of its stream, counted from its beginning.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    /// Packets that were sent to us.
    pub(super) expected: u64,
    /// Packets that came.
    pub(super) received: u64,
    /// In µs.
    pub(super) jitter_us: u64,
    /// In µs.
    pub(super) round_trip_us: Option<u64>,
    /// Lost on the way to the far side by its newest report, in 1/256.
    pub(super) lost_there: Option<u8>,
    /// Samples that were invented.
    pub(super) concealed: u64,
    /// How it is coded.
    pub(super) opus: bool,
}

/// The figures of a window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    /// The citizen's leg.
    pub(super) citizen: LegHealth,
    /// The agent's leg.
    pub(super) agent: LegHealth,
    /// What troubles the talk.
    pub(super) troubles: Troubles,
}

/// The figures of a whole talk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    /// Length in µs.
    pub(super) talk_us: u64,
    /// The citizen's leg.
    pub(super) citizen: Total,
    /// The agent's leg.
    pub(super) agent: Total,
    /// What troubled it at any time.
    pub(super) troubles: Troubles,
}

/// One leg over a whole talk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    windows: u32,
    received: u64,
    expected: u64,
    there: (u64, u32),
    jitter_ms: u64,
    round_trip: (u64, u32),
    concealed_permille: u64,
    level: i64,
    score: u64,
    worst: u16,
}

impl Total {
    fn add(&mut self, health: &LegHealth, expected: u64) {
        self.worst = if self.windows == 0 { health.score_hundredths } else { self.worst.min(health.score_hundredths) };
        self.windows += 1;
        self.received += u64::from(health.received);
        self.expected += expected;
        if let Some(there) = health.lost_there_permille {
            self.there = (self.there.0 + u64::from(there), self.there.1 + 1);
        }
        self.jitter_ms += u64::from(health.jitter_ms);
        if let Some(trip) = health.round_trip_ms {
            self.round_trip = (self.round_trip.0 + u64::from(trip), self.round_trip.1 + 1);
        }
        self.concealed_permille += u64::from(health.concealed_permille);
        self.level += i64::from(health.level_dbfs);
        self.score += u64::from(health.score_hundredths);
    }

    /// Means, and the worst score.
    pub(super) fn measured(&self) -> (LegHealth, u16) {
        let mean = |sum: u64, count: u32| sum.checked_div(u64::from(count)).map(|mean| mean.min(u64::from(u16::MAX)) as u16);
        let whole = |sum: u64| mean(sum, self.windows).unwrap_or(0);
        let health = LegHealth {
            received: u32::try_from(self.received).unwrap_or(u32::MAX),
            lost_permille: permille(self.expected.saturating_sub(self.received), self.expected),
            lost_there_permille: mean(self.there.0, self.there.1),
            jitter_ms: whole(self.jitter_ms),
            round_trip_ms: mean(self.round_trip.0, self.round_trip.1),
            concealed_permille: whole(self.concealed_permille),
            level_dbfs: if self.windows == 0 { -96 } else { (self.level / i64::from(self.windows)) as i8 },
            score_hundredths: whole(self.score),
        };
        (health, self.worst)
    }
}

fn permille(part: u64, whole: u64) -> u16 {
    (part.saturating_mul(1_000)).checked_div(whole).map_or(0, |share| share.min(1_000) as u16)
}

/// One side's loudness.
#[derive(Debug, Clone, Copy)]
struct Loudness {
    frames: [f32; WAITING],
    count: usize,
    clipping: Clipping,
    clips: Option<Change>,
    energy: f64,
    heard: u32,
    /// Something has come at all.
    has_come: bool,
    before: Reading,
}

impl Loudness {
    fn new() -> Self {
        let (clipping, before) = (Clipping::new(), Reading::default());
        Self { frames: [SILENCE_DBFS; WAITING], count: 0, clipping, clips: None, energy: 0.0, heard: 0, has_come: false, before }
    }

    fn note(&mut self, mean_square: f32, clipped: bool) {
        if let Some(change) = self.clipping.note_frame(clipped) {
            self.clips = Some(change);
        }
        self.energy += f64::from(mean_square);
        self.heard += 1;
        self.has_come = true;
        if self.count < WAITING {
            self.frames[self.count] = decibels(mean_square);
            self.count += 1;
        }
    }

    /// Level of a frame of the look; `None` if nothing came.
    fn frame(&self, place: usize) -> Option<f32> {
        (place < self.count).then(|| self.frames[place])
    }

    fn level_dbfs(&mut self) -> i8 {
        let mean = self.energy / f64::from(self.heard.max(1));
        (self.energy, self.heard) = (0.0, 0);
        decibels(mean as f32) as i8
    }
}

fn decibels(mean_square: f32) -> f32 {
    if mean_square <= 0.0 { SILENCE_DBFS } else { (10.0 * mean_square.log10() - 90.309).max(SILENCE_DBFS) }
}

/// Watches one talk.
#[derive(Debug)]
pub(super) struct Watch {
    citizen: Loudness,
    agent: Loudness,
    /// The agent has muted the microphone.
    pub(super) agent_muted: bool,
    unheard: [OneWayAudio; 2],
    dead: DeadMicrophone,
    silence: MutualSilence,
    echo: [Echo; 2],
    troubles: Troubles,
    troubles_ever: Troubles,
    /// Sides of which nothing came in time.
    missing: [bool; 2],
    totals: Totals,
    began_us: u64,
    window_us: u64,
    looked_us: u64,
}

impl Watch {
    /// A talk that begins now; `before` is what both legs have counted so far.
    pub(super) fn new(now_us: u64) -> Self {
        Self {
            citizen: Loudness::new(),
            agent: Loudness::new(),
            agent_muted: false,
            unheard: [OneWayAudio::new(); 2],
            dead: DeadMicrophone::new(),
            silence: MutualSilence::new(LONG_SILENCE_S),
            echo: [Echo::new(); 2],
            troubles: Troubles::default(),
            troubles_ever: Troubles::default(),
            missing: [false; 2],
            totals: Totals::default(),
            began_us: now_us,
            window_us: now_us,
            looked_us: now_us,
        }
    }

    /// What both legs have counted before the talk.
    pub(super) fn begin(&mut self, now_us: u64, citizen: Reading, agent: Reading) {
        (self.began_us, self.window_us, self.looked_us) = (now_us, now_us, now_us);
        (self.citizen.before, self.agent.before) = (citizen, agent);
    }

    /// A-law that came from a side.
    pub(super) fn hear(&mut self, side: Side, alaw: &[u8]) {
        let looked_at = alaw.iter().step_by(3);
        let count = looked_at.len().max(1);
        let sum: u32 = looked_at.fold(0, |sum, byte| sum.saturating_add(SQUARES[usize::from(*byte)]));
        // Nearly never, and looked for many samples at a time.
        let reaches_limit = alaw.iter().fold(false, |reaches, byte| reaches | (byte & 0x7F == ALAW_LIMIT));
        let clipped =
            reaches_limit && alaw.windows(CLIPPED_RUN).any(|run| run[0] & 0x7F == ALAW_LIMIT && run.iter().all(|byte| *byte == run[0]));
        self.side(side).note(sum as f32 * 64.0 / count as f32, clipped);
    }

    /// Reads a word here and there, so that all of it is near when a packet comes.
    pub(super) fn read_ahead(&self) {
        std::hint::black_box((self.citizen.energy, self.citizen.frames[0], self.agent.energy, self.agent.frames[0], self.looked_us));
    }

    /// Sound that came from a side and was decoded.
    pub(super) fn hear_samples(&mut self, side: Side, samples: &[i16]) {
        let sum: f32 = samples.iter().map(|sample| f32::from(*sample).powi(2)).sum();
        self.side(side).note(sum / samples.len().max(1) as f32, false);
    }

    fn side(&mut self, side: Side) -> &mut Loudness {
        match side {
            Side::Citizen => &mut self.citizen,
            Side::Agent => &mut self.agent,
        }
    }

    /// Whether it is time to run the detectors.
    pub(super) fn look_is_due(&mut self, now_us: u64, every_us: u64) -> bool {
        let due = now_us.saturating_sub(self.looked_us) >= every_us;
        if due {
            // Kept in step with the frames, however late this was asked.
            self.looked_us = now_us - (now_us - self.looked_us) % every_us;
        }
        due
    }

    /// Runs the detectors over what came since the last look. Whether a trouble has begun or ended.
    pub(super) fn look(&mut self, now_us: u64) -> bool {
        let before = self.troubles;
        for place in 0..FRAMES_PER_LOOK {
            self.judge(self.citizen.frame(place), self.agent.frame(place));
        }
        self.troubles.set(3, self.citizen.clips.take());
        self.troubles.set(4, self.agent.clips.take());
        (self.citizen.count, self.agent.count) = (0, 0);
        let overdue = now_us.saturating_sub(self.began_us) >= FIRST_PACKET_US;
        for (bit, has_come) in [self.citizen.has_come, self.agent.has_come].into_iter().enumerate() {
            let missing = overdue && !has_come;
            if missing != self.missing[bit] {
                self.missing[bit] = missing;
                self.troubles.set(bit, Some(if missing { Change::Began } else { Change::Ended }));
            }
        }
        self.troubles_ever.0 |= self.troubles.0;
        self.troubles != before
    }

    fn judge(&mut self, citizen: Option<f32>, agent: Option<f32>) {
        let (heard, said) = (citizen.unwrap_or(SILENCE_DBFS), agent.unwrap_or(SILENCE_DBFS));
        self.troubles.set(0, self.unheard[0].note(citizen, agent));
        if !self.agent_muted {
            self.troubles.set(1, self.unheard[1].note(agent, citizen));
            self.troubles.set(2, self.dead.note(said));
        }
        self.troubles.set(5, self.silence.note(heard, said));
        self.troubles.set(6, self.echo[0].note(said, heard));
        self.troubles.set(7, self.echo[1].note(heard, said));
    }

    /// Whether two seconds are over.
    pub(super) fn window_is_over(&self, now_us: u64) -> bool {
        now_us.saturating_sub(self.window_us) >= WINDOW_US
    }

    /// The figures now. With `close` they are those of a finished window and go into the talk's sum.
    pub(super) fn figures(&mut self, now_us: u64, citizen: Reading, agent: Reading, close: bool) -> Figures {
        let span_us = now_us.saturating_sub(self.window_us);
        let figures = Figures {
            citizen: leg_health(&mut self.citizen, citizen, span_us),
            agent: leg_health(&mut self.agent, agent, span_us),
            troubles: self.troubles,
        };
        if close {
            self.totals.citizen.add(&figures.citizen, citizen.expected.saturating_sub(self.citizen.before.expected));
            self.totals.agent.add(&figures.agent, agent.expected.saturating_sub(self.agent.before.expected));
            (self.citizen.before, self.agent.before, self.window_us) = (citizen, agent, now_us);
        }
        figures
    }

    /// The sum of the talk.
    pub(super) fn totals(&mut self, now_us: u64, citizen: Reading, agent: Reading) -> Totals {
        self.look(now_us);
        self.figures(now_us, citizen, agent, true);
        Totals { talk_us: now_us.saturating_sub(self.began_us), troubles: self.troubles_ever, ..self.totals }
    }
}

fn leg_health(loudness: &mut Loudness, now: Reading, span_us: u64) -> LegHealth {
    let before = loudness.before;
    let (expected, received) = (now.expected.saturating_sub(before.expected), now.received.saturating_sub(before.received));
    let lost_permille = permille(expected.saturating_sub(received), expected);
    let lost_there_permille = now.lost_there.map(|share| permille(u64::from(share), 256));
    let milliseconds = |us: u64| u16::try_from(us / 1_000).unwrap_or(u16::MAX);
    let round_trip_ms = now.round_trip_us.map(milliseconds);
    let concealed_permille = permille(now.concealed.saturating_sub(before.concealed) * 125, span_us);
    // A side that sends nothing at all is as bad as can be; the detectors say why.
    let here = if expected == 0 { 1_000 } else { lost_permille.max(concealed_permille) };
    let worst = here.max(lost_there_permille.unwrap_or(0));
    let conditions = Conditions {
        coding: if now.opus { Coding::OpusCorrected } else { Coding::G711Concealed },
        loss_percent: f64::from(worst) / 10.0,
        burst_ratio: 1.0,
        delay_ms: OWN_DELAY_MS + f64::from(round_trip_ms.unwrap_or(0)) / 2.0,
    };
    LegHealth {
        received: u32::try_from(received).unwrap_or(u32::MAX),
        lost_permille,
        lost_there_permille,
        jitter_ms: milliseconds(now.jitter_us),
        round_trip_ms,
        concealed_permille,
        level_dbfs: loudness.level_dbfs(),
        score_hundredths: (mean_opinion_score(&conditions) * 100.0).round() as u16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::model::VoiceLight;
    use voice::g711::{ALAW_SILENCE, linear_to_alaw};

    /// A voice of 20 ms at about the level, in A-law.
    fn sound(amplitude: f64, frame: usize) -> Vec<u8> {
        let value = |place: usize| (amplitude * (place as f64 * 0.37).sin()) as i16;
        (0..160).map(|place| linear_to_alaw(value(frame * 160 + place))).collect()
    }

    fn quiet() -> Vec<u8> {
        vec![ALAW_SILENCE; 160]
    }

    /// Seconds of a talk of which both sides' frames are given; in which second each change was seen.
    fn watch(seconds: usize, mut frames: impl FnMut(usize) -> [Option<Vec<u8>>; 2]) -> Vec<(usize, Vec<VoiceTrouble>)> {
        let mut watch = Watch::new(0);
        let mut seen = Vec::new();
        for frame in 0..seconds * 50 {
            let [citizen, agent] = frames(frame);
            citizen.iter().for_each(|alaw| watch.hear(Side::Citizen, alaw));
            agent.iter().for_each(|alaw| watch.hear(Side::Agent, alaw));
            if frame % 5 == 4 && watch.look(frame as u64 * 20_000) {
                seen.push((frame / 50, watch.troubles.list()));
            }
        }
        seen
    }

    #[test]
    fn levels_are_those_of_the_signal_and_digital_silence_is_silence() {
        let mut loudness = Watch::new(0);
        loudness.hear(Side::Citizen, &sound(10_000.0, 0));
        let linear: Vec<i16> = sound(10_000.0, 0).iter().map(|byte| voice::g711::alaw_to_linear(*byte)).collect();
        let expected = voice::level::rms_dbfs(&linear);
        assert!((loudness.citizen.frames[0] - expected).abs() < 0.5, "{} {expected}", loudness.citizen.frames[0]);
        loudness.hear(Side::Agent, &quiet());
        assert_eq!(loudness.agent.frames[0], SILENCE_DBFS);
    }

    #[test]
    fn i_35_a_side_that_is_not_heard_is_told_within_five_seconds_and_when_it_is_heard_again() {
        let talk = |frame: usize| {
            let citizen = (frame >= 400).then(|| sound(3_000.0, frame));
            [citizen, Some(if (frame / 40).is_multiple_of(2) { sound(5_000.0, frame) } else { sound(30.0, frame) })]
        };
        let seen = watch(10, talk);
        assert_eq!(seen[0].1, [VoiceTrouble::CitizenUnheard]);
        assert!(seen[0].0 < 5 && seen[1].0 == 8, "{seen:?}");
        assert_eq!(seen[1].1, []);
    }

    #[test]
    fn i_35_a_side_of_which_nothing_comes_within_half_a_second_is_told_at_once_whoever_speaks() {
        let mut watch = Watch::new(1_000_000);
        let mut told = Vec::new();
        for frame in 0..60 {
            watch.hear(Side::Agent, &quiet());
            if frame >= 40 {
                watch.hear(Side::Citizen, &sound(40.0, frame));
            }
            if frame % 5 == 4 && watch.look(1_000_000 + frame as u64 * 20_000) {
                told.push((frame * 20, watch.troubles.list()));
            }
        }
        assert_eq!(told, [(580, vec![VoiceTrouble::CitizenUnheard]), (880, vec![])]);
    }

    #[test]
    fn a_dead_microphone_is_told_within_five_seconds_but_not_a_muted_one() {
        let mut dead = Watch::new(0);
        let mut muted = Watch::new(0);
        muted.agent_muted = true;
        let mut told = None;
        for frame in 0..250 {
            for watch in [&mut dead, &mut muted] {
                watch.hear(Side::Agent, &quiet());
                watch.hear(Side::Citizen, &sound(40.0, frame));
            }
            if frame % 5 == 4 {
                muted.look(frame as u64 * 20_000);
                if dead.look(frame as u64 * 20_000) {
                    told.get_or_insert(frame / 50);
                }
            }
        }
        assert_eq!(dead.troubles.list(), [VoiceTrouble::AgentMicrophoneDead]);
        assert!(told.is_some_and(|second| second < 5));
        assert_eq!(muted.troubles.list(), []);
    }

    #[test]
    fn a_voice_at_the_limits_and_an_echo_are_told_within_five_seconds() {
        let loud = |frame: usize| if (frame / 25).is_multiple_of(2) { 60_000.0 } else { 20.0 };
        let seen = watch(5, |frame| [Some(sound(500.0, frame)), Some(sound(loud(frame), frame))]);
        assert!(seen[0].0 < 5 && seen[0].1.contains(&VoiceTrouble::AgentClips), "{seen:?}");
        // Words of uneven length, which come back after 100 ms, 20 dB weaker.
        let words = |frame: usize| if (frame * frame / 90 + frame / 7).is_multiple_of(3) { 40.0 } else { 6_000.0 };
        let echo = |frame: usize| [Some(sound(words(frame.saturating_sub(5)) / 10.0, frame)), Some(sound(words(frame), frame))];
        let seen = watch(8, echo);
        assert!(seen.iter().any(|(second, troubles)| *second < 5 && troubles.contains(&VoiceTrouble::EchoFromCitizen)), "{seen:?}");
    }

    #[test]
    fn a_talk_in_which_nobody_says_anything_is_told_once_it_is_long_and_a_word_ends_it() {
        let word = |frame: usize| if (1_400..1_420).contains(&frame) { 5_000.0 } else { 20.0 };
        let seen = watch(32, |frame| [Some(sound(word(frame), frame)), Some(sound(20.0, frame))]);
        let silence = |(second, troubles): &(usize, Vec<VoiceTrouble>)| troubles.contains(&VoiceTrouble::LongSilence).then_some(*second);
        let told = seen.iter().find_map(silence);
        assert!(told.is_some_and(|second| (19..25).contains(&second)), "{seen:?}");
        assert!(seen.last().is_some_and(|last| silence(last).is_none()), "{seen:?}");
    }

    #[test]
    fn a_window_tells_loss_and_score_and_the_talk_their_sum() {
        let mut watch = Watch::new(0);
        let reading = |expected, received| Reading { expected, received, jitter_us: 7_000, ..Reading::default() };
        watch.begin(0, reading(1_000, 900), reading(0, 0));
        assert!(!watch.window_is_over(1_999_999) && watch.window_is_over(2_000_000));
        let figures = watch.figures(2_000_000, reading(1_100, 1_000), reading(100, 95), true);
        assert_eq!((figures.citizen.received, figures.citizen.lost_permille, figures.citizen.jitter_ms), (100, 0, 7));
        assert_eq!((figures.agent.lost_permille, figures.agent.light()), (50, VoiceLight::Fair));
        assert_eq!(figures.citizen.light(), VoiceLight::Good);
        let totals = watch.totals(4_000_000, reading(1_200, 1_100), reading(200, 195));
        let (mean, worst) = totals.agent.measured();
        assert_eq!((totals.talk_us, mean.received, mean.lost_permille), (4_000_000, 195, 25));
        assert!(worst < mean.score_hundredths && mean.score_hundredths < figures.citizen.score_hundredths);
    }
}
