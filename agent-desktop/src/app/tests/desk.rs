//! The agent's desk: what each state shows, and what keys and buttons wish.

use super::*;
use crate::screens::agent::correction::Edit;
use shared::model::{AwaitedBreak, NextState, Notice, Refusal};
use shared::wire::{DeskRules, ReasonLimit};

#[test]
fn after_sign_in_the_desk_says_not_ready_and_offers_to_go_ready() {
    let mut desktop = Desktop::showing(not_ready(NotReadyReason::SignedIn));
    desktop.assert_finds(&["示忙", "12:32", "已签入，尚未示闲", "当前没有来电", "已连接", "1007 李娟", "延迟 38 ms", "丢包 0.0%", "10:24"]);
    desktop.click("示闲");
    desktop.press(Named::F11);
    assert_eq!(desktop.wishes(), [Wish::GoReady, Wish::GoReady]);
}

#[test]
fn a_reason_is_the_word_of_the_state() {
    let desktop = Desktop::showing(not_ready(NotReadyReason::Meal));
    desktop.assert_finds(&["用餐", "示忙中，不分配来电", "回到座位后示闲，继续接听来电。"]);
    Desktop::showing(not_ready(NotReadyReason::NoAnswer)).assert_finds(&["未应答", "来电未应答，已转为示忙"]);
    Desktop::showing(not_ready(NotReadyReason::System)).assert_finds(&["系统示忙", "语音通路中断，系统已示忙"]);
}

#[test]
fn a_ready_desk_waits_and_goes_not_ready_by_key_and_digit_or_by_row() {
    let mut desktop = Desktop::showing(ready());
    desktop.assert_finds(&["空闲", "00:41", "等待来电"]);
    desktop.press_digit("2");
    assert_eq!(desktop.wishes(), [], "a digit means nothing before the question");
    desktop.press(Named::F11);
    assert_eq!(desktop.wishes(), [], "the reason is asked first");
    desktop.assert_finds(&["选择示忙原因"]);
    desktop.press_digit("2");
    desktop.assert_lacks(&["选择示忙原因"]);
    desktop.click("工单处理");
    assert_eq!(desktop.wishes(), [Wish::GoNotReady(NotReadyReason::Meal), Wish::GoNotReady(NotReadyReason::TicketWork)]);
}

#[test]
fn the_question_for_a_reason_is_closed_by_escape_and_by_what_makes_it_senseless() {
    let mut desktop = Desktop::showing(ready());
    desktop.press(Named::F11);
    desktop.press(Named::Escape);
    desktop.assert_lacks(&["选择示忙原因"]);
    desktop.press(Named::F11);
    desktop.shows(reconnecting());
    desktop.assert_lacks(&["选择示忙原因"]);
    assert_eq!(desktop.wishes(), []);
}

#[test]
fn a_ring_shows_the_card_and_can_be_answered_or_rejected_by_key_and_button() {
    let mut desktop = Desktop::showing(ringing());
    desktop.assert_finds(&["振铃", "00:04", "王秀英", "138 1234 5678", "溧阳市昆仑街道燕山南路 88 号 2 幢", "政务咨询"]);
    desktop.assert_finds(&["政务咨询 · 等待 00:08", "来电振铃", "16 秒后转给其他座席", "按 F2 接听"]);
    desktop.click("接听");
    desktop.press(Named::F2);
    desktop.click("拒接");
    desktop.press_shifted(Named::F2);
    assert_eq!(desktop.wishes(), [Wish::Answer, Wish::Answer, Wish::Reject, Wish::Reject]);
}

#[test]
fn a_ring_without_number_and_card_says_so() {
    let desktop = Desktop::showing(ringing_without_card());
    desktop.assert_finds(&["匿名来电", "未登记的来电人", "没有登记地址"]);
    desktop.assert_lacks(&["王秀英"]);
}

