//! `explain`: why a call got this agent, and why it waited. It reads what was stored when it was decided and decides nothing anew.

use super::calls::seconds;
use super::{Failure, Outcome, load, open_store};
use crate::store::AgentEntry;
use call_core::ledger::{Decision, FactKind, LastAgentOutcome, NodeEnd, OfferEnd, OverflowCause, WaitRange, WhyNot};
use serde::Serialize;
use serde_json::json;
use shared::model::{AgentId, InteractionId, QueueId, UnixMillis};
use std::collections::BTreeMap;
use std::path::Path;

/// Names for ids, as they are today.
struct Names {
    agents: BTreeMap<AgentId, String>,
    queues: BTreeMap<QueueId, String>,
}

/// One step on the way to an agent.
#[derive(Debug, Serialize)]
struct Step {
    /// Since the INVITE, in ms.
    offset_ms: u64,
    at: UnixMillis,
    /// The fact as it is stored.
    fact: FactKind,
    /// The same in words.
    words: String,
}

pub(super) fn explain(site: &Path, interaction: u64) -> Result<Outcome, Failure> {
    let site = load(site)?;
    let store = open_store(&site)?;
    let Some(call) = store.call(InteractionId(interaction))? else {
        let message = format!("there is no call {interaction}");
        return Err(Failure::new("no_such_call", message, "`call-server call list` shows the newest."));
    };
    let queues = site.bare_plan().queues.iter().map(|(id, queue)| (*id, queue.name.clone())).collect();
    let names = Names { agents: store.agents()?.into_iter().map(who).collect(), queues };
    let steps: Vec<_> = call
        .facts
        .into_iter()
        .filter_map(|fact| {
            let words = names.words(&fact.kind)?;
            Some(Step { offset_ms: fact.offset_ms, at: fact.at, fact: fact.kind, words })
        })
        .collect();
    let lines: Vec<_> = steps.iter().map(|step| format!("+{:>9}  {}", seconds(step.offset_ms), step.words)).collect();
    let text = if lines.is_empty() { "Nothing was decided about this call.".to_owned() } else { lines.join("\n") };
    Ok(Outcome::new(text, json!({"interaction": call.interaction, "steps": steps})))
}

fn who(person: AgentEntry) -> (AgentId, String) {
    (person.agent, person.number)
}

/// What came of a stay in a menu or a survey.
pub(super) fn visit_words(end: &NodeEnd) -> String {
    match end {
        NodeEnd::Key { key } => format!("key {key}"),
        NodeEnd::Answered { key, label } => format!("answered {key} {label}"),
        NodeEnd::Unanswered => "unanswered".to_owned(),
        NodeEnd::CallEnded => "the call ended".to_owned(),
    }
}

impl Names {
    fn agent(&self, agent: AgentId) -> String {
        self.agents.get(&agent).cloned().unwrap_or_else(|| format!("agent #{agent}"))
    }

    fn queue(&self, queue: QueueId) -> String {
        self.queues.get(&queue).map_or_else(|| format!("queue {queue}"), |name| format!("queue {queue} {name}"))
    }

