//! Papers, drafts, summaries, passwords and mute, as one session sees them.

use super::*;
use crate::{HistoryTold, Saved, SoundTest};
use shared::model::{CardChange, CardField, DraftCopy, MemberUnit, PersonId, Summary, UnitId};
use shared::wire::{Answer, DeskRules, Question};

fn with_papers(initial: bool) -> FromServer {
    let FromServer::SignedIn { session, token, agent, number, name, media, .. } = signed_in("key") else { unreachable!("made above") };
    let rules = Box::new(DeskRules {
        papers: true,
        card_history: true,
        password_is_initial: initial,
        drafts_key: "key".to_owned().into(),
        ..DeskRules::default()
    });
    FromServer::SignedIn { session, token, agent, number, name, media, rules }
}

fn online(initial: bool) -> (Desktop, Vec<String>) {
    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    desktop.event(Event::LinkUp);
    desktop.receive(welcome(1));
    let asked = desktop.receive(with_papers(initial));
    desktop.receive(FromServer::Desk(Box::new(desk(1, AgentState::Ready))));
    (desktop, asked)
}

/// The drafts are known: there are none.
fn at_work() -> Desktop {
    let (mut desktop, _) = online(false);
    desktop.receive(drafts(Vec::new()));
    desktop
}

/// The answer to the question for drafts.
fn drafts(drafts: Vec<DraftCopy>) -> FromServer {
    FromServer::Answer { request: RequestId(4), answer: Box::new(Answer::Drafts { drafts }) }
}

fn talking(revision: u64) -> FromServer {
    FromServer::Desk(Box::new(Desk { call: Some(call(CallPhase::Talking)), ..desk(revision, AgentState::Talking) }))
}

fn summary(content: &str) -> Summary {
    Summary { content: content.to_owned().into(), ..Summary::new(InteractionId(7)) }
}

fn unit(id: u32) -> MemberUnit {
    MemberUnit { unit: UnitId(id), name: format!("单位{id}"), phones: Vec::new() }
}

#[test]
fn papers_are_asked_for_at_sign_in_and_the_phone_book_page_by_page() {
    let (mut desktop, asked) = online(false);
    let questions = ["House", "Dispositions", "Units { after: None }", "Drafts", "Figures"];
    let wanted: Vec<String> = (1..).zip(questions).map(|(request, question)| format!("ask {request} {question}")).collect();
    assert_eq!(asked[2..7], wanted[..]);
    let page = |units, more| Box::new(Answer::Units { units, more });
    let next = desktop.receive(FromServer::Answer { request: RequestId(3), answer: page(vec![unit(1), unit(2)], true) });
    assert_eq!(next, ["ask 6 Units { after: Some(UnitId(2)) }"]);
    desktop.receive(FromServer::Answer { request: RequestId(6), answer: page(vec![unit(3)], false) });
    assert_eq!(desktop.session.view().papers.units.len(), 3);
    assert_eq!(desktop.wish(Wish::Look(Question::Drafts)), [] as [&str; 0], "it is asked already");
    desktop.wish(Wish::Look(Question::Units { after: None }));
    desktop.receive(FromServer::Answer { request: RequestId(7), answer: page(vec![unit(2)], false) });
    assert_eq!(desktop.session.view().papers.units, [unit(2)], "the book begins anew");
    assert!(!desktop.session.view().asked, "no button waits for papers");
}

#[test]
fn an_initial_password_is_changed_before_anything_is_looked_up() {
    let (mut desktop, asked) = online(true);
    assert_eq!(asked, ["open hotline:4000 key", "find drafts 1001", "ping 1"]);
    assert!(desktop.session.view().must_change_password());
    let wish = || Wish::ChangePassword { old: "old".to_owned().into(), new: "new".to_owned().into() };
    let sent = desktop.wish(wish());
    assert!(sent[0].starts_with("do 1 ChangePassword") && !sent[0].contains("old:\"old"), "{sent:?}");
    desktop.receive(FromServer::Refused { request: RequestId(1), reason: Refusal::WrongPassword });
    assert!(desktop.session.view().must_change_password());
    desktop.wish(wish());
    let then = desktop.receive(FromServer::Done { request: RequestId(2) });
    assert_eq!(then[0], "ask 3 House");
    assert_eq!((desktop.session.view().must_change_password(), desktop.session.view().saved), (false, Some(Saved::Password)));
}

