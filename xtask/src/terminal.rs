//! Single keys from the terminal, with the terminal's own `stty`, restored when dropped.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// Keys as they are pressed.
pub(crate) struct Keys {
    saved: Option<String>,
    /// One character per key.
    pub(crate) pressed: Receiver<char>,
}

impl Keys {
    /// Reads keys without waiting for Enter; if standard input is no terminal, characters are read as they come.
    pub(crate) fn listen() -> Self {
        let saved = stty(&["-g"]).map(|settings| settings.trim().to_owned());
        if saved.is_some() {
            stty(&["-icanon", "-echo", "min", "1"]);
        }
        let (sender, pressed) = channel();
        std::thread::spawn(move || {
            for byte in std::io::BufReader::new(std::io::stdin()).bytes().map_while(Result::ok) {
                if sender.send(char::from(byte)).is_err() {
                    break;
                }
            }
        });
        Self { saved, pressed }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(saved) = &self.saved {
            stty(&[saved]);
        }
    }
}

fn stty(arguments: &[&str]) -> Option<String> {
    let output = Command::new("stty").args(arguments).stdin(Stdio::inherit()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
