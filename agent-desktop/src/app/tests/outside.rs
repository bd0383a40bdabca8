//! What is shown and done outside of the main window: the small window, tray, notification, keys from other programs.

use super::*;
use crate::platform::{Press, SharedKey};
use iced::window;
use shared::model::CallFunction;

/// Its main window is there, and another program has the keyboard.
fn away(view: View) -> Desktop {
    let mut desktop = Desktop::showing(ready());
    let main = window::Id::unique();
    desktop.tell(Message::Opened(main));
    desktop.shows(view);
    desktop
}

#[test]
fn a_call_is_told_outside_only_while_another_program_has_the_keyboard() {
    let mut desktop = away(with_papers(ringing_with_two()));
    let call = desktop.app.outside.platform.shown().call.expect("it rings elsewhere");
    assert_eq!(call.title, "王秀英 138 1234 5678");
    assert_eq!(call.body, "政务咨询 · 等待 00:08\n溧阳市昆仑街道燕山南路 88 号 2 幢");
    let pop = desktop.app.outside.pop.expect("a small window");
    assert_ne!(Some(pop), desktop.app.window);

    let main = desktop.app.window.expect("the main window");
    desktop.tell(Message::Focused(main, true));
    assert_eq!(desktop.app.outside.platform.shown().call, None);
    assert_eq!(desktop.app.outside.pop, None, "the ring is before the agent's eyes");
    desktop.shows(talking());
    desktop.shows(ringing());
    assert_eq!(desktop.app.outside.pop, None);
    desktop.tell(Message::Focused(main, false));
    assert!(desktop.app.outside.pop.is_some(), "the agent has turned to another program");
}

#[test]
fn the_small_window_goes_with_the_ring_and_is_not_there_for_whoever_does_not_want_it() {
    let mut desktop = away(ringing());
    assert!(desktop.app.outside.pop.is_some());
    desktop.shows(ready());
    assert_eq!((desktop.app.outside.pop, desktop.app.outside.platform.shown().call), (None, None));
    desktop.tell(Message::Agent(agent::Message::RingInMain(true)));
    desktop.shows(ringing());
    assert_eq!(desktop.app.outside.pop, None);
    assert!(desktop.app.outside.platform.shown().call.is_some(), "the notification is there all the same");
}

#[test]
fn the_small_window_says_who_calls_and_answers() {
    let mut desktop = away(with_papers(ringing_with_two()));
    desktop.small = true;
    desktop.size = super::super::outside::POP_SIZE;
    desktop.assert_finds(&["王秀英", "138 1234 5678", "溧阳市昆仑街道燕山南路 88 号 2 幢", "打开工作台"]);
    let _ = desktop.wishes();
    desktop.click("接听");
    assert_eq!(desktop.wishes(), [Wish::Answer]);
}

#[test]
fn a_press_outside_means_what_it_means_in_the_window() {
    let mut desktop = away(ringing());
    let _ = desktop.wishes();
    desktop.tell(Message::Pressed(Press::Answer));
    desktop.tell(Message::Pressed(Press::Key(SharedKey::F2)));
    desktop.tell(Message::Pressed(Press::Key(SharedKey::F5)));
    assert_eq!(desktop.wishes(), [Wish::Answer, Wish::Answer], "there is nothing to hold yet");
    desktop.shows(with_papers(talking()));
    desktop.tell(Message::Pressed(Press::Answer));
    desktop.tell(Message::Pressed(Press::Key(SharedKey::F5)));
    desktop.tell(Message::Pressed(Press::Key(SharedKey::F4)));
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::Hold), Wish::HangUp]);
    desktop.tell(Message::Pressed(Press::Key(SharedKey::F7)));
    desktop.assert_finds(&["↑ ↓ 选择，Enter 确定，Esc 关闭"]);
    desktop.press(Named::Escape);
    desktop.tell(Message::Pressed(Press::Key(SharedKey::F3)));
    desktop.press_digit("7");
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::PressKeys { keys: "7".to_owned() })], "the keypad is open");
    desktop.press(Named::Escape);
    desktop.shows(with_papers(consulting()));
    desktop.tell(Message::Pressed(Press::Key(SharedKey::F9)));
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::Merge)]);
}

#[test]
fn a_locked_seat_does_nothing_for_a_key_from_elsewhere() {
    let mut desktop = away(not_ready(NotReadyReason::Locked));
    let _ = desktop.wishes();
    for (key, _) in SharedKey::ALL {
        desktop.tell(Message::Pressed(Press::Key(key)));
    }
    assert_eq!(desktop.wishes(), []);
}

#[test]
fn closing_hides_in_the_tray_or_asks_but_never_drops_a_session() {
    let mut desktop = away(ready());
    let main = desktop.app.window.expect("the main window");
    desktop.tell(Message::Closing(main));
    desktop.assert_finds(&["现在签出？"]);
    desktop.tell(Message::Agent(agent::Message::CloseQuestion));
    desktop.tell(Message::Pressed(Press::Tray(true)));
    desktop.tell(Message::Closing(main));
    assert!(desktop.app.outside.hidden);
    desktop.assert_lacks(&["现在签出？"]);
    desktop.tell(Message::Pressed(Press::Tray(false)));
    assert!(!desktop.app.outside.hidden, "a window that is nowhere cannot be found");
}

#[test]
fn the_tray_has_the_states_word_and_colour() {
    let mut desktop = away(ready());
    let sign = desktop.app.outside.platform.shown();
    assert_eq!((sign.state.as_str(), sign.colour, sign.can_answer), ("空闲", [0x18, 0x7A, 0x44], false));
    desktop.tell(Message::Agent(agent::Message::SwitchLanguage));
    assert_eq!(desktop.app.outside.platform.shown().state, "Ready");
    desktop.shows(View::default());
    assert_eq!(desktop.app.outside.platform.shown().state, "Signed out");
}
