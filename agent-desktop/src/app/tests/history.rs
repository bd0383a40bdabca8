//! The history of a card: what the sheet shows and takes back, and how the keys lead there.

use super::*;
use crate::screens::agent::Action;
use crate::screens::agent::correction::Edit;
use desktop_core::{CardHistory, HistoryTold};
use shared::model::{CardChange, CardField};
use shared::wire::Question;

const ASKED: Wish = Wish::Look(Question::CardHistory { interaction: InteractionId(12), person: PersonId(1) });

/// One correction of two fields, one at the server itself, and what the person was registered with.
pub(super) fn changes() -> Vec<CardChange> {
    let change = |seconds, (by, name): (&str, Option<&str>), field, before: &str, after: &str| CardChange {
        at: ago(seconds),
        by: by.to_owned(),
        by_name: name.map(str::to_owned),
        field,
        before: before.to_owned().into(),
        after: after.to_owned().into(),
    };
    let (chen, zhou) = (("1003", Some("陈晨")), ("1011", Some("周敏")));
    let address = "溧阳市昆仑街道燕山南路 88 号 2 幢";
    vec![
        change(3_600, chen, CardField::Address, "溧阳市昆仑街道燕山南路 8 号", address),
        change(3_600, chen, CardField::Tags, "", "方言"),
        change(700_000, ("console", None), CardField::Name, "王秀瑛", "王秀英"),
        change(2_000_000, zhou, CardField::Address, "", "溧阳市昆仑街道燕山南路 8 号"),
        change(2_000_000, zhou, CardField::Name, "", "王秀瑛"),
    ]
}

pub(super) fn talk_with(told: Option<HistoryTold>) -> View {
    let mut view = with_papers(talking());
    if let Some(card) = view.desk.as_mut().and_then(|desk| desk.call.as_mut()).and_then(|call| call.card.as_mut()) {
        card.persons[0].tags = vec!["方言".to_owned()];
    }
    view.card_history = told.map(|told| CardHistory { interaction: InteractionId(12), person: PersonId(1), told });
    view
}

pub(super) fn known(changes: Vec<CardChange>, more: bool) -> View {
    talk_with(Some(HistoryTold::Known { changes: changes.into(), more }))
}

/// The sheet is open and shows this.
pub(super) fn open(view: View) -> Desktop {
    let mut desktop = Desktop::showing(talk_with(None));
    control(&mut desktop, "h");
    assert_eq!(desktop.wishes(), [ASKED]);
    desktop.shows(view);
    desktop
}

fn control(desktop: &mut Desktop, key: &str) {
    desktop.tell(Message::Key(pressed(Key::Character(key.into()), Modifiers::CTRL, false)));
}

fn corrected(desktop: &Desktop) -> shared::wire::Correction {
    let wishes = desktop.wishes();
    let [Wish::Correct(correction)] = wishes.as_slice() else { panic!("one correction: {wishes:?}") };
    correction.clone()
}

#[test]
fn a_cards_history_tells_who_changed_what_from_what_to_what_and_when() {
    let mut desktop = Desktop::showing(talk_with(None));
    desktop.click("修改记录");
    assert_eq!(desktop.wishes(), [ASKED]);
    desktop.assert_finds(&["资料修改记录", "正在读取…"]);
    desktop.shows(known(changes(), true));
    desktop.assert_finds(&[
        "11-23 09:24",
        "1003 陈晨",
        "溧阳市昆仑街道燕山南路 8 号",
        "–",
        "管理员",
        "王秀瑛",
        "登记",
        "更早的修改没有列出",
    ]);
    desktop.assert_lacks(&["正在读取…"]);
    desktop.press(Named::Escape);
    desktop.assert_lacks(&["资料修改记录"]);
}

#[test]
fn a_history_that_is_empty_says_so_and_one_that_failed_is_asked_for_again_by_enter() {
    let mut desktop = open(known(Vec::new(), false));
    desktop.assert_finds(&["这张资料没有修改过"]);
    desktop.press(Named::Enter);
    assert_eq!(desktop.wishes(), []);
    desktop.shows(talk_with(Some(HistoryTold::Failed)));
    desktop.assert_finds(&["没有读到修改记录"]);
    desktop.press(Named::Enter);
    assert_eq!(desktop.wishes(), [ASKED]);
    desktop.click("再试一次");
    assert_eq!(desktop.wishes(), [ASKED]);
    desktop.assert_finds(&["资料修改记录"]);
    let other = CardHistory { interaction: InteractionId(12), person: PersonId(2), told: HistoryTold::Failed };
    desktop.shows(View { card_history: Some(other), ..talk_with(None) });
    desktop.assert_finds(&["正在读取…"]);
}

#[test]
fn what_stood_there_goes_into_the_form_and_is_on_the_card_only_when_it_is_saved() {
    let mut desktop = open(known(changes(), false));
    desktop.press(Named::ArrowDown);
    desktop.press(Named::ArrowDown);
    desktop.press(Named::Enter);
    assert_eq!(desktop.wishes(), [], "nothing is changed yet");
    desktop.assert_finds(&["更正来电人资料"]);
    desktop.assert_lacks(&["资料修改记录"]);
    desktop.click("保存");
    let correction = corrected(&desktop);
    assert_eq!((correction.person, correction.name.reveal().as_str()), (Some(PersonId(1)), "王秀瑛"));
    assert_eq!((correction.address.reveal().contains("88"), correction.tags), (true, vec!["方言".to_owned()]), "the rest stays");

    let mut desktop = open(known(changes(), false));
    desktop.tell(Message::Agent(agent::Message::TakeBack(1)));
    desktop.click("保存");
    assert_eq!(corrected(&desktop).tags, [] as [String; 0]);

    // Nobody is left without a name, and what stands there already is no change.
    let mut desktop = open(known(changes(), false));
    desktop.tell(Message::Agent(agent::Message::TakeBack(4)));
    desktop.assert_finds(&["资料修改记录"]);
    let words = |desktop: &Desktop| {
        let mut simulator = desktop.simulator();
        simulator.find("改回").is_ok()
    };
    assert!(words(&desktop));
    desktop.shows(known(changes().split_off(4), false));
    assert!(!words(&desktop));
}

