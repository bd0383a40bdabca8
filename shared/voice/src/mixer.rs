//! The mixer: each party hears the sum of the others, with its own voice left out, in 20 ms frames.
//!
//! Who hears whom is a matrix of gains, so listening and whispering are rows of it. Changes fade over one frame: no click. The sum is bent
//! only near full scale. Not here: codecs, jitter, prompts (a prompt is a party that nobody is heard by).

use crate::FRAME_SAMPLES;
use crate::level::rms_dbfs;

/// 20 ms of one voice.
pub type Frame = [i16; FRAME_SAMPLES];

/// Most parties in one conference.
pub const MAX_PARTIES: usize = 16;

/// Up to here, 4 dB below full scale, samples pass unchanged.
const KNEE: f32 = 20_674.0;
const FULL_SCALE: f32 = 32_767.0;

/// How a voice should be brought to a comfortable level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Comfort {
    /// Voices pass as they come.
    Off,
    /// Voices below -26 or above -14 dBFS are led there slowly, by at most 12 dB.
    #[default]
    On,
}

/// What a party does in the conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Is heard by all.
    Talk,
    /// Is heard by nobody: a supervisor who listens.
    Listen,
    /// Is heard by one party alone: a supervisor who prompts an agent.
    Whisper {
        /// By which.
        to: usize,
    },
}

/// One conference. Parties are numbered from 0; numbers from [`MAX_PARTIES`] on are ignored everywhere.
#[derive(Debug, Clone)]
pub struct Mixer {
    comfort: Comfort,
    /// By listener, then by speaker.
    wanted: [[f32; MAX_PARTIES]; MAX_PARTIES],
    current: [[f32; MAX_PARTIES]; MAX_PARTIES],
    muted: [bool; MAX_PARTIES],
    /// Of whom nothing has come yet: the first frame is not faded. A whisper that were faded out of everybody's ears would be heard.
    fresh: [bool; MAX_PARTIES],
    levels: [Leveller; MAX_PARTIES],
}

impl Mixer {
    /// A conference in which everyone talks with everyone else.
    #[must_use]
    pub fn new(comfort: Comfort) -> Self {
        let everyone = std::array::from_fn(|listener| std::array::from_fn(|speaker| if listener == speaker { 0.0 } else { 1.0 }));
        Self {
            comfort,
            wanted: everyone,
            current: everyone,
            muted: [false; MAX_PARTIES],
            fresh: [true; MAX_PARTIES],
            levels: [Leveller::default(); MAX_PARTIES],
        }
    }

    /// Sets how voices are led from now on; changes fade over one frame.
    pub fn set_comfort(&mut self, comfort: Comfort) {
        self.comfort = comfort;
    }

    /// Sets who hears the party.
    pub fn set_role(&mut self, party: usize, role: Role) {
        for listener in 0..MAX_PARTIES {
            let heard = match role {
                Role::Talk => true,
                Role::Listen => false,
                Role::Whisper { to } => listener == to,
            };
            self.set_gain(listener, party, if heard { 1.0 } else { 0.0 });
        }
    }

    /// Sets how loud the listener hears the speaker: 1 unchanged, 0 not at all, at most 4. Nobody ever hears itself.
    pub fn set_gain(&mut self, listener: usize, speaker: usize, gain: f32) {
        if listener == speaker {
            return;
        }
        if let Some(own) = self.wanted.get_mut(listener).and_then(|row| row.get_mut(speaker)) {
            *own = gain.clamp(0.0, 4.0);
        }
    }

    /// Mutes the party for all, or lifts that; its role stays.
    pub fn set_muted(&mut self, party: usize, muted: bool) {
        if let Some(own) = self.muted.get_mut(party) {
            *own = muted;
        }
    }

    /// A place becomes free for another party: role, mute and level are forgotten.
    pub fn reset(&mut self, party: usize) {
        self.set_role(party, Role::Talk);
        (0..MAX_PARTIES).for_each(|speaker| self.set_gain(party, speaker, 1.0));
        self.set_muted(party, false);
        if let Some(fresh) = self.fresh.get_mut(party) {
            *fresh = true;
        }
        if let Some(level) = self.levels.get_mut(party) {
            *level = Leveller::default();
        }
    }

