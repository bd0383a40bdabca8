//! Summaries, choosers, lists, settings and passwords without a display.

use super::*;
use crate::keeping::Settings;
use agent::chooser::{FIELD, Purpose};
use desktop_core::{SoundTest, VoiceStatus};
use iced::widget::Id;
use shared::model::{CallEntry, CallFunction, Direction, MatterKind, NodeId, Summary, Target};
use shared::wire::{CallsPage, NodeRow, Question};

/// Lists as the server tells them.
pub(super) fn calls(page: CallsPage) -> Vec<CallEntry> {
    let entry = |interaction, seconds, number: &str, name: &str, talk_ms| CallEntry {
        interaction: InteractionId(interaction),
        at: ago(seconds),
        direction: if interaction == 11 { Direction::Outbound } else { Direction::Inbound },
        caller: Caller { number: Some(PhoneNumber::parse(number).expect("a number").into()) },
        name: name.to_owned().into(),
        waited_ms: 8_000,
        talk_ms,
        reason: Some(EndReason::CallerHungUp),
        about: (talk_ms > 0 && interaction != 10).then(|| "水压不足".to_owned()),
        lacks_summary: interaction == 10,
        promised: (page == CallsPage::Callbacks && interaction == 9).then_some(3),
    };
    match page {
        CallsPage::Mine => vec![
            entry(12, 900, "13812345678", "王秀英", 137_000),
            entry(11, 1_900, "051987210001", "", 62_000),
            entry(10, 5_400, "13900000000", "李建国", 245_000),
        ],
        CallsPage::Missed | CallsPage::Callbacks => vec![entry(9, 3_000, "13700000001", "陈梅", 0), entry(8, 9_000, "13700000002", "", 0)],
    }
}

fn tell(desktop: &mut Desktop, message: agent::Message) {
    desktop.tell(Message::Agent(message));
}

/// Types ASCII into the chooser and takes what Enter takes.
fn choose(desktop: &mut Desktop, typed: &str) {
    let mut simulator = desktop.simulator();
    simulator.click(Id::new(FIELD)).expect("the sheet has its field");
    simulator.typewrite(typed);
    let messages: Vec<Message> = simulator.into_messages().collect();
    messages.into_iter().for_each(|message| desktop.tell(message));
    tell(desktop, agent::Message::TakeChoice);
}

fn drafted(desktop: &Desktop) -> Summary {
    let wishes = desktop.wishes();
    let last = wishes.into_iter().rev().find_map(|wish| if let Wish::Write(summary) = wish { Some(*summary) } else { None });
    last.expect("a draft was written")
}

fn control(desktop: &mut Desktop, key: &str) {
    desktop.tell(Message::Key(pressed(Key::Character(key.into()), Modifiers::CTRL, false)));
}

#[test]
fn a_recording_pauses_by_key_and_goes_on_by_the_same_key() {
    let mut desktop = Desktop::showing(talking());
    let press = |desktop: &mut Desktop| desktop.tell(Message::Key(pressed(Key::Named(Named::F6), Modifiers::SHIFT, false)));
    press(&mut desktop);
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::PauseRecording)]);
    let mut desktop = Desktop::showing(paused());
    press(&mut desktop);
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::ResumeRecording)]);
    let mut desktop = Desktop::showing(ready());
    press(&mut desktop);
    assert_eq!(desktop.wishes(), []);
}

#[test]
fn every_session_begins_with_the_chosen_devices_and_the_list_of_colleagues_once() {
    let mut desktop = Desktop::started(Options::default(), View::default());
    desktop.shows(ready());
    desktop.shows(not_ready(NotReadyReason::Meal));
    let usual = [Wish::Sound(desktop_core::SoundSettings::default()), Wish::WatchAgents(true)];
    assert_eq!(desktop.wishes(), usual);
}