#[test]
fn a_talk_that_sounds_badly_says_how_badly_and_why_and_which_way_the_voice_takes() {
    let desktop = Desktop::showing(talking_badly(&[]));
    desktop.assert_finds(&["语音质量 一般", "本机侧丢包 4.7%", "语音改走服务器连接"]);
    desktop.assert_lacks(&["麦克风没有声音"]);
    let desktop = Desktop::showing(talking_badly(&[VoiceTrouble::AgentMicrophoneDead, VoiceTrouble::LongSilence]));
    desktop.assert_finds(&["语音质量 差", "麦克风没有声音", "麦克风只送出完全的静音。 检查耳机上的静音开关，或重新插拔耳机。"]);
    Desktop::showing(talking()).assert_lacks(&["语音质量 良好", "语音改走服务器连接"]);
    let mut idle = ready();
    idle.voice.way = VoiceWay::Tunnel;
    Desktop::showing(idle).assert_finds(&["网络不通 UDP，语音经服务器连接传送；UDP 恢复后自动切回。"]);
}

#[test]
fn a_device_that_stands_in_is_named_with_the_reason() {
    let mut view = ready();
    view.voice.device_problem = Some(DeviceProblem::Replaced);
    Desktop::showing(view).assert_finds(&["备用设备", "Jabra Evolve2 65", "所选设备不可用，暂用系统默认设备"]);
}

#[test]
fn a_talk_shows_its_clock_and_is_ended_by_hang_up_alone() {
    let mut desktop = Desktop::showing(talking());
    desktop.assert_finds(&["通话中", "02:17", "王秀英", "正常", "丢包 0.2%", "来电小结"]);
    desktop.click("接听");
    desktop.press(Named::F2);
    desktop.press(Named::F12);
    desktop.press_shifted(Named::F12);
    assert_eq!(desktop.wishes(), [], "a dimmed button and its key wish nothing");
    desktop.click("挂断");
    desktop.press(Named::F4);
    assert_eq!(desktop.wishes(), [Wish::HangUp, Wish::HangUp]);
}

#[test]
fn nothing_can_be_answered_or_hung_up_without_a_call() {
    for view in [not_ready(NotReadyReason::Break), ready(), wrap_up()] {
        let mut desktop = Desktop::showing(view);
        for word in ["接听", "挂断"] {
            desktop.click(word);
        }
        desktop.press(Named::F2);
        desktop.press(Named::F4);
        assert_eq!(desktop.wishes(), []);
    }
}

#[test]
fn a_held_down_key_acts_once() {
    let mut desktop = Desktop::showing(talking());
    desktop.tell(Message::Key(pressed(Key::Named(Named::F4), Modifiers::empty(), true)));
    assert_eq!(desktop.wishes(), []);
}

#[test]
fn silence_in_a_talk_is_told_in_words() {
    let mut view = talking();
    view.voice.receiving = false;
    Desktop::showing(view).assert_finds(&["收不到声音"]);
}

#[test]
fn wrap_up_keeps_the_caller_counts_down_and_is_finished_by_key_and_button() {
    let mut desktop = Desktop::showing(talking());
    desktop.shows(wrap_up());
    desktop.assert_finds(&["话后处理", "00:15", "话后处理剩余 00:45", "刚才来电", "138 1234 5678"]);
    desktop.click("不写小结");
    desktop.press(Named::F12);
    desktop.press(Named::F11);
    assert_eq!(desktop.wishes(), [Wish::EndWrapUp, Wish::EndWrapUp, Wish::GoReady]);
    desktop.shows(ready());
    desktop.assert_lacks(&["王秀英"]);
}

#[test]
fn another_calls_wrap_up_shows_no_caller_of_an_earlier_one() {
    let mut view = wrap_up();
    if let Some(wrap_up) = view.desk.as_mut().and_then(|desk| desk.wrap_up.as_mut()) {
        wrap_up.interaction = InteractionId(13);
    }
    let mut desktop = Desktop::showing(talking());
    desktop.shows(view);
    desktop.assert_lacks(&["王秀英", "刚才来电"]);
}

