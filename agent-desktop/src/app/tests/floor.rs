//! The pages of messages and of supervisors: what they show, and what keys and buttons wish.

use super::*;
use crate::screens::agent::{messages, supervise};
use shared::model::{MessageId, QueueId, SupervisorAct, WatchMode, WatchView};
use shared::wire::{DeskRules, MessageChange, MessageFate, MessageLink, MessageRow, MessageTarget, WaitingRow};

fn letter(number: u64, from: (u32, &str), to: (MessageTarget, &str), text: &str, seen: (bool, Option<MessageFate>)) -> (u64, MessageRow) {
    let row = MessageRow {
        number,
        message: MessageId(number),
        from: AgentId(from.0),
        from_name: from.1.to_owned(),
        to: to.0,
        to_name: to.1.to_owned(),
        text: text.to_owned().into(),
        sent: ago(600 - number as i64 * 60),
        read: seen.0,
        recalled: false,
        link: None,
        fate: seen.1,
    };
    (number, row)
}

fn rules(supervises: bool) -> DeskRules {
    let queues = vec![(QueueId(1), "政务咨询".to_owned()), (QueueId(2), "投诉举报".to_owned())];
    DeskRules { supervises: supervises.then(Vec::new), queues, messages: true, ..DeskRules::default() }
}

/// A desk with three messages, the last one unread.
pub(super) fn with_messages() -> View {
    let mut view = View { agents: Some(floor()), rules: rules(false), ..ready() };
    let fate = MessageFate { sent_to: 11, delivered: 9, read: 4 };
    view.messages.rows = [
        letter(3, (9, "2001 周强"), (MessageTarget::All, ""), "今天 14:00 系统升级，升级期间请用备用话术。", (true, None)),
        letter(4, (1, "1007 李娟"), (MessageTarget::Team(QueueId(1)), "政务咨询"), "燕山南路停水，预计 18:00 恢复。", (true, Some(fate))),
        letter(5, (3, "1009 张敏"), (MessageTarget::Agent(AgentId(1)), "1007 李娟"), "刚才那位市民又来电了，请留意。", (false, None)),
    ]
    .into();
    view.messages.has_older = true;
    view
}

pub(super) fn messages_page() -> Desktop {
    let mut desktop = Desktop::showing(with_messages());
    desktop.tell(Message::Agent(agent::Message::ShowMessages));
    desktop.tell(Message::Agent(agent::Message::Messages(messages::Act::To(MessageTarget::Team(QueueId(1))))));
    desktop.tell(Message::Agent(agent::Message::Messages(messages::Act::Text("请各位注意".to_owned()))));
    desktop
}

pub(super) fn supervisor() -> View {
    let waiting = |interaction, queue, seconds, rings| WaitingRow {
        interaction: InteractionId(interaction),
        queue: QueueId(queue),
        since: ago(seconds),
        rings,
        caller: Caller { number: Some(PhoneNumber::parse("13812345678").expect("a number").into()) },
    };
    let me = Some(Me { agent: AgentId(9), number: "2001".to_owned(), name: "周强".to_owned() });
    let waiting = Some(vec![waiting(41, 1, 73, true), waiting(42, 2, 12, false)]);
    let rules = rules(true);
    View { agents: Some(floor()), waiting, rules, me, ..not_ready(NotReadyReason::SignedIn) }
}

pub(super) fn supervise_page(asked: bool) -> Desktop {
    let mut view = supervisor();
    if let Some(desk) = &mut view.desk {
        desk.watches = Some(WatchView { agent: AgentId(3), mode: WatchMode::Listen, connected: true });
    }
    let mut desktop = Desktop::showing(view);
    desktop.tell(Message::Agent(agent::Message::ShowSupervise));
    let act = |desktop: &mut Desktop, act| desktop.tell(Message::Agent(agent::Message::Supervise(act)));
    act(&mut desktop, supervise::Act::Choose(AgentId(3)));
    act(&mut desktop, supervise::Act::Reason("质检抽听".to_owned()));
    if asked {
        act(&mut desktop, supervise::Act::Do(SupervisorAct::Release { agent: AgentId(3) }));
    }
    desktop
}