#[test]
fn function_keys_hold_mute_and_choose_with_whom_and_follow_the_servers_word() {
    let mut desktop = Desktop::showing(with_papers(talking()));
    desktop.press(Named::F5);
    desktop.press(Named::F6);
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::Hold), Wish::Mute(true)]);
    desktop.shows(View { muted: true, ..with_papers(held()) });
    desktop.assert_finds(&["取回", "取消静音"]);
    desktop.press(Named::F5);
    desktop.press(Named::F6);
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::Retrieve), Wish::Mute(false)]);
    desktop.shows(with_papers(consulting()));
    desktop.assert_finds(&["切换", "会议", "1003 周敏"]);
    desktop.press(Named::F7);
    desktop.press(Named::F8);
    desktop.press_shifted(Named::F8);
    let expected = [CallFunction::Complete, CallFunction::Swap, CallFunction::Merge].map(Wish::Call);
    assert_eq!(desktop.wishes(), expected);
    let mut desktop = Desktop::showing(with_papers(ready()));
    for key in [Named::F5, Named::F6, Named::F7, Named::F8] {
        desktop.press(key);
    }
    assert_eq!(desktop.wishes(), [], "dimmed");
}

#[test]
fn a_colleague_is_found_by_pinyin_initials_and_only_who_is_ready_can_be_chosen() {
    let mut view = with_papers(talking());
    if let Some(row) = view.agents.as_mut().and_then(|floor| Arc::make_mut(floor).rows.get_mut(&AgentId(2))) {
        (row.state, row.since) = (AgentState::Ready, ago(9));
    }
    let mut desktop = Desktop::showing(view);
    desktop.press(Named::F7);
    desktop.assert_finds(&["1008 王芳", "空闲 00:09", "1009 张敏", "政务咨询", "重新排队", "市水务公司"]);
    choose(&mut desktop, "wf");
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::Transfer { to: Target::Agent(AgentId(2)) })]);
    // A staff number is the colleague's, never a line outside.
    desktop.press(Named::F7);
    choose(&mut desktop, "1008");
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::Transfer { to: Target::Agent(AgentId(2)) })]);
    desktop.press(Named::F7);
    choose(&mut desktop, "1009");
    assert_eq!(desktop.wishes(), [], "张敏 talks, and 1009 is nobody else");
    desktop.press(Named::Escape);
    desktop.press(Named::F7);
    choose(&mut desktop, "zm");
    assert_eq!(desktop.wishes(), [], "张敏 talks");
    desktop.press(Named::Escape);
    desktop.press_shifted(Named::F8);
    choose(&mut desktop, "slgs");
    assert_eq!(desktop.wishes(), [], "nobody has these initials");
}

#[test]
fn a_menu_and_a_survey_are_chosen_to_hand_over_to_and_not_to_consult() {
    let mut view = with_papers(talking());
    let row = |node, name: &str, survey| NodeRow { node: NodeId(node), name: name.to_owned(), survey };
    std::sync::Arc::make_mut(&mut view.papers).house.as_mut().expect("the house is known").nodes =
        vec![row(1, "夜间菜单", false), row(2, "服务评价", true)];
    let mut desktop = Desktop::showing(view);
    desktop.press(Named::F7);
    desktop.assert_finds(&["夜间菜单", "语音菜单", "服务评价", "满意度调查", "立即转出"]);
    choose(&mut desktop, "fwpj");
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::Transfer { to: Target::Node(NodeId(2)) })]);
    desktop.press(Named::F8);
    choose(&mut desktop, "fwpj");
    assert_eq!(desktop.wishes(), [], "nobody is there to be asked");
}

#[test]
fn a_units_duty_phone_and_a_typed_number_are_called_as_they_are_understood() {
    let mut desktop = Desktop::showing(with_papers(talking()));
    desktop.press(Named::F8);
    desktop.assert_finds(&["051987210001 · 值班中", "139 0000 0001 · 非值班时间"]);
    choose(&mut desktop, "swgs");
    let to = Target::Number(PhoneNumber::parse("051987210001").expect("a number").into());
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::Consult { to })]);

    let mut desktop = Desktop::showing(with_papers(ready()));
    control(&mut desktop, "k");
    choose(&mut desktop, "+86 138-1234-5678");
    let number = PhoneNumber::parse("13812345678").expect("a number");
    assert_eq!(desktop.wishes(), [Wish::Look(Question::Calls { page: CallsPage::Mine }), Wish::Dial(number.into())]);
}