#[test]
fn while_reconnecting_the_talk_stays_on_the_screen_and_the_strip_tells_what_still_works() {
    let mut desktop = Desktop::showing(reconnecting());
    desktop.assert_finds(&["与服务器的连接已断开 00:07，正在第 3 次重连。", "通话和声音继续；恢复之前不能接听、挂断或切换状态。"]);
    desktop.assert_finds(&["王秀英", "02:17", "正在重连"]);
    desktop.click("挂断");
    desktop.press(Named::F4);
    assert_eq!(desktop.wishes(), []);
}

#[test]
fn a_refusal_is_told_with_one_act_and_dismissed() {
    for (refusal, what) in [
        (Refusal::OfferGone, "这个来电已经不在了"),
        (Refusal::NoSuchCall, "没有可操作的通话"),
        (Refusal::WrongState, "当前状态不能这样操作"),
        (Refusal::NoMedia, "还不能示闲"),
        (Refusal::ReasonNotAllowed, "不能使用这个示忙原因"),
    ] {
        let mut desktop = Desktop::showing(View { refusal: Some(refusal), ..ready() });
        desktop.assert_finds(&[what]);
        desktop.click("知道了");
        assert_eq!(desktop.wishes(), [Wish::Dismiss]);
    }
}

#[test]
fn what_the_server_changed_by_itself_is_told() {
    let notices = [(Notice::OfferMissed, "有一个来电未应答"), (Notice::CallerLeft, "来电已取消"), (Notice::MediaLost, "语音通路中断")];
    for (notice, what) in notices {
        let desk = Desk { notice: Some(notice), ..desk(AgentState::NotReady(NotReadyReason::NoAnswer), 3) };
        Desktop::showing(signed_in(desk)).assert_finds(&[what, "知道了"]);
    }
}

#[test]
fn a_desk_without_sound_device_says_so_above_all() {
    let desktop = Desktop::showing(without_headset());
    desktop.assert_finds(&["没有可用的声音设备", "无声音设备", "未找到声音设备"]);
}

#[test]
fn signing_out_is_asked_once_more() {
    let mut desktop = Desktop::showing(not_ready(NotReadyReason::SignedIn));
    desktop.click("签出");
    assert_eq!(desktop.wishes(), []);
    desktop.assert_finds(&["现在签出？", "签出后不再分配来电，再次工作需要重新登录。"]);
    desktop.click("取消");
    desktop.assert_lacks(&["现在签出？"]);
    desktop.tell(Message::Agent(agent::Message::AskSignOut));
    desktop.shows(ringing());
    desktop.assert_lacks(&["现在签出？"]);
}

#[test]
fn a_narrow_window_has_the_right_column_in_a_drawer() {
    let mut desktop = Desktop::showing(ready()).sized(1024.0, 700.0);
    desktop.assert_lacks(&["语音通路"]);
    desktop.click("我的状态");
    desktop.assert_finds(&["语音通路", "麦克风"]);
    desktop.click("小休");
    assert_eq!(desktop.wishes(), [Wish::GoNotReady(NotReadyReason::Break)]);
    desktop.assert_lacks(&["语音通路"]);
}

#[test]
fn the_call_bars_buttons_keep_their_places_in_every_state() {
    let place = |view: View, word: &str| Desktop::showing(view).simulator().find(word).expect("the button is there").bounds();
    for word in ["F2", "F5", "F6", "F7", "F8", "⇧F8", "F3", "F4"] {
        let places = |view: View| {
            let desktop = Desktop::showing(view);
            let mut simulator = desktop.simulator();
            simulator.find(word).expect("the button is there").bounds()
        };
        // Other places may name the key too; the bar's comes first.
        let at = places(talking());
        for view in [not_ready(NotReadyReason::Meal), ringing(), held(), consulting(), wrap_up(), reconnecting(), without_headset()] {
            assert_eq!(places(view), at, "{word} moved");
        }
    }
    let keypad = place(talking(), "键盘");
    let gap = place(talking(), "挂断").x - keypad.x - keypad.width;
    assert!(gap >= 36.0, "挂断 stands apart, {gap} px");
}

