//! Whether what was played is what arrived: cross-correlation of sound at 8 kHz, with delay and level in the words of an assertion.

use std::fmt;
use std::path::Path;

/// Samples per second.
pub const RATE: usize = 8000;
/// 48 kHz against 8.
const FINER: usize = 6;
/// Coarse search works on every fourth sample.
const COARSE: usize = 4;
/// Length of the pieces that are looked for one by one: 500 ms.
const PIECE: usize = RATE / 2;
/// A piece in which a jitter buffer shifted its delay is looked for in halves, down to this length: 62.5 ms. Shorter ones are found anywhere.
const LEAST_PART: usize = PIECE / 8;
/// A piece counts as found from this correlation on.
const FOUND: f64 = 0.8;
/// A piece may arrive this much off the delay of the whole, in samples: jitter buffers stretch.
const DRIFT: usize = RATE / 5;
/// A half may arrive this much off the best place of its whole, in samples (40 ms): two steps of a jitter buffer.
const STEP: usize = RATE / 25;
/// Of the sound, this share must be found where nothing but jitter buffers is in the way.
const SAME_SHARE: f64 = 0.85;
/// Of the sound, this share must be found where also sound cards without real clocks are in the way.
const MOST_SHARE: f64 = 0.75;
/// How many loud seconds are tried to find the delay of the whole.
const ANCHORS: usize = 4;
/// Pieces quieter than this are silence and not looked for (RMS, about -45 dBFS).
const SILENCE: f64 = 180.0;

/// How what was played came back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// From the first sample of the one to that of the other, in ms: median of the parts that were found.
    pub delay_ms: f64,
    /// Smallest and largest delay of a part that was found, in ms: what jitter buffers did on the way.
    pub delay_span_ms: (f64, f64),
    /// Median correlation of all pieces of 500 ms, each at its one best place: 1 is equal but for level.
    pub correlation: f64,
    /// Level of what arrived against what was played, in dB, over the parts that were found.
    pub gain_db: f64,
    /// Sound in the part that could arrive, in ms.
    pub sound_ms: f64,
    /// How much of this was found, in ms.
    pub found_ms: f64,
}

impl Match {
    /// Whether this is the same sound: nearly all of it, at its own level, at delays that move only as jitter buffers move them.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.correlation > 0.9 && self.share() >= SAME_SHARE && self.gain_db.abs() < 3.0
    }

    /// Which share of the sound was found; 0 if there was no sound to look for.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.sound_ms > 0.0 { self.found_ms / self.sound_ms } else { 0.0 }
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delay_ms, delay_span_ms: (least, most), correlation, gain_db, sound_ms, found_ms } = self;
        write!(
            f,
            "correlation {correlation:.3}, delay {delay_ms:.1} ms ({least:.1} to {most:.1}), level {gain_db:+.1} dB, {found_ms:.0} of {sound_ms:.0} ms found"
        )
    }
}

/// A piece, or a part of one, at its best place.
#[derive(Debug, Clone, Copy)]
struct Part {
    length: usize,
    delay: i64,
    correlation: f64,
    gain: f64,
}

/// Looks for `played` in `heard`. `None` if either holds no sound, or `heard` is shorter than two pieces.
#[must_use]
pub fn compare(played: &[i16], heard: &[i16]) -> Option<Match> {
    let delay = anchor(played, heard)?;
    let expected = |number: usize| usize::try_from((number * PIECE) as i64 + delay).ok();
    let (mut wholes, mut found, mut sought) = (Vec::new(), Vec::new(), 0);
    for (number, piece) in played.chunks_exact(PIECE).enumerate().filter(|(_, piece)| rms(piece) > SILENCE) {
        let Some(at) = expected(number).filter(|at| at + PIECE <= heard.len()) else { continue };
        let whole = seek(number * PIECE, piece, heard, at, DRIFT);
        wholes.push(whole.correlation);
        sought += PIECE;
        follow(number * PIECE, piece, heard, whole, &mut found);
    }
    let delays = sorted(found.iter().map(|part| part.delay as f64 / 8.0));
    Some(Match {
        delay_ms: median(&delays),
        delay_span_ms: (delays.first().copied().unwrap_or(f64::NAN), delays.last().copied().unwrap_or(f64::NAN)),
        correlation: median(&sorted(wholes.into_iter())),
        gain_db: 20.0 * median(&sorted(found.iter().map(|part| part.gain))).log10(),
        sound_ms: sought as f64 / 8.0,
        found_ms: found.iter().map(|part| part.length).sum::<usize>() as f64 / 8.0,
    })
}

