//! What the program keeps on this computer: drafts of summaries, and settings. Each file is written whole beside its place and then moved
//! there, so that a crash leaves the old one or the new one. Not here: when; the session says so.
//!
//! A draft holds what a citizen said: its folder and files are for their owner alone, and it is sealed under a key that only its writer
//! is given at the sign-in, so that others at the same computer cannot read it.

mod sealed;

use desktop_core::SoundSettings;
use sealed::DraftKey;
use serde::{Deserialize, Serialize};
use shared::model::{DraftCopy, InteractionId};
use shared::pii::Pii;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Most drafts of one person that are read.
const MOST_DRAFTS: usize = 100;
/// Largest file that is read, in bytes.
const FILE_LIMIT: u64 = 64 * 1024;
/// How a draft's file ends.
const DRAFT: &str = ".draft";
/// How a file ends that is written and not yet moved to its place.
const UNMOVED: &str = ".new";
/// The settings' file.
const SETTINGS: &str = "settings.json";

/// What a person has chosen. A file of another version lacks or has more: what is missing is as at first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub(crate) struct Settings {
    /// Dark instead of light.
    pub(crate) dark: Option<bool>,
    /// English instead of Chinese.
    pub(crate) english: Option<bool>,
    /// Size of everything, 100 to 200.
    pub(crate) scale_percent: Option<u16>,
    /// Lock after so many minutes without a key or the mouse; 0 is never.
    pub(crate) lock_minutes: Option<u16>,
    /// Devices and volumes.
    pub(crate) sound: SoundSettings,
    /// Where one was signed in last.
    pub(crate) server: Option<String>,
    /// The sound was tried out with these devices.
    pub(crate) sound_tested: bool,
    /// A call that rings is shown in the main window alone, which is brought to the front; otherwise by a small window on top.
    pub(crate) ring_in_main: bool,
}

/// Where it is kept. Without a folder nothing is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keeping {
    folder: Option<PathBuf>,
}

impl Keeping {
    /// In this folder, or the person's own one.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        let own = || directories::ProjectDirs::from("", "", "hotline").map(|folders| folders.data_local_dir().to_owned());
        Self { folder: folder.or_else(own) }
    }

    /// The drafts of a staff number; what cannot be read is left where it is. Of a draft that a crash met while it was moved to its place
    /// there are two copies; both are told.
    pub(crate) fn drafts(&self, number: &str, key: &Pii<String>) -> Vec<DraftCopy> {
        let (Some(folder), Some(key)) = (self.drafts_of(number), DraftKey::read(key)) else { return Vec::new() };
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let read = |path: PathBuf| {
            let name = path.file_name()?.to_str()?;
            let interaction = name.strip_suffix(UNMOVED).unwrap_or(name).strip_suffix(DRAFT)?;
            let draft = key.open(&bound(number, interaction), &read_limited(&path)?)?;
            serde_json::from_slice(&draft).ok()
        };
        entries.filter_map(Result::ok).filter_map(|entry| read(entry.path())).take(MOST_DRAFTS).collect()
    }

    /// Writes a draft in place of an older one, sealed under the person's key.
    pub(crate) fn keep_draft(&self, number: &str, key: &Pii<String>, draft: &DraftCopy) {
        let (Some(folder), Some(key)) = (self.drafts_of(number), DraftKey::read(key)) else { return };
        let interaction = draft.summary.interaction.to_string();
        let kept = serde_json::to_vec(draft)
            .map_err(std::io::Error::from)
            .and_then(|bytes| key.seal(&bound(number, &interaction), bytes))
            .and_then(|sealed| write(&folder, &format!("{interaction}{DRAFT}"), &sealed));
        if let Err(error) = kept {
            tracing::error!(%error, "a draft is not on the disk; the server has it as soon as it can be reached");
        }
    }

    /// Takes a draft off the disk.
    pub(crate) fn forget_draft(&self, number: &str, interaction: InteractionId) {
        if let Some(folder) = self.drafts_of(number) {
            for end in ["", UNMOVED] {
                // That there is none is no error.
                let _ = std::fs::remove_file(folder.join(format!("{interaction}{DRAFT}{end}")));
            }
        }
    }

    /// The person's settings.
    pub(crate) fn settings(&self) -> Settings {
        self.folder.as_ref().and_then(|folder| read(&folder.join(SETTINGS))).unwrap_or_default()
    }

    /// Keeps the settings.
    pub(crate) fn keep_settings(&self, settings: &Settings) {
        let Some(folder) = &self.folder else { return };
        let kept = serde_json::to_vec(settings).map_err(std::io::Error::from).and_then(|bytes| write(folder, SETTINGS, &bytes));
        if let Err(error) = kept {
            tracing::warn!(%error, "the settings are not kept");
        }
    }

    /// A staff number has letters and digits; anything else names no folder.
    fn drafts_of(&self, number: &str) -> Option<PathBuf> {
        let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        self.folder.as_ref().filter(|_| plain).map(|folder| folder.join("drafts").join(number))
    }
}