#[test]
fn a_desk_not_yet_told_is_awaited_and_a_dead_session_is_told() {
    let mut desktop = Desktop::showing(View { desk: None, ..ready() });
    desktop.assert_finds(&["正在读取座席状态…"]);
    desktop.tell(Message::EngineStopped);
    desktop.assert_finds(&[Language::Chinese.texts().frame.engine_stopped]);
}

#[test]
fn the_desk_speaks_english_too() {
    let desktop = Desktop::showing(ringing()).looks(Mode::Dark, Language::English);
    desktop.assert_finds(&[
        "Ringing",
        "Answer",
        "Reject",
        "Hang up",
        "Incoming call",
        "Goes to another agent in 16 s",
        "My state",
        "Break",
    ]);
}

#[test]
fn the_window_is_drawn_no_more_often_than_what_it_shows_moves() {
    use super::super::pace::Pace;
    assert_eq!(Desktop::showing(View::default()).app.pace(), Pace::Still);
    let mut desktop = Desktop::showing(ready());
    assert_eq!(desktop.app.pace(), Pace::Levels, "my voice stands on the right");
    desktop.tell(Message::Agent(agent::Message::ShowAgents));
    assert_eq!(desktop.app.pace(), Pace::Clocks);
    desktop.app.outside.hidden = true;
    assert_eq!(desktop.app.pace(), Pace::Hidden);
    assert_eq!(Desktop::showing(talking()).app.pace(), Pace::Clocks, "who can help stands there now");
    assert_eq!(Desktop::showing(not_ready(NotReadyReason::Locked)).app.pace(), Pace::Clocks);
    let mut narrow = Desktop::showing(ready()).sized(1024.0, 700.0);
    assert_eq!(narrow.app.pace(), Pace::Clocks);
    narrow.tell(Message::Agent(agent::Message::ToggleDrawer));
    assert_eq!(narrow.app.pace(), Pace::Levels);
    narrow.app.settings.sound_tested = false;
    narrow.shows(not_ready(NotReadyReason::SignedIn));
    narrow.tell(Message::Agent(agent::Message::ToggleDrawer));
    narrow.press(Named::F11);
    assert_eq!(narrow.app.pace(), Pace::Levels, "the sound is tried out");
}

fn next(state: NextState) -> View {
    let mut view = talking();
    if let Some(desk) = &mut view.desk {
        desk.next = Some(state);
    }
    view
}

#[test]
fn a_break_chosen_in_a_talk_is_shown_as_what_follows_and_can_be_taken_back() {
    let mut desktop = Desktop::showing(talking());
    desktop.press(Named::F11);
    desktop.press_digit("2");
    desktop.shows(next(NextState::NotReady(NotReadyReason::Meal)));
    desktop.assert_finds(&["通话后：用餐", "通话中"]);
    desktop.click("取消");
    desktop.press(Named::F11);
    assert_eq!(desktop.wishes(), [Wish::GoNotReady(NotReadyReason::Meal), Wish::GoReady, Wish::GoReady]);
    Desktop::showing(next(NextState::SignOut)).assert_finds(&["通话后：签出"]);
}

#[test]
fn reasons_show_their_limits_and_a_full_one_can_be_waited_for() {
    let rules =
        DeskRules { reasons: vec![(NotReadyReason::Meal, ReasonLimit { max_ms: 2_700_000, max_agents: 3 })], ..DeskRules::default() };
    let mut desktop = Desktop::showing(View { rules: rules.clone(), ..ready() });
    desktop.press(Named::F11);
    desktop.assert_finds(&["最长 45 分 · 最多 3 人"]);
    desktop.press_digit("2");
    desktop.shows(View { refusal: Some(Refusal::ReasonFull), rules, ..ready() });
    desktop.click("排队等候");
    assert_eq!(desktop.wishes(), [Wish::GoNotReady(NotReadyReason::Meal), Wish::AwaitNotReady(NotReadyReason::Meal)]);
    let mut view = ready();
    if let Some(desk) = &mut view.desk {
        desk.awaits = Some(AwaitedBreak { reason: NotReadyReason::Meal, ahead: 2 });
    }
    desktop.shows(view);
    desktop.assert_finds(&["等候用餐：前面 2 人"]);
}

