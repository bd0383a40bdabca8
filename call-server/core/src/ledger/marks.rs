//! What happened where in a recording (1-12): its marks, read from the facts of the interaction. There is no second bookkeeping.

use super::{Fact, FactKind};
use shared::model::{AgentId, Mark, MarkKind, SegmentId};
use std::collections::BTreeMap;

/// The marks of an interaction's main recording, in order, out of its facts in order. None if nothing was recorded.
#[must_use]
pub fn marks(facts: &[Fact]) -> Vec<Mark> {
    let begins = facts.iter().find(|fact| matches!(fact.kind, FactKind::Connected { .. })).map(|fact| fact.offset_ms);
    let Some(begins) = begins else { return Vec::new() };
    let mut whose: BTreeMap<SegmentId, AgentId> = BTreeMap::new();
    let mut marks = Vec::new();
    for fact in facts {
        if let FactKind::Connected { agent, segment } = fact.kind {
            whose.insert(segment, agent);
        }
        let agent = |segment: &SegmentId| whose.get(segment).copied().unwrap_or(AgentId(0));
        if let Some(kind) = mark(&fact.kind, agent) {
            marks.push(Mark { at_ms: fact.offset_ms.saturating_sub(begins), kind });
        }
    }
    marks
}

fn mark(fact: &FactKind, agent: impl Fn(&SegmentId) -> AgentId) -> Option<MarkKind> {
    Some(match fact {
        FactKind::Connected { agent, .. } => MarkKind::Talk { agent: *agent },
        FactKind::Parted { segment } => MarkKind::TalkEnd { agent: agent(segment) },
        FactKind::Held { segment } => MarkKind::Hold { agent: agent(segment) },
        FactKind::Retrieved { segment } => MarkKind::Retrieve { agent: agent(segment) },
        FactKind::AsideBegan { party, as_what, name } => MarkKind::Called { party: *party, as_what: *as_what, name: name.clone() },
        FactKind::AsideEnded { party, result } => MarkKind::CalledEnd { party: *party, result: *result },
        FactKind::PartyJoined { party } => MarkKind::Joined { party: *party },
        FactKind::PartyLeft { party } => MarkKind::Left { party: *party },
        FactKind::HandedOver { from, to } => MarkKind::Transfer { from: *from, to: *to },
        FactKind::SentToQueue { from, queue } => MarkKind::ToQueue { from: *from, queue: *queue },
        FactKind::SentToNode { from, node } => MarkKind::ToNode { from: *from, node: *node },
        FactKind::Watched { supervisor, mode, .. } => MarkKind::Watched { supervisor: *supervisor, mode: *mode },
        FactKind::Unwatched { supervisor } => MarkKind::Unwatched { supervisor: *supervisor },
        FactKind::RecordingPaused { agent } => MarkKind::Pause { agent: *agent },
        FactKind::RecordingResumed { .. } => MarkKind::PauseEnd,
        FactKind::KeysMasked { .. } => MarkKind::KeysMasked,
        FactKind::EmergencyCalled { agent } => MarkKind::Emergency { agent: *agent },
        FactKind::Entered
        | FactKind::Answered
        | FactKind::Queued { .. }
        | FactKind::Overflowed { .. }
        | FactKind::Blocked { .. }
        | FactKind::Favoured { .. }
        | FactKind::LastAgent { .. }
        | FactKind::TurnedAway { .. }
        | FactKind::Foretold { .. }
        | FactKind::Announced { .. }
        | FactKind::Decided(_)
        | FactKind::Offered { .. }
        | FactKind::OfferEnded { .. }
        | FactKind::Dialled { .. }
        | FactKind::PhoneDialled { .. }
        | FactKind::DialEnded { .. }
        | FactKind::CallbackPromised { .. }
        | FactKind::CallbackBegan { .. }
        | FactKind::KeysPressed { .. }
        | FactKind::NodeEntered { .. }
        | FactKind::NodeLeft(_)
        | FactKind::Ended { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::model::{InteractionId, UnixMillis};

    fn fact(offset_ms: u64, kind: FactKind) -> Fact {
        Fact { interaction: InteractionId(1), number: 1, offset_ms, at: UnixMillis(0), kind }
    }

    #[test]
    fn marks_count_from_the_first_word_and_name_whose_part_it_was() {
        let (one, other) = (SegmentId(1), SegmentId(2));
        let facts = [
            fact(0, FactKind::Entered),
            fact(5_000, FactKind::Connected { agent: AgentId(7), segment: one }),
            fact(6_500, FactKind::Held { segment: one }),
            fact(7_000, FactKind::HandedOver { from: AgentId(7), to: Some(AgentId(8)) }),
            fact(7_000, FactKind::Parted { segment: one }),
            fact(7_000, FactKind::Connected { agent: AgentId(8), segment: other }),
            fact(9_000, FactKind::Parted { segment: other }),
        ];
        let marks: Vec<_> = marks(&facts).into_iter().map(|mark| (mark.at_ms, mark.kind)).collect();
        let expected = [
            (0, MarkKind::Talk { agent: AgentId(7) }),
            (1_500, MarkKind::Hold { agent: AgentId(7) }),
            (2_000, MarkKind::Transfer { from: AgentId(7), to: Some(AgentId(8)) }),
            (2_000, MarkKind::TalkEnd { agent: AgentId(7) }),
            (2_000, MarkKind::Talk { agent: AgentId(8) }),
            (4_000, MarkKind::TalkEnd { agent: AgentId(8) }),
        ];
        assert_eq!(marks, expected);
    }

    #[test]
    fn without_a_talk_there_is_no_recording_to_mark() {
        assert_eq!(marks(&[fact(0, FactKind::Entered), fact(9, FactKind::KeysPressed { count: 1 })]), []);
    }

    #[test]
    fn the_code_is_what_is_serialised() {
        for kind in [MarkKind::PauseEnd, MarkKind::KeysMasked, MarkKind::Hold { agent: AgentId(1) }] {
            let written = serde_json::to_value(&kind).expect("plain values");
            assert_eq!(written["mark"], kind.code());
        }
    }
}
