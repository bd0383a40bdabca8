//! Who may enter a waiting line, and who must leave one by rule: full, too long, nobody there (2.1, overflow).

use crate::Core;
use crate::calls::{Admitted, Ending, Move};
use crate::input::CallOffered;
use crate::ledger::OverflowCause;
use crate::plan::{BlockLevel, Exit};
use shared::model::{EndReason, InteractionId, QueueId};

/// How often a call may go from queue to queue by rule.
const MAX_MOVES: usize = 5;

impl Core {
    /// Where a call may wait, decided on one consistent picture of all states.
    pub(super) fn admit(&self, offered: &CallOffered) -> Result<Admitted, EndReason> {
        let plan = &self.turn.plan;
        let queue = *plan.numbers.get(&offered.dialled).ok_or(EndReason::UnknownNumber)?;
        plan.queues.get(&queue).ok_or(EndReason::UnknownNumber)?;
        let level = plan.callers.block(&offered.caller, self.turn.now.utc).map(|entry| entry.level);
        if level == Some(BlockLevel::Reject) {
            return Err(EndReason::Blocked);
        }
        if self.stopping {
            return Err(EndReason::ServerStopping);
        }
        let most = plan.trunks.get(&offered.trunk).and_then(|trunk| trunk.max_in);
        if most.is_some_and(|most| self.calls.live_over(offered.trunk) >= most) {
            return Err(EndReason::ChannelLimit);
        }
        if self.calls.count() >= plan.limits.max_interactions {
            return Err(EndReason::NoResources);
        }
        let mut admitted = Admitted { queue, moves: Vec::new() };
        while let Some((cause, exit)) = self.obstacle(admitted.queue) {
            let from = admitted.queue;
            let to = self.way_out(from, exit).filter(|_| admitted.moves.len() < MAX_MOVES).ok_or_else(|| cause.end_reason())?;
            admitted.moves.push(Move { from, to, cause });
            admitted.queue = to;
        }
        Ok(admitted)
    }

    /// Calls leave the lines in which nobody can answer, where the rules say so.
    pub(crate) fn leave_unstaffed(&mut self) {
        let plan = &self.turn.plan;
        let ruled =
            plan.queues.iter().filter(|(_, rules)| rules.overflow.nobody_signed_in.is_some() || rules.overflow.all_not_ready.is_some());
        let queues: Vec<QueueId> = ruled.map(|(queue, _)| *queue).collect();
        for queue in queues {
            for interaction in self.acd.unserved_in(queue) {
                if let Some((cause, exit)) = self.staffing_obstacle(queue) {
                    self.leave_line(interaction, cause, exit);
                }
            }
        }
    }

    /// The limit of waiting is reached, and no desk rings.
    pub(super) fn leave_if_overdue(&mut self, interaction: InteractionId) {
        if self.acd.overdue(interaction, self.turn.now.time)
            && let Some(queue) = self.calls.get(interaction).map(|call| call.queue)
        {
            self.leave_line(interaction, OverflowCause::Timeout, self.turn.queue(queue).overflow.timeout);
        }
    }

    /// To the other queue, if it takes calls. Who cannot go there is sent away, or waits on if that may still help.
    fn leave_line(&mut self, interaction: InteractionId, cause: OverflowCause, exit: Exit) {
        let Some(call) = self.calls.get(interaction) else { return };
        let (from, may_move, reason) = (call.queue, call.moves < MAX_MOVES, call.unserved(cause.end_reason()));
        let to = self.way_out(from, exit).filter(|to| may_move && self.obstacle(*to).is_none());
        match (to, exit, cause) {
            (Some(to), _, _) => {
                self.calls.change_queue(&mut self.turn, interaction, Move { from, to, cause });
                self.acd.change_queue(&mut self.turn, interaction, to);
            }
            (None, Exit::Queue(_), OverflowCause::NobodySignedIn | OverflowCause::AllNotReady) => {}
            (None, Exit::Refuse | Exit::Queue(_), _) => self.end_call(interaction, Ending::by_server(reason)),
        }
    }

    fn way_out(&self, from: QueueId, exit: Exit) -> Option<QueueId> {
        match exit {
            Exit::Refuse => None,
            Exit::Queue(to) => Some(to).filter(|to| *to != from && self.turn.plan.queues.contains_key(to)),
        }
    }

    /// Why a queue takes no calls now, and where they go instead.
    fn obstacle(&self, queue: QueueId) -> Option<(OverflowCause, Exit)> {
        let rules = self.turn.queue(queue);
        if self.calls.waiting_in(queue) >= rules.max_waiting {
            return Some((OverflowCause::Full, rules.overflow.full));
        }
        self.staffing_obstacle(queue)
    }

    fn staffing_obstacle(&self, queue: QueueId) -> Option<(OverflowCause, Exit)> {
        let overflow = self.turn.queue(queue).overflow;
        let cause = self.acd.unstaffed(&self.turn, queue)?;
        let exit = match cause {
            OverflowCause::NobodySignedIn => overflow.nobody_signed_in,
            OverflowCause::AllNotReady => overflow.all_not_ready,
            OverflowCause::Full | OverflowCause::Timeout => None,
        };
        exit.map(|exit| (cause, exit))
    }
}