#[test]
fn arrows_step_through_what_can_be_chosen() {
    let mut desktop = Desktop::showing(with_papers(talking()));
    tell(&mut desktop, agent::Message::Open(Purpose::Kind));
    for _ in 0..2 {
        desktop.press(Named::ArrowDown);
    }
    desktop.press(Named::ArrowUp);
    tell(&mut desktop, agent::Message::TakeChoice);
    assert_eq!(drafted(&desktop).kind, MatterKind::Help);
}

#[test]
fn help_takes_part_with_one_press() {
    let mut desktop = Desktop::showing(with_papers(talking()));
    desktop.press_shifted(Named::F8);
    desktop.click("119");
    let to = Target::Number(PhoneNumber::parse("119").expect("a number").into());
    assert_eq!(desktop.wishes(), [Wish::Call(CallFunction::Invite { to })]);
}

#[test]
fn keys_are_sent_one_by_one_and_shown() {
    let mut desktop = Desktop::showing(with_papers(talking()));
    desktop.press(Named::F3);
    for key in ["1", "2", "x"] {
        desktop.press_digit(key);
    }
    desktop.click("#");
    desktop.assert_finds(&["12#"]);
    let keys = ["1", "2", "#"].map(|key| Wish::Call(CallFunction::PressKeys { keys: key.to_owned() }));
    assert_eq!(desktop.wishes(), keys);
    desktop.press(Named::Escape);
    desktop.assert_lacks(&["12#"]);
}

#[test]
fn a_summary_is_written_in_chinese_with_a_canned_text_and_sent_to_its_unit_by_f12() {
    let mut desktop = Desktop::showing(with_papers(talking()));
    tell(&mut desktop, agent::Message::Open(Purpose::Disposition));
    choose(&mut desktop, "sybz");
    control(&mut desktop, "j");
    choose(&mut desktop, "sy");
    let text = drafted(&desktop).content.into_inner();
    assert_eq!(text, "市民 王秀英（138 1234 5678）反映：");
    type_chinese(&mut desktop, agent::summary::CONTENT, "水压不足");
    desktop.press(Named::F12);
    desktop.assert_finds(&["还缺：发生地点"]);
    tell(&mut desktop, agent::Message::EditLine(agent::summary::Line::Place("燕山南路".to_owned())));
    tell(&mut desktop, agent::Message::Open(Purpose::Unit));
    choose(&mut desktop, "sw");
    desktop.wishes();
    desktop.press(Named::F12);
    let [Wish::Submit { summary, end: true }] = &desktop.wishes()[..] else { panic!("a summary is submitted") };
    assert_eq!((summary.disposition.as_deref(), summary.unit, summary.dispatch), (Some("water.pressure"), Some(UnitId(1)), true));
    assert!(summary.content.reveal().ends_with("水压不足") && summary.person.reveal() == "王秀英", "{}", summary.content.reveal());
}

/// As an input method does it.
fn type_chinese(desktop: &mut Desktop, field: &'static str, text: &str) {
    use iced::advanced::input_method::Event::{Closed, Commit, Opened, Preedit};
    let mut simulator = desktop.simulator();
    simulator.click(Id::new(field)).expect("the field is there");
    let events = [Opened, Preedit("shui".to_owned(), None), Commit(text.to_owned()), Closed].map(iced::Event::InputMethod);
    let _ = simulator.simulate(events);
    let messages: Vec<Message> = simulator.into_messages().collect();
    messages.into_iter().for_each(|message| desktop.tell(message));
}

#[test]
fn a_draft_belongs_to_its_call_and_a_new_ring_never_overwrites_it() {
    let mut desktop = Desktop::showing(with_papers(talking()));
    tell(&mut desktop, agent::Message::EditLine(agent::summary::Line::Place("燕山南路".to_owned())));
    let summary = drafted(&desktop);
    let copy = shared::model::DraftCopy { revision: 1, changed: ago(5), summary };
    let drafts = Arc::new([(InteractionId(12), desktop_core::Draft { copy, kept: None })].into());
    let mut view = with_papers(ready());
    view.drafts = Arc::clone(&drafts);
    desktop.shows(view);
    desktop.assert_lacks(&["来电小结"]);
    desktop.assert_finds(&["未完成的小结 1 份"]);
    let mut other = with_papers(talking());
    other.drafts = Arc::clone(&drafts);
    if let Some(call) = other.desk.as_mut().and_then(|desk| desk.call.as_mut()) {
        call.interaction = InteractionId(13);
    }
    desktop.shows(other);
    assert_eq!(desktop.app.agent.written().map(|summary| summary.place.into_inner()), Some(String::new()));
    let mut later = with_papers(ready());
    later.drafts = drafts;
    desktop.shows(later);
    desktop.click("补写小结");
    desktop.assert_finds(&["来电小结", "草稿已存在本机", "燕山南路", "返回"]);
}