#[test]
fn a_break_says_how_long_it_may_last_and_how_much_too_long_it_is() {
    let limited = |at| signed_in(Desk { limit: Some(at), ..desk(AgentState::NotReady(NotReadyReason::Meal), 600) });
    Desktop::showing(limited(in_seconds(90))).assert_finds(&["还可 01:30"]);
    Desktop::showing(limited(ago(65))).assert_finds(&["已超时 01:05"]);
}

#[test]
fn a_forced_change_has_one_button_back() {
    let desk = Desk { notice: Some(Notice::OfferMissed), ..desk(AgentState::NotReady(NotReadyReason::NoAnswer), 3) };
    let mut desktop = Desktop::showing(signed_in(desk));
    desktop.press(Named::F11);
    assert_eq!(desktop.wishes(), [Wish::GoReady]);
    desktop.assert_finds(&["有一个来电未应答", "示闲"]);
}

#[test]
fn wrap_up_is_extended_by_key_and_button_while_the_queue_allows_it() {
    let mut desktop = Desktop::showing(talking());
    let mut view = wrap_up();
    if let Some(wrap_up) = view.desk.as_mut().and_then(|desk| desk.wrap_up.as_mut()) {
        wrap_up.extensions = 2;
    }
    desktop.shows(view);
    desktop.click("延长（余 2 次）");
    desktop.press_shifted(Named::F12);
    assert_eq!(desktop.wishes(), [Wish::ExtendWrapUp, Wish::ExtendWrapUp]);
    desktop.shows(wrap_up());
    desktop.assert_lacks(&["延长（余 0 次）"]);
}

#[test]
fn several_persons_of_a_number_are_listed_and_one_of_them_is_chosen() {
    let mut desktop = Desktop::showing(ringing_with_two());
    desktop.assert_finds(&[
        "同号 2 人",
        "王秀英",
        "王建国",
        "方言",
        "最近来电",
        "陈晨 · 通话 03:12",
        "咨询医保异地备案",
        "24 小时内第 2 次",
        "老年人 · 独居",
    ]);
    desktop.assert_lacks(&["溧阳市溧城街道"]);
    desktop.click("王建国");
    desktop.assert_finds(&["溧阳市溧城街道"]);
    assert_eq!(desktop.wishes(), [], "choosing who is shown is no wish");
}

#[test]
fn a_card_is_corrected_in_a_form_and_saved_with_a_name_only() {
    let mut desktop = Desktop::showing(talking());
    desktop.click("更正资料");
    desktop.assert_finds(&["更正来电人资料", "用逗号分开，例如：方言，独居"]);
    let edit = |edit| Message::Agent(agent::Message::Edit(edit));
    desktop.tell(edit(Edit::Name(String::new().into())));
    desktop.tell(Message::Agent(agent::Message::SaveCorrection));
    assert_eq!(desktop.wishes(), [], "a card needs a name");
    desktop.tell(edit(Edit::Name("王秀瑛".to_owned().into())));
    desktop.tell(edit(Edit::Tags("方言， 独居,".to_owned())));
    desktop.click("保存");
    desktop.assert_lacks(&["更正来电人资料"]);
    let wishes = desktop.wishes();
    let [Wish::Correct(correction)] = wishes.as_slice() else { panic!("one correction: {wishes:?}") };
    assert_eq!((correction.interaction, correction.person), (InteractionId(12), Some(PersonId(1))));
    assert_eq!(
        (correction.name.reveal().as_str(), correction.tags.as_slice()),
        ("王秀瑛", ["方言".to_owned(), "独居".to_owned()].as_slice())
    );

    desktop.click("更正资料");
    desktop.tell(edit(Edit::Another(true)));
    desktop.click("保存");
    assert!(matches!(desktop.wishes().last(), Some(Wish::Correct(correction)) if correction.person.is_none()));
}

