//! Voice menus and surveys, translated between `calls`, `ivr` and `acd`: what is heard, where a key leads, and who takes the citizen then
//! (1-3). No way leads into silence: who cannot go on is in a waiting line again.

use crate::Core;
use crate::calls::Ending;
use crate::ivr::Move;
use crate::ledger::NodeEnd;
use crate::plan::{NodeExit, NodePlan};
use shared::model::{AgentId, AsideKind, DialResult, EndReason, InteractionId, NodeId, QueueId, Refusal, Side};

impl Core {
    /// 盲转 to a voice menu or a survey: at once; the agent's part of the call ends here.
    pub(super) fn send_to_node(
        &mut self,
        agent: AgentId,
        (interaction, queue): (InteractionId, QueueId),
        node: NodeId,
    ) -> Result<(), Refusal> {
        if !self.turn.plan.nodes.contains_key(&node) {
            return Err(Refusal::NoSuchTarget);
        }
        self.calls.may_call(&self.turn, interaction, AsideKind::Transfer)?;
        let gone = self.calls.guide(&mut self.turn, interaction, node)?;
        gone.iter().for_each(|gone| self.party_leaves((interaction, queue), gone));
        self.enter_node(interaction, node, 0);
        self.segment_over(agent, (interaction, queue), Side::Agent, true);
        Ok(())
    }

    fn enter_node(&mut self, interaction: InteractionId, node: NodeId, visits: u32) {
        let next = self.ivr.enter(&mut self.turn, interaction, node, visits);
        if self.ivr.has(interaction) {
            self.calls.node_entered(&mut self.turn, interaction, node);
        }
        self.move_on(interaction, next);
    }

    /// A citizen in a node presses a key. `false` if there is none.
    pub(super) fn node_key(&mut self, interaction: InteractionId, digit: char) -> bool {
        let is_there = self.ivr.has(interaction);
        if is_there {
            let next = self.ivr.key(&mut self.turn, interaction, digit);
            self.move_on(interaction, next);
        }
        is_there
    }

    /// A question was heard to its end.
    pub(super) fn node_heard(&mut self, interaction: InteractionId) {
        let next = self.ivr.heard(&mut self.turn, interaction);
        self.move_on(interaction, next);
    }

    /// Nothing was pressed.
    pub(super) fn node_overdue(&mut self, interaction: InteractionId) {
        let next = self.ivr.overdue(&mut self.turn, interaction);
        self.move_on(interaction, next);
    }

    /// Who was called from a menu has answered.
    pub(super) fn onward_there(&mut self, interaction: InteractionId) {
        if let Some(key) = self.ivr.calls_by(interaction) {
            self.calls.node_left(&mut self.turn, interaction, NodeEnd::Key { key });
        }
        self.ivr.leave(&mut self.turn, interaction);
    }

    /// Who was called from a menu is not to be had: the question is put again, or what else follows.
    pub(super) fn onward_failed(&mut self, interaction: InteractionId, result: DialResult) {
        if self.calls.onward_failed(&mut self.turn, interaction, result) {
            let next = self.ivr.call_failed(&mut self.turn, interaction);
            self.move_on(interaction, next);
        }
    }

    fn move_on(&mut self, interaction: InteractionId, next: Move) {
        match next {
            Move::Wait => {}
            Move::Say(prompts) => self.calls.question(&mut self.turn, interaction, prompts),
            Move::Call(exit) => self.exit(interaction, &exit, 0, EndReason::MenuEnded),
            Move::Leave(end, exit) => {
                let survey =
                    self.ivr.node_of(interaction).and_then(|node| self.turn.plan.nodes.get(&node)).is_some_and(NodePlan::is_survey);
                let reason = if survey { EndReason::SurveyEnded } else { EndReason::MenuEnded };
                self.calls.node_left(&mut self.turn, interaction, end);
                let visits = self.ivr.leave(&mut self.turn, interaction);
                self.exit(interaction, &exit, visits, reason);
            }
            Move::Astray => {
                self.calls.node_left(&mut self.turn, interaction, NodeEnd::Unanswered);
                self.ivr.leave(&mut self.turn, interaction);
                self.join_people(interaction, None);
            }
        }
    }

    fn exit(&mut self, interaction: InteractionId, exit: &NodeExit, visits: u32, reason: EndReason) {
        match exit {
            NodeExit::Queue(queue) => self.join_people(interaction, Some(*queue)),
            NodeExit::Node(node) => self.enter_node(interaction, *node, visits),
            NodeExit::Number(number) => match self.way_out(number) {
                Some(to) => self.calls.call_onward(&mut self.turn, interaction, to),
                None => {
                    let next = self.ivr.call_failed(&mut self.turn, interaction);
                    self.move_on(interaction, next);
                }
            },
            NodeExit::HangUp(Some(text)) => self.say_goodbye(interaction, reason, text.clone()),
            NodeExit::HangUp(None) => self.end_call(interaction, Ending::by_server(reason)),
        }
    }

    /// Into a waiting line, with the time of the first entry; that of the call if this one is no more.
    fn join_people(&mut self, interaction: InteractionId, queue: Option<QueueId>) {
        let known = queue.filter(|queue| self.turn.plan.queues.contains_key(queue));
        let Some(own) = self.calls.get(interaction).map(|call| call.queue) else { return };
        self.put_in_line(interaction, Some(known.unwrap_or(own)));
    }
}