    /// A fact that has to do with who is asked and why one waits; `None` for the others.
    fn words(&self, fact: &FactKind) -> Option<String> {
        Some(match fact {
            FactKind::Queued { queue } => format!("joins {}", self.queue(*queue)),
            FactKind::Overflowed { from, to, cause } => {
                format!("leaves {} for {}: {}; the entry time is kept", self.queue(*from), self.queue(*to), cause_words(*cause))
            }
            FactKind::Decided(decision) => self.decision(decision),
            FactKind::Offered { agent } => format!("{}'s desk rings", self.agent(*agent)),
            FactKind::OfferEnded { agent, why } => format!("{}'s desk stops: {}", self.agent(*agent), offer_words(*why)),
            FactKind::Connected { agent, .. } => format!("talks with {}", self.agent(*agent)),
            FactKind::Ended { reason, by } => format!("ends: {} by {}", reason.code(), by.code()),
            FactKind::Blocked { entry } => format!("entry {entry} of the blocked numbers fits the caller"),
            FactKind::Favoured { entry, points } => format!("entry {entry} of the numbers in favour gives {points} points"),
            FactKind::LastAgent { agent, outcome } => format!("{} served the number last: {}", self.agent(*agent), last_words(*outcome)),
            FactKind::TurnedAway { reason } => format!("is turned away with a text: {}", reason.code()),
            FactKind::Foretold { ahead, expected_ms, told } => foretold(*ahead, *expected_ms, *told),
            FactKind::Announced { prompts, .. } => format!("hears {prompts:?}"),
            FactKind::SentToQueue { from, queue } => format!("{} sends it to {}", self.agent(*from), self.queue(*queue)),
            FactKind::SentToNode { from, node } => format!("{} sends it to node {node}", self.agent(*from)),
            FactKind::NodeEntered { node, name } => format!("comes to node {node} {name}"),
            FactKind::NodeLeft(visit) => format!("leaves node {} {}: {}", visit.node, visit.name, visit_words(&visit.end)),
            FactKind::HandedOver { from, to } => {
                format!(
                    "{} hands it over to {}",
                    self.agent(*from),
                    to.map_or_else(|| "nobody of the house".to_owned(), |to| self.agent(to))
                )
            }
            FactKind::CallbackPromised { callback } => format!("is promised to be called back, and keeps the place: callback {callback}"),
            FactKind::CallbackBegan { callback, attempt } => format!("attempt {attempt} to call back, as promised in call {callback}"),
            FactKind::Dialled { agent } => format!("{} dials", self.agent(*agent)),
            FactKind::PhoneDialled { inside } => format!("a phone of the house dials {}", if *inside { "another" } else { "out" }),
            FactKind::DialEnded { result } => format!("the call comes to this: {}", result.code()),
            FactKind::Held { .. } | FactKind::Retrieved { .. } | FactKind::KeysPressed { .. } => return None,
            FactKind::AsideBegan { .. } | FactKind::AsideEnded { .. } | FactKind::PartyJoined { .. } | FactKind::PartyLeft { .. } => {
                return None;
            }
            FactKind::RecordingPaused { .. } | FactKind::RecordingResumed { .. } => return None,
            FactKind::Watched { .. } | FactKind::Unwatched { .. } | FactKind::EmergencyCalled { .. } => return None,
            FactKind::Entered | FactKind::Answered | FactKind::KeysMasked { .. } | FactKind::Parted { .. } => return None,
        })
    }

    fn decision(&self, decision: &Decision) -> String {
        let head = match decision.asked {
            Some(agent) => format!("{} is asked", self.agent(agent)),
            None => "nobody can be asked, so the citizen waits".to_owned(),
        };
        let mut text = format!(
            "{head} ({}, waited {}, {:.3} points)",
            self.queue(decision.queue),
            seconds(decision.waited_ms),
            decision.score as f64 / 1_000.0
        );
        if let Some(agent) = decision.held_for {
            text.push_str(&format!("\n             waits a little for {}, who served the citizen last", self.agent(agent)));
        }
        for candidate in &decision.candidates {
            text.push_str(&format!(
                "\n             could be asked: {} idle {}, occupied {:.1} %, skill levels {}",
                self.agent(candidate.agent),
                seconds(candidate.idle_ms),
                candidate.occupancy as f64 / 10_000.0,
                candidate.levels
            ));
        }
        for passed in &decision.passed_over {
            text.push_str(&format!("\n             not asked: {}: {}", self.agent(passed.agent), why_words(passed.why)));
        }
        if decision.left_out > 0 {
            text.push_str(&format!("\n             and {} more", decision.left_out));
        }
        if decision.candidates.is_empty() && decision.passed_over.is_empty() {
            text.push_str("\n             nobody who serves the queue is signed in");
        }
        text
    }
}

fn cause_words(cause: OverflowCause) -> &'static str {
    match cause {
        OverflowCause::Full => "as many wait as may",
        OverflowCause::Timeout => "the limit of waiting is reached",
        OverflowCause::NobodySignedIn => "nobody who serves it is signed in",
        OverflowCause::AllNotReady => "all who serve it are 示忙",
        OverflowCause::Closed => "it is closed at this time",
        OverflowCause::Key => "the citizen pressed a key",
        OverflowCause::Supervisor => "a supervisor moved it",
    }
}

