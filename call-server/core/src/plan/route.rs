//! The path that a call would take, step by step, without taking it: what `route test` prints.
//!
//! It reads the plan alone; how full the lines are and whether targets answer is not in it.

use super::PromptName;
use super::{Attempt, BlockLevel, DialledKind, Exit, PermissionClass, Plan, QueuePlan, TrunkPlan, Unfit, choose, shown_outside};
use serde::{Deserialize, Serialize};
use shared::model::{Caller, PhoneNumber, QueueId, TrunkId, UnixMillis};
use std::collections::BTreeMap;

/// How often a call may go from queue to queue by rule.
pub(crate) const MAX_MOVES: usize = 5;

/// Where a call comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Over this trunk.
    Trunk(TrunkId),
    /// From an extension of this class, or, with the widest class, from the server itself.
    Extension(PermissionClass),
}

/// One step of the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The trunk's rules write the caller's number differently.
    CallerRewritten {
        /// As it is from here on.
        number: PhoneNumber,
    },
    /// Rules write the dialled number differently.
    DialledRewritten {
        /// As it is from here on.
        number: PhoneNumber,
    },
    /// The caller is on the list of blocked numbers.
    Blocked {
        /// The entry.
        entry: u32,
        /// What follows.
        level: BlockLevel,
    },
    /// The lists give the caller points, or take some.
    Points {
        /// How many.
        points: i32,
    },
    /// By its calendar the number, or the queue that it led to, is closed then; the call goes to another queue.
    Closed {
        /// The other queue.
        to: QueueId,
    },
    /// What the number is for an extension.
    Dialled {
        /// Its kind.
        #[serde(flatten)]
        kind: DialledKind,
    },
    /// The extension's class, and whether it may dial that.
    Permission {
        /// Its class.
        class: PermissionClass,
        /// Whether it may.
        allowed: bool,
    },
    /// A trunk that is not tried.
    PassedOver {
        /// Which.
        trunk: TrunkId,
        /// Its name.
        name: String,
        /// Why.
        why: Unfit,
    },
    /// A place that is tried, in this order.
    Tried {
        /// Over which trunk.
        trunk: TrunkId,
        /// Its name.
        name: String,
        /// Where to.
        uri: String,
        /// Priorities of trunk and target: smaller ones are tried first.
        priority: (u16, u16),
        /// Weights of trunk and target: shares among equal priorities.
        weight: (u16, u16),
        /// The dialled number as this carrier wants it.
        dialled: PhoneNumber,
        /// The calling number as this carrier wants it.
        caller: Option<PhoneNumber>,
    },
}

/// Where the path ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum PathEnd {
    /// In a waiting line.
    Queue {
        /// Which.
        queue: QueueId,
        /// Its name.
        name: String,
    },
    /// At a text, and then nowhere.
    Announced {
        /// The text.
        prompt: PromptName,
        /// Why it leads no further.
        why: RouteRefusal,
    },
    /// At another phone of the house.
    Extension,
    /// Outside, over the trunks that are tried.
    Outside,
    /// Nowhere.
    Refused {
        /// Why.
        why: RouteRefusal,
    },
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteRefusal {
    /// The number is not served here (404).
    UnknownNumber,
    /// The caller is blocked (603).
    Blocked,
    /// It is closed then (480).
    Closed,
    /// The extension's class does not reach so far (403).
    NotAllowed,
    /// No trunk takes the number (480).
    NoTrunk,
}

/// A whole path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// In their order.
    pub steps: Vec<Step>,
    /// Its end.
    #[serde(flatten)]
    pub end: PathEnd,
}

impl Plan {
    /// The path of a call at this time.
    #[must_use]
    pub fn path(&self, door: Door, caller: &Caller, dialled: &PhoneNumber, at: UnixMillis) -> Path {
        match door {
            Door::Trunk(trunk) => self.path_in(trunk, caller, dialled, at),
            Door::Extension(class) => self.path_of_extension(class, caller, dialled, at),
        }
    }

