//! Small words of the scenarios: whom a function is for, what a supervisor does, what an agent is told.

use crate::settings::{agent_id, not_ready, phone};
use call_core::Input;
use call_core::ledger::{NodeEnd, NodeVisit};
use call_core::voice::VoiceInput;
use shared::model::{CallNews, InteractionId, LegId, NodeId, PartyId, QueueId, SupervisorAct, Target, VoiceDevice, WatchMode};

/// `agent 1002`, `queue 12345`, `node 1` or a number.
pub(crate) fn target(words: &[&str]) -> Result<Target, String> {
    match words {
        ["agent", agent] => Ok(Target::Agent(agent_id(agent)?)),
        ["queue", queue] => Ok(Target::Queue(QueueId(queue.parse().map_err(|_| "a queue is a number")?))),
        ["node", node] => Ok(Target::Node(NodeId(node.parse().map_err(|_| "a node is a number")?))),
        [number] => Ok(Target::Number(phone(number)?.into())),
        other => Err(format!("`{}` is nobody to be called", other.join(" "))),
    }
}

/// `listens 1001`, `whispers 1001`, `barges 1001`, `stops`, `takes-over 1001`, `releases 1001`, `forces 1001 ready | break | out`,
/// `moves caller 139… to 110`, `picks-up caller 139…`.
pub(crate) fn supervisor_act(words: &[&str], call: Option<InteractionId>) -> Result<SupervisorAct, String> {
    let interaction = call.unwrap_or(InteractionId(0));
    Ok(match words {
        ["listens", agent] => SupervisorAct::Watch { agent: agent_id(agent)?, mode: WatchMode::Listen },
        ["whispers", agent] => SupervisorAct::Watch { agent: agent_id(agent)?, mode: WatchMode::Whisper },
        ["barges", agent] => SupervisorAct::Watch { agent: agent_id(agent)?, mode: WatchMode::Barge },
        ["stops"] => SupervisorAct::Unwatch,
        ["takes-over", agent] => SupervisorAct::TakeOver { agent: agent_id(agent)? },
        ["releases", agent] => SupervisorAct::Release { agent: agent_id(agent)? },
        ["forces", agent, "ready"] => SupervisorAct::ForceReady { agent: agent_id(agent)? },
        ["forces", agent, "out"] => SupervisorAct::ForceSignOut { agent: agent_id(agent)? },
        ["forces", agent, reason] => SupervisorAct::ForceNotReady { agent: agent_id(agent)?, reason: not_ready(reason)? },
        ["moves", "caller", _, "to", queue] => {
            SupervisorAct::Move { interaction, queue: QueueId(queue.parse().map_err(|_| "a queue is a number")?) }
        }
        ["picks-up", "caller", _] => SupervisorAct::PickUp { interaction },
        other => return Err(format!("`supervises {}` is no sentence", other.join(" "))),
    })
}

pub(crate) fn voice_device(word: &str) -> Result<VoiceDevice, String> {
    match word {
        "phone" => Ok(VoiceDevice::Phone),
        "headset" => Ok(VoiceDevice::Headset),
        other => Err(format!("nobody speaks by `{other}`")),
    }
}

pub(crate) fn party_id(number: &str) -> Result<PartyId, String> {
    number.parse().map(PartyId).map_err(|_| "a party is a number".to_owned())
}

pub(crate) fn call_news(news: CallNews) -> String {
    match news {
        CallNews::DialFailed(result) => format!("dial failed {}", result.code()),
        CallNews::AsideFailed(result) => format!("aside failed {}", result.code()),
        CallNews::AsideLeft => "aside left".to_owned(),
        CallNews::PartyLeft => "party left".to_owned(),
        CallNews::LeftOnHold => "left on hold".to_owned(),
        CallNews::HeldLong => "held long".to_owned(),
        CallNews::TeamHeldLong(agent) => format!("{} holds long", agent.0),
        CallNews::TeamEmergency(agent) => format!("{} calls for help", agent.0),
        CallNews::HeldTooLong => "held too long".to_owned(),
        CallNews::TeamResidual(agent) => format!("{} left a talk that goes on", agent.0),
        CallNews::Forced => "forced".to_owned(),
        CallNews::Taken => "taken".to_owned(),
    }
}

/// `menu of 1001 key 1 after 5s`, `survey of 1001 answered 5 good after 3s`.
pub(crate) fn visit(visit: &NodeVisit) -> String {
    let end = match &visit.end {
        NodeEnd::Key { key } => format!("key {key}"),
        NodeEnd::Answered { key, label } => format!("answered {key} {label}"),
        NodeEnd::Unanswered => "unanswered".to_owned(),
        NodeEnd::CallEnded => "call ended".to_owned(),
    };
    format!("{} of {} {end} after {}s", visit.name, visit.agent.map_or(0, |agent| agent.0), visit.length_ms / 1_000)
}

/// Whether media has time for another voice: its first thread, or the one that is named.
pub(crate) fn room_for_voices(thread: &[&str], has_room: bool) -> Result<Input, String> {
    let thread = match thread {
        [] => 0,
        ["on", "thread", thread] => number_of_thread(thread)?,
        other => return Err(format!("`{}` is no thread", other.join(" "))),
    };
    Ok(Input::Voice(VoiceInput::RoomForVoices { thread, has_room }))
}

/// On which of media's threads a leg is.
pub(crate) fn on_thread(leg: LegId, thread: &str) -> Result<Input, String> {
    Ok(Input::Voice(VoiceInput::ThreadOf { leg, thread: number_of_thread(thread)? }))
}

fn number_of_thread(word: &str) -> Result<u8, String> {
    word.parse().map_err(|_| format!("{word} is no number of a thread"))
}
