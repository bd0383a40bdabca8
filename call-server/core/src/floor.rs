//! The list of all agents as numbered changes (1-9): at most one change per input, and none for nothing.

use crate::Core;
use crate::acd::{Activity, Agent};
use crate::command::AgentCommand;
use shared::model::{AgentId, Floor, FloorChange, FloorRow};
use std::collections::{BTreeMap, BTreeSet};

impl Core {
    /// Tells the rows of these agents that look different now.
    pub(crate) fn tell_floor(&mut self, touched: &BTreeSet<AgentId>) {
        let (mut rows, mut gone) = (BTreeMap::new(), Vec::new());
        for agent in touched {
            match self.acd.agent(*agent).map(|found| self.floor_row(found)) {
                Some(row) if self.floor.rows.get(agent) != Some(&row) => _ = rows.insert(*agent, row),
                Some(_) => {}
                None if self.floor.rows.contains_key(agent) => gone.push(*agent),
                None => {}
            }
        }
        if rows.is_empty() && gone.is_empty() {
            return;
        }
        let change = FloorChange { version: self.floor.version + 1, rows, gone };
        self.floor.apply(change.clone()).expect("the next version follows the last");
        self.turn.agent(AgentCommand::Floor(change));
    }

    /// The list as it was last told.
    #[must_use]
    pub fn floor(&self) -> &Floor {
        &self.floor
    }

    fn floor_row(&self, agent: &Agent) -> FloorRow {
        let plan = self.turn.plan.agents.get(&agent.agent);
        // Who wraps up is with nobody, whoever goes on in the call.
        let rings = match agent.activity {
            Activity::Offered(offered) => Some(offered.interaction),
            Activity::NotReady(_) | Activity::Ready | Activity::Talking(_) | Activity::WrapUp(_) | Activity::Lost(_) => None,
        };
        let about = rings.or(agent.talk().map(|talk| talk.interaction));
        let call = about.and_then(|interaction| self.calls.get(interaction));
        FloorRow {
            number: plan.map(|plan| plan.number.clone()).unwrap_or_default(),
            name: plan.map(|plan| plan.name.clone()).unwrap_or_default(),
            state: agent.activity.state(),
            since: agent.since().utc,
            connected: agent.connected,
            queue: call.map(|call| self.turn.queue(call.queue).name.clone()),
            partner: call.map(|call| call.caller.clone()),
            calls_today: agent.standing(self.turn.now.time).calls_on(self.turn.today()),
            queues: plan.map(|plan| plan.queues.clone()).unwrap_or_default(),
        }
    }
}
