//! What the program shows and hears outside of its windows: the tray, desktop notifications, and keys that work in every program.
//!
//! Not here: what any of it means; the window says what to show and acts on what was pressed. Each of the three may be missing on a
//! desktop, which is told in the log and is no error: whatever can be done here can be done in the window.

mod hotkeys;
mod signs;
#[cfg(target_os = "linux")]
#[path = "linux/mod.rs"]
mod system;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod system;
#[cfg(any(windows, test))]
mod toast;

use hotkeys::Hotkeys;
pub(crate) use hotkeys::SharedKey;
use signs::Signs;
use tokio::sync::{mpsc, watch};

/// Presses that may wait.
const QUEUE_PRESSES: usize = 16;

/// What the tray and a notification show now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sign {
    /// Name of the program.
    pub(crate) product: String,
    /// The state in a word.
    pub(crate) state: String,
    /// Its colour.
    pub(crate) colour: [u8; 3],
    /// The tray's word for the window.
    pub(crate) open: String,
    /// The word for answering.
    pub(crate) answer: String,
    /// Answering is possible.
    pub(crate) can_answer: bool,
    /// A call that rings while the window is not before the agent's eyes.
    pub(crate) call: Option<CallSign>,
}

/// A call that rings, as a notification tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CallSign {
    /// Which offer: another one is another notification.
    pub(crate) offer: u64,
    /// Its first line.
    pub(crate) title: String,
    /// What else is known.
    pub(crate) body: String,
}

/// What the person did outside of the windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Press {
    /// 接听, on a notification or in the tray's menu.
    Answer,
    /// The tray or the notification itself: the window is wanted.
    Open,
    /// The tray came or went; without one a hidden window could not be found again.
    Tray(bool),
    /// A key that works in every program.
    Key(SharedKey),
}

/// The outside of one program.
pub(crate) struct Platform {
    sign: watch::Sender<Sign>,
    presses: Option<mpsc::Receiver<Press>>,
    _hotkeys: Option<Hotkeys>,
    /// After `sign`: it ends when that is gone.
    _signs: Option<Signs>,
}

impl Platform {
    /// Begins with tray, notifications and keys, as far as this desktop has them. On the main thread, as Windows wants it.
    pub(crate) fn start() -> Self {
        let (sign, shown) = watch::channel(Sign::default());
        let (press, presses) = mpsc::channel(QUEUE_PRESSES);
        let hotkeys = Hotkeys::start(press.clone());
        let signs = signs::start(shown, press);
        Self { sign, presses: Some(presses), _hotkeys: hotkeys, _signs: Some(signs) }
    }

    /// Nothing outside of the windows.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { sign: watch::channel(Sign::default()).0, presses: None, _hotkeys: None, _signs: None }
    }

    /// Shows this from now on. Never waits.
    pub(crate) fn show(&self, sign: Sign) {
        self.sign.send_if_modified(|shown| {
            let changed = *shown != sign;
            *shown = sign;
            changed
        });
    }

    /// What it shows, for tests.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> Sign {
        self.sign.borrow().clone()
    }

    /// What is pressed; given out once.
    pub(crate) fn presses(&mut self) -> Option<mpsc::Receiver<Press>> {
        self.presses.take()
    }
}
