//! Keys under which desktops keep drafts of summaries on their disks: one for each agent, made from one secret of the site and never
//! stored. Who signs in is handed the own key, so on a shared computer nobody reads what another has written.
//!
//! Not a key of anything the server keeps: when the secret is lost, drafts on the desks' disks cannot be read any more, and the server
//! still has its own copies of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::model::AgentId;
use shared::pii::Pii;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Length of the secret and of each key.
const KEY_BYTES: usize = 32;

/// The site's secret.
pub(crate) struct DraftKeys([u8; KEY_BYTES]);

impl DraftKeys {
    /// Reads the secret; a site that has none gets one, for its owner alone.
    ///
    /// # Errors
    /// The file cannot be read or written, or is no secret.
    pub(crate) fn load(path: &Path) -> std::io::Result<Self> {
        let mut secret = [0; KEY_BYTES];
        match std::fs::File::open(path) {
            Ok(mut file) => {
                file.read_exact(&mut secret)?;
                return Ok(Self(secret));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Whole or not at all: a server that was killed between the two starts with the next one.
        let new = path.with_extension("new");
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&secret)?;
        file.sync_all()?;
        std::fs::rename(new, path)?;
        Ok(Self(secret))
    }

    /// The key of an agent, in base64.
    pub(crate) fn of(&self, agent: AgentId) -> Pii<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(b"hotline draft key 1");
        mac.update(&agent.0.to_be_bytes());
        BASE64.encode(mac.finalize().into_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::DraftKeys;
    use crate::scratch::Scratch;
    use shared::model::AgentId;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn each_agent_has_a_key_that_outlives_a_restart_and_the_secret_is_its_owners_alone() {
        let scratch = Scratch::new();
        let path = scratch.path("keys/drafts.key");
        let keys = DraftKeys::load(&path).expect("made");
        let (mine, anothers) = (keys.of(AgentId(1)), keys.of(AgentId(2)));
        assert_ne!(mine.reveal(), anothers.reveal());
        assert_eq!(DraftKeys::load(&path).expect("read").of(AgentId(1)).reveal(), mine.reveal());
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let other = Scratch::new();
        assert_ne!(DraftKeys::load(&other.path("drafts.key")).expect("made").of(AgentId(1)).reveal(), mine.reveal(), "another site");
        std::fs::write(&path, "short").expect("writable");
        assert!(DraftKeys::load(&path).is_err(), "a damaged one is never replaced in silence");
    }
}
