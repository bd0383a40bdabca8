//! A short run in words, close to those of the text scenarios, so that it can be read and turned into one.

use crate::record::{Record, Step};
use call_core::Input;
use call_core::input::{AgentAction, CallOffered, LegEnd};
use call_core::plan::{AgentPlan, Plan, QueuePlan};
use shared::model::{AgentId, Caller, LegId, SessionId};
use std::collections::BTreeMap;
use std::fmt::{Debug, Write};

/// Steps that are told.
const MOST_STEPS: usize = 120;
/// Letters of one setting.
const LONGEST_SETTING: usize = 600;

/// The settings that matter, then who did what when.
pub(crate) fn tell(record: &Record) -> String {
    let mut text = settings(&record.plan);
    let mut people = People::default();
    let left_out = record.steps.len().saturating_sub(MOST_STEPS);
    if left_out > 0 {
        let _ = writeln!(text, "({left_out} steps before these are left out)");
    }
    for (place, step) in record.steps.iter().enumerate() {
        let line = match step {
            Step::Crashed(..) => "         the server crashes and begins anew".to_owned(),
            Step::Fed(now, input) => {
                let ms = now.time.0;
                format!("{:02}:{:02}.{:03} {}", ms / 60_000, ms / 1_000 % 60, ms % 1_000, people.sentence(input))
            }
        };
        if place >= left_out {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

/// Only what is not as by default.
fn settings(plan: &Plan) -> String {
    let mut text = String::new();
    for (queue, rules) in &plan.queues {
        let unlike = differences(rules, &QueuePlan { name: rules.name.clone(), ..QueuePlan::default() });
        let _ = writeln!(text, "queue {} (dialled {}){}", queue.0, 100 + queue.0, unlike);
    }
    for (agent, rules) in &plan.agents {
        let queues: Vec<String> = rules.queues.iter().map(|queue| queue.0.to_string()).collect();
        let plain =
            AgentPlan { number: rules.number.clone(), name: rules.name.clone(), queues: rules.queues.clone(), ..AgentPlan::default() };
        let _ = writeln!(text, "agent {} serves {}{}", agent.0, queues.join(" "), differences(rules, &plain));
    }
    let rest = Plan { numbers: plan.numbers.clone(), queues: plan.queues.clone(), agents: plan.agents.clone(), ..Plan::default() };
    let _ = writeln!(text, "house{}", differences(plan, &rest));
    text
}

/// The lines in which two values of a kind differ.
fn differences(this: &impl Debug, that: &impl Debug) -> String {
    let (this, that) = (format!("{this:#?}"), format!("{that:#?}"));
    let plain: Vec<&str> = that.lines().collect();
    let unlike: Vec<&str> = this.lines().filter(|line| !plain.contains(line)).map(str::trim).collect();
    let text = unlike.join(" ");
    let clipped: String = text.chars().take(LONGEST_SETTING).collect();
    if text.is_empty() { text } else { format!(": {clipped}{}", if clipped.len() < text.len() { "…" } else { "" }) }
}

/// Who is who.
#[derive(Default)]
struct People {
    callers: BTreeMap<LegId, String>,
    sessions: BTreeMap<SessionId, AgentId>,
}

impl People {
    fn sentence(&mut self, input: &Input) -> String {
        match input {
            Input::CallOffered(offered) => self.dials(offered),
            Input::LegEnded { leg, cause } => format!("caller {} {}", self.caller(*leg), leaves(*cause)),
            Input::MediaOpened { leg, .. } => format!("media opens the voice of {}", self.caller(*leg)),
            Input::Digit { leg, digit } => format!("caller {} presses {digit}", self.caller(*leg)),
            Input::AnnouncementEnded { leg, .. } => format!("the text for {} ends", self.caller(*leg)),
            Input::AgentArrived { agent, session, .. } => {
                self.sessions.insert(*session, *agent);
                format!("agent {} signs in (session {})", agent.0, session.0)
            }
            Input::AgentMediaOpened { agent, .. } => format!("media opens the voice of agent {}", agent.0),
            Input::AgentMediaReachable { leg, reachable } => {
                format!("the voice of leg {} {}", leg.0 - (1 << 62), if *reachable { "arrives" } else { "stops" })
            }
            Input::AgentDisconnected { agent, .. } => format!("agent {} loses connection", agent.0),
            Input::AgentResumed { agent, .. } => format!("agent {} comes back", agent.0),
            Input::AgentAttentive { agent, attentive, .. } => {
                format!("agent {} {}", agent.0, if *attentive { "sits there" } else { "leaves the chair" })
            }
            Input::AgentAsked { agent, action, .. } => format!("agent {} {}", agent.0, wishes(action)),
            Input::Tick => "(a deadline)".to_owned(),
            Input::PlanChanged(plan) => format!("the configuration changes\n{}", settings(plan)),
            Input::Stop => "the server stops".to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn dials(&mut self, offered: &CallOffered) -> String {
        let name = format!("{} (leg {})", number(&offered.caller), offered.leg.0);
        self.callers.insert(offered.leg, name.clone());
        let who = if offered.probe { "probe" } else { "caller" };
        format!("{who} {name} dials {}", offered.dialled.as_str())
    }

    fn caller(&self, leg: LegId) -> String {
        self.callers.get(&leg).cloned().unwrap_or_else(|| format!("of leg {}", leg.0))
    }
}

fn number(caller: &Caller) -> String {
    caller.number.as_ref().map_or_else(|| "without number".to_owned(), |number| number.reveal().as_str().to_owned())
}

fn leaves(cause: LegEnd) -> String {
    match cause {
        LegEnd::ByeReceived => "hangs up".to_owned(),
        LegEnd::CancelReceived => "cancels".to_owned(),
        LegEnd::Timeout => "falls silent".to_owned(),
        other => format!("is gone ({other:?})"),
    }
}

fn wishes(action: &AgentAction) -> String {
    match action {
        AgentAction::GoReady => "goes ready".to_owned(),
        AgentAction::GoNotReady(reason) => format!("goes not ready {}", reason.code()),
        AgentAction::AwaitNotReady(reason) => format!("awaits {}", reason.code()),
        AgentAction::Lock => "locks".to_owned(),
        AgentAction::Unlock => "unlocks".to_owned(),
        AgentAction::Accept(offer) => format!("accepts (offer {})", offer.0),
        AgentAction::Reject(offer) => format!("rejects (offer {})", offer.0),
        AgentAction::HangUp(interaction) => format!("hangs up (interaction {})", interaction.0),
        AgentAction::EndWrapUp => "ends wrap-up".to_owned(),
        AgentAction::ExtendWrapUp => "extends wrap-up".to_owned(),
        AgentAction::SignOut => "signs out".to_owned(),
        other @ (AgentAction::Dial(_) | AgentAction::Call(..) | AgentAction::Supervise(..) | AgentAction::UseVoice(_)) => {
            format!("{other:?}")
        }
    }
}