#[test]
fn unread_messages_are_counted_in_the_rail_and_read_when_their_page_is_open() {
    let mut desktop = Desktop::showing(with_messages());
    desktop.assert_finds(&["消息", "1"]);
    assert_eq!(desktop.wishes(), []);
    desktop.click("消息");
    desktop.assert_finds(&[
        "刚才那位市民又来电了，请留意。",
        "1009 张敏 → 我",
        "我 → 政务咨询",
        "送达 9/11 · 已读 4/11",
        "2001 周强 → 全体",
    ]);
    assert_eq!(desktop.wishes(), [Wish::WatchAgents(true), Wish::ReadMessages]);
    desktop.click("更早的消息");
    assert_eq!(desktop.wishes(), [Wish::OlderMessages, Wish::ReadMessages]);
}

#[test]
fn a_message_needs_somebody_to_go_to_and_some_words() {
    let mut desktop = Desktop::showing(with_messages());
    desktop.click("消息");
    desktop.click("发送");
    let act = |desktop: &mut Desktop, act| desktop.tell(Message::Agent(agent::Message::Messages(act)));
    act(&mut desktop, messages::Act::Text(" 开会 ".to_owned()));
    desktop.click("发送");
    assert!(!desktop.wishes().iter().any(|wish| matches!(wish, Wish::SendMessage(..))), "nobody is chosen");
    desktop.click("1008 王芳");
    desktop.click("发送");
    let sent = Wish::SendMessage(MessageTarget::Agent(AgentId(2)), " 开会 ".to_owned(), None);
    assert!(desktop.wishes().contains(&sent));
    act(&mut desktop, messages::Act::Send);
    assert!(!desktop.wishes().iter().any(|wish| matches!(wish, Wish::SendMessage(..))), "it is sent once");
}

#[test]
fn a_supervisor_recalls_what_was_just_sent_and_pins_and_everybody_sees_it() {
    let mut view = supervisor();
    let fate = Some(MessageFate { sent_to: 11, delivered: 9, read: 4 });
    let (_, own) = letter(8, (9, "2001 周强"), (MessageTarget::All, ""), "刚刚发错了", (true, fate));
    let own = MessageRow { sent: ago(60), link: Some(MessageLink::Call(InteractionId(4711))), ..own };
    let (_, old) = letter(7, (9, "2001 周强"), (MessageTarget::All, ""), "很久以前", (true, fate));
    view.messages.rows = [(7, old.clone()), (8, own.clone())].into();
    view.messages.pinned = vec![old.clone()];
    let mut desktop = Desktop::showing(view.clone());
    desktop.tell(Message::Agent(agent::Message::ShowMessages));
    desktop.assert_finds(&["置顶消息", "取消置顶", "录音：通话 4711", "很久以前"]);
    let _ = desktop.wishes();
    desktop.click("撤回");
    desktop.click("取消置顶");
    let change = |row: &MessageRow, change| Wish::ChangeMessage(row.message, change);
    assert_eq!(desktop.wishes(), [change(&own, MessageChange::Recall), change(&old, MessageChange::Unpin)]);

    view.rules.supervises = None;
    let gone = MessageRow { recalled: true, link: None, text: String::new().into(), ..own };
    view.messages.rows.insert(8, gone);
    let mut desktop = Desktop::showing(view);
    desktop.tell(Message::Agent(agent::Message::ShowMessages));
    desktop.assert_finds(&["置顶消息", "此消息已撤回"]);
    desktop.assert_lacks(&["撤回", "置顶", "取消置顶", "刚刚发错了"]);
}

#[test]
fn a_message_carries_the_call_at_the_desk_if_it_is_attached() {
    let mut view = with_papers(talking());
    view.rules = rules(false);
    let call = view.desk.as_ref().and_then(|desk| desk.call.as_ref()).map(|call| call.interaction).expect("a call");
    let mut desktop = Desktop::showing(view);
    desktop.tell(Message::Agent(agent::Message::ShowMessages));
    for act in [messages::Act::To(MessageTarget::All), messages::Act::Text("请听".to_owned())] {
        desktop.tell(Message::Agent(agent::Message::Messages(act)));
    }
    desktop.click(&format!("附上 录音：通话 {call}"));
    let _ = desktop.wishes();
    desktop.tell(Message::Agent(agent::Message::Messages(messages::Act::Send)));
    assert_eq!(desktop.wishes(), [Wish::SendMessage(MessageTarget::All, "请听".to_owned(), Some(MessageLink::Call(call)))]);
}

