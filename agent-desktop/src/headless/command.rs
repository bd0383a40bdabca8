//! The commands of a headless client: one per line.

use desktop_core::Wish;
use shared::model::{
    AgentId, CallFunction, InteractionId, MatterId, MessageId, NodeId, NotReadyReason, PersonId, PhoneNumber, QueueId, Summary,
    SupervisorAct, Target, VoiceDevice,
};
use shared::pii::Pii;
use shared::wire::{Correction, MessageChange, MessageLink, MessageTarget, Question};

/// `{"act": "watch", "agent": 7, "mode": "listen", "reason": "…"}`
#[derive(serde::Deserialize)]
struct Supervision {
    #[serde(flatten)]
    act: SupervisorAct,
    reason: String,
}

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// For the session.
    Wish(Wish),
    /// Sign out if possible, and end.
    Quit,
    /// An empty line.
    Nothing,
}

/// What is written: drafts, summaries, a new password.
fn read_paper(line: &str) -> Option<Result<Wish, String>> {
    if let Some(summary) = line.strip_prefix("draft ") {
        return Some(read_summary(summary).map(Wish::Write));
    }
    if let Some(summary) = line.strip_prefix("summary ") {
        return Some(read_summary(summary).map(|summary| Wish::Submit { summary, end: true }));
    }
    let (old, new) = line.strip_prefix("password ")?.split_once(' ')?;
    Some(Ok(Wish::ChangePassword { old: old.to_owned().into(), new: new.trim().to_owned().into() }))
}

/// `{"interaction": 7, "content": "…", "unit": 3, "dispatch": true}`
fn read_summary(text: &str) -> Result<Box<Summary>, String> {
    serde_json::from_str(text).map(Box::new).map_err(|error| format!("this is no summary: {error}"))
}

/// Reads one line.
///
/// # Errors
/// A text that names what is possible.
pub(super) fn read(line: &str) -> Result<Command, String> {
    if let Some(correction) = line.trim().strip_prefix("correct ") {
        return read_correction(correction).map(|correction| Command::Wish(Wish::Correct(correction)));
    }
    if let Some(of) = line.trim().strip_prefix("card_history ") {
        return read_card(of).map(|question| Command::Wish(Wish::Look(question)));
    }
    if let Some(function) = line.trim().strip_prefix("call ") {
        let function = serde_json::from_str(function).map_err(|error| format!("this is nothing to do with a call: {error}"))?;
        return Ok(Command::Wish(Wish::Call(function)));
    }
    if let Some(act) = line.trim().strip_prefix("supervise ") {
        let act: Supervision = serde_json::from_str(act).map_err(|error| format!("this is nothing that a supervisor does: {error}"))?;
        return Ok(Command::Wish(Wish::Supervise(act.act, act.reason)));
    }
    if let Some(paper) = read_paper(line.trim()) {
        return paper.map(Command::Wish);
    }
    if let Some(message) = read_of_messages(line.trim()) {
        return message.map(Command::Wish);
    }
    let mut words = line.split_whitespace();
    let wish = match (words.next(), words.next()) {
        (None, _) => return Ok(Command::Nothing),
        (Some("quit"), None) => return Ok(Command::Quit),
        (Some("ready"), None) => Wish::GoReady,
        (Some("not_ready"), Some(reason)) => Wish::GoNotReady(read_reason(reason)?),
        (Some("answer"), None) => Wish::Answer,
        (Some("reject"), None) => Wish::Reject,
        (Some("hang_up"), None) => Wish::HangUp,
        (Some("end_wrap_up"), None) => Wish::EndWrapUp,
        (Some("extend_wrap_up"), None) => Wish::ExtendWrapUp,
        (Some("await_not_ready"), Some(reason)) => Wish::AwaitNotReady(read_reason(reason)?),
        (Some("mute"), Some("on")) => Wish::Mute(true),
        (Some("mute"), Some("off")) => Wish::Mute(false),
        (Some("lock"), None) => Wish::Lock,
        (Some("unlock"), Some(password)) => Wish::Unlock(password.to_owned().into()),
        (Some("agents"), Some("on")) => Wish::WatchAgents(true),
        (Some("agents"), Some("off")) => Wish::WatchAgents(false),
        (Some("marks"), Some(call)) => Wish::Marks(InteractionId(call.parse().map_err(|_| format!("{call:?} is no call's number"))?)),
        (Some("waiting"), Some("on")) => Wish::WatchWaiting(true),
        (Some("waiting"), Some("off")) => Wish::WatchWaiting(false),
        (Some("attentive"), Some("on")) => Wish::Attentive(true),
        (Some("attentive"), Some("off")) => Wish::Attentive(false),
        (Some("dial"), Some(number)) => Wish::Dial(read_number(number)?),
        (Some("hold"), None) => Wish::Call(CallFunction::Hold),
        (Some("retrieve"), None) => Wish::Call(CallFunction::Retrieve),
        (Some("consult"), Some(to)) => Wish::Call(CallFunction::Consult { to: read_target(to)? }),
        (Some("invite"), Some(to)) => Wish::Call(CallFunction::Invite { to: read_target(to)? }),
        (Some("transfer"), Some(to)) => Wish::Call(CallFunction::Transfer { to: read_target(to)? }),
        (Some("swap"), None) => Wish::Call(CallFunction::Swap),
        (Some("merge"), None) => Wish::Call(CallFunction::Merge),
        (Some("complete"), None) => Wish::Call(CallFunction::Complete),
        (Some("cancel"), None) => Wish::Call(CallFunction::Cancel),
        (Some("leave"), None) => Wish::Call(CallFunction::Leave),
        (Some("pause_recording"), None) => Wish::Call(CallFunction::PauseRecording),
        (Some("resume_recording"), None) => Wish::Call(CallFunction::ResumeRecording),
        (Some("press"), Some(keys)) => Wish::Call(CallFunction::PressKeys { keys: keys.to_owned() }),
        (Some("read_messages"), None) => Wish::ReadMessages,
        (Some("older_messages"), None) => Wish::OlderMessages,
        (Some("voice"), Some("phone")) => Wish::UseVoice(VoiceDevice::Phone),
        (Some("voice"), Some("headset")) => Wish::UseVoice(VoiceDevice::Headset),
        (Some("sign_out"), None) => Wish::SignOut,
        // Any other line is a mistake of whoever typed it.
        _ => {
            return Err(COMMANDS.to_owned());
        }
    };
    Ok(Command::Wish(wish))
}