#[test]
fn a_crashed_programs_draft_stands_in_the_form_of_its_call_again() {
    let summary = Summary { content: "水压不足".to_owned().into(), ..Summary::new(InteractionId(12)) };
    let copy = shared::model::DraftCopy { revision: 7, changed: ago(5), summary: summary.clone() };
    let mut view = with_papers(wrap_up());
    view.drafts = Arc::new([(InteractionId(12), desktop_core::Draft { copy, kept: Some(ago(1)) })].into());
    // The desk may come before the disk was looked at.
    let mut desktop = Desktop::showing(with_papers(wrap_up()));
    assert_ne!(desktop.app.agent.written(), Some(summary.clone()));
    desktop.shows(view.clone());
    assert_eq!(desktop.app.agent.written(), Some(summary));
    desktop.assert_finds(&["草稿已保存 10:24:30"]);
    tell(&mut desktop, agent::Message::EditLine(agent::summary::Line::Place("燕山南路".to_owned())));
    desktop.shows(view);
    let place = desktop.app.agent.written().map(|summary| summary.place.into_inner());
    assert_eq!(place.as_deref(), Some("燕山南路"), "what is written here is never taken away");
}

#[test]
fn a_key_that_comes_before_the_draft_neither_ends_the_wrap_up_without_it_nor_overwrites_it() {
    let unknown = |view: View| View { drafts_known: false, ..with_papers(view) };
    let mut desktop = Desktop::showing(unknown(talking()));
    tell(&mut desktop, agent::Message::EditLine(agent::summary::Line::Place("燕山南路".to_owned())));
    desktop.shows(unknown(wrap_up()));
    desktop.press(Named::F12);
    tell(&mut desktop, agent::Message::Submit { dispatch: false });
    tell(&mut desktop, agent::Message::WriteUp(InteractionId(12)));
    assert_eq!(desktop.wishes(), []);
    let summary = Summary {
        content: "水压不足".to_owned().into(),
        disposition: Some("water.pressure".to_owned()),
        ..Summary::new(InteractionId(12))
    };
    let copy = shared::model::DraftCopy { revision: 7, changed: ago(5), summary: summary.clone() };
    let mut view = with_papers(wrap_up());
    view.drafts = Arc::new([(InteractionId(12), desktop_core::Draft { copy, kept: Some(ago(1)) })].into());
    desktop.shows(view);
    assert_eq!(desktop.app.agent.written(), Some(summary));
}

#[test]
fn lists_of_calls_are_looked_up_and_called_back_by_a_word_and_a_missing_summary_is_written() {
    let mut desktop = Desktop::showing(with_papers(ready()));
    desktop.click("记录");
    assert_eq!(desktop.wishes(), [Wish::Look(Question::Calls { page: CallsPage::Mine })]);
    desktop.assert_finds(&["正在读取…"]);
    let mut papers = papers();
    papers.calls.insert(CallsPage::Mine, calls(CallsPage::Mine));
    papers.calls.insert(CallsPage::Missed, Vec::new());
    desktop.shows(View { papers: Arc::new(papers), ..ready() });
    desktop.assert_finds(&["138 1234 5678", "王秀英", "水压不足", "小结未填", "呼出"]);
    desktop.click("回拨");
    let number = PhoneNumber::parse("13812345678").expect("a number");
    assert_eq!(desktop.wishes(), [Wish::Dial(number.into())]);
    desktop.click("未接来电");
    desktop.assert_finds(&["最近 7 天没有未接来电。"]);
    // The key goes on to the next list: 待回拨, and around.
    control(&mut desktop, "2");
    control(&mut desktop, "2");
    desktop.click("小结未填");
    desktop.assert_finds(&["来电小结", "返回"]);
    desktop.click("返回");
    desktop.assert_lacks(&["来电小结"]);
}

