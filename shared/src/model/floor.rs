//! The list of all agents 全部座席 (1-9): a snapshot plus numbered changes, so that whoever follows it notices when one is missing.

use super::{AgentId, AgentState, Caller, QueueId, UnixMillis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everybody signed in, at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Floor {
    /// The change that it contains last; 0 is the empty floor of a server that has just begun.
    pub version: u64,
    /// In order of the ids.
    pub rows: BTreeMap<AgentId, FloorRow>,
}

/// One signed-in agent as the others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloorRow {
    /// Staff number 工号; empty once the plan no longer names the agent.
    pub number: String,
    /// Name; as the number.
    pub name: String,
    /// What the agent does.
    pub state: AgentState,
    /// Since when.
    pub since: UnixMillis,
    /// The desktop's connection stands.
    pub connected: bool,
    /// The queue of the call that rings, is spoken with or written up.
    pub queue: Option<String>,
    /// Who rings or is spoken with; to be masked for roles that may not see it.
    pub partner: Option<Caller>,
    /// Calls accepted since local midnight, as far as this run of the server knows.
    pub calls_today: u32,
    /// The queues that the agent serves: whose team it is.
    #[serde(default)]
    pub queues: Vec<QueueId>,
}

/// What changed at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloorChange {
    /// One more than that of the change before.
    pub version: u64,
    /// New and changed rows.
    pub rows: BTreeMap<AgentId, FloorRow>,
    /// Who signed out.
    pub gone: Vec<AgentId>,
}

/// A change does not follow the floor that it was applied to: a new snapshot is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a change of the floor to version {found} does not follow version {known}")]
pub struct FloorGap {
    /// The floor's version.
    pub known: u64,
    /// The change's version.
    pub found: u64,
}

impl Floor {
    /// Brings the floor to the version of the change. One that it already contains changes nothing.
    ///
    /// # Errors
    /// A change in between is missing; the floor is as it was.
    pub fn apply(&mut self, change: FloorChange) -> Result<(), FloorGap> {
        if change.version <= self.version {
            return Ok(());
        }
        if change.version != self.version + 1 {
            return Err(FloorGap { known: self.version, found: change.version });
        }
        self.version = change.version;
        self.rows.extend(change.rows);
        for agent in change.gone {
            self.rows.remove(&agent);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: AgentState) -> FloorRow {
        let (number, name) = ("1001".to_owned(), "王芳".to_owned());
        FloorRow {
            number,
            name,
            state,
            since: UnixMillis(0),
            connected: true,
            queue: None,
            partner: None,
            calls_today: 0,
            queues: Vec::new(),
        }
    }

    fn change(version: u64, agent: u32, state: AgentState) -> FloorChange {
        FloorChange { version, rows: BTreeMap::from([(AgentId(agent), row(state))]), gone: Vec::new() }
    }

    #[test]
    fn changes_in_order_give_the_floor_and_old_ones_change_nothing() {
        let mut floor = Floor::default();
        floor.apply(change(1, 1, AgentState::Ready)).expect("the first change");
        floor.apply(change(2, 2, AgentState::Ready)).expect("the second change");
        floor.apply(change(1, 1, AgentState::Lost)).expect("an old change");
        assert_eq!(floor.rows[&AgentId(1)], row(AgentState::Ready));
        let gone = FloorChange { version: 3, rows: BTreeMap::new(), gone: vec![AgentId(1)] };
        floor.apply(gone).expect("the third change");
        assert_eq!((floor.version, floor.rows.len()), (3, 1));
    }

    #[test]
    fn a_missing_change_is_noticed_and_nothing_is_taken_over() {
        let mut floor = Floor::default();
        floor.apply(change(1, 1, AgentState::Ready)).expect("the first change");
        let before = floor.clone();
        assert_eq!(floor.apply(change(3, 1, AgentState::Lost)), Err(FloorGap { known: 1, found: 3 }));
        assert_eq!(floor, before, "a stale row is better than a wrong one");
    }
}
