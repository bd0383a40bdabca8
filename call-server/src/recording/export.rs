//! What people take out of a recording: a WAV file, and how loud each side is.

use super::format::{Block, FRAME_BYTES, FRAMES_A_SECOND, length_ms};
use super::keys::KeyRing;
use super::range::{LONGEST_RANGE_MS, RangeReader};
use super::reader::{Ending, ReadError, open};
use hound::{SampleFormat, WavSpec, WavWriter};
use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Frames in the 20 ms over which a level is taken.
const LEVEL_FRAMES: usize = 160;

/// 20 ms quieter than this are a pause and do not count.
const ACTIVE_DBFS: f64 = -50.0;

/// Why there is no WAV file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The recording cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The target is there and was not to be replaced.
    #[error("{} exists already", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The target cannot be written.
    #[error("{} cannot be written: {reason}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system or the format said.
        reason: String,
    },
}

/// What an export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exported {
    /// Length in ms.
    pub(crate) length_ms: u64,
    /// How the recording ends: an export of a cut one holds what is there.
    pub(crate) ending: Ending,
}

/// Mean levels of the spoken parts, in dB below full scale: 0 is a square wave of full scale, −3 a sine. `None`: only pauses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Levels {
    /// Left.
    pub(crate) citizen_dbfs: Option<f64>,
    /// Right.
    pub(crate) agent_dbfs: Option<f64>,
}

/// Writes a recording as WAV: PCM of 16 bits, 8 kHz, citizen left, agent right.
///
/// # Errors
/// See [`ExportError`]. An existing file is replaced only if `overwrite` says so.
pub(crate) fn export_wav(recording: &Path, keys: &KeyRing, wav: &Path, overwrite: bool) -> Result<Exported, ExportError> {
    let mut reader = open(recording, keys)?;
    let mut wav = Wav::create(wav, overwrite)?;
    let mut frames = 0_u64;
    while let Some(block) = reader.next_block()? {
        wav.write(&block)?;
        frames += u64::from(block.frames);
    }
    wav.close()?;
    Ok(Exported { length_ms: length_ms(frames), ending: reader.ending() })
}

/// What the export of a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExportedPart {
    /// Length in ms.
    pub(crate) length_ms: u64,
    /// Of it silence because the records are damaged, in ms.
    pub(crate) unreadable_ms: u64,
}

/// Writes a part of a recording as [`export_wav`] does, without reading the rest of it.
///
/// # Errors
/// See [`ExportError`].
pub(crate) fn export_part(
    recording: &Path,
    keys: &KeyRing,
    part: std::ops::Range<u64>,
    wav: &Path,
    overwrite: bool,
) -> Result<ExportedPart, ExportError> {
    let mut reader = RangeReader::open(recording, keys)?;
    let mut wav = Wav::create(wav, overwrite)?;
    let mut exported = ExportedPart { length_ms: 0, unreadable_ms: 0 };
    let (mut at, end) = (part.start, part.end.min(reader.length_ms()));
    while at < end {
        let range = reader.read_range(at, end - at)?;
        let frames = (range.samples.len() / FRAME_BYTES) as u32;
        wav.write(&Block { first_frame: 0, frames, payload: range.samples })?;
        exported.length_ms += length_ms(u64::from(frames));
        exported.unreadable_ms += range.unreadable_ms;
        at += LONGEST_RANGE_MS;
    }
    wav.close()?;
    Ok(exported)
}

/// A WAV file being written.
pub(super) struct Wav {
    writer: WavWriter<BufWriter<File>>,
    path: PathBuf,
}

