//! WAV files for microphone and loudspeaker: for tests, demonstrations and load.

use super::resample::Decimator;
use super::sound::{Condition, Frame, Loudspeaker, Microphone, SILENCE, SoundError};
use desktop_core::DeviceProblem;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use voice::SAMPLE_RATE;

/// Longest microphone file, in samples of its own rate: ten minutes at 48 kHz.
const MAX_SAMPLES: u32 = 600 * 48_000;
/// The loudspeaker file's header is brought up to date this often, in frames, so that a killed program leaves a valid file.
const FLUSH_FRAMES: u32 = 50;

/// Speaks a file.
pub(crate) struct FileMicrophone {
    name: String,
    samples: Vec<i16>,
    next: usize,
    looped: bool,
}

impl FileMicrophone {
    /// Reads the whole file.
    ///
    /// # Errors
    /// [`SoundError::Microphone`] if it is no mono 16 bit file of 8, 16 or 48 kHz.
    pub(crate) fn open(path: &Path, looped: bool) -> Result<Self, SoundError> {
        let samples = read(path).map_err(|reason| SoundError::Microphone { path: path.to_owned(), reason })?;
        Ok(Self { name: file_name(path), samples, next: 0, looped })
    }
}

fn read(path: &Path) -> Result<Vec<i16>, String> {
    let reader = WavReader::open(path).map_err(|error| error.to_string())?;
    let spec = reader.spec();
    if spec.channels != 1 || spec.sample_format != SampleFormat::Int || spec.bits_per_sample != 16 {
        return Err("it is not mono with 16 bit samples".to_owned());
    }
    if reader.duration() > MAX_SAMPLES {
        return Err("it is longer than ten minutes".to_owned());
    }
    let samples = reader.into_samples::<i16>().collect::<Result<Vec<i16>, _>>().map_err(|error| error.to_string())?;
    match spec.sample_rate {
        SAMPLE_RATE => Ok(samples),
        16_000 => Ok(decimate(&samples, 2)),
        48_000 => Ok(decimate(&samples, 6)),
        other => Err(format!("its rate is {other} Hz; 8000, 16000 or 48000 can be used")),
    }
}