#[test]
fn a_draft_is_kept_on_the_disk_and_at_the_server_and_gone_once_the_summary_is_in() {
    let mut desktop = at_work();
    desktop.receive(talking(2));
    assert_eq!(desktop.wish(Wish::Write(Box::new(summary("水")))), [] as [&str; 0]);
    assert_eq!(desktop.tick_after(500), ["write draft 1001 7 1"]);
    desktop.tick_after(2_000);
    let sent = desktop.tick_after(2_500);
    assert!(sent.contains(&"keep 7 1".to_owned()), "{sent:?}");
    desktop.receive(FromServer::Kept { interaction: InteractionId(7), revision: 1, at: UnixMillis(5) });
    assert_eq!(desktop.session.view().drafts[&InteractionId(7)].kept, Some(UnixMillis(5)));

    let wrap_up = shared::model::WrapUpView {
        interaction: InteractionId(7),
        expires: UnixMillis(9),
        ended_by: shared::model::Side::Caller,
        extensions: 0,
    };
    desktop.receive(FromServer::Desk(Box::new(Desk { wrap_up: Some(wrap_up), ..desk(3, AgentState::WrapUp) })));
    let sent = desktop.wish(Wish::Submit { summary: Box::new(summary("水")), end: true });
    let request = RequestId(sent[0].split(' ').nth(1).and_then(|number| number.parse().ok()).expect("a request"));
    assert!(sent[0].contains("SubmitSummary"));
    let then = desktop.receive(FromServer::Done { request });
    assert!(then.contains(&"forget draft 1001 7".to_owned()) && then.iter().any(|line| line.contains("EndWrapUp")), "{then:?}");
    assert!(desktop.session.view().drafts.is_empty());
}

#[test]
fn a_refused_summary_leaves_its_draft_and_a_cut_sends_it_again() {
    let mut desktop = at_work();
    desktop.receive(talking(2));
    desktop.wish(Wish::Write(Box::new(summary("水"))));
    let sent = desktop.wish(Wish::Submit { summary: Box::new(summary("水")), end: true });
    let request = RequestId(sent[0].split(' ').nth(1).and_then(|number| number.parse().ok()).expect("a request"));
    desktop.receive(FromServer::Refused { request, reason: Refusal::Incomplete });
    assert_eq!(desktop.session.view().refusal, Some(Refusal::Incomplete));
    assert!(desktop.session.view().drafts.contains_key(&InteractionId(7)));
    desktop.cut();
    desktop.tick_at_deadline();
    desktop.tick_after(6_000);
    desktop.event(Event::LinkUp);
    desktop.receive(welcome(1));
    let sent = desktop.receive(with_papers(false));
    assert!(sent.contains(&"keep 7 1".to_owned()), "{sent:?}");
}

#[test]
fn a_draft_of_a_crashed_program_is_there_again_and_goes_to_the_server() {
    let (mut desktop, _) = online(false);
    let draft = DraftCopy { revision: 4, changed: UnixMillis(1), summary: summary("水压") };
    desktop.event(Event::DraftsFound { number: "1002".to_owned(), drafts: vec![draft.clone()] });
    assert!(desktop.session.view().drafts.is_empty(), "another's");
    desktop.event(Event::DraftsFound { number: "1001".to_owned(), drafts: vec![draft] });
    assert_eq!(desktop.session.view().drafts[&InteractionId(7)].copy.revision, 4);
    desktop.tick_after(2_500);
    assert!(desktop.tick_after(2_500).contains(&"keep 7 4".to_owned()));
}

#[test]
fn nothing_is_written_or_submitted_before_the_servers_drafts_are_here() {
    let (mut desktop, _) = online(false);
    desktop.receive(talking(2));
    assert!(!desktop.session.view().drafts_known);
    desktop.wish(Wish::Write(Box::new(summary("空"))));
    assert_eq!(desktop.wish(Wish::Submit { summary: Box::new(summary("空")), end: true }), [] as [&str; 0]);
    let other = DraftCopy { revision: 9, changed: UnixMillis(1), summary: summary("另一台电脑写的") };
    desktop.receive(drafts(vec![other.clone()]));
    assert!(desktop.session.view().drafts_known);
    assert_eq!(desktop.session.view().drafts[&InteractionId(7)].copy, other);
    desktop.wish(Wish::Write(Box::new(summary("另一台电脑写的，接着写"))));
    assert_eq!(desktop.session.view().drafts[&InteractionId(7)].copy.revision, 10);
}

#[test]
fn a_server_that_tells_no_drafts_or_keeps_no_papers_holds_up_nobody_and_without_a_key_nothing_is_on_the_disk() {
    let (mut desktop, _) = online(false);
    desktop.receive(FromServer::Refused { request: RequestId(4), reason: Refusal::NotSaved });
    assert!(desktop.session.view().drafts_known);
    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    desktop.event(Event::LinkUp);
    desktop.receive(welcome(1));
    desktop.receive(signed_in("key"));
    assert!(desktop.session.view().drafts_known);
    desktop.wish(Wish::Write(Box::new(summary("水"))));
    assert!(!desktop.tick_after(500).iter().any(|line| line.starts_with("write draft")));
}

const HISTORY: Question = Question::CardHistory { interaction: InteractionId(7), person: PersonId(3) };

fn history(request: u64, person: u64) -> FromServer {
    let change = CardChange {
        at: UnixMillis(5),
        by: "1002".to_owned(),
        by_name: None,
        field: CardField::Name,
        before: "李雷".to_owned().into(),
        after: "李蕾".to_owned().into(),
    };
    let answer = Box::new(Answer::CardHistory { person: PersonId(person), changes: vec![change], more: true });
    FromServer::Answer { request: RequestId(request), answer }
}

