//! Reads a site's prompts: WAV or raw A-law, all of them into memory at the start, so that nobody waits for a disk while a citizen listens.

use super::house_voice::PIECES;
use std::io::{BufReader, Read};
use std::path::Path;
use voice::g711::linear_to_alaw;

/// Most prompts of a site, and the length of all together in seconds.
const MOST_PROMPTS: usize = 1_000;
const MOST_SECONDS: usize = 2 * 3_600;
const SAMPLES_PER_SECOND: usize = 8_000;

/// The built-in voice, with the site's own prompts in the place of those that have the same name.
///
/// # Errors
/// A built-in piece is no WAV file: our fault.
pub(super) fn with_house_voice(mut own: Vec<(String, Vec<u8>)>) -> Result<Vec<(String, Vec<u8>)>, String> {
    for (name, wav) in PIECES {
        if let Err(place) = own.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
            own.insert(place, ((*name).to_owned(), alaw_of(*wav).map_err(|why| format!("the built-in prompt {name}: {why}"))?));
        }
    }
    Ok(own)
}

/// All prompts of a folder, by name and in their order, as A-law of 8 kHz.
///
/// # Errors
/// The folder or a file of it cannot be used; the text names it.
pub(super) fn read_folder(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let unreadable = |error: std::io::Error| format!("the prompts' folder {} cannot be read: {error}", folder.display());
    let mut prompts = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
        let alaw = match path.extension().and_then(|ending| ending.to_str()) {
            Some("wav") => read_wav(&path)?,
            Some("alaw") => std::fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?,
            Some(_) | None => continue,
        };
        let name = name.ok_or_else(|| format!("the name of {} is not valid UTF-8", path.display()))?;
        prompts.push((name, alaw));
    }
    prompts.sort();
    let samples: usize = prompts.iter().map(|(_, alaw)| alaw.len()).sum();
    if prompts.len() > MOST_PROMPTS || samples > MOST_SECONDS * SAMPLES_PER_SECOND {
        return Err(format!("{} holds more than {MOST_PROMPTS} prompts or more than two hours", folder.display()));
    }
    if let Some(pair) = prompts.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("{} holds two prompts named {}", folder.display(), pair[0].0));
    }
    Ok(prompts)
}

fn read_wav(path: &Path) -> Result<Vec<u8>, String> {
    let unusable = |why: String| format!("{} cannot be used as a prompt: {why}", path.display());
    let file = std::fs::File::open(path).map_err(|error| unusable(error.to_string()))?;
    alaw_of(BufReader::new(file)).map_err(unusable)
}

fn alaw_of(wav: impl Read) -> Result<Vec<u8>, String> {
    let reader = hound::WavReader::new(wav).map_err(|error| error.to_string())?;
    let spec = reader.spec();
    if (spec.channels, spec.sample_rate, spec.bits_per_sample) != (1, 8_000, 16) {
        return Err(format!("it has {} channels, {} Hz and {} bits", spec.channels, spec.sample_rate, spec.bits_per_sample));
    }
    let samples = reader.into_samples::<i16>().map(|sample| sample.map(linear_to_alaw));
    samples.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn every_built_in_piece_is_there_unless_the_site_brings_its_own() {
        let own = vec![("zh.n1".to_owned(), vec![7; 9])];
        let all = with_house_voice(own).expect("the built-in voice can be read");
        assert_eq!(all.len(), PIECES.len());
        assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order, each once");
        for (name, alaw) in &all {
            let least = if name == "zh.n1" { 9 } else { SAMPLES_PER_SECOND / 10 };
            assert!((least..SAMPLES_PER_SECOND * 15).contains(&alaw.len()), "{name} has {} samples", alaw.len());
        }
    }

    #[test]
    fn prompts_are_read_by_name_and_a_file_that_is_none_is_named() {
        let scratch = Scratch::new();
        let folder = scratch.path("prompts");
        std::fs::create_dir_all(&folder).expect("scratch is writable");
        std::fs::write(folder.join("b.alaw"), [1, 2, 3]).expect("scratch is writable");
        std::fs::write(folder.join("README.md"), "not a prompt").expect("scratch is writable");
        let spec = |sample_rate| hound::WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut wav = hound::WavWriter::create(folder.join("a.wav"), spec(8_000)).expect("scratch is writable");
        [0_i16, 1_000].into_iter().for_each(|sample| wav.write_sample(sample).expect("scratch is writable"));
        wav.finalize().expect("scratch is writable");
        let alaw = vec![linear_to_alaw(0), linear_to_alaw(1_000)];
        assert_eq!(read_folder(&folder), Ok(vec![("a".to_owned(), alaw), ("b".to_owned(), vec![1, 2, 3])]));
        hound::WavWriter::create(folder.join("c.wav"), spec(16_000)).expect("scratch is writable").finalize().expect("written");
        let fault = read_folder(&folder).expect_err("16 kHz");
        assert!(fault.contains("c.wav") && fault.contains("16000 Hz"), "{fault}");
        assert!(read_folder(&scratch.path("nowhere")).expect_err("no folder").contains("nowhere"));
    }
}