impl Wav {
    /// Makes the file.
    pub(super) fn create(path: &Path, overwrite: bool) -> Result<Self, ExportError> {
        let file = create(path, overwrite)?;
        let spec = WavSpec { channels: 2, sample_rate: 8_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let writer = WavWriter::new(BufWriter::new(file), spec).map_err(|error| refused(path, &error))?;
        Ok(Self { writer, path: path.to_path_buf() })
    }

    /// Appends a stretch.
    pub(super) fn write(&mut self, block: &Block) -> Result<(), ExportError> {
        for (citizen, agent) in block.frames() {
            let written = self.writer.write_sample(linear(citizen)).and_then(|()| self.writer.write_sample(linear(agent)));
            written.map_err(|error| refused(&self.path, &error))?;
        }
        Ok(())
    }

    /// Completes its head.
    pub(super) fn close(self) -> Result<(), ExportError> {
        let path = self.path;
        self.writer.finalize().map_err(|error| refused(&path, &error))
    }
}

fn refused(path: &Path, error: &hound::Error) -> ExportError {
    ExportError::Write { path: path.to_path_buf(), reason: error.to_string() }
}

/// How loud each side speaks.
///
/// # Errors
/// See [`ReadError`].
pub(crate) fn levels(recording: &Path, keys: &KeyRing) -> Result<Levels, ReadError> {
    let mut reader = open(recording, keys)?;
    let mut sides = [Meter::default(), Meter::default()];
    while let Some(block) = reader.next_block()? {
        for (citizen, agent) in block.frames() {
            sides[0].hear(linear(citizen));
            sides[1].hear(linear(agent));
        }
    }
    let [citizen, agent] = sides;
    Ok(Levels { citizen_dbfs: citizen.level_dbfs(), agent_dbfs: agent.level_dbfs() })
}

fn create(wav: &Path, overwrite: bool) -> Result<File, ExportError> {
    let mut options = OpenOptions::new();
    // Only the owner may read it: it holds a citizen's voice.
    options.write(true).mode(0o600);
    if overwrite {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options.open(wav).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => ExportError::Exists { path: wav.to_path_buf() },
        _ => ExportError::Write { path: wav.to_path_buf(), reason: error.to_string() },
    })
}

/// Sums up the energy of the 20 ms that are no pause.
#[derive(Debug, Default)]
struct Meter {
    energy: f64,
    samples: usize,
    active_energy: f64,
    active_samples: usize,
}

impl Meter {
    fn hear(&mut self, sample: i16) {
        self.energy += f64::from(sample).powi(2);
        self.samples += 1;
        if self.samples == LEVEL_FRAMES {
            if dbfs(self.energy, self.samples) > ACTIVE_DBFS {
                self.active_energy += self.energy;
                self.active_samples += self.samples;
            }
            (self.energy, self.samples) = (0.0, 0);
        }
    }

    fn level_dbfs(&self) -> Option<f64> {
        (self.active_samples > 0).then(|| dbfs(self.active_energy, self.active_samples))
    }
}

fn dbfs(energy: f64, samples: usize) -> f64 {
    10.0 * (energy / samples as f64 / 32_768.0_f64.powi(2)).log10()
}

/// A-law to linear, the codec's 13 bits in the upper places of 16 (ITU-T G.711, table 1a).
fn linear(code: u8) -> i16 {
    let code = code ^ 0x55;
    let (segment, step) = ((code >> 4) & 7, i16::from(code & 15) << 4);
    let size = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    if code & 0x80 == 0 { -size } else { size }
}

const _: () = assert!(FRAMES_A_SECOND == 8_000, "the WAV head and the 20 ms of a level say 8 kHz");

#[cfg(test)]
mod tests {
    use super::super::file::RecordingFile;
    use super::super::format::{Block, Head};
    use super::super::keys::{DataKey, Envelope, KeyRing};
    use super::{Ending, ExportError, ExportedPart, export_part, export_wav, levels, linear};
    use crate::scratch::Scratch;
    use shared::model::{InteractionId, RecordingId, UnixMillis};
    use std::path::Path;

    /// The code nearest to a linear value, found by trying all.
    fn alaw(value: f64) -> u8 {
        (0..=255).min_by_key(|code| (f64::from(linear(*code)) - value).abs() as i64).expect("there are 256 codes")
    }

    fn tone(frame: u64, amplitude: f64, hertz: f64) -> u8 {
        alaw(amplitude * (frame as f64 * hertz * std::f64::consts::TAU / 8_000.0).sin())
    }

    /// A second: a tone on the left, the same 20 dB quieter in the second half of the right.
    fn write_tones(path: &Path) {
        write_tones_under(path, Some(KeyRing::for_test().new_data_key(RecordingId(1)).expect("random")));
    }

    fn write_tones_under(path: &Path, seal: Option<(DataKey, Envelope)>) {
        let head = Head { recording: RecordingId(1), interaction: InteractionId(1), started: UnixMillis(0) };
        let mut file = RecordingFile::create(path, head, seal).expect("scratch is writable");
        for first_frame in [0, 4_000_u64] {
            let right = |frame| if frame < 4_000 { 0xD5 } else { tone(frame, 1_638.4, 800.0) };
            let payload = (first_frame..first_frame + 4_000).flat_map(|frame| [tone(frame, 16_384.0, 400.0), right(frame)]).collect();
            file.append(&Block { first_frame, frames: 4_000, payload }).expect("scratch is writable");
        }
        file.finish(8_000).expect("scratch is writable");
    }