#[test]
fn a_row_of_a_list_of_calls_is_come_to_by_arrows_and_called_by_enter_where_that_is_possible() {
    let listed = |view: View| {
        let mut papers = papers();
        papers.calls = [CallsPage::Mine, CallsPage::Missed].map(|page| (page, calls(page))).into();
        View { papers: Arc::new(papers), ..view }
    };
    let mut desktop = Desktop::showing(listed(ready()));
    control(&mut desktop, "2");
    desktop.press(Named::ArrowDown);
    desktop.press(Named::Enter);
    let dialled = |number: &str| Wish::Dial(PhoneNumber::parse(number).expect("a number").into());
    assert_eq!(desktop.wishes(), [Wish::Look(Question::Calls { page: CallsPage::Mine }), dialled("051987210001")]);
    for _ in 0..9 {
        desktop.press(Named::ArrowDown);
    }
    desktop.press(Named::ArrowUp);
    desktop.press(Named::ArrowDown);
    desktop.press(Named::Enter);
    assert_eq!(desktop.wishes(), [dialled("13900000000")], "the last one");
    control(&mut desktop, "2");
    desktop.press(Named::Enter);
    assert_eq!(desktop.wishes(), [Wish::Look(Question::Calls { page: CallsPage::Missed }), dialled("13700000001")], "from the top");
    desktop.shows(listed(talking()));
    desktop.press(Named::Enter);
    assert_eq!(desktop.wishes(), [], "nobody is dialled in a call");
}

#[test]
fn the_fields_of_a_summary_that_open_a_list_and_every_page_are_reached_by_key() {
    let mut desktop = Desktop::showing(with_papers(talking()));
    for (key, title) in [("t", "诉求类型"), ("d", "事项分类"), ("u", "承办单位"), ("j", "常用语")] {
        control(&mut desktop, key);
        let shown = desktop.app.agent.chooses();
        assert!(shown && desktop.finds(title), "{key}");
        control(&mut desktop, "e");
        desktop.press(Named::Escape);
        assert!(!desktop.app.agent.is_covered(), "{key}: one sheet at a time");
    }
    let mut bare = Desktop::showing(talking());
    for key in ["d", "u"] {
        control(&mut bare, key);
        assert!(!bare.app.agent.is_covered(), "{key}: there is nothing to choose");
    }
    control(&mut desktop, "5");
    desktop.assert_finds(&["还没有消息"]);
    control(&mut desktop, "6");
    desktop.assert_finds(&["还没有消息"]);
    let mut view = with_papers(ready());
    view.rules.supervises = Some(Vec::new());
    desktop.shows(view);
    control(&mut desktop, "6");
    desktop.assert_finds(&["排队中的市民"]);
    control(&mut desktop, "q");
    desktop.press(Named::Enter);
    assert_eq!(desktop.wishes().last(), Some(&Wish::SignOut));
}

#[test]
fn own_figures_stand_against_their_band_and_are_called_stale_after_a_break() {
    let desktop = Desktop::showing(with_papers(ready()));
    desktop.assert_finds(&["我的今天", "42", "03:02", "处理时长 05:48 · 目标 5–7 分"]);
    desktop.assert_lacks(&["数据停在 00:07 前"]);
    Desktop::showing(with_papers(reconnecting())).assert_finds(&["数据停在 00:07 前"]);
}

#[test]
fn an_initial_password_leaves_nothing_but_its_change() {
    let mut view = with_papers(ready());
    view.rules.password_is_initial = true;
    let mut desktop = Desktop::showing(view);
    desktop.assert_finds(&["请先设置您自己的密码"]);
    desktop.assert_lacks(&["接听", "工作台"]);
    desktop.press(Named::F11);
    control(&mut desktop, "2");
    use agent::password::Field;
    for (field, text) in [(Field::Old, "old"), (Field::New, "blue lamp 7"), (Field::Again, "blue lamp 8")] {
        tell(&mut desktop, agent::Message::NewPassword(field, text.to_owned().into()));
    }
    desktop.assert_finds(&["两次输入的新密码不一致。"]);
    tell(&mut desktop, agent::Message::ChangePassword);
    assert_eq!(desktop.wishes(), []);
    tell(&mut desktop, agent::Message::NewPassword(Field::Again, "blue lamp 7".to_owned().into()));
    tell(&mut desktop, agent::Message::ChangePassword);
    let (old, new) = ("old".to_owned().into(), "blue lamp 7".to_owned().into());
    assert_eq!(desktop.wishes(), [Wish::ChangePassword { old, new }]);
}

