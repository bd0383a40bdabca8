//! A virtual display for what opens windows.

use crate::process::{self, Companion};
use anyhow::Result;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// An Xvfb on a free number. Dropping it ends it.
pub(crate) struct Display {
    name: String,
    _server: Companion,
}

impl Display {
    /// Starts it; its log goes into `folder`.
    ///
    /// # Errors
    /// It does not come up.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset"]);
        let mut server = Companion::start("Xvfb", &mut command, &folder.join("xvfb.log"))?;
        let number = server.wait_for(Duration::from_secs(30), "the display's number", serde_json::Value::as_u64)?;
        Ok(Self { name: format!(":{number}"), _server: server })
    }

    /// For `DISPLAY`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Saves what it shows.
    ///
    /// # Errors
    /// The picture could not be taken.
    pub(crate) fn picture(&self, path: &Path) -> Result<()> {
        let path = path.to_string_lossy();
        process::output(Path::new("import"), &["-display", &self.name, "-window", "root", &path]).map(|_| ())
    }
}
