//! What the program keeps on this computer: drafts of summaries, and settings. Each file is written whole beside its place and then moved
//! there, so that a crash leaves the old one or the new one. Not here: when; the session says so.
//!
//! A draft holds what a citizen said: its folder and files are for their owner alone.

use desktop_core::SoundSettings;
use serde::{Deserialize, Serialize};
use shared::model::{DraftCopy, InteractionId};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Most drafts of one person that are read.
const MOST_DRAFTS: usize = 100;
/// Largest file that is read, in bytes.
const FILE_LIMIT: u64 = 64 * 1024;
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

    /// The drafts of a staff number; what cannot be read is left where it is.
    pub(crate) fn drafts(&self, number: &str) -> Vec<DraftCopy> {
        let Some(folder) = self.drafts_of(number) else { return Vec::new() };
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let files =
            entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "json"));
        files.take(MOST_DRAFTS).filter_map(|path| read(&path)).collect()
    }

    /// Writes a draft in place of an older one.
    pub(crate) fn keep_draft(&self, number: &str, draft: &DraftCopy) {
        let Some(folder) = self.drafts_of(number) else { return };
        let name = format!("{}.json", draft.summary.interaction);
        if let Err(error) = write(&folder, &name, draft) {
            tracing::error!(%error, "a draft is not on the disk; the server has it as soon as it can be reached");
        }
    }

    /// Takes a draft off the disk.
    pub(crate) fn forget_draft(&self, number: &str, interaction: InteractionId) {
        if let Some(folder) = self.drafts_of(number) {
            // That there is none is no error.
            let _ = std::fs::remove_file(folder.join(format!("{interaction}.json")));
        }
    }

    /// The person's settings.
    pub(crate) fn settings(&self) -> Settings {
        self.folder.as_ref().and_then(|folder| read(&folder.join(SETTINGS))).unwrap_or_default()
    }

    /// Keeps the settings.
    pub(crate) fn keep_settings(&self, settings: &Settings) {
        let Some(folder) = &self.folder else { return };
        if let Err(error) = write(folder, SETTINGS, settings) {
            tracing::warn!(%error, "the settings are not kept");
        }
    }

    /// A staff number has letters and digits; anything else names no folder.
    fn drafts_of(&self, number: &str) -> Option<PathBuf> {
        let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        self.folder.as_ref().filter(|_| plain).map(|folder| folder.join("drafts").join(number))
    }
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    if std::fs::metadata(path).ok()?.len() > FILE_LIMIT {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn write(folder: &Path, name: &str, value: &impl Serialize) -> std::io::Result<()> {
    make_folder(folder)?;
    let (new, place) = (folder.join(format!("{name}.new")), folder.join(name));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(&serde_json::to_vec(value)?)?;
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
    use shared::model::{DraftCopy, InteractionId, Summary, UnixMillis};

    fn draft(interaction: u64, revision: u64) -> DraftCopy {
        let summary = Summary { content: "水压不足".to_owned().into(), ..Summary::new(InteractionId(interaction)) };
        DraftCopy { revision, changed: UnixMillis(1), summary }
    }

    #[test]
    fn drafts_and_settings_are_there_after_a_crash_and_a_draft_is_its_owners_alone() {
        let folder = std::env::temp_dir().join(format!("hotline-keeping-{}", std::process::id()));
        let keeping = Keeping::new(Some(folder.clone()));
        keeping.keep_draft("1001", &draft(7, 1));
        keeping.keep_draft("1001", &draft(7, 2));
        keeping.keep_draft("1002", &draft(8, 1));
        keeping.keep_draft("../1003", &draft(9, 1));
        let again = Keeping::new(Some(folder.clone()));
        assert_eq!(again.drafts("1001"), [draft(7, 2)]);
        #[cfg(unix)]
        {
            let mode =
                |path: &str| std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(folder.join(path)).expect("written").permissions());
            assert_eq!((mode("drafts/1001") & 0o777, mode("drafts/1001/7.json") & 0o777), (0o700, 0o600));
        }
        assert!(!folder.with_file_name("1003").exists() && again.drafts("../1003").is_empty());
        again.forget_draft("1001", InteractionId(7));
        assert!(again.drafts("1001").is_empty() && !again.drafts("1002").is_empty());
        assert_eq!(again.settings(), Settings::default());
        let settings = Settings { dark: Some(true), scale_percent: Some(150), ..Settings::default() };
        again.keep_settings(&settings);
        std::fs::write(folder.join("drafts/1002/8.json"), "{").expect("writable");
        assert!(again.drafts("1002").is_empty(), "a damaged file harms nobody");
        assert_eq!(Keeping::new(Some(folder.clone())).settings(), settings);
        let _ = std::fs::remove_dir_all(folder);
    }
}