#[test]
fn all_agents_are_shown_with_their_states_and_found_by_name_and_the_desk_returns_with_a_ring() {
    let mut desktop = Desktop::showing(ready());
    desktop.click("全部座席");
    assert_eq!(desktop.wishes(), [Wish::WatchAgents(true)]);
    desktop.assert_finds(&["正在读取座席列表…"]);
    desktop.shows(View { agents: Some(floor()), ..ready() });
    desktop.assert_finds(&[
        "1007",
        "李娟",
        "空闲",
        "1008",
        "王芳",
        "用餐",
        "1009",
        "张敏",
        "通话中",
        "139 **** **78",
        "3 / 3 人",
        "连接中断",
    ]);
    desktop.tell(Message::Agent(agent::Message::Find("王".into())));
    desktop.assert_finds(&["王芳", "1 / 3 人"]);
    desktop.assert_lacks(&["李娟"]);
    desktop.tell(Message::Agent(agent::Message::Find("nobody".into())));
    desktop.assert_finds(&["没有符合条件的座席"]);
    desktop.shows(ringing());
    desktop.assert_finds(&["来电振铃"]);
}

#[test]
fn a_locked_seat_shows_nothing_of_the_desk_and_wants_its_password() {
    let mut desktop = Desktop::showing(ready());
    desktop.press(Named::F11);
    desktop.press_digit("6");
    assert_eq!(desktop.wishes(), [Wish::Lock]);
    desktop.shows(not_ready(NotReadyReason::Locked));
    desktop.assert_finds(&["座席已锁定", "1007 李娟", "解锁", "签出"]);
    desktop.assert_lacks(&["全部座席", "当前没有来电", "示闲", "工作台"]);
    desktop.click("解锁");
    desktop.press(Named::F11);
    assert_eq!(desktop.wishes(), [], "nothing without a password, and no key of the desk");
    desktop.tell(Message::Agent(agent::Message::Password("secret".to_owned().into())));
    desktop.click("解锁");
    assert_eq!(desktop.wishes(), [Wish::Unlock("secret".to_owned().into())]);
    desktop.click("解锁");
    assert_eq!(desktop.wishes(), [], "the password was forgotten");
    desktop.shows(View { refusal: Some(Refusal::Locked), ..not_ready(NotReadyReason::Locked) });
    desktop.assert_finds(&["请先输入密码解锁。"]);
    desktop.shows(ready());
    desktop.assert_finds(&["等待来电"]);
}

#[test]
fn somebody_who_uses_keys_and_mouse_with_a_working_headset_sits_here() {
    let mut desktop = Desktop::showing(ready());
    desktop.tell(Message::Second);
    assert_eq!(desktop.wishes(), [], "nobody has touched anything yet");
    desktop.app.stirs.note(NOW_MS);
    desktop.tell(Message::Second);
    desktop.tell(Message::Second);
    assert_eq!(desktop.wishes(), [Wish::Attentive(true)], "told once");
    desktop.shows(without_headset());
    assert_eq!(desktop.wishes(), [Wish::Attentive(false)]);
    desktop.shows(ready());
    desktop.shows(not_ready(NotReadyReason::Locked));
    assert_eq!(desktop.wishes(), [Wish::Attentive(true), Wish::Attentive(false)]);
    desktop.shows(ready());
    desktop.app.stirs.note(NOW_MS - super::super::ATTENTION_MS);
    desktop.tell(Message::Second);
    assert_eq!(desktop.wishes(), [Wish::Attentive(true), Wish::Attentive(false)]);
}