/// Collects the parts of a piece that were found: the whole, or what its halves hold around the delay of the whole.
fn follow(start: usize, samples: &[i16], heard: &[i16], best: Part, found: &mut Vec<Part>) {
    if best.correlation > FOUND {
        found.push(best);
        return;
    }
    if samples.len() <= LEAST_PART {
        return;
    }
    let half = samples.len() / 2;
    for (start, part) in [(start, &samples[..half]), (start + half, &samples[half..])] {
        let Ok(expected) = usize::try_from(start as i64 + best.delay) else { continue };
        if expected + part.len() <= heard.len() {
            follow(start, part, heard, seek(start, part, heard, expected, STEP), found);
        }
    }
}

/// The delay by which the loudest second fits best; of several loud seconds the one that fits best of all, because a jitter buffer
/// may have changed the delay in the midst of one.
fn anchor(played: &[i16], heard: &[i16]) -> Option<i64> {
    // What is looked for must have had the time to arrive whole, also with some delay.
    let early = &played[..played.len().min(heard.len() * 3 / 4)];
    let length = RATE.min(heard.len() / 2).min(early.len());
    if length < PIECE {
        return None;
    }
    let mut starts: Vec<usize> = (0..=early.len() - length).step_by(PIECE).collect();
    starts.retain(|&start| rms(&early[start..start + length]) > SILENCE);
    starts.sort_by(|&a, &b| rms(&early[b..b + length]).total_cmp(&rms(&early[a..a + length])));
    let places = starts.iter().take(ANCHORS).filter_map(|&start| {
        let part = &early[start..start + length];
        let at = locate(part, heard)?;
        Some((correlation(part, &heard[at..at + length]), at as i64 - start as i64))
    });
    places.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, delay)| delay)
}

