//! Hostile recording files: a genuine one that was changed, or bytes that never were one. Nothing panics, and no change goes unnoticed
//! (rows 1-12, 3-11). The fuzz target, and its corpus in each test run.

use super::format::{HEAD_BYTES, SEALED_ENVELOPE_BYTES};
use super::keys::KeyRing;
use super::range::RangeReader;
use super::reader::{Ending, Inspection, ReadError, inspect};
use super::{export_wav, levels, salvage};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A genuine recording of some blocks and its end mark, and the key file that opens it.
static GENUINE: &[u8] = include_bytes!("../../../tests/fuzz/genuine/recording.rec");
static KEY: &str = include_str!("../../../tests/fuzz/genuine/recording.key");
/// Edits of one input.
const MOST_EDITS: usize = 8;

/// The genuine file under the edits that the bytes name: three for where, one for what, one for how much. What begins with a zero byte
/// is instead taken as a file itself, behind the genuine head.
pub(crate) fn target(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let mut file = GENUINE.to_vec();
    if *kind == 0 {
        file.truncate(HEAD_BYTES + SEALED_ENVELOPE_BYTES);
        file.extend_from_slice(rest);
        return look(&file);
    }
    for edit in rest.chunks_exact(5).take(MOST_EDITS) {
        let place = usize::from(edit[0]) << 16 | usize::from(edit[1]) << 8 | usize::from(edit[2]);
        let place = place % file.len().max(1);
        match edit[3] % 4 {
            0 => file.truncate(place),
            1 => file.insert(place.min(file.len()), edit[4]),
            2 => file.extend_from_slice(&GENUINE[place.min(GENUINE.len())..]),
            _ => file.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= edit[4]),
        }
    }
    look(&file);
}

fn look(bytes: &[u8]) {
    let (path, keys) = bench();
    std::fs::write(path, bytes).expect("scratch is writable");
    let found = inspect(path, keys);
    // The envelope alone may change: when it is wrapped by another master key.
    let same = without_envelope(bytes) == without_envelope(GENUINE);
    let whole = matches!(&found, Ok(Inspection { ending: Ending::Complete, digest, .. }) if *digest == genuine_digest());
    assert!(!whole || same, "a changed file passes for the genuine one");
    assert!(whole || bytes != GENUINE, "the genuine file does not pass: {found:?}");
    if let Ok(Inspection { length_ms, bytes: size, sound_bytes, .. }) = found {
        assert!(sound_bytes <= size && size == bytes.len() as u64);
        let part = RangeReader::open(path, keys).and_then(|mut reader| reader.read_range(length_ms / 2, 1_000));
        assert!(part.is_ok(), "{part:?}");
        assert!(levels(path, keys).is_ok());
    }
    let wav = path.with_extension("wav");
    // Refusals are answers too.
    let _ = export_wav(path, keys, &wav, true);
    let _ = salvage(path, keys, None, &wav, true);
}

fn without_envelope(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (head, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES));
    (head, &rest[rest.len().min(SEALED_ENVELOPE_BYTES)..])
}

fn genuine_digest() -> &'static str {
    static DIGEST: OnceLock<String> = OnceLock::new();
    DIGEST.get_or_init(|| {
        let path = bench().0.with_extension("genuine");
        std::fs::write(&path, GENUINE).expect("scratch is writable");
        let inspection: Result<Inspection, ReadError> = inspect(&path, &bench().1);
        inspection.expect("the genuine file is read").digest
    })
}

/// Where files are tried, in memory if there is a place, and the key.
fn bench() -> &'static (PathBuf, KeyRing) {
    static BENCH: OnceLock<(PathBuf, KeyRing)> = OnceLock::new();
    BENCH.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let path = folder.join(format!("hostile-recording-{}.rec", std::process::id()));
        (path, KeyRing::parse(KEY).expect("a key file"))
    })
}

#[cfg(test)]
mod tests {
    use super::{GENUINE, look, target};
    use std::path::Path;

    #[test]
    fn the_genuine_file_passes_and_random_changes_are_found() {
        look(GENUINE);
        let mut random = fastrand::Rng::with_seed(12);
        for _ in 0..300 {
            let mut input: Vec<u8> = (0..=5 * random.usize(1..4)).map(|_| random.u8(..)).collect();
            input[0] = random.u8(..8);
            target(&input);
        }
    }

    #[test]
    fn the_corpus() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/recording_file");
        let mut count = 0;
        for file in std::fs::read_dir(&folder).expect("the corpus is there") {
            let path = file.expect("an entry").path();
            target(&std::fs::read(&path).expect("it can be read"));
            count += 1;
        }
        assert!(count >= 5, "only {count} files in {}", folder.display());
    }
}
