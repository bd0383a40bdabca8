//! What the configuration says, compiled and immutable: numbers, queues, agents.

use serde::{Deserialize, Serialize};
use shared::model::{AgentId, PhoneNumber, QueueId};
use std::collections::BTreeMap;

/// The plan under which calls are handled; replaced as a whole by `Input::PlanChanged`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Plan {
    /// Dialled number to queue.
    pub numbers: BTreeMap<PhoneNumber, QueueId>,
    /// Waiting lines.
    pub queues: BTreeMap<QueueId, QueuePlan>,
    /// Everybody who may sign in as an agent.
    pub agents: BTreeMap<AgentId, AgentPlan>,
    /// Limits of time that are the same everywhere.
    pub limits: Limits,
}

/// One waiting line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePlan {
    /// Its name, such as 政务咨询.
    pub name: String,
    /// How long a desk rings before the call goes back to the head of the line, in ms.
    pub ring_ms: u64,
    /// How long wrap-up lasts if the agent does not end it, in ms; 0 is none.
    pub wrap_up_ms: u64,
    /// How long a citizen may wait, in ms; 0 is without limit. Never cuts a live offer (I-24).
    pub max_wait_ms: u64,
    /// Most citizens who may wait at once; the next one is refused with `NoResources`.
    pub max_waiting: usize,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentPlan {
    /// Staff number 工号.
    pub number: String,
    /// Name.
    pub name: String,
    /// The queues this agent serves.
    pub queues: Vec<QueueId>,
}

/// Limits of time and count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// An agent whose desktop is gone is `Lost` after this, in ms (1-1: 30 s).
    pub grace_ms: u64,
    /// A lost agent is signed out after this, in ms (1-1: 5 min).
    pub lost_ms: u64,
    /// A citizen whose agent is gone in mid-call goes back to the head of the line after this, in ms (I-32: not before 60 s).
    pub lost_call_ms: u64,
    /// A call that media has not opened by then has failed, in ms.
    pub media_open_ms: u64,
    /// A probe call is hung up after this, in ms.
    pub probe_ms: u64,
    /// After a reject or a miss the same agent is not offered the same call for this long, unless sole (I-28), in ms.
    pub exclude_ms: u64,
    /// Most interactions at once.
    pub max_interactions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            grace_ms: 30_000,
            lost_ms: 300_000,
            lost_call_ms: 60_000,
            media_open_ms: 5_000,
            probe_ms: 60_000,
            exclude_ms: 60_000,
            max_interactions: 2_000,
        }
    }
}