#[test]
fn arrows_step_through_the_history_also_while_they_are_held_and_the_list_follows() {
    let mut desktop = open(known(changes(), false));
    let (texts, palette) = (desktop.app.language.texts(), desktop.app.mode.palette());
    let settings = desktop.app.settings.clone();
    let view = desktop.app.view.clone();
    let scene = crate::screens::Scene { view: &view, texts, palette, ..desktop.app.scene() };
    let step = |desktop: &mut agent::State, down| desktop.update(agent::Message::Step(down), scene, &settings);
    let mut state = std::mem::take(&mut desktop.app.agent);
    let shares: Vec<_> = [true, true, true, true, true, false].map(|down| step(&mut state, down)).into();
    let expected = [0.25, 0.5, 0.75, 1.0, 1.0, 0.75].map(|share| Action::Scroll("card-history", share));
    assert_eq!(shares, expected);

    let mut desktop = open(known(changes(), false));
    for repeat in [false, true] {
        desktop.tell(Message::Key(pressed(Key::Named(Named::ArrowDown), Modifiers::empty(), repeat)));
    }
    desktop.tell(Message::Key(pressed(Key::Named(Named::Enter), Modifiers::empty(), true)));
    desktop.assert_finds(&["资料修改记录"]);
    desktop.press(Named::Enter);
    desktop.click("保存");
    assert_eq!(corrected(&desktop).name.reveal(), "王秀瑛");
}

#[test]
fn of_keys_that_a_field_takes_or_that_are_held_only_those_of_a_list_are_for_us() {
    use iced::event::Status::{Captured, Ignored};
    let told = |key, repeat, status| {
        let event = iced::Event::Keyboard(pressed(Key::Named(key), Modifiers::empty(), repeat));
        super::super::key_for_us(event, status, iced::window::Id::unique()).is_some()
    };
    for key in [Named::ArrowUp, Named::ArrowDown] {
        assert!([false, true].iter().all(|repeat| !told(key, *repeat, Captured) && told(key, *repeat, Ignored)), "{key:?}");
    }
    assert!(told(Named::Escape, false, Captured) && !told(Named::Escape, true, Captured));
    assert!(told(Named::Enter, false, Ignored) && !told(Named::Enter, false, Captured) && !told(Named::Enter, true, Ignored));
}

#[test]
fn keys_lead_to_the_card_but_not_over_another_sheet_nor_while_it_rings_nor_where_the_server_knows_no_history() {
    let mut desktop = Desktop::showing(talk_with(None));
    control(&mut desktop, "e");
    desktop.assert_finds(&["更正来电人资料"]);
    control(&mut desktop, "n");
    control(&mut desktop, "h");
    desktop.assert_finds(&["更正来电人资料"]);
    desktop.tell(Message::Agent(agent::Message::Edit(Edit::Name("王小明".to_owned().into()))));
    desktop.click("保存");
    assert_eq!(corrected(&desktop).person, None, "somebody else");

    desktop.shows(with_papers(ringing()));
    control(&mut desktop, "e");
    control(&mut desktop, "h");
    desktop.assert_lacks(&["更正来电人资料", "资料修改记录"]);
    assert_eq!(desktop.wishes(), []);

    let mut view = with_papers(talking());
    view.rules.card_history = false;
    let mut old = Desktop::showing(view);
    old.assert_lacks(&["修改记录"]);
    control(&mut old, "h");
    assert_eq!(old.wishes(), []);
}

#[test]
fn a_sheet_closes_with_its_call_and_behind_the_lock_and_stays_over_a_cut() {
    let mut desktop = open(known(changes(), false));
    desktop.shows(View { link: LinkState::Reconnecting { attempt: 1, since: NOW_MS }, ..known(changes(), false) });
    desktop.assert_finds(&["资料修改记录"]);
    desktop.shows(ready());
    desktop.assert_lacks(&["资料修改记录"]);
    let mut desktop = open(known(changes(), false));
    desktop.shows(not_ready(NotReadyReason::Locked));
    desktop.shows(talk_with(None));
    desktop.assert_lacks(&["资料修改记录"]);
}

#[test]
fn of_several_persons_the_next_one_is_shown_by_key_and_it_is_the_history_of_that_one() {
    let mut view = with_papers(ringing_with_two());
    if let Some(desk) = view.desk.as_mut() {
        desk.call = desk.offer.take().map(|offer| CallView { phase: CallPhase::Talking, ..offer.call });
    }
    let mut desktop = Desktop::showing(view);
    control(&mut desktop, "p");
    control(&mut desktop, "h");
    let second = Question::CardHistory { interaction: InteractionId(12), person: PersonId(2) };
    assert_eq!(desktop.wishes(), [Wish::Look(second)]);
    desktop.press(Named::Escape);
    control(&mut desktop, "p");
    control(&mut desktop, "h");
    assert_eq!(desktop.wishes(), [ASKED], "around");
}
