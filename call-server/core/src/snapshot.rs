//! The hotline at one instant, for status and wall. A copy: nothing in it leads back to the core.

use crate::Core;
use crate::acd::{Activity, Agent, ForecastError};
use crate::calls::{Call, Stage};
use crate::ledger::Counters;
use crate::plan::QueuePlan;
use crate::time::Now;
use serde::{Deserialize, Serialize};
use shared::model::{AgentId, AgentState, Caller, InteractionId, QueueId, UnixMillis};

/// Everything at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub at: UnixMillis,
    /// New calls are refused.
    pub stopping: bool,
    /// Everybody signed in.
    pub agents: Vec<AgentStatus>,
    /// Every waiting line of the plan.
    pub queues: Vec<QueueStatus>,
    /// Every live call, oldest first.
    pub calls: Vec<CallStatus>,
    /// Calls that hear a text at the door or on their way out.
    pub farewells: usize,
    /// Calls that phones of the house have dialled, to each other or outside.
    #[serde(default)]
    pub phone_calls: usize,
    /// Media's threads that have no time for another voice in a talk.
    #[serde(default)]
    pub crowded_threads: Vec<u8>,
    /// Numbers whose contacts are remembered.
    pub remembered: usize,
    /// Calls that are over but wait for their recording to be closed.
    pub closing: usize,
    /// Totals since the start.
    pub counters: Counters,
}

/// One signed-in agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Who.
    pub agent: AgentId,
    /// Staff number; empty once the plan no longer names the agent.
    pub number: String,
    /// Name; empty once the plan no longer names the agent.
    pub name: String,
    /// What the agent does.
    pub state: AgentState,
    /// Since when.
    pub since: UnixMillis,
    /// The call that rings, is spoken with or written up.
    pub interaction: Option<InteractionId>,
    /// The desktop's connection stands.
    pub connected: bool,
    /// The voice path works.
    pub reachable: bool,
}

/// One waiting line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// Which.
    pub queue: QueueId,
    /// Its name.
    pub name: String,
    /// Citizens who wait, those for whom a desk rings included.
    pub waiting: usize,
    /// Citizens who have given up the line and not the place 排队回呼.
    #[serde(default)]
    pub callbacks: usize,
    /// The longest present wait, in ms; 0 if nobody waits.
    pub longest_wait_ms: u64,
    /// Agents of this queue to whom a call may be offered now.
    pub ready: usize,
    /// Citizens of this queue who talk.
    pub talking: usize,
    /// How well its forecasts of the waiting time held.
    #[serde(default)]
    pub forecasts: ForecastError,
}

/// One live call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallStatus {
    /// Which.
    pub interaction: InteractionId,
    /// INVITE.
    pub started: UnixMillis,
    /// Who called, or is called. Stays in the server: who asks for its status is not told numbers.
    #[serde(skip)]
    pub caller: Caller,
    /// Its waiting line.
    pub queue: QueueId,
    /// A probe call.
    pub probe: bool,
    /// Where it stands.
    pub phase: CallStatusPhase,
    /// Whose desk rings, the first of several, or who talks.
    pub agent: Option<AgentId>,
}

/// Where a live call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatusPhase {
    /// Media is being opened.
    Opening,
    /// Music, and no desk rings.
    Waiting,
    /// Music, and a desk rings.
    Ringing,
    /// Two-way audio with an agent.
    Talking,
    /// 保持: music by the agent's wish.
    Held,
    /// 外拨: nobody has answered yet.
    Dialling,
    /// 排队回呼: nobody is on the line; the citizen is called when the turn comes.
    Expecting,
    /// 语音菜单, 满意度调查: the citizen hears a question.
    Guided,
    /// 无座席通话: citizen and experts go on without an agent.
    Residual,
}

/// Copies the state of the core.
pub(crate) fn take(core: &Core, now: Now) -> Snapshot {
    Snapshot {
        at: now.utc,
        stopping: core.stopping,
        agents: core.acd.signed_in().map(|agent| agent_status(core, agent)).collect(),
        queues: core.turn.plan.queues.iter().map(|(queue, plan)| queue_status(core, now, *queue, plan)).collect(),
        calls: core.calls.live().map(|call| call_status(core, call)).collect(),
        farewells: core.calls.farewells(),
        phone_calls: core.calls.of_the_house(),
        crowded_threads: core.turn.crowded.iter().copied().collect(),
        remembered: core.calls.contacts.len(),
        closing: core.calls.closing(),
        counters: core.calls.counters(),
    }
}

fn agent_status(core: &Core, agent: &Agent) -> AgentStatus {
    let plan = core.turn.plan.agents.get(&agent.agent);
    AgentStatus {
        agent: agent.agent,
        number: plan.map(|plan| plan.number.clone()).unwrap_or_default(),
        name: plan.map(|plan| plan.name.clone()).unwrap_or_default(),
        state: agent.activity.state(),
        since: agent.since().utc,
        interaction: Activity::interaction(agent.activity).or(agent.talk().map(|talk| talk.interaction)),
        connected: agent.connected,
        reachable: agent.reachable,
    }
}

fn queue_status(core: &Core, now: Now, queue: QueueId, plan: &QueuePlan) -> QueueStatus {
    let talks = |call: &&Call| call.queue == queue && matches!(call.stage, Stage::Talking(_));
    QueueStatus {
        queue,
        name: plan.name.clone(),
        waiting: core.acd.waiting_in(queue).count(),
        callbacks: core.callbacks.count(queue),
        longest_wait_ms: core.acd.waiting_in(queue).next().map_or(0, |entered| now.time.since(entered)),
        ready: core.acd.signed_in().filter(|agent| agent.eligible() && core.turn.serves(agent.agent, queue)).count(),
        talking: core.calls.live().filter(talks).count(),
        forecasts: core.acd.forecast_error(queue),
    }
}

fn call_status(core: &Core, call: &Call) -> CallStatus {
    let rings = core.acd.rings_for(call.id).next();
    let (phase, agent) = match &call.stage {
        Stage::Opening => (CallStatusPhase::Opening, None),
        Stage::Expecting(_) if rings.is_some() => (CallStatusPhase::Ringing, rings),
        Stage::Expecting(_) => (CallStatusPhase::Expecting, None),
        Stage::Waiting(_) if rings.is_some() => (CallStatusPhase::Ringing, rings),
        Stage::Waiting(_) => (CallStatusPhase::Waiting, None),
        Stage::Dialling(dialling) => (CallStatusPhase::Dialling, Some(dialling.agent)),
        Stage::Talking(talking) if talking.held.is_some() => (CallStatusPhase::Held, Some(talking.agent)),
        Stage::Talking(talking) => (CallStatusPhase::Talking, Some(talking.agent)),
        Stage::Guided(_) => (CallStatusPhase::Guided, None),
        Stage::Residual(_) => (CallStatusPhase::Residual, None),
    };
    let (started, caller) = (call.started.utc, call.caller.clone());
    CallStatus { interaction: call.id, started, caller, queue: call.queue, probe: call.probe, phase, agent }
}