#[test]
fn only_a_supervisor_has_the_page_and_each_act_needs_a_reason() {
    Desktop::showing(with_messages()).assert_lacks(&["督办"]);
    let mut desktop = Desktop::showing(supervisor());
    desktop.click("督办");
    assert_eq!(desktop.wishes(), [Wish::WatchAgents(true), Wish::WatchWaiting(true)]);
    desktop.assert_finds(&["请在左侧选择一位座席", "138 1234 5678", "投诉举报", "振铃"]);
    desktop.click("1009 张敏");
    desktop.click("监听");
    desktop.click("代答");
    assert_eq!(desktop.wishes(), [], "without a reason nothing is wished");
    desktop.assert_finds(&["填写原因后才能操作"]);
    desktop.tell(Message::Agent(agent::Message::Supervise(supervise::Act::Reason("质检".to_owned()))));
    desktop.click("监听");
    desktop.click("耳语");
    desktop.click("代答");
    let watch = |mode| Wish::Supervise(SupervisorAct::Watch { agent: AgentId(3), mode }, "质检".to_owned());
    let pick_up = Wish::Supervise(SupervisorAct::PickUp { interaction: InteractionId(41) }, "质检".to_owned());
    assert_eq!(desktop.wishes(), [watch(WatchMode::Listen), watch(WatchMode::Whisper), pick_up]);
    desktop.click("工作台");
    assert_eq!(desktop.wishes(), [Wish::WatchWaiting(false)]);
}

#[test]
fn what_hurts_is_asked_twice_and_what_is_impossible_is_dimmed() {
    let mut desktop = supervise_page(false);
    let _ = desktop.wishes();
    desktop.click("强拆");
    assert_eq!(desktop.wishes(), []);
    desktop.assert_finds(&["强拆 · 1009 张敏", "通话将立即挂断，市民会听到忙音。"]);
    desktop.click("取消");
    desktop.click("强拆");
    desktop.click("确认");
    let release = Wish::Supervise(SupervisorAct::Release { agent: AgentId(3) }, "质检抽听".to_owned());
    assert_eq!(desktop.wishes(), [release]);
    desktop.click("1008 王芳");
    desktop.click("强接");
    desktop.click("强制示忙");
    assert_eq!(desktop.wishes(), [], "who has a meal has no call and is not ready");
    desktop.assert_lacks(&["强接 · 1008 王芳"]);
    desktop.click("强制示闲");
    let ready = Wish::Supervise(SupervisorAct::ForceReady { agent: AgentId(2) }, "质检抽听".to_owned());
    assert_eq!(desktop.wishes(), [ready]);
}

#[test]
fn who_is_set_not_ready_gets_the_reason_that_the_supervisor_chooses() {
    let mut desktop = supervise_page(false);
    let _ = desktop.wishes();
    desktop.click("强制示忙");
    desktop.assert_finds(&["强制示忙 · 1009 张敏", "小休", "用餐", "培训", "会议", "工单处理"]);
    desktop.click("培训");
    assert_eq!(desktop.wishes(), [], "it is asked first");
    desktop.click("确认");
    let act = SupervisorAct::ForceNotReady { agent: AgentId(3), reason: NotReadyReason::Training };
    assert_eq!(desktop.wishes(), [Wish::Supervise(act, "质检抽听".to_owned())]);
}

#[test]
fn a_citizen_who_waits_is_moved_to_another_line_unless_a_desk_rings() {
    let mut desktop = supervise_page(false);
    let _ = desktop.wishes();
    let act = |desktop: &mut Desktop, act| desktop.tell(Message::Agent(agent::Message::Supervise(act)));
    act(&mut desktop, supervise::Act::Move(InteractionId(42)));
    desktop.click("政务咨询");
    let moved = SupervisorAct::Move { interaction: InteractionId(42), queue: QueueId(1) };
    assert!(desktop.wishes().contains(&Wish::Supervise(moved, "质检抽听".to_owned())) || desktop.finds("移到"));
}

#[test]
fn a_supervisor_sees_only_the_own_team() {
    let mut view = supervisor();
    view.rules.supervises = Some(vec![QueueId(2)]);
    let mut desktop = Desktop::showing(view);
    desktop.click("督办");
    desktop.assert_finds(&["班组内没有人签入"]);
    desktop.assert_lacks(&["1009 张敏"]);
}