#[test]
fn the_first_ready_with_new_devices_asks_for_the_sound_test() {
    let mut desktop = Desktop::showing(not_ready(NotReadyReason::SignedIn));
    desktop.app.settings.sound_tested = false;
    desktop.press(Named::F11);
    desktop.assert_finds(&["示闲前检查耳机"]);
    desktop.wishes();
    desktop.click("录 3 秒试听");
    desktop.click("试振铃");
    assert_eq!(desktop.wishes(), [SoundTest::Record, SoundTest::Ring].map(Wish::TestSound));
    let mut view = not_ready(NotReadyReason::SignedIn);
    view.voice = VoiceStatus { test: SoundTest::Record, ..view.voice };
    desktop.shows(view);
    desktop.assert_finds(&["正在录音，请说话…", "停止"]);
    desktop.shows(not_ready(NotReadyReason::SignedIn));
    desktop.click("听得清，示闲");
    assert_eq!(desktop.wishes(), [Wish::GoReady]);
    let mut desktop = Desktop::showing(not_ready(NotReadyReason::SignedIn));
    desktop.press(Named::F11);
    assert_eq!(desktop.wishes(), [Wish::GoReady], "they were tried out before");
}

#[test]
fn an_idle_seat_locks_itself_but_never_in_a_call() {
    let minutes = |minutes: u64| NOW_MS - minutes * 60_000;
    let after = |view: View, idle: u64, settings: Settings| {
        let mut desktop = Desktop::showing(view);
        desktop.app.stirs.note(minutes(idle));
        desktop.app.settings = settings;
        desktop.tell(Message::Second);
        desktop.wishes().contains(&Wish::Lock)
    };
    assert!(after(ready(), 10, Settings::default()) && after(not_ready(NotReadyReason::Meal), 11, Settings::default()));
    assert!(!after(ready(), 9, Settings::default()), "not yet");
    assert!(!after(talking(), 60, Settings::default()) && !after(ringing(), 60, Settings::default()));
    assert!(!after(ready(), 60, Settings { lock_minutes: Some(0), ..Settings::default() }), "never");
}

#[test]
fn who_speaks_muted_is_told_so_and_how_to_be_heard() {
    let mut view = with_papers(talking());
    (view.muted, view.voice.speaks_muted) = (true, true);
    Desktop::showing(view).assert_finds(&["您已静音，对方听不到您"]);
}

#[test]
fn the_strip_shows_the_call_and_its_acts_and_nothing_of_a_locked_seat() {
    let mut desktop = Desktop::showing(with_papers(talking()));
    desktop.app.mini = true;
    desktop.assert_finds(&["通话中", "王秀英", "挂断", "展开"]);
    desktop.assert_lacks(&["来电小结"]);
    desktop.click("静音");
    assert_eq!(desktop.wishes(), [Wish::Mute(true)]);
    desktop.shows(not_ready(NotReadyReason::Locked));
    desktop.assert_finds(&["解锁"]);
}

#[test]
fn settings_are_kept_and_take_effect() {
    let mut desktop = Desktop::showing(with_papers(ready()));
    control(&mut desktop, "4");
    desktop.assert_finds(&["设置", "显示", "声音", "安全", "系统默认", "只用听筒"]);
    desktop.wishes();
    desktop.click("150%");
    assert!((desktop.app.scale() - 1.5).abs() < f32::EPSILON);
    control(&mut desktop, "-");
    assert!((desktop.app.scale() - 1.25).abs() < f32::EPSILON);
    desktop.click("20 分钟");
    assert_eq!((desktop.app.settings.lock_minutes, desktop.wishes()), (Some(20), Vec::new()));
}
