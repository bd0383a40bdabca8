//! Words of what stands outside of the main window, and of the settings that go with it, in both languages.

/// All of them.
#[derive(Debug)]
pub(crate) struct OutsideTexts {
    pub(crate) open: &'static str,
    pub(crate) signed_out: &'static str,
    pub(crate) ring_shown: &'static str,
    pub(crate) ring_window: &'static str,
    pub(crate) ring_main: &'static str,
    pub(crate) clean: &'static str,
    pub(crate) cancel_echo: &'static str,
    pub(crate) reduce_noise: &'static str,
    pub(crate) even_level: &'static str,
}

pub(super) const CHINESE: OutsideTexts = OutsideTexts {
    open: "打开工作台",
    signed_out: "未签入",
    ring_shown: "在其他程序中工作时，来电显示在",
    ring_window: "置顶小窗",
    ring_main: "主窗口",
    clean: "麦克风处理（戴耳机时无需回声消除）",
    cancel_echo: "回声消除",
    reduce_noise: "降噪",
    even_level: "自动增益",
};

pub(super) const ENGLISH: OutsideTexts = OutsideTexts {
    open: "Open the desk",
    signed_out: "Signed out",
    ring_shown: "While you work in other programs, show a call in",
    ring_window: "a small window on top",
    ring_main: "the main window",
    clean: "Microphone clean-up (a headset needs no echo cancelling)",
    cancel_echo: "Cancel echo",
    reduce_noise: "Reduce noise",
    even_level: "Even out level",
};
