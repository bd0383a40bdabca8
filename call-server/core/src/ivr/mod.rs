//! Voice menus and surveys: which question each citizen hears, what was pressed, and where that leads. A walk knows its node and its tries;
//! what is played, written down and connected is the conductor's to translate.

use crate::ledger::NodeEnd;
use crate::plan::{NodeExit, NodeKind, NodePlan, PromptName};
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{InteractionId, NodeId};
use std::collections::BTreeMap;

/// Longest question, in ms: media that never says that it was heard leaves nobody in silence for longer.
const LONGEST_QUESTION_MS: u64 = 300_000;
/// Most nodes that one walk goes through. Who presses on in a circle is taken by people.
const MAX_VISITS: u32 = 50;

/// All citizens who are in a node.
#[derive(Debug, Default)]
pub(crate) struct Ivr {
    walks: BTreeMap<InteractionId, Walk>,
}

/// A citizen in a node.
#[derive(Debug, Clone, Copy)]
struct Walk {
    node: NodeId,
    /// How often the question was asked.
    asked: u32,
    /// How many nodes it has been, this one included.
    visits: u32,
    /// Somebody is called whom this key leads to: keys do nothing meanwhile.
    calls: Option<char>,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Move {
    /// Nothing but time.
    Wait,
    /// This is to be heard.
    Say(Vec<PromptName>),
    /// Somebody is called; the walk goes on if that fails.
    Call(NodeExit),
    /// The stay is over.
    Leave(NodeEnd, NodeExit),
    /// It is over and there is no way on: the citizen goes back to where people are.
    Astray,
}

impl Ivr {
    /// Whether a citizen is in a node.
    pub(crate) fn has(&self, interaction: InteractionId) -> bool {
        self.walks.contains_key(&interaction)
    }

    /// The nodes that somebody is in.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.walks.values().map(|walk| walk.node)
    }

    /// The node that a citizen is in.
    pub(crate) fn node_of(&self, interaction: InteractionId) -> Option<NodeId> {
        self.walks.get(&interaction).map(|walk| walk.node)
    }

    /// A citizen comes into a node; `visits` are those before, in the same walk.
    pub(crate) fn enter(&mut self, turn: &mut Turn, interaction: InteractionId, node: NodeId, visits: u32) -> Move {
        if visits >= MAX_VISITS || !turn.plan.nodes.contains_key(&node) {
            self.leave(turn, interaction);
            return Move::Astray;
        }
        self.walks.insert(interaction, Walk { node, asked: 0, visits: visits + 1, calls: None });
        self.ask(turn, interaction, false)
    }

    /// By which key somebody is called.
    pub(crate) fn calls_by(&self, interaction: InteractionId) -> Option<char> {
        self.walks.get(&interaction)?.calls
    }

    /// Out of the nodes; returns how many there were in this walk.
    pub(crate) fn leave(&mut self, turn: &mut Turn, interaction: InteractionId) -> u32 {
        turn.timers.cancel(Reason::NodeOverdue(interaction));
        self.walks.remove(&interaction).map_or(0, |walk| walk.visits)
    }

    /// A key was pressed.
    pub(crate) fn key(&mut self, turn: &mut Turn, interaction: InteractionId, digit: char) -> Move {
        let Some(walk) = self.walks.get(&interaction).copied().filter(|walk| walk.calls.is_none()) else { return Move::Wait };
        let Some(plan) = turn.plan.nodes.get(&walk.node) else { return Move::Astray };
        match &plan.kind {
            NodeKind::Menu { keys } if keys.is_empty() => Move::Wait,
            NodeKind::Menu { keys } => match keys.get(&digit).cloned() {
                Some(exit @ NodeExit::Number(_)) => self.call(turn, interaction, (digit, exit)),
                Some(exit) => Move::Leave(NodeEnd::Key { key: digit }, exit),
                None => self.again(turn, interaction, true),
            },
            NodeKind::Survey { answers, then } => match answers.get(&digit) {
                Some(label) => Move::Leave(NodeEnd::Answered { key: digit, label: label.clone() }, then.clone()),
                None => self.again(turn, interaction, true),
            },
        }
    }

    /// The question was heard to its end, or there is none.
    pub(crate) fn heard(&mut self, turn: &mut Turn, interaction: InteractionId) -> Move {
        let Some(walk) = self.walks.get(&interaction).copied().filter(|walk| walk.calls.is_none()) else { return Move::Wait };
        let Some(plan) = turn.plan.nodes.get(&walk.node) else { return Move::Astray };
        if is_text(plan) {
            return Move::Leave(NodeEnd::Unanswered, plan.otherwise.clone());
        }
        turn.timers.set(turn.now.time.plus(plan.wait_ms), Reason::NodeOverdue(interaction));
        Move::Wait
    }

    /// Nothing was pressed, or media is silent.
    pub(crate) fn overdue(&mut self, turn: &mut Turn, interaction: InteractionId) -> Move {
        self.again(turn, interaction, false)
    }

    /// Whom a key called is not to be had.
    pub(crate) fn call_failed(&mut self, turn: &mut Turn, interaction: InteractionId) -> Move {
        if let Some(walk) = self.walks.get_mut(&interaction) {
            walk.calls = None;
        }
        self.again(turn, interaction, false)
    }

    fn call(&mut self, turn: &mut Turn, interaction: InteractionId, (digit, exit): (char, NodeExit)) -> Move {
        turn.timers.cancel(Reason::NodeOverdue(interaction));
        if let Some(walk) = self.walks.get_mut(&interaction) {
            walk.calls = Some(digit);
        }
        Move::Call(exit)
    }

    /// Once more, if there is a try left.
    fn again(&mut self, turn: &mut Turn, interaction: InteractionId, wrong: bool) -> Move {
        let Some(walk) = self.walks.get(&interaction) else { return Move::Wait };
        let Some(plan) = turn.plan.nodes.get(&walk.node) else { return Move::Astray };
        if walk.asked >= plan.tries || is_text(plan) {
            return Move::Leave(NodeEnd::Unanswered, plan.otherwise.clone());
        }
        self.ask(turn, interaction, wrong)
    }

    fn ask(&mut self, turn: &mut Turn, interaction: InteractionId, wrong: bool) -> Move {
        let Some(walk) = self.walks.get_mut(&interaction) else { return Move::Wait };
        let Some(plan) = turn.plan.nodes.get(&walk.node) else { return Move::Astray };
        walk.asked += 1;
        let before = plan.wrong_key.iter().filter(|_| wrong);
        let prompts = before.chain(&plan.prompts).cloned().collect();
        turn.timers.set(turn.now.time.plus(LONGEST_QUESTION_MS), Reason::NodeOverdue(interaction));
        Move::Say(prompts)
    }
}

fn is_text(plan: &NodePlan) -> bool {
    matches!(&plan.kind, NodeKind::Menu { keys } if keys.is_empty())
}