    /// Mixes one frame: `inputs[n]` is what party n said, `None` if nothing came; `outputs[n]` is what it hears, `None` if nobody is there to
    /// hear. Does not allocate.
    pub fn mix(&mut self, inputs: &[Option<&Frame>], outputs: &mut [Option<Frame>]) {
        let inputs = &inputs[..inputs.len().min(MAX_PARTIES)];
        let mut gains = [0.0; MAX_PARTIES];
        for (speaker, input) in inputs.iter().enumerate() {
            let Some(input) = input else { continue };
            gains[speaker] = self.speaker_gain(speaker, input);
            if std::mem::take(&mut self.fresh[speaker]) {
                (0..MAX_PARTIES).for_each(|listener| self.current[listener][speaker] = self.wanted[listener][speaker] * gains[speaker]);
            }
        }
        for (listener, output) in outputs.iter_mut().take(MAX_PARTIES).enumerate() {
            // Of whom nothing came the gain stays as it is: the next voice begins as it was left, not faded in. Who hears nothing yet is to
            // begin with what then is: gains are led there too.
            let shares: [Option<Share<'_>>; MAX_PARTIES] = std::array::from_fn(|speaker| {
                let voice = (*inputs.get(speaker)?)?;
                let wanted = self.wanted[listener][speaker] * gains[speaker];
                let before = std::mem::replace(&mut self.current[listener][speaker], wanted);
                (before != 0.0 || wanted != 0.0).then_some(Share { voice, before, wanted })
            });
            if let Some(output) = output {
                *output = sum(&shares);
            }
        }
    }

    fn speaker_gain(&mut self, speaker: usize, input: &Frame) -> f32 {
        if self.muted[speaker] {
            return 0.0;
        }
        match self.comfort {
            Comfort::Off => 1.0,
            Comfort::On => self.levels[speaker].follow(input),
        }
    }
}

/// A voice, and how loud it is at a frame's beginning and end.
struct Share<'a> {
    voice: &'a Frame,
    before: f32,
    wanted: f32,
}

impl Share<'_> {
    fn add_to(&self, sum: &mut [f32; FRAME_SAMPLES]) {
        let Self { voice, before, wanted } = *self;
        if before == wanted {
            sum.iter_mut().zip(voice).for_each(|(sum, sample)| *sum += f32::from(*sample) * wanted);
            return;
        }
        let step = (wanted - before) / FRAME_SAMPLES as f32;
        for (place, (sum, sample)) in sum.iter_mut().zip(voice).enumerate() {
            *sum += f32::from(*sample) * (before + step * (place + 1) as f32);
        }
    }
}

