//! Keys that work in every program: Ctrl+Shift with the F-key of the call bar. X11 and Windows; a Wayland desktop gives none away.

use super::Press;
use global_hotkey::hotkey::{Code, HotKey, Modifiers};
use global_hotkey::{GlobalHotKeyEvent, GlobalHotKeyManager, HotKeyState};
use tokio::sync::mpsc;

/// An F-key that is shared with every other program, and means what it means in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SharedKey {
    /// 接听
    F2,
    /// 键盘
    F3,
    /// 挂断
    F4,
    /// 保持, 取回
    F5,
    /// 静音
    F6,
    /// 转接
    F7,
    /// 咨询
    F8,
    /// 三方, which is ⇧F8 in the window: here the shift key is pressed already.
    F9,
}

impl SharedKey {
    /// All of them.
    pub(crate) const ALL: [(Self, Code); 8] = [
        (Self::F2, Code::F2),
        (Self::F3, Code::F3),
        (Self::F4, Code::F4),
        (Self::F5, Code::F5),
        (Self::F6, Code::F6),
        (Self::F7, Code::F7),
        (Self::F8, Code::F8),
        (Self::F9, Code::F9),
    ];

    /// Whether it opens something that must be seen.
    pub(crate) fn needs_window(self) -> bool {
        match self {
            Self::F3 | Self::F7 | Self::F8 | Self::F9 => true,
            Self::F2 | Self::F4 | Self::F5 | Self::F6 => false,
        }
    }
}

/// The keys, ours until this is dropped.
pub(super) struct Hotkeys {
    _manager: GlobalHotKeyManager,
}

impl Hotkeys {
    /// Takes the keys; one that another program has already is left to it.
    pub(super) fn start(press: mpsc::Sender<Press>) -> Option<Self> {
        let manager = GlobalHotKeyManager::new().inspect_err(|error| tracing::info!(%error, "no keys for every program")).ok()?;
        let taken = SharedKey::ALL.map(|(key, code)| {
            let wanted = HotKey::new(Some(Modifiers::CONTROL | Modifiers::SHIFT), code);
            if let Err(error) = manager.register(wanted) {
                tracing::info!(?key, %error, "another program has this key");
            }
            (wanted.id(), key)
        });
        GlobalHotKeyEvent::set_event_handler(Some(move |event: GlobalHotKeyEvent| {
            let pressed = event.state() == HotKeyState::Pressed;
            let key = taken.iter().find(|(id, _)| pressed && *id == event.id());
            if let Some((_, key)) = key
                && press.try_send(Press::Key(*key)).is_err()
            {
                tracing::warn!(?key, "a key is not heard");
            }
        }));
        Some(Self { _manager: manager })
    }
}