fn decimate(samples: &[i16], factor: usize) -> Vec<i16> {
    let mut decimator = Decimator::new(factor);
    samples.iter().filter_map(|sample| decimator.push(f32::from(*sample))).map(|sample| sample as i16).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

impl Microphone for FileMicrophone {
    fn begin_call(&mut self) {
        self.next = 0;
    }

    fn read(&mut self, frame: &mut Frame) {
        *frame = SILENCE;
        for sample in frame.iter_mut() {
            if self.looped && self.next >= self.samples.len() {
                self.next = 0;
            }
            let Some(spoken) = self.samples.get(self.next) else { return };
            *sample = *spoken;
            self.next += 1;
        }
    }

    fn condition(&mut self) -> Condition {
        Condition::Works(self.name.clone())
    }
}

/// Writes what is heard in calls, one call behind the other.
pub(crate) struct FileLoudspeaker {
    path: PathBuf,
    writer: WavWriter<BufWriter<File>>,
    in_call: bool,
    frames: u32,
    problem: Option<String>,
}

impl FileLoudspeaker {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// [`SoundError::Loudspeaker`] if it cannot be written.
    pub(crate) fn create(path: &Path) -> Result<Self, SoundError> {
        let spec = WavSpec { channels: 1, sample_rate: SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let fault = |error: hound::Error| SoundError::Loudspeaker { path: path.to_owned(), reason: error.to_string() };
        let mut writer = WavWriter::create(path, spec).map_err(fault)?;
        writer.flush().map_err(fault)?;
        Ok(Self { path: path.to_owned(), writer, in_call: false, frames: 0, problem: None })
    }

    fn note(&mut self, result: Result<(), hound::Error>) {
        if let Err(error) = result {
            self.problem = Some(error.to_string());
        }
    }
}

impl Loudspeaker for FileLoudspeaker {
    fn begin_call(&mut self) {
        self.in_call = true;
    }

    fn end_call(&mut self) {
        self.in_call = false;
        let result = self.writer.flush();
        self.note(result);
    }

    fn play(&mut self, frame: &Frame) {
        if !self.in_call {
            return;
        }
        let mut result = frame.iter().try_for_each(|sample| self.writer.write_sample(*sample));
        self.frames += 1;
        if self.frames.is_multiple_of(FLUSH_FRAMES) {
            result = result.and_then(|()| self.writer.flush());
        }
        self.note(result);
    }

    fn condition(&mut self) -> Condition {
        match &self.problem {
            None => Condition::Works(file_name(&self.path)),
            Some(problem) => Condition::Broken(DeviceProblem::Failed(problem.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FileLoudspeaker, FileMicrophone};
    use crate::audio::sound::{Condition, Loudspeaker, Microphone, SILENCE};
    use hound::{SampleFormat, WavSpec, WavWriter};
    use std::path::PathBuf;

    /// A file of this test alone, gone afterwards.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("agent-desktop-{}-{name}.wav", std::process::id())))
        }

        fn write(name: &str, sample_rate: u32, channels: u16, samples: &[i16]) -> Self {
            let scratch = Self::new(name);
            let spec = WavSpec { channels, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
            let mut writer = WavWriter::create(&scratch.0, spec).expect("a scratch file can be created");
            samples.iter().for_each(|sample| writer.write_sample(*sample).expect("and written"));
            writer.finalize().expect("and closed");
            scratch
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_file_is_spoken_once_then_silence_and_anew_in_the_next_call() {
        let scratch = Scratch::write("once", 8_000, 1, &[7; 200]);
        let mut microphone = FileMicrophone::open(&scratch.0, false).expect("a good file");
        let mut frame = SILENCE;
        for _ in 0..2 {
            microphone.begin_call();
            microphone.read(&mut frame);
            assert_eq!(frame, [7; 160]);
            microphone.read(&mut frame);
            assert_eq!((frame[39], frame[40]), (7, 0));
            microphone.read(&mut frame);
            assert_eq!(frame, SILENCE);
        }
    }

    #[test]
    fn a_looped_file_never_ends() {
        let scratch = Scratch::write("looped", 8_000, 1, &[5; 100]);
        let mut microphone = FileMicrophone::open(&scratch.0, true).expect("a good file");
        let mut frame = SILENCE;
        for _ in 0..5 {
            microphone.read(&mut frame);
            assert_eq!(frame, [5; 160]);
        }
    }

    #[test]
    fn files_of_other_rates_are_brought_to_eight_kilohertz() {
        for (rate, factor) in [(16_000, 2), (48_000, 6)] {
            let scratch = Scratch::write(&rate.to_string(), rate, 1, &vec![1_000; 800 * factor]);
            let microphone = FileMicrophone::open(&scratch.0, false).expect("a good file");
            assert_eq!(microphone.samples.len(), 800);
            assert!((990..=1_010).contains(&microphone.samples[400]), "{}", microphone.samples[400]);
        }
    }

    #[test]
    fn files_that_cannot_be_spoken_are_refused_with_the_reason() {
        let stereo = Scratch::write("stereo", 8_000, 2, &[0; 4]);
        let odd = Scratch::write("odd", 44_100, 1, &[0; 4]);
        for (scratch, reason) in [(&stereo, "not mono"), (&odd, "44100"), (&Scratch::new("absent"), "No such file")] {
            let error = FileMicrophone::open(&scratch.0, false).map(|_| ()).expect_err("refused").to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn only_calls_are_written_and_the_file_is_valid_after_each() {
        let scratch = Scratch::new("written");
        let mut loudspeaker = FileLoudspeaker::create(&scratch.0).expect("a scratch file can be created");
        let heard = || hound::WavReader::open(&scratch.0).expect("a valid header").duration();
        assert_eq!(heard(), 0);
        loudspeaker.play(&[1; 160]);
        loudspeaker.begin_call();
        loudspeaker.play(&[2; 160]);
        loudspeaker.end_call();
        loudspeaker.play(&[3; 160]);
        assert_eq!(heard(), 160);
        assert!(matches!(loudspeaker.condition(), Condition::Works(_)));
    }
}