fn sum(shares: &[Option<Share<'_>>]) -> Frame {
    let mut audible = shares.iter().flatten();
    // One voice alone, as in every talk of two, stays as it is: its loud places are not bent.
    if let (Some(only), None) = (audible.next(), audible.next())
        && only.before == 1.0
        && only.wanted == 1.0
    {
        return *only.voice;
    }
    let (mut sum, mut loudest) = ([0.0; FRAME_SAMPLES], 0.0);
    for share in shares.iter().flatten() {
        share.add_to(&mut sum);
        loudest += share.before.max(share.wanted);
    }
    let reaches_the_knee = loudest > 1.0 && sum.iter().any(|value: &f32| value.abs() > KNEE);
    sum.map(if reaches_the_knee { soft_clip } else { f32_to_sample })
}

/// The nearest sample. By hand, for the library's way is a call for each.
fn f32_to_sample(value: f32) -> i16 {
    (value + 0.5_f32.copysign(value)) as i16
}

/// Unchanged up to the knee, then bent so that full scale is neared and never passed; the bend begins without a corner.
fn soft_clip(value: f32) -> i16 {
    let magnitude = value.abs();
    if magnitude <= KNEE {
        return f32_to_sample(value);
    }
    let room = FULL_SCALE - KNEE;
    let over = magnitude - KNEE;
    (KNEE + room * over / (over + room)).copysign(value) as i16
}

const LEAST_SPEECH_DBFS: f32 = -45.0;
const COMFORT_DBFS: [f32; 2] = [-26.0, -14.0];
const MOST_CHANGE_DB: f32 = 12.0;
/// Share of a new frame in the level: a second of speech.
const SMOOTHING: f32 = 0.02;
/// Change of the gain in a frame: 5 dB in a second.
const STEP_DB: f32 = 0.1;

/// Leads one voice to a comfortable level, slowly and only while it speaks.
#[derive(Debug, Clone, Copy)]
struct Leveller {
    level_dbfs: f32,
    gain_db: f32,
}

impl Default for Leveller {
    fn default() -> Self {
        Self { level_dbfs: (COMFORT_DBFS[0] + COMFORT_DBFS[1]) / 2.0, gain_db: 0.0 }
    }
}

impl Leveller {
    fn follow(&mut self, input: &Frame) -> f32 {
        let now_dbfs = rms_dbfs(input);
        if now_dbfs > LEAST_SPEECH_DBFS {
            self.level_dbfs += SMOOTHING * (now_dbfs - self.level_dbfs);
            let wanted = self.level_dbfs.clamp(COMFORT_DBFS[0], COMFORT_DBFS[1]) - self.level_dbfs;
            let wanted = wanted.clamp(-MOST_CHANGE_DB, MOST_CHANGE_DB);
            self.gain_db += (wanted - self.gain_db).clamp(-STEP_DB, STEP_DB);
        }
        if self.gain_db == 0.0 { 1.0 } else { 10_f32.powf(self.gain_db / 20.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: f64, period: f64, frame: usize) -> Frame {
        std::array::from_fn(|n| (amplitude * (std::f64::consts::TAU * (frame * FRAME_SAMPLES + n) as f64 / period).sin()) as i16)
    }

    fn mixed(mixer: &mut Mixer, inputs: &[Frame]) -> Vec<Frame> {
        let mut outputs = vec![Some([1; FRAME_SAMPLES]); inputs.len()];
        mixer.mix(&inputs.iter().map(Some).collect::<Vec<_>>(), &mut outputs);
        outputs.into_iter().flatten().collect()
    }

    fn sum(frames: &[Frame]) -> Frame {
        std::array::from_fn(|n| frames.iter().map(|frame| frame[n]).sum())
    }

    #[test]
    fn not_even_the_first_frame_of_a_whisper_is_heard_by_others() {
        let inputs: Vec<Frame> = (0..4).map(|party| if party == 3 { tone(9_000.0, 20.0, 0) } else { [0; FRAME_SAMPLES] }).collect();
        let mut mixer = Mixer::new(Comfort::On);
        for role in [Role::Whisper { to: 1 }, Role::Listen] {
            mixer.reset(3);
            mixer.set_role(3, role);
            let outputs = mixed(&mut mixer, &inputs);
            assert_eq!([outputs[0], outputs[2]], [[0; FRAME_SAMPLES]; 2], "{role:?}");
        }
        mixer.set_role(3, Role::Talk);
        mixed(&mut mixer, &inputs);
        mixer.reset(3);
        mixer.set_role(3, Role::Listen);
        assert_eq!(mixed(&mut mixer, &inputs)[0], [0; FRAME_SAMPLES], "another party at the place of one who talked");
    }

    #[test]
    fn each_party_hears_exactly_the_others() {
        let mut random = fastrand::Rng::with_seed(14);
        for parties in 2..=MAX_PARTIES {
            let mut mixer = Mixer::new(Comfort::Off);
            let inputs: Vec<Frame> = (0..parties).map(|_| [(); FRAME_SAMPLES].map(|()| random.i16(-1_200..1_200))).collect();
            for (party, output) in mixed(&mut mixer, &inputs).iter().enumerate() {
                let others: Vec<Frame> = inputs.iter().enumerate().filter(|(other, _)| *other != party).map(|(_, frame)| *frame).collect();
                assert_eq!(*output, sum(&others), "party {party} of {parties}");
            }
        }
    }

    #[test]
    fn a_loud_voice_alone_is_heard_as_it_is() {
        let mut mixer = Mixer::new(Comfort::Off);
        let inputs = [tone(32_700.0, 37.0, 0), [0; FRAME_SAMPLES]];
        assert_eq!(mixed(&mut mixer, &inputs)[1], inputs[0]);
    }

    #[test]
    fn a_missing_frame_is_silence() {
        let voice = [500; FRAME_SAMPLES];
        let mut outputs = [Some([1; FRAME_SAMPLES]); 3];
        Mixer::new(Comfort::Off).mix(&[Some(&voice), None, None], &mut outputs);
        assert_eq!(outputs, [Some([0; FRAME_SAMPLES]), Some(voice), Some(voice)]);
    }

    #[test]
    fn who_takes_an_empty_place_hears_nothing_of_what_was_changed_before() {
        let voices = [[0; FRAME_SAMPLES], [0; FRAME_SAMPLES], [9_000; FRAME_SAMPLES]];
        let inputs = voices.each_ref().map(Some);
        let mut mixer = Mixer::new(Comfort::Off);
        let mut outputs = [Some([1; FRAME_SAMPLES]), Some([1; FRAME_SAMPLES]), None];
        mixer.mix(&inputs, &mut outputs);
        outputs[0] = None;
        mixer.set_role(2, Role::Whisper { to: 1 });
        mixer.mix(&inputs, &mut outputs);
        assert_eq!(outputs[0], None, "nobody is there");
        outputs[0] = Some([1; FRAME_SAMPLES]);
        mixer.mix(&inputs, &mut outputs);
        assert_eq!(outputs, [Some([0; FRAME_SAMPLES]), Some([9_000; FRAME_SAMPLES]), None]);
    }

    #[test]
    fn a_listener_is_heard_by_nobody_and_a_whisperer_by_one() {
        let inputs = [[100; FRAME_SAMPLES], [2_000; FRAME_SAMPLES], [30; FRAME_SAMPLES]];
        let mut mixer = Mixer::new(Comfort::Off);
        let mut hear = |role| {
            mixer.set_role(2, role);
            mixed(&mut mixer, &inputs);
            mixed(&mut mixer, &inputs).iter().map(|frame| frame[159]).collect::<Vec<_>>()
        };
        assert_eq!(hear(Role::Listen), [2_000, 100, 2_100]);
        assert_eq!(hear(Role::Whisper { to: 1 }), [2_000, 130, 2_100]);
        assert_eq!(hear(Role::Talk), [2_030, 130, 2_100]);
    }

    #[test]
    fn muting_fades_over_one_frame_and_leaves_no_trace() {
        let mut mixer = Mixer::new(Comfort::Off);
        let inputs = [[8_000; FRAME_SAMPLES], [0; FRAME_SAMPLES]];
        mixed(&mut mixer, &inputs);
        mixer.set_muted(0, true);
        let fading = mixed(&mut mixer, &inputs)[1];
        assert!(fading.is_sorted_by(|a, b| a >= b) && fading[0] > 7_900 && fading[159] == 0, "{fading:?}");
        assert_eq!(mixed(&mut mixer, &inputs)[1], [0; FRAME_SAMPLES]);
        mixer.reset(0);
        mixed(&mut mixer, &inputs);
        assert_eq!(mixed(&mut mixer, &inputs)[1], [8_000; FRAME_SAMPLES]);
    }

    #[test]
    fn numbers_and_gains_out_of_range_change_nothing() {
        let mut mixer = Mixer::new(Comfort::Off);
        mixer.set_role(99, Role::Listen);
        mixer.set_muted(99, true);
        mixer.reset(99);
        mixer.set_gain(0, 0, 1.0);
        mixer.set_gain(1, 0, -3.0);
        let outputs = [(); 2].map(|()| mixed(&mut mixer, &[[700; FRAME_SAMPLES], [0; FRAME_SAMPLES]]));
        assert_eq!(outputs[1], [[0; FRAME_SAMPLES]; 2]);
        let many = vec![[10; FRAME_SAMPLES]; MAX_PARTIES + 4];
        let heard = mixed(&mut Mixer::new(Comfort::Off), &many);
        assert_eq!((heard[0][0], heard[MAX_PARTIES][0]), (150, 1));
    }

    #[test]
    fn the_loudest_sum_is_bent_without_wrapping_or_a_step() {
        let mut last = i16::MIN;
        for value in -200_000..=200_000 {
            let clipped = soft_clip(value as f32);
            assert!(clipped >= last && (value == -200_000 || i32::from(clipped) - i32::from(last) <= 1), "{value}");
            last = clipped;
        }
        assert!((32_000..=32_767).contains(&last));
        assert_eq!((soft_clip(20_000.0), soft_clip(-20_000.0)), (20_000, -20_000));
    }

    #[test]
    fn a_quiet_and_a_loud_voice_are_led_to_comfort_and_a_normal_one_is_left_alone() {
        let level_after = |amplitude: f64| {
            let mut mixer = Mixer::new(Comfort::On);
            let run: Vec<Frame> = (0..500).map(|frame| mixed(&mut mixer, &[tone(amplitude, 37.3, frame), [0; FRAME_SAMPLES]])[1]).collect();
            (rms_dbfs(&run[0]), rms_dbfs(&run[499]))
        };
        let (quiet_before, quiet) = level_after(500.0);
        assert!(quiet_before < -39.0 && (-28.0..-26.0).contains(&quiet), "{quiet_before} became {quiet}");
        let (loud_before, loud) = level_after(30_000.0);
        assert!(loud_before > -5.0 && (-14.5..-13.0).contains(&loud), "{loud_before} became {loud}");
        let (before, normal) = level_after(4_000.0);
        assert!((before - normal).abs() < 0.1, "{before} became {normal}");
    }

    #[test]
    fn background_noise_is_not_made_louder() {
        let mut mixer = Mixer::new(Comfort::On);
        for frame in 0..500 {
            let noise = tone(100.0, 37.3, frame);
            assert_eq!(mixed(&mut mixer, &[noise, [0; FRAME_SAMPLES]])[1], noise);
        }
    }
}