const COMMANDS: &str = "commands are: ready, not_ready REASON, await_not_ready REASON, answer, reject, hang_up, end_wrap_up, \
     extend_wrap_up, dial NUMBER, hold, retrieve, consult TO, invite TO, transfer TO, swap, merge, complete, cancel, leave, press KEYS, \
     pause_recording, resume_recording, call JSON, supervise JSON, lock, unlock PASSWORD, agents on|off, waiting on|off, marks CALL, attentive on|off, \
     voice phone|headset, correct JSON, card_history CALL PERSON, message TO TEXT, message_of call:7|matter:7 TO TEXT, recall_message ID, pin_message ID, unpin_message ID, read_messages, older_messages, mute on|off, \
      draft JSON, summary JSON, password OLD NEW, sign_out, quit";

/// `agent:7`, `queue:1` and `node:1` by id, anything else is a number.
fn read_target(text: &str) -> Result<Target, String> {
    let id = |id: &str| id.parse().map_err(|_| format!("{text:?} has no id; write agent:7, queue:1, node:1 or a number"));
    match text.split_once(':') {
        Some(("agent", agent)) => Ok(Target::Agent(AgentId(id(agent)?))),
        Some(("queue", queue)) => Ok(Target::Queue(QueueId(id(queue)?))),
        Some(("node", node)) => Ok(Target::Node(NodeId(id(node)?))),
        _ => read_number(text).map(Target::Number),
    }
}

/// A line about messages, if it is one.
fn read_of_messages(line: &str) -> Option<Result<Wish, String>> {
    let (word, rest) = line.split_once(' ')?;
    let change = |change| Some(read_message_id(rest.trim()).map(|message| Wish::ChangeMessage(message, change)));
    match word {
        "message" => Some(read_message(rest, None)),
        "message_of" => {
            let (link, message) = rest.split_once(' ')?;
            Some(read_link(link).and_then(|link| read_message(message, Some(link))))
        }
        "recall_message" => change(MessageChange::Recall),
        "pin_message" => change(MessageChange::Pin),
        "unpin_message" => change(MessageChange::Unpin),
        _ => None,
    }
}

/// `agent:7 …`, `team:1 …` by id, or `all …`.
fn read_message(line: &str, link: Option<MessageLink>) -> Result<Wish, String> {
    let (to, text) = line.split_once(' ').ok_or_else(|| COMMANDS.to_owned())?;
    let id = |id: &str| id.parse().map_err(|_| format!("{to:?} has no id; write agent:7, team:1 or all"));
    let target = match to.split_once(':') {
        Some(("agent", agent)) => MessageTarget::Agent(AgentId(id(agent)?)),
        Some(("team", queue)) => MessageTarget::Team(QueueId(id(queue)?)),
        None if to == "all" => MessageTarget::All,
        _ => return Err(format!("{to:?} is nobody; write agent:7, team:1 or all")),
    };
    Ok(Wish::SendMessage(target, text.to_owned(), link))
}

fn read_message_id(text: &str) -> Result<MessageId, String> {
    text.parse().map(MessageId).map_err(|_| format!("{text:?} is no message's number"))
}

/// `call:7` or `matter:7`.
fn read_link(text: &str) -> Result<MessageLink, String> {
    let wrong = || format!("{text:?} is neither a call nor a matter; write call:7 or matter:7");
    let (kind, id) = text.split_once(':').ok_or_else(wrong)?;
    let id = id.parse().map_err(|_| wrong())?;
    match kind {
        "call" => Ok(MessageLink::Call(InteractionId(id))),
        "matter" => Ok(MessageLink::Matter(MatterId(id))),
        _ => Err(wrong()),
    }
}