fn foretold(ahead: u32, expected_ms: Option<u64>, told: Option<WaitRange>) -> String {
    let expected = expected_ms
        .map_or_else(|| "too little is known to say how long it takes".to_owned(), |ms| format!("about {} to wait", seconds(ms)));
    let told = match told {
        None => "no time is told".to_owned(),
        Some(WaitRange { least_minutes, most_minutes: Some(most) }) => format!("told {least_minutes} to {most} minutes"),
        Some(WaitRange { least_minutes, most_minutes: None }) => format!("told more than {least_minutes} minutes"),
    };
    format!("{ahead} served before; {expected}; {told}")
}

fn last_words(outcome: LastAgentOutcome) -> &'static str {
    match outcome {
        LastAgentOutcome::Hit => "the citizen talks with that agent again",
        LastAgentOutcome::SharedNumber => "not asked first, because many people call from this number",
        LastAgentOutcome::Avoided => "not asked first, because the last contact was rated bad or is complained about",
        LastAgentOutcome::SignedOut => "not signed in",
        LastAgentOutcome::NotReady => "示忙 or cut off",
        LastAgentOutcome::NotInReach => "does not serve this queue, or lacks a skill",
        LastAgentOutcome::Busy => "busy for longer than the citizen should wait",
        LastAgentOutcome::HoldOver => "waited for in vain",
        LastAgentOutcome::Declined => "rejected or missed the call",
        LastAgentOutcome::AnsweredByOther => "somebody else answered",
        LastAgentOutcome::CallerLeft => "the citizen left before",
    }
}

fn offer_words(why: OfferEnd) -> &'static str {
    match why {
        OfferEnd::Rejected => "rejected",
        OfferEnd::NotAnswered => "not answered in time",
        OfferEnd::CallerLeft => "the citizen left",
        OfferEnd::Withdrawn => "the agent went 示忙, signed out or was lost",
        OfferEnd::AnsweredElsewhere => "another desk took the call",
    }
}

fn why_words(why: WhyNot) -> &'static str {
    match why {
        WhyNot::NotReady => "示忙",
        WhyNot::Rings => "the desk rings",
        WhyNot::Talks => "in a call",
        WhyNot::WrapsUp => "writes up a call",
        WhyNot::Gone => "the desktop is gone",
        WhyNot::NoVoice => "the voice path does not work",
        WhyNot::TierClosed => "the tier is not open yet",
        WhyNot::SkillMissing => "a skill is missing or too low",
        WhyNot::Declined => "declined this very call a short while ago",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::ledger::{PassedOver, Weighed};

    fn names() -> Names {
        let agents = [(AgentId(1), "1001".to_owned()), (AgentId(2), "1002".to_owned())].into();
        Names { agents, queues: [(QueueId(1), "政务咨询".to_owned())].into() }
    }

    #[test]
    fn a_decision_names_who_is_asked_who_could_be_and_why_not_the_others() {
        let decision = Decision {
            queue: QueueId(1),
            waited_ms: 3_250,
            score: 3_250,
            asked: Some(AgentId(1)),
            held_for: None,
            candidates: vec![Weighed { agent: AgentId(1), idle_ms: 32_000, occupancy: 255_000, levels: 7 }],
            passed_over: vec![
                PassedOver { agent: AgentId(2), why: WhyNot::SkillMissing },
                PassedOver { agent: AgentId(9), why: WhyNot::Talks },
            ],
            left_out: 3,
        };
        let words = names().words(&FactKind::Decided(Box::new(decision))).expect("it is told");
        let told: Vec<_> = words.lines().map(str::trim).collect();
        assert_eq!(
            told,
            [
                "1001 is asked (queue 1 政务咨询, waited 3.2 s, 3.250 points)",
                "could be asked: 1001 idle 32.0 s, occupied 25.5 %, skill levels 7",
                "not asked: 1002: a skill is missing or too low",
                "not asked: agent #9: in a call",
                "and 3 more",
            ]
        );
    }

    #[test]
    fn a_wait_for_nobody_says_that_nobody_is_there() {
        let decision = Decision {
            queue: QueueId(2),
            waited_ms: 0,
            score: 0,
            asked: None,
            held_for: None,
            candidates: vec![],
            passed_over: vec![],
            left_out: 0,
        };
        let words = names().words(&FactKind::Decided(Box::new(decision))).expect("it is told");
        assert!(words.starts_with("nobody can be asked, so the citizen waits (queue 2, "), "{words}");
        assert!(words.ends_with("nobody who serves the queue is signed in"), "{words}");
    }
}