fn told(desktop: &Desktop) -> Option<(u64, &HistoryTold)> {
    desktop.session.view().card_history.as_ref().map(|history| (history.person.0, &history.told))
}

#[test]
fn a_cards_history_is_asked_for_once_and_what_is_shown_is_that_of_the_person_asked_about_last() {
    let mut desktop = at_work();
    desktop.receive(talking(2));
    assert!(desktop.session.view().can_ask_card_history(InteractionId(7)));
    assert_eq!(desktop.wish(Wish::Look(HISTORY)), ["ask 6 CardHistory { interaction: InteractionId(7), person: PersonId(3) }"]);
    assert_eq!(told(&desktop), Some((3, &HistoryTold::Asked)));
    assert_eq!(desktop.wish(Wish::Look(HISTORY)), [] as [&str; 0], "it is asked already");
    desktop.wish(Wish::Look(Question::CardHistory { interaction: InteractionId(7), person: PersonId(4) }));
    desktop.receive(history(6, 3));
    assert_eq!(told(&desktop), Some((4, &HistoryTold::Asked)), "of another person");
    desktop.receive(history(7, 4));
    let Some((4, HistoryTold::Known { changes, more: true })) = told(&desktop) else { panic!("{:?}", told(&desktop)) };
    assert_eq!(changes[0].after.reveal(), "李蕾");
    assert!(!desktop.session.view().asked, "no button waits for it");
}

#[test]
fn a_history_that_is_refused_cut_off_or_unknown_to_an_older_server_has_failed() {
    let mut desktop = at_work();
    desktop.wish(Wish::Look(HISTORY));
    desktop.receive(FromServer::Refused { request: RequestId(6), reason: Refusal::NoSuchCall });
    assert_eq!(told(&desktop), Some((3, &HistoryTold::Failed)));
    assert_eq!(desktop.session.view().refusal, None, "the sheet says it itself");
    desktop.wish(Wish::Look(HISTORY));
    assert_eq!(told(&desktop), Some((3, &HistoryTold::Asked)));
    desktop.cut();
    assert_eq!(told(&desktop), Some((3, &HistoryTold::Failed)));
    desktop.wish(Wish::Look(HISTORY));
    assert_eq!(told(&desktop), Some((3, &HistoryTold::Failed)), "there is no connection");

    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    desktop.event(Event::LinkUp);
    desktop.receive(welcome(1));
    desktop.receive(signed_in("key"));
    desktop.receive(talking(2));
    assert!(!desktop.session.view().can_ask_card_history(InteractionId(7)));
    assert_eq!(desktop.wish(Wish::Look(HISTORY)), [] as [&str; 0]);
}

#[test]
fn a_headsets_buttons_do_what_is_possible_and_one_press_that_tells_its_release_hangs_nobody_up() {
    use crate::HeadsetButton::{Drop, Flash, Mute, OffHook, OnHook};
    let mut desktop = at_work();
    for button in [OffHook, OnHook, Drop, Flash, Mute] {
        assert_eq!(desktop.event(Event::Headset(button)), [] as [&str; 0], "there is no call");
    }
    desktop.receive(ringing(2));
    let answered = desktop.event(Event::Headset(OffHook));
    assert!(answered[0].contains("Accept"), "{answered:?}");
    assert_eq!(desktop.event(Event::Headset(OnHook)), [] as [&str; 0], "its release, before the server has answered");
    desktop.receive(FromServer::Done { request: asked(&answered) });
    desktop.receive(talking(3));
    assert_eq!(desktop.event(Event::Headset(Mute)), ["mute true"]);
    let held = desktop.event(Event::Headset(Flash));
    assert!(held[0].contains("Hold"), "{held:?}");
    desktop.receive(FromServer::Done { request: asked(&held) });
    let ended = desktop.event(Event::Headset(OnHook));
    assert!(ended[0].contains("HangUp"), "{ended:?}");
}

/// Of `do 7 …`.
fn asked(lines: &[String]) -> RequestId {
    RequestId(lines[0].split(' ').nth(1).and_then(|number| number.parse().ok()).expect("a request"))
}

#[test]
fn mute_lasts_for_the_call_and_nobody_hears_a_sound_test() {
    let (mut desktop, _) = online(false);
    assert_eq!(desktop.wish(Wish::Mute(true)), [] as [&str; 0], "there is no call");
    assert_eq!(desktop.wish(Wish::TestSound(SoundTest::Record)), ["test Record"]);
    desktop.receive(talking(2));
    assert_eq!(desktop.wish(Wish::TestSound(SoundTest::Record)), [] as [&str; 0]);
    assert_eq!(desktop.wish(Wish::Mute(true)), ["mute true"]);
    assert!(desktop.session.view().muted);
    let after = desktop.receive(FromServer::Desk(Box::new(desk(3, AgentState::Ready))));
    assert_eq!(after[..2], ["talk false", "mute false"]);
    assert!(!desktop.session.view().muted);
}
