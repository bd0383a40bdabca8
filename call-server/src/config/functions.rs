//! Limits of what agents do with calls: holds, hand-overs, talks without an agent, pauses of the recording.

use super::fault::Fault;
use super::resolve::{HOUR_MS, Resolver};
use super::schema::Kind::{Seconds, Whole};
use super::schema::Worth::Default as Usual;
use super::schema::{Section, key};
use call_core::plan::FunctionLimits;

/// Most who take part beside citizen and agent: a talk has six places, and supervisors need some.
const MOST_PARTIES: u64 = 3;

pub(super) const CALLS: Section = Section {
    name: "calls",
    repeated: false,
    about: "What agents do with calls.",
    keys: &[
        key("dial_seconds", Seconds, Usual("60"), "A call that an agent dials rings for so long."),
        key("ask_seconds", Seconds, Usual("20"), "Who is consulted, invited or to take over a call rings for so long."),
        key("hold_reminder_seconds", Seconds, Usual("180"), "An agent who holds a citizen for so long is told, and so are supervisors."),
        key(
            "hold_most_seconds",
            Seconds,
            Usual("900"),
            "A held citizen is with the agent again after this, unless the agent consults somebody.",
        ),
        key("transfers_most", Whole, Usual("5"), "How often one call may be handed over."),
        key("parties_most", Whole, Usual("3"), "Most who take part in a talk beside citizen and agent: 1 to 3."),
        key(
            "residual_warning_seconds",
            Seconds,
            Usual("1800"),
            "In a talk without an agent both sides are told after this that it will end, and supervisors are told.",
        ),
        key("residual_most_seconds", Seconds, Usual("3600"), "A talk without an agent is ended after this."),
        key("recording_pause_seconds", Seconds, Usual("60"), "A paused recording goes on by itself after this."),
    ],
};

impl Resolver<'_> {
    pub(super) fn function_limits(&mut self) -> FunctionLimits {
        let mut limits = FunctionLimits::default();
        let Some(block) = self.written.all("calls").next() else { return limits };
        let times = [
            ("dial_seconds", &mut limits.dial_ms),
            ("ask_seconds", &mut limits.aside_ms),
            ("hold_reminder_seconds", &mut limits.held_ms),
            ("hold_most_seconds", &mut limits.held_most_ms),
            ("residual_warning_seconds", &mut limits.residual_warning_ms),
            ("residual_most_seconds", &mut limits.residual_ms),
            ("recording_pause_seconds", &mut limits.pause_ms),
        ];
        for (key, limit) in times {
            *limit = self.time(block, key, 1_000..=12 * HOUR_MS).unwrap_or(*limit);
        }
        let transfers = self.count(block, "transfers_most", 1..=100).and_then(|most| u32::try_from(most).ok());
        limits.max_transfers = transfers.unwrap_or(limits.max_transfers);
        limits.max_others = self.count(block, "parties_most", 1..=MOST_PARTIES).unwrap_or(limits.max_others);
        let pairs = [
            ("hold_reminder_seconds", limits.held_ms, "hold_most_seconds", limits.held_most_ms),
            ("residual_warning_seconds", limits.residual_warning_ms, "residual_most_seconds", limits.residual_ms),
        ];
        for (before, before_ms, after, after_ms) in pairs {
            if before_ms >= after_ms {
                self.faults.push(Fault {
                    line: block.line,
                    what: format!("{before} in [calls] is not shorter than {after}"),
                    remedy: format!("Make {before} shorter, or {after} longer."),
                });
            }
        }
        limits
    }
}