/// Looks for one part around the place where it is expected.
fn seek(start: usize, part: &[i16], heard: &[i16], expected: usize, around: usize) -> Part {
    let from = expected.saturating_sub(around);
    let surroundings = &heard[from..(expected + part.len() + around).min(heard.len())];
    let at = locate(part, surroundings).unwrap_or(0);
    let arrived = &surroundings[at..at + part.len()];
    Part {
        length: part.len(),
        delay: (from + at) as i64 - start as i64,
        correlation: correlation(part, arrived),
        gain: rms(arrived) / rms(part),
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Asserts that most of `played` is in `heard`, for a path with sound cards or Opus: a sound server without real clocks breaks a piece here
/// and there, Opus keeps what is heard and not each sample, and what is not the same sound correlates far below what counts as found.
///
/// # Panics
/// If it is not; the message gives delay, level and share.
pub fn assert_mostly_arrived(what: &str, played: &[i16], heard: &[i16]) -> Match {
    let found = compare(played, heard).unwrap_or_else(|| panic!("{what}: nothing to compare: {:.1} dBFS heard", dbfs(heard)));
    assert!(found.share() >= MOST_SHARE, "{what} did not arrive: {found}; {:.1} dBFS heard", dbfs(heard));
    found
}

/// Asserts that `heard` holds `played`.
///
/// # Panics
/// If it does not; the message gives delay, level and share.
pub fn assert_arrived(what: &str, played: &[i16], heard: &[i16]) -> Match {
    let Some(found) = compare(played, heard) else {
        panic!("{what}: nothing to compare: played {:.1} dBFS, {} samples heard with {:.1} dBFS", dbfs(played), heard.len(), dbfs(heard))
    };
    assert!(found.is_same(), "{what} did not arrive: {found}; heard {:.1} s with {:.1} dBFS", heard.len() as f64 / 8000.0, dbfs(heard));
    found
}

/// A built-in piece of the announcements, by its name in `assets/prompts/house`.
///
/// # Panics
/// If there is none of this name.
#[must_use]
pub fn piece(name: &str) -> Vec<i16> {
    read_mono(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../assets/prompts/house/{name}.wav")))
}

/// Speech that nowhere repeats itself, of this many seconds: built-in announcements of a language (`zh` or `en`), one behind the other.
///
/// # Panics
/// If there are not enough of them.
#[must_use]
pub fn speech(language: &str, seconds: usize) -> Vec<i16> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/prompts/house");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(language)));
    paths.sort();
    // Short ones are numbers, which are alike.
    let mut said: Vec<i16> = paths.iter().map(|path| read_mono(path)).filter(|piece| piece.len() > RATE).flatten().collect();
    assert!(said.len() >= seconds * RATE, "{} samples of {language}", said.len());
    said.truncate(seconds * RATE);
    said
}

/// Writes it as a file for a microphone: PCM16, 8 kHz, mono.
///
/// # Panics
/// If it cannot be written.
pub fn write(path: &Path, samples: &[i16]) {
    let spec = hound::WavSpec { channels: 1, sample_rate: RATE as u32, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let written = hound::WavWriter::create(path, spec).and_then(|mut writer| {
        samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
        writer.finalize()
    });
    written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Where `sound` begins in what was heard, in ms; `None` if it was not heard. A jitter buffer that moves its delay in the midst of it changes
/// nothing. What was found is printed, for whoever reads a failure.
///
/// # Panics
/// If `sound` is shorter than the 500 ms that are looked for at once.
#[must_use]
pub fn place(sound: &[i16], heard: &[i16]) -> Option<usize> {
    assert!(sound.len() >= PIECE, "a sound of {} samples is too short to be placed", sound.len());
    let found = compare(sound, heard)?;
    println!("best place of a sound of {} ms: {found}", sound.len() * 1_000 / RATE);
    found.is_same().then_some(found.delay_ms.max(0.0) as usize)
}

/// Asserts that all sound in `heard` is a stretch of `whole`, which may go round and round.
///
/// # Panics
/// If it is not; the message gives level and share.
pub fn assert_stretch_of(what: &str, heard: &[i16], whole: &[i16]) -> Match {
    let rounds: Vec<i16> = whole.iter().chain(whole).copied().collect();
    assert_arrived(what, heard, &rounds)
}

/// Root mean square.
#[must_use]
pub fn rms(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (energy / samples.len().max(1) as f64).sqrt()
}

/// Level relative to full scale, in dB; minus infinity for silence.
#[must_use]
pub fn dbfs(samples: &[i16]) -> f64 {
    20.0 * (rms(samples) / 32_768.0).log10()
}

/// Reads a PCM16 WAV file at 8 kHz into its channels.
///
/// # Panics
/// If it is no such file.
#[must_use]
pub fn read(path: &Path) -> Vec<Vec<i16>> {
    let reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = reader.spec();
    assert_eq!((spec.sample_rate, spec.bits_per_sample), (8000, 16), "{}: not 8 kHz PCM16", path.display());
    let samples: Vec<i16> =
        reader.into_samples().map(|sample| sample.unwrap_or_else(|error| panic!("{}: {error}", path.display()))).collect();
    let channels = usize::from(spec.channels);
    (0..channels).map(|channel| samples.iter().copied().skip(channel).step_by(channels).collect()).collect()
}

/// Writes a WAV file for a phone that speaks Opus: six times as many samples, in both channels.
///
/// # Errors
/// It cannot be written.
pub fn write_fine(path: &Path, samples: &[i16]) -> Result<(), hound::Error> {
    let rate = (RATE * FINER) as u32;
    let spec = hound::WavSpec { channels: 2, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for place in 0..samples.len() * FINER {
        let sample = between(samples, place as f64 / FINER as f64);
        writer.write_sample(sample)?;
        writer.write_sample(sample)?;
    }
    writer.finalize()
}

/// The signal between its samples: by a windowed sinc over 4 ms.
fn between(samples: &[i16], at: f64) -> i16 {
    const REACH: i64 = 16;
    let middle = at.floor() as i64;
    let part = |place: i64| {
        let sample = usize::try_from(place).ok().and_then(|place| samples.get(place)).copied().unwrap_or(0);
        let distance = at - place as f64;
        let angle = std::f64::consts::PI * distance;
        let sinc = if distance.abs() < 1e-9 { 1.0 } else { angle.sin() / angle };
        f64::from(sample) * sinc * (0.5 + 0.5 * (angle / (REACH + 1) as f64).cos())
    };
    (middle - REACH + 1..=middle + REACH).map(part).sum::<f64>().clamp(-32_768.0, 32_767.0) as i16
}

/// The first channel of a PCM16 WAV file of 8 kHz or, as a phone that speaks Opus writes it, of 48 kHz; at 8 kHz.
///
/// # Panics
/// If it is no such file.
#[must_use]
pub fn read_phone(path: &Path) -> Vec<i16> {
    let reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = reader.spec();
    assert!([RATE, RATE * FINER].contains(&(spec.sample_rate as usize)), "{}: {} Hz", path.display(), spec.sample_rate);
    let all = reader.into_samples::<i16>().map(|sample| sample.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
    let first: Vec<i16> = all.step_by(usize::from(spec.channels)).collect();
    // The mean of what falls into one sample is filter enough to compare by.
    let width = spec.sample_rate as usize / RATE;
    let mean = |block: &[i16]| block.iter().map(|sample| i32::from(*sample)).sum::<i32>() / width as i32;
    first.chunks_exact(width).map(|block| mean(block) as i16).collect()
}

/// The one channel of a mono file.
///
/// # Panics
/// If it has another number of channels.
#[must_use]
pub fn read_mono(path: &Path) -> Vec<i16> {
    let mut channels = read(path);
    assert_eq!(channels.len(), 1, "{}: not mono", path.display());
    channels.remove(0)
}

/// Where `part` fits best in `whole`: coarse first, then sample by sample.
fn locate(part: &[i16], whole: &[i16]) -> Option<usize> {
    let last = whole.len().checked_sub(part.len())?;
    let (thin_part, thin_whole) = (thin(part), thin(whole));
    let coarse = best_fit(&thin_part, &thin_whole, 0..=thin_whole.len().checked_sub(thin_part.len())?)?;
    let near = (coarse * COARSE).saturating_sub(2 * COARSE)..=(coarse * COARSE + 2 * COARSE).min(last);
    let exact = |samples: &[i16]| samples.iter().map(|&sample| f32::from(sample)).collect::<Vec<_>>();
    best_fit(&exact(part), &exact(whole), near)
}

/// Every fourth sample, each the mean of four.
fn thin(samples: &[i16]) -> Vec<f32> {
    samples.chunks(COARSE).map(|four| four.iter().map(|&sample| f32::from(sample)).sum::<f32>() / four.len() as f32).collect()
}

fn best_fit(part: &[f32], whole: &[f32], places: std::ops::RangeInclusive<usize>) -> Option<usize> {
    let fit = |at: usize| {
        let stretch = &whole[at..at + part.len()];
        let (mut product, mut energy) = (0.0_f32, 1.0_f32);
        for (a, b) in part.iter().zip(stretch) {
            product += a * b;
            energy += b * b;
        }
        product / energy.sqrt()
    };
    places.map(|at| (at, fit(at))).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
}

fn correlation(a: &[i16], b: &[i16]) -> f64 {
    let product: f64 = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    product / (rms(a) * rms(b) * a.len() as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::{assert_arrived, compare, read_mono};
    use crate::site::prompt;

    fn delayed(samples: &[i16], by: usize, gain: f64) -> Vec<i16> {
        std::iter::repeat_n(0, by).chain(samples.iter().map(|&sample| (f64::from(sample) * gain) as i16)).collect()
    }

    #[test]
    fn a_delayed_and_softer_prompt_is_the_same_sound() {
        let played = read_mono(&prompt("citizen"));
        let found = assert_arrived("the prompt", &played, &delayed(&played[..40_000], 1234, 0.8));
        assert!((found.delay_ms - 154.25).abs() < 0.2 && (found.gain_db + 1.9).abs() < 0.1, "{found}");
    }

    #[test]
    fn another_voice_is_not_the_same_sound() {
        let found = compare(&read_mono(&prompt("citizen")), &read_mono(&prompt("agent"))).expect("both have sound");
        assert!(!found.is_same() && found.correlation < 0.6 && found.share() < 0.5, "{found}");
    }

    #[test]
    fn a_sound_whose_delay_moves_in_the_midst_of_pieces_is_the_same_sound() {
        let played = read_mono(&prompt("citizen"));
        // Every 700 ms a pitch period more, as a jitter buffer stretches.
        let stretched: Vec<i16> = played.chunks(5_600).flat_map(|part| [part, &part[part.len().saturating_sub(60)..]].concat()).collect();
        let found = assert_arrived("the stretched prompt", &played, &stretched);
        assert!(found.delay_span_ms.1 > found.delay_span_ms.0 + 50.0, "{found}");
    }

    #[test]
    fn a_short_piece_is_placed_though_the_delay_moves_in_its_midst() {
        let sound = super::piece("en.please_wait");
        let moved = [&[0; 16_000][..], &sound[..11_000], &sound[11_000 - 80..], &[0; 8_000]].concat();
        assert_eq!(super::place(&sound, &moved), Some(2_000));
        assert_eq!(super::place(&super::piece("zh.please_wait"), &moved), None);
    }

    #[test]
    fn a_hole_and_a_wrong_level_are_noticed() {
        let played = read_mono(&prompt("citizen"));
        let mut holed = delayed(&played, 100, 1.0);
        holed[16_000..32_000].fill(0);
        assert!(!compare(&played, &holed).expect("sound").is_same());
        assert!(!compare(&played, &delayed(&played, 0, 0.4)).expect("sound").is_same());
        assert_eq!(compare(&played, &[0; 20_000]).filter(super::Match::is_same), None);
    }
}