    fn path_in(&self, trunk: TrunkId, caller: &Caller, dialled: &PhoneNumber, at: UnixMillis) -> Path {
        let mut steps = Vec::new();
        let numbers = self.trunks.get(&trunk).map(|trunk| trunk.numbers.clone()).unwrap_or_default();
        let ours = numbers.caller_in(caller.clone());
        if let Some(number) = ours.number.as_ref().filter(|_| ours != *caller) {
            steps.push(Step::CallerRewritten { number: number.reveal().clone() });
        }
        let number = numbers.dialled_in.apply(dialled);
        if number != *dialled {
            steps.push(Step::DialledRewritten { number: number.clone() });
        }
        self.path_to_queue(steps, &ours, &number, at)
    }

    fn path_to_queue(&self, mut steps: Vec<Step>, caller: &Caller, dialled: &PhoneNumber, at: UnixMillis) -> Path {
        let found = self.numbers.get(dialled).and_then(|queue| Some((*queue, self.queues.get(queue)?)));
        let Some((queue, rules)) = found else { return refused(steps, RouteRefusal::UnknownNumber) };
        let block = self.callers.block(caller, at);
        steps.extend(block.map(|entry| Step::Blocked { entry: entry.entry, level: entry.level }));
        match block.map(|entry| entry.level) {
            Some(BlockLevel::Reject) => return refused(steps, RouteRefusal::Blocked),
            Some(BlockLevel::Announce) => return announced(steps, self.callers.block_text.clone(), RouteRefusal::Blocked),
            Some(BlockLevel::LowPriority(_) | BlockLevel::Rate { .. }) | None => {}
        }
        let points = self.callers.points(caller, at);
        if points != 0 {
            steps.push(Step::Points { points });
        }
        self.path_by_calendar(steps, (queue, rules), dialled, at)
    }

    /// As at the door: the number's calendar first, then that of each queue on the way.
    fn path_by_calendar(&self, mut steps: Vec<Step>, first: (QueueId, &QueuePlan), dialled: &PhoneNumber, at: UnixMillis) -> Path {
        let (mut queue, mut rules) = first;
        let mut closed = self.number_closed(dialled, at);
        for _ in 0..=MAX_MOVES {
            match closed.take().or_else(|| self.queue_closed(queue, at)) {
                None => return Path { steps, end: PathEnd::Queue { queue, name: rules.name.clone() } },
                Some(Exit::Refuse) => return refused(steps, RouteRefusal::Closed),
                Some(Exit::Announce(prompt)) => return announced(steps, Some(prompt), RouteRefusal::Closed),
                Some(Exit::CallBack) => return announced(steps, Some(rules.announcements.callback_promised()), RouteRefusal::Closed),
                Some(Exit::Queue(to)) => {
                    let Some(next) = self.queues.get(&to).filter(|_| to != queue) else { return refused(steps, RouteRefusal::Closed) };
                    steps.push(Step::Closed { to });
                    (queue, rules) = (to, next);
                }
            }
        }
        refused(steps, RouteRefusal::Closed)
    }

    fn path_of_extension(&self, class: PermissionClass, caller: &Caller, dialled: &PhoneNumber, at: UnixMillis) -> Path {
        let kind = self.dialled_kind(dialled);
        let allowed = class.may_dial(kind);
        let mut steps = vec![Step::Dialled { kind }, Step::Permission { class, allowed }];
        match kind {
            DialledKind::Unknown => refused(steps, RouteRefusal::UnknownNumber),
            _ if !allowed => refused(steps, RouteRefusal::NotAllowed),
            DialledKind::Hotline(_) => self.path_to_queue(steps, caller, dialled, at),
            DialledKind::Extension => Path { steps, end: PathEnd::Extension },
            DialledKind::Emergency | DialledKind::Local | DialledKind::National | DialledKind::International => {
                // Without chance: of equal priorities the heaviest or the first stands first.
                let choice = choose(&self.trunks, &BTreeMap::new(), dialled, |_| 0);
                let name = |id: &TrunkId| self.trunks.get(id).map(|trunk| trunk.name.clone()).unwrap_or_default();
                steps.extend(choice.passed_over.iter().map(|(trunk, why)| Step::PassedOver {
                    trunk: *trunk,
                    name: name(trunk),
                    why: *why,
                }));
                if choice.attempts.is_empty() {
                    return refused(steps, RouteRefusal::NoTrunk);
                }
                let phone = caller.number.as_ref().map(|number| number.reveal()).filter(|number| self.phones.contains_key(*number));
                let shown = phone.map_or_else(|| caller.clone(), |phone| shown_outside(&self.trunks, phone, dialled));
                steps.extend(choice.attempts.iter().filter_map(|attempt| self.tried(attempt, &shown, dialled)));
                Path { steps, end: PathEnd::Outside }
            }
        }
    }

