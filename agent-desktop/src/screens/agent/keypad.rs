//! 键盘: keys that are sent into the call (RFC 4733), by mouse or by keyboard; what was pressed is shown.

use super::{Message, Scene};
use crate::font;
use crate::theme::{self, space, text_size};
use crate::widget::{button, group, label, strong};
use iced::widget::{Column, Row, column, container, text};
use iced::{Center, Fill};

const KEYS: [[char; 3]; 4] = [['1', '2', '3'], ['4', '5', '6'], ['7', '8', '9'], ['*', '0', '#']];
/// Keys that are shown: the newest.
const SHOWN: usize = 20;

/// Whether a telephone has this key.
pub(super) fn is_key(key: char) -> bool {
    KEYS.iter().flatten().any(|one| *one == key)
}

/// What is kept of the keys after one more.
pub(super) fn pressed(keys: &str, key: char) -> String {
    let mut all: Vec<char> = keys.chars().chain([key]).collect();
    let from = all.len().saturating_sub(SHOWN);
    all.drain(..from);
    all.into_iter().collect()
}

pub(super) fn view<'a>(keys: &'a str, scene: Scene<'a>) -> Column<'a, Message> {
    let palette = scene.palette;
    let echo = if keys.is_empty() { strong(" ") } else { strong(keys) };
    let echo = container(echo.size(text_size::CLOCK)).center_x(Fill).padding(space::S).style(move |_| theme::inset(palette));
    let rows = KEYS.map(|line| {
        let keys = line.map(|key| {
            let word = text(key.to_string()).size(text_size::NAME).font(font::BOLD);
            let place = button(container(word).center(Fill)).width(Fill).height(theme::size::BUTTON).on_press(Message::PressKey(key));
            place.style(move |_, status| theme::button_plain(palette, status)).into()
        });
        Row::from_iter(keys).spacing(space::S).into()
    });
    let title = text(scene.texts.papers.keypad).size(text_size::NUMBER).font(font::BOLD);
    column![title, echo, group(Column::from_iter(rows).spacing(space::S)), label(palette, scene.texts.papers.keypad_hint)]
        .spacing(space::M)
        .align_x(Center)
}

#[cfg(test)]
mod tests {
    use super::{SHOWN, is_key, pressed};

    #[test]
    fn the_newest_keys_are_shown_and_only_a_telephones() {
        let many = (0..40).fold(String::new(), |keys, _| pressed(&keys, '7'));
        assert_eq!(pressed(&many, '#').len(), SHOWN);
        assert!(pressed(&many, '#').ends_with("7#"));
        assert!(is_key('*') && is_key('0') && !is_key('A') && !is_key('+'));
    }
}
