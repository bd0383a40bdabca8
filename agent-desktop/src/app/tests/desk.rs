//! The agent's desk: what each state shows, and what keys and buttons wish.

use super::*;
use shared::model::{Notice, Refusal};

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
    desktop.shows(talking());
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
fn a_talk_shows_its_clock_and_is_ended_by_hang_up_alone() {
    let mut desktop = Desktop::showing(talking());
    desktop.assert_finds(&["通话中", "02:17", "王秀英", "正常", "丢包 0.2%", "正在通话"]);
    desktop.click("接听");
    desktop.press(Named::F2);
    desktop.press(Named::F11);
    desktop.press(Named::F12);
    desktop.click("小休");
    assert_eq!(desktop.wishes(), [], "a dimmed button and its key wish nothing");
    desktop.click("挂断");
    desktop.press(Named::F4);
    assert_eq!(desktop.wishes(), [Wish::HangUp, Wish::HangUp]);
}

#[test]
fn nothing_can_be_answered_or_hung_up_without_a_call() {
    for view in [not_ready(NotReadyReason::Break), ready(), wrap_up()] {
        let mut desktop = Desktop::showing(view);
        for word in ["接听", "拒接", "挂断"] {
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
    desktop.assert_finds(&["话后处理", "00:15", "00:45", "市民已挂断", "刚才的来电人", "王秀英", "138 1234 5678"]);
    desktop.click("完成");
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
    desktop.assert_lacks(&["王秀英", "刚才的来电人"]);
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
    for word in ["接听", "拒接", "挂断"] {
        let at = place(ready(), word);
        for view in [not_ready(NotReadyReason::Meal), ringing(), talking(), wrap_up(), reconnecting(), without_headset()] {
            assert_eq!(place(view, word), at, "{word} moved");
        }
    }
    let reject = place(talking(), "拒接");
    let gap = place(talking(), "挂断").x - reject.x - reject.width;
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
fn a_new_view_of_the_session_reaches_the_window_and_so_does_its_end() {
    let desktop = Desktop::showing(View::default());
    let mut stream = Box::pin(super::super::watched(&desktop.app.snapshots));
    desktop.backend.snapshots.send(Snapshot { view: ready(), ringing: false }).expect("the app listens");
    let mut next = || iced::futures::executor::block_on(iced::futures::StreamExt::next(&mut stream));
    assert!(matches!(next(), Some(Message::Shown(snapshot)) if snapshot.view.state() == Some(AgentState::Ready)));
    let Desktop { app, backend, .. } = desktop;
    drop((app, backend));
    assert!(matches!(next(), Some(Message::EngineStopped)));
    assert!(next().is_none());
}