fn read_number(text: &str) -> Result<Pii<PhoneNumber>, String> {
    PhoneNumber::parse(text).map(Pii::new).map_err(|error| format!("this is no number: {error}"))
}

/// `{"interaction": 7, "person": 3, "name": "…", "address": "…", "tags": []}`; without `person` somebody new is registered.
fn read_correction(json: &str) -> Result<Correction, String> {
    serde_json::from_str(json).map_err(|error| format!("this is no correction of a card: {error}"))
}

/// `7 3`: the card of person 3 in call 7.
fn read_card(text: &str) -> Result<Question, String> {
    let numbers = text.split_once(' ').and_then(|(call, person)| Some((call.parse().ok()?, person.trim().parse().ok()?)));
    let (call, person) = numbers.ok_or_else(|| format!("{text:?} is no card; write the call's number and the person's"))?;
    Ok(Question::CardHistory { interaction: InteractionId(call), person: PersonId(person) })
}

fn read_reason(text: &str) -> Result<NotReadyReason, String> {
    NotReadyReason::CHOOSABLE.into_iter().find(|reason| reason.code() == text).ok_or_else(|| {
        let codes = NotReadyReason::CHOOSABLE.map(NotReadyReason::code);
        format!("reasons for not_ready are: {}", codes.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::{
        AgentId, CallFunction, Command, InteractionId, MessageChange, MessageId, MessageLink, MessageTarget, NodeId, PersonId, Question,
        SupervisorAct, Target, VoiceDevice, read,
    };
    use desktop_core::Wish;
    use shared::model::NotReadyReason;

    #[test]
    fn each_line_is_one_command() {
        assert_eq!(read("ready"), Ok(Command::Wish(Wish::GoReady)));
        assert_eq!(read(" not_ready  meal \r"), Ok(Command::Wish(Wish::GoNotReady(NotReadyReason::Meal))));
        assert_eq!(read("agents on"), Ok(Command::Wish(Wish::WatchAgents(true))));
        assert_eq!(read("await_not_ready meal"), Ok(Command::Wish(Wish::AwaitNotReady(NotReadyReason::Meal))));
        let Ok(Command::Wish(Wish::Correct(correction))) =
            read(r#"correct {"interaction":7,"name":"李 梅","address":"a","tags":["方言"]}"#)
        else {
            panic!("a correction is a command")
        };
        assert_eq!((correction.interaction.0, correction.person, correction.name.reveal().as_str()), (7, None, "李 梅"));
        let card = Question::CardHistory { interaction: InteractionId(7), person: PersonId(3) };
        assert_eq!(read("card_history 7 3"), Ok(Command::Wish(Wish::Look(card))));
        assert!(read("card_history 7").expect_err("of whom").contains("the person's"));
        let to = Target::Agent(AgentId(7));
        assert_eq!(read("consult agent:7"), Ok(Command::Wish(Wish::Call(CallFunction::Consult { to }))));
        assert!(matches!(read("transfer 13900000001"), Ok(Command::Wish(Wish::Call(CallFunction::Transfer { to: Target::Number(_) })))));
        let survey = Target::Node(NodeId(3));
        assert_eq!(read("transfer node:3"), Ok(Command::Wish(Wish::Call(CallFunction::Transfer { to: survey }))));
        let drop = CallFunction::DropParty { party: shared::model::PartyId(2) };
        assert_eq!(read(r#"call {"function":"drop_party","party":2}"#), Ok(Command::Wish(Wish::Call(drop))));
        let watch = SupervisorAct::Watch { agent: AgentId(7), mode: shared::model::WatchMode::Whisper };
        assert_eq!(
            read(r#"supervise {"act":"watch","agent":7,"mode":"whisper","reason":"quality"}"#),
            Ok(Command::Wish(Wish::Supervise(watch, "quality".to_owned())))
        );
        let link = Some(MessageLink::Call(InteractionId(7)));
        assert_eq!(read("message_of call:7 all 请听"), Ok(Command::Wish(Wish::SendMessage(MessageTarget::All, "请听".to_owned(), link))));
        assert!(read("message_of 7 all 请听").expect_err("of what").contains("matter:7"));
        assert_eq!(read("recall_message 9"), Ok(Command::Wish(Wish::ChangeMessage(MessageId(9), MessageChange::Recall))));
        assert_eq!(read("voice phone"), Ok(Command::Wish(Wish::UseVoice(VoiceDevice::Phone))));
        assert_eq!(read("quit"), Ok(Command::Quit));
        assert_eq!(read("  "), Ok(Command::Nothing));
    }

    #[test]
    fn a_mistake_is_told_what_is_possible() {
        assert!(read("dance").expect_err("no command").contains("hang_up"));
        assert!(read("not_ready system").expect_err("set by the server alone").contains("meal"));
        assert!(read("not_ready").is_err());
    }
}