    fn tried(&self, attempt: &Attempt, caller: &Caller, dialled: &PhoneNumber) -> Option<Step> {
        let trunk = self.trunks.get(&attempt.trunk)?;
        let target = trunk.targets.get(attempt.target)?;
        Some(Step::Tried {
            trunk: attempt.trunk,
            name: trunk.name.clone(),
            uri: target.uri.clone(),
            priority: (trunk.priority, target.priority),
            weight: (trunk.weight, target.weight),
            dialled: trunk.numbers.dialled_out.apply(dialled),
            caller: trunk.caller_out(caller),
        })
    }
}

impl TrunkPlan {
    /// The calling number of an outgoing call as this carrier wants it; `None` if it is withheld and the trunk shows none of its own.
    #[must_use]
    pub fn caller_out(&self, caller: &Caller) -> Option<PhoneNumber> {
        let own = self.shown_number.as_ref().or(caller.number.as_ref().map(|number| number.reveal()));
        own.map(|number| self.numbers.caller_out.apply(number))
    }
}

fn announced(steps: Vec<Step>, prompt: Option<PromptName>, why: RouteRefusal) -> Path {
    match prompt {
        Some(prompt) => Path { steps, end: PathEnd::Announced { prompt, why } },
        None => refused(steps, why),
    }
}