/// What a draft's key is bound to besides.
fn bound(number: &str, interaction: &str) -> String {
    format!("{number}/{interaction}")
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&read_limited(path)?).ok()
}

fn read_limited(path: &Path) -> Option<Vec<u8>> {
    let fits = std::fs::metadata(path).ok()?.len() <= FILE_LIMIT;
    fits.then(|| std::fs::read(path).ok())?
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    make_folder(folder)?;
    let (new, place) = (folder.join(format!("{name}{UNMOVED}")), folder.join(name));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    drop(file);
    std::fs::rename(new, place)
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::{Keeping, Settings};
    use base64::Engine as _;
    use shared::model::{DraftCopy, InteractionId, Summary, UnixMillis};
    use shared::pii::Pii;
    use std::path::PathBuf;

    fn draft(interaction: u64, revision: u64) -> DraftCopy {
        let summary = Summary { content: "水压不足".to_owned().into(), ..Summary::new(InteractionId(interaction)) };
        DraftCopy { revision, changed: UnixMillis(1), summary }
    }

    fn key(byte: u8) -> Pii<String> {
        base64::engine::general_purpose::STANDARD.encode([byte; 32]).into()
    }

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("hotline-keeping-{name}-{}", std::process::id()))
    }

    #[test]
    fn drafts_and_settings_are_there_after_a_crash_and_a_draft_is_its_owners_alone() {
        let folder = folder("crash");
        let keeping = Keeping::new(Some(folder.clone()));
        keeping.keep_draft("1001", &key(1), &draft(7, 1));
        keeping.keep_draft("1001", &key(1), &draft(7, 2));
        keeping.keep_draft("1002", &key(2), &draft(8, 1));
        keeping.keep_draft("../1003", &key(1), &draft(9, 1));
        let again = Keeping::new(Some(folder.clone()));
        assert_eq!(again.drafts("1001", &key(1)), [draft(7, 2)]);
        #[cfg(unix)]
        {
            let mode =
                |path: &str| std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(folder.join(path)).expect("written").permissions());
            assert_eq!((mode("drafts/1001") & 0o777, mode("drafts/1001/7.draft") & 0o777), (0o700, 0o600));
        }
        assert!(!folder.with_file_name("1003").exists() && again.drafts("../1003", &key(1)).is_empty());
        again.forget_draft("1001", InteractionId(7));
        assert!(again.drafts("1001", &key(1)).is_empty() && !again.drafts("1002", &key(2)).is_empty());
        assert_eq!(again.settings(), Settings::default());
        let settings = Settings { dark: Some(true), scale_percent: Some(150), ..Settings::default() };
        again.keep_settings(&settings);
        std::fs::write(folder.join("drafts/1002/8.draft"), "{").expect("writable");
        assert!(again.drafts("1002", &key(2)).is_empty(), "a damaged file harms nobody");
        assert_eq!(Keeping::new(Some(folder.clone())).settings(), settings);
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn nobody_else_at_this_computer_reads_a_draft_and_none_passes_for_another() {
        let folder = folder("sealed");
        let keeping = Keeping::new(Some(folder.clone()));
        keeping.keep_draft("1001", &key(1), &draft(7, 1));
        keeping.keep_draft("1001", &Pii::default(), &draft(8, 1));
        let file = folder.join("drafts/1001/7.draft");
        let bytes = std::fs::read(&file).expect("written");
        let words = "水压不足".as_bytes();
        assert!(!bytes.windows(words.len()).any(|part| part == words), "it lies there in clear");
        assert_eq!(keeping.drafts("1001", &key(1)), [draft(7, 1)], "without a key nothing is written");
        assert!(keeping.drafts("1001", &key(2)).is_empty() && keeping.drafts("1001", &Pii::default()).is_empty());
        std::fs::rename(&file, folder.join("drafts/1001/9.draft")).expect("writable");
        assert!(keeping.drafts("1001", &key(1)).is_empty(), "a draft of another call");
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn a_draft_that_a_crash_met_on_the_way_to_its_place_is_found() {
        let folder = folder("moved");
        let keeping = Keeping::new(Some(folder.clone()));
        keeping.keep_draft("1001", &key(1), &draft(7, 1));
        let (place, new) = (folder.join("drafts/1001/7.draft"), folder.join("drafts/1001/7.draft.new"));
        let older = std::fs::read(&place).expect("written");
        keeping.keep_draft("1001", &key(1), &draft(7, 2));
        std::fs::rename(&place, &new).expect("writable");
        std::fs::write(&place, older).expect("writable");
        let mut found: Vec<u64> = keeping.drafts("1001", &key(1)).iter().map(|draft| draft.revision).collect();
        found.sort_unstable();
        assert_eq!(found, [1, 2], "written whole, and not moved");
        keeping.forget_draft("1001", InteractionId(7));
        assert!(!place.exists() && !new.exists());
        let _ = std::fs::remove_dir_all(folder);
    }
}
