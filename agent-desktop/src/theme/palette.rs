//! The colours of the light and the dark mode, and what they mean.

use iced::{Color, Theme, color};

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// For a bright room.
    #[default]
    Light,
    /// For the night shift.
    Dark,
}

impl Mode {
    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Light => Self::Dark,
            Self::Dark => Self::Light,
        }
    }

    /// Its colours.
    pub(crate) fn palette(self) -> Palette {
        match self {
            Self::Light => LIGHT,
            Self::Dark => DARK,
        }
    }
}

/// What a colour says. Never alone: a word stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// The next act; 通话中.
    Blue,
    /// 空闲, 接听, in order.
    Green,
    /// 振铃, near a limit.
    Amber,
    /// 保持, 咨询.
    Violet,
    /// 话后处理.
    Teal,
    /// 示忙, 挂断, out of bounds.
    Red,
    /// 离线, nothing to say.
    Grey,
}

/// All colours of one mode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Palette {
    /// Behind the cards.
    pub(crate) page: Color,
    /// Cards and bars.
    pub(crate) surface: Color,
    /// Fields and quiet buttons.
    pub(crate) raised: Color,
    /// Hairlines.
    pub(crate) border: Color,
    /// Body text.
    pub(crate) text: Color,
    /// Labels.
    pub(crate) label: Color,
    /// Text on a filled colour.
    pub(crate) on: Color,
    blue: [Color; 2],
    green: [Color; 2],
    amber: [Color; 2],
    violet: [Color; 2],
    teal: [Color; 2],
    red: [Color; 2],
    grey: [Color; 2],
}

const LIGHT: Palette = Palette {
    page: color!(0xF3F5F8),
    surface: color!(0xFFFFFF),
    raised: color!(0xF8FAFC),
    border: color!(0xD9E0E8),
    text: color!(0x18212C),
    label: color!(0x536070),
    on: color!(0xFFFFFF),
    blue: [color!(0x1D5FC4), color!(0xE4EEFC)],
    green: [color!(0x187A44), color!(0xE0F3E8)],
    amber: [color!(0x925800), color!(0xFDF0D8)],
    violet: [color!(0x6B41B5), color!(0xEEE7FA)],
    teal: [color!(0x0A6E69), color!(0xDDF3F1)],
    red: [color!(0xB42B22), color!(0xFCE6E4)],
    grey: [color!(0x586370), color!(0xE9EDF1)],
};

const DARK: Palette = Palette {
    page: color!(0x10141A),
    surface: color!(0x181E26),
    raised: color!(0x1F2731),
    border: color!(0x2E3844),
    text: color!(0xE9EEF4),
    label: color!(0xA5B1BF),
    on: color!(0x0E1319),
    blue: [color!(0x73ABFF), color!(0x1C2E4A)],
    green: [color!(0x55C98F), color!(0x173527)],
    amber: [color!(0xF0AE4B), color!(0x3B2C12)],
    violet: [color!(0xB99BF3), color!(0x2D2444)],
    teal: [color!(0x4BCBC3), color!(0x123533)],
    red: [color!(0xFF857C), color!(0x431F1E)],
    grey: [color!(0xA5B1BF), color!(0x262F3A)],
};

impl Palette {
    fn pair(&self, tone: Tone) -> [Color; 2] {
        match tone {
            Tone::Blue => self.blue,
            Tone::Green => self.green,
            Tone::Amber => self.amber,
            Tone::Violet => self.violet,
            Tone::Teal => self.teal,
            Tone::Red => self.red,
            Tone::Grey => self.grey,
        }
    }

    /// The full colour, for text, icons and filled buttons.
    pub(crate) fn color(&self, tone: Tone) -> Color {
        self.pair(tone)[0]
    }

    /// The faint colour behind text of the same tone.
    pub(crate) fn tint(&self, tone: Tone) -> Color {
        self.pair(tone)[1]
    }

    /// Page and text colour for iced itself.
    pub(crate) fn theme(&self) -> Theme {
        let seed = iced::theme::Palette {
            background: self.page,
            text: self.text,
            primary: self.color(Tone::Blue),
            success: self.color(Tone::Green),
            warning: self.color(Tone::Amber),
            danger: self.color(Tone::Red),
        };
        Theme::custom("Hotline", seed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::contrast::{TONES, assert_readable};
    use super::{Mode, Palette};

    fn each_mode(check: impl Fn(&str, Palette)) {
        check("light", Mode::Light.palette());
        check("dark", Mode::Dark.palette());
    }

    #[test]
    fn every_state_colour_is_readable_wherever_its_words_stand() {
        each_mode(|mode, palette| {
            for tone in TONES {
                let color = palette.color(tone);
                assert_readable(&format!("{mode} {tone:?} on tint"), color, palette.tint(tone));
                for (name, ground) in [("page", palette.page), ("surface", palette.surface), ("raised", palette.raised)] {
                    assert_readable(&format!("{mode} {tone:?} on {name}"), color, ground);
                }
                assert_readable(&format!("{mode} text on {tone:?}"), palette.on, color);
            }
        });
    }

    #[test]
    fn text_and_labels_are_readable_wherever_they_stand() {
        each_mode(|mode, palette| {
            for ground in [palette.page, palette.surface, palette.raised] {
                assert_readable(&format!("{mode} text"), palette.text, ground);
                assert_readable(&format!("{mode} label"), palette.label, ground);
            }
            for tone in TONES {
                assert_readable(&format!("{mode} text on {tone:?} tint"), palette.text, palette.tint(tone));
                assert_readable(&format!("{mode} label on {tone:?} tint"), palette.label, palette.tint(tone));
            }
        });
    }
}