    #[test]
    fn the_codes_of_the_recommendation_decode_to_its_values() {
        assert_eq!((linear(0xD5), linear(0x55)), (8, -8));
        assert_eq!((linear(0xAA), linear(0x2A)), (32_256, -32_256));
        assert_eq!(linear(0x80), 5_504);
    }

    #[test]
    fn levels_count_speech_and_not_pauses() {
        let scratch = Scratch::new();
        write_tones(&scratch.path("1.rec"));
        let levels = levels(&scratch.path("1.rec"), &KeyRing::for_test()).expect("readable");
        let (citizen, agent) = (levels.citizen_dbfs.expect("loud"), levels.agent_dbfs.expect("loud"));
        assert!((citizen + 9.03).abs() < 0.2, "half of full scale, as a sine: {citizen}");
        assert!((agent + 29.03).abs() < 0.3, "20 dB less: {agent}");
    }

    #[test]
    fn the_wav_file_holds_both_sides_in_full_length() {
        let scratch = Scratch::new();
        write_tones(&scratch.path("1.rec"));
        let exported = export_wav(&scratch.path("1.rec"), &KeyRing::for_test(), &scratch.path("1.wav"), false).expect("exported");
        assert_eq!((exported.length_ms, exported.ending), (1_000, Ending::Complete));
        let mut wav = hound::WavReader::open(scratch.path("1.wav")).expect("a WAV file");
        assert_eq!((wav.spec().channels, wav.spec().sample_rate, wav.duration()), (2, 8_000, 8_000));
        let samples: Vec<i16> = wav.samples().collect::<Result<_, _>>().expect("PCM");
        assert_eq!(samples[1], 8, "the right side is silent at first");
        let citizen = samples.iter().step_by(2).map(|sample| sample.unsigned_abs()).max();
        let agent = samples.iter().skip(1).step_by(2).map(|sample| sample.unsigned_abs()).max();
        assert!(citizen.is_some_and(|peak| (15_800..17_000).contains(&peak)), "{citizen:?}");
        assert!(agent.is_some_and(|peak| (1_500..1_700).contains(&peak)), "{agent:?}");
    }

    #[test]
    fn a_file_from_before_sealing_still_exports_and_without_a_key() {
        let scratch = Scratch::new();
        write_tones_under(&scratch.path("1.rec"), None);
        write_tones(&scratch.path("2.rec"));
        let plain = export_wav(&scratch.path("1.rec"), &KeyRing::empty(), &scratch.path("1.wav"), false).expect("exported");
        assert_eq!((plain.length_ms, plain.ending), (1_000, Ending::Complete));
        export_wav(&scratch.path("2.rec"), &KeyRing::for_test(), &scratch.path("2.wav"), false).expect("exported");
        let read = |name| std::fs::read(scratch.path(name)).expect("exported");
        assert!(read("1.wav") == read("2.wav"), "sealing changes no sample");
    }

    #[test]
    fn a_part_is_what_the_whole_holds_there() {
        let scratch = Scratch::new();
        let (recording, whole, part) = (scratch.path("1.rec"), scratch.path("1.wav"), scratch.path("part.wav"));
        write_tones(&recording);
        export_wav(&recording, &KeyRing::for_test(), &whole, false).expect("exported");
        let exported = export_part(&recording, &KeyRing::for_test(), 450..u64::MAX, &part, false).expect("exported");
        assert_eq!(exported, ExportedPart { length_ms: 550, unreadable_ms: 0 });
        let samples =
            |path| -> Vec<i16> { hound::WavReader::open(path).expect("a WAV file").samples().collect::<Result<_, _>>().expect("PCM") };
        assert!(samples(&part) == samples(&whole)[450 * 16..]);
    }

    #[test]
    fn an_existing_file_is_replaced_only_when_told() {
        let scratch = Scratch::new();
        write_tones(&scratch.path("1.rec"));
        std::fs::write(scratch.path("1.wav"), b"somebody's").expect("scratch is writable");
        let refused = export_wav(&scratch.path("1.rec"), &KeyRing::for_test(), &scratch.path("1.wav"), false);
        assert!(matches!(refused, Err(ExportError::Exists { .. })));
        assert_eq!(std::fs::read(scratch.path("1.wav")).expect("readable"), b"somebody's");
        export_wav(&scratch.path("1.rec"), &KeyRing::for_test(), &scratch.path("1.wav"), true).expect("told to");
        assert_eq!(hound::WavReader::open(scratch.path("1.wav")).expect("a WAV file").duration(), 8_000);
    }
}
