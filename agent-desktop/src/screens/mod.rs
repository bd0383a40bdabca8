//! The screens. Each shows the session's view and says what the person wishes; none knows another, the socket or the sound card.

pub(crate) mod agent;
pub(crate) mod sign_in;

use crate::i18n::Texts;
use crate::theme::Palette;
use desktop_core::{Millis, View};
use shared::model::UnixMillis;

/// What every screen is drawn from; no screen reads a clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// The session's truth.
    pub(crate) view: &'a View,
    /// The words.
    pub(crate) texts: &'static Texts,
    /// The colours.
    pub(crate) palette: Palette,
    /// Whether the colours are the dark ones, for the switch's word.
    pub(crate) dark: bool,
    /// The skin's monotonic clock.
    pub(crate) now_ms: Millis,
    /// Minutes that local time is ahead of UTC.
    pub(crate) utc_offset_minutes: i32,
    /// Width of the window in logical pixels.
    pub(crate) width: f32,
    /// Height of the window, likewise.
    pub(crate) height: f32,
    /// The session's thread is gone: only a new start helps.
    pub(crate) engine_stopped: bool,
}

impl Scene<'_> {
    /// The server's clock now.
    pub(crate) fn server_now(&self) -> UnixMillis {
        let now = i64::try_from(self.now_ms).unwrap_or(i64::MAX);
        UnixMillis(now.saturating_add(self.view.clock_offset_ms))
    }

    /// The minute of the local day, for hours of duty.
    pub(crate) fn minute_of_day(&self) -> u16 {
        let local = self.server_now().0.div_euclid(60_000) + i64::from(self.utc_offset_minutes);
        u16::try_from(local.rem_euclid(1_440)).unwrap_or(0)
    }

    /// How long ago `since` was, as a running clock.
    pub(crate) fn clock_since(&self, since: UnixMillis) -> String {
        clock(self.server_now().since(since))
    }

    /// Whole seconds left until `expires`, rounded up so that 0 means over.
    pub(crate) fn seconds_left(&self, expires: UnixMillis) -> u64 {
        expires.since(self.server_now()).div_ceil(1_000)
    }

    /// The part of the time from `start` to `end` that is left, 0 to 1.
    pub(crate) fn share_left(&self, start: UnixMillis, end: UnixMillis) -> f32 {
        let whole = end.since(start).max(1);
        let permille = end.since(self.server_now()).min(whole).saturating_mul(1_000) / whole;
        f32::from(u16::try_from(permille).unwrap_or(1_000)) / 1_000.0
    }

    /// A moment of the past as month, day and local time, `11-23 10:24`.
    pub(crate) fn day_and_time(&self, at: UnixMillis) -> String {
        let local = jiff::Timestamp::from_millisecond(at.0.saturating_add(i64::from(self.utc_offset_minutes) * 60_000)).unwrap_or_default();
        jiff::tz::Offset::UTC.to_datetime(local).strftime("%m-%d %H:%M").to_string()
    }

    /// A moment of today as local time, `10:24:31`.
    pub(crate) fn clock_of(&self, at: UnixMillis) -> String {
        let seconds = at.0.div_euclid(1_000) + i64::from(self.utc_offset_minutes) * 60;
        let (hours, minutes) = (seconds.div_euclid(3_600).rem_euclid(24), seconds.div_euclid(60).rem_euclid(60));
        format!("{hours:02}:{minutes:02}:{:02}", seconds.rem_euclid(60))
    }

    /// How long ago the connection broke: what is shown is no newer than that.
    pub(crate) fn stale_for(&self) -> Option<String> {
        match self.view.link {
            desktop_core::LinkState::Reconnecting { since, .. } => Some(clock(self.now_ms.saturating_sub(since))),
            desktop_core::LinkState::SignedOut
            | desktop_core::LinkState::SigningIn
            | desktop_core::LinkState::ConfirmCertificate { .. }
            | desktop_core::LinkState::ConfirmTakeOver
            | desktop_core::LinkState::Online => None,
        }
    }

    /// The wall clock on the status line, `HH:MM`.
    pub(crate) fn time_of_day(&self) -> String {
        let minutes = self.server_now().0.div_euclid(60_000) + i64::from(self.utc_offset_minutes);
        format!("{:02}:{:02}", minutes.div_euclid(60).rem_euclid(24), minutes.rem_euclid(60))
    }
}

/// A length as `MM:SS`, from an hour on as `H:MM:SS`.
pub(crate) fn clock(length_ms: u64) -> String {
    let seconds = length_ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes:02}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::{Scene, clock};
    use crate::i18n::Language;
    use crate::theme::Mode;
    use desktop_core::View;
    use shared::model::UnixMillis;

    fn scene(view: &View, now_ms: u64) -> Scene<'_> {
        let (texts, palette) = (Language::Chinese.texts(), Mode::Light.palette());
        Scene { view, texts, palette, dark: false, now_ms, utc_offset_minutes: 480, width: 1280.0, height: 800.0, engine_stopped: false }
    }

    #[test]
    fn a_clock_shows_hours_only_when_there_are_some() {
        assert_eq!(clock(0), "00:00");
        assert_eq!(clock(137_999), "02:17");
        assert_eq!(clock(3_600_000), "1:00:00");
        assert_eq!(clock(36_061_000), "10:01:01");
    }

    #[test]
    fn times_count_on_from_the_servers_clock() {
        let view = View { clock_offset_ms: 1_000_000, ..View::default() };
        let scene = scene(&view, 60_000);
        assert_eq!(scene.clock_since(UnixMillis(1_000_000)), "01:00");
        assert_eq!(scene.clock_since(UnixMillis(2_000_000)), "00:00", "a start in the future is no negative clock");
        assert_eq!(scene.seconds_left(UnixMillis(1_060_001)), 1);
        assert_eq!(scene.seconds_left(UnixMillis(1_060_000)), 0);
        assert!((scene.share_left(UnixMillis(1_050_000), UnixMillis(1_090_000)) - 0.75).abs() < 0.001);
    }

    #[test]
    fn a_moment_of_the_past_is_told_in_local_time() {
        let view = View::default();
        assert_eq!(scene(&view, 0).day_and_time(UnixMillis(1_795_400_671_000)), "11-23 10:24");
    }

    #[test]
    fn the_time_of_day_is_local() {
        let view = View::default();
        assert_eq!(scene(&view, 0).time_of_day(), "08:00");
        let night = Scene { utc_offset_minutes: -90, ..scene(&view, 0) };
        assert_eq!(night.time_of_day(), "22:30");
    }
}