fn refused(steps: Vec<Step>, why: RouteRefusal) -> Path {
    Path { steps, end: PathEnd::Refused { why } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{BlockEntry, Mode, NumberPattern, NumberRules, Override, QueuePlan, Scope, TargetPlan, TrunkNumbers};

    const NOW: UnixMillis = UnixMillis(1_000);

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).expect("a number")
    }

    fn caller(text: &str) -> Caller {
        Caller { number: Some(number(text).into()) }
    }

    fn rules(texts: &[&str]) -> NumberRules {
        NumberRules(texts.iter().map(|text| text.parse().expect("a rule")).collect())
    }

    fn plan() -> Plan {
        let mut plan = Plan::default();
        plan.numbers.insert(number("12345"), QueueId(1));
        plan.queues.insert(QueueId(1), QueuePlan { name: "政务咨询".to_owned(), ..QueuePlan::default() });
        plan.phones.insert(number("8001"), PermissionClass::Internal);
        let numbers = TrunkNumbers {
            caller_in: rules(&["+86 -> 0", "01/12 -> 1"]),
            dialled_in: rules(&["051912345 -> 12345"]),
            caller_out: rules(&["0 -> +86"]),
            dialled_out: rules(&["1/11 -> +861"]),
        };
        let trunk = TrunkPlan {
            name: "carrier".to_owned(),
            outbound: vec!["".parse().expect("a shape")],
            numbers,
            targets: vec![TargetPlan { uri: "sip:192.0.2.1".to_owned(), priority: 1, weight: 1 }],
            ..TrunkPlan::default()
        };
        plan.trunks.insert(TrunkId(1), trunk);
        plan
    }

    #[test]
    fn an_incoming_call_is_rewritten_and_finds_its_queue() {
        let path = plan().path(Door::Trunk(TrunkId(1)), &caller("+8651987210088"), &number("051912345"), NOW);
        assert_eq!(
            path.steps,
            [Step::CallerRewritten { number: number("051987210088") }, Step::DialledRewritten { number: number("12345") },]
        );
        assert_eq!(path.end, PathEnd::Queue { queue: QueueId(1), name: "政务咨询".to_owned() });
        let stray = plan().path(Door::Trunk(TrunkId(1)), &caller("1"), &number("12340"), NOW);
        assert_eq!(stray.end, PathEnd::Refused { why: RouteRefusal::UnknownNumber });
    }

    #[test]
    fn a_block_counts_until_it_expires() {
        let mut plan = plan();
        let callers = NumberPattern { number: number("13912345678"), prefix: false };
        plan.callers.blocked.push(BlockEntry { entry: 7, callers, level: BlockLevel::Reject, expires: Some(UnixMillis(2_000)) });
        let end = |at| plan.path(Door::Trunk(TrunkId(1)), &caller("13912345678"), &number("12345"), UnixMillis(at)).end;
        assert_eq!(end(1_999), PathEnd::Refused { why: RouteRefusal::Blocked });
        assert!(matches!(end(2_000), PathEnd::Queue { .. }));
    }

    #[test]
    fn a_closed_number_leads_where_its_calendar_says() {
        let mut plan = plan();
        let end = |plan: &Plan| plan.path(Door::Trunk(TrunkId(1)), &caller("1"), &number("12345"), NOW);
        let shut = |exit| Override {
            scope: Scope::Number(number("12345")),
            mode: Mode::Closed(exit),
            expires: UnixMillis(2_000),
            author: "2001".to_owned(),
            reason: "drill".to_owned(),
        };
        plan.calendars.overrides = vec![shut(Exit::Announce(PromptName::from("closed")))];
        assert_eq!(end(&plan).end, PathEnd::Announced { prompt: PromptName::from("closed"), why: RouteRefusal::Closed });
        plan.queues.insert(QueueId(2), QueuePlan { name: "值班".to_owned(), ..QueuePlan::default() });
        plan.calendars.overrides = vec![shut(Exit::Queue(QueueId(2)))];
        assert_eq!(end(&plan).steps, [Step::Closed { to: QueueId(2) }]);
        assert_eq!(end(&plan).end, PathEnd::Queue { queue: QueueId(2), name: "值班".to_owned() });
    }

    #[test]
    fn an_extension_reaches_as_far_as_its_class() {
        let end = |class, dialled| plan().path(Door::Extension(class), &caller("8002"), &number(dialled), NOW).end;
        assert!(matches!(end(PermissionClass::Internal, "12345"), PathEnd::Queue { .. }));
        assert_eq!(end(PermissionClass::Internal, "8001"), PathEnd::Extension);
        assert_eq!(end(PermissionClass::Internal, "110"), PathEnd::Outside);
        assert_eq!(end(PermissionClass::Local, "13912345678"), PathEnd::Refused { why: RouteRefusal::NotAllowed });
        assert_eq!(end(PermissionClass::National, "13912345678"), PathEnd::Outside);
        assert_eq!(end(PermissionClass::International, "9"), PathEnd::Refused { why: RouteRefusal::UnknownNumber });
    }

    #[test]
    fn an_outgoing_call_is_written_as_the_carrier_wants_it() {
        let of_a_phone = plan().path(Door::Extension(PermissionClass::National), &caller("8001"), &number("13912345678"), NOW);
        assert!(matches!(of_a_phone.steps.last(), Some(Step::Tried { caller: None, .. })), "no rule writes 8001: {of_a_phone:?}");
        let path = plan().path(Door::Extension(PermissionClass::National), &caller("051987210088"), &number("13912345678"), NOW);
        let Some(Step::Tried { dialled, caller, uri, .. }) = path.steps.last() else { panic!("{path:?}") };
        assert_eq!((dialled.as_str(), uri.as_str()), ("+8613912345678", "sip:192.0.2.1"));
        assert_eq!(caller.as_ref().map(PhoneNumber::as_str), Some("+8651987210088"));
        let mut without = plan();
        without.trunks.clear();
        let path = without.path(Door::Extension(PermissionClass::National), &Caller::default(), &number("13912345678"), NOW);
        assert_eq!(path.end, PathEnd::Refused { why: RouteRefusal::NoTrunk });
    }
}
