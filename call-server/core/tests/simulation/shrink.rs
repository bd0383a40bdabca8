//! Makes a failing run short: leaves out whole calls and sign-ins, then single inputs, people and rules, as long as the same invariant is
//! still violated (delta debugging).

use crate::names::{Names, Subject};
use crate::record::{Record, Step};
use crate::watch::Watch;
use call_core::plan::{Plan, QueuePlan};
use call_core::{Core, Input};
use shared::model::InteractionId;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs that may be tried.
const MOST_TRIES: usize = 4_000;

/// A way to make the rules of a queue simpler.
type Simpler = fn(&mut QueuePlan, QueuePlan);

/// One after the other, each alone.
const SIMPLER: [Simpler; 16] = [
    |queue, plain| queue.whisper = plain.whisper,
    |queue, plain| queue.strategy = plain.strategy,
    |queue, plain| queue.needs = plain.needs,
    |queue, plain| queue.tiers = plain.tiers,
    |queue, plain| queue.priority = plain.priority,
    |queue, plain| queue.no_answer = plain.no_answer,
    |queue, plain| queue.wrap_up = plain.wrap_up,
    |queue, plain| queue.wrap_up_ms = plain.wrap_up_ms,
    |queue, plain| queue.max_wait_ms = plain.max_wait_ms,
    |queue, plain| queue.max_waiting = plain.max_waiting,
    |queue, plain| queue.overflow = plain.overflow,
    |queue, plain| queue.hours = plain.hours,
    |queue, plain| queue.last_agent = plain.last_agent,
    |queue, plain| queue.keys = plain.keys,
    |queue, plain| queue.announcements = plain.announcements,
    |queue, plain| queue.ring_ms = plain.ring_ms,
];

/// The short run, and what it violates.
pub(crate) struct Short {
    pub(crate) record: Record,
    pub(crate) violation: String,
}

/// Shortens a run that violates something. `None` if it does not when it is fed again: then the fault is in the world, not in the core.
pub(crate) fn shrink(record: Record, violation: &str) -> Option<Short> {
    let hunt = Hunt { label: label(violation), names: record.names.clone(), tries: 0 };
    let mut short = hunt.begin(record)?;
    if hunt_is_over_at_rest(violation) {
        // What is left behind at the end can only be judged with whole calls: single inputs stay.
        return Some(short.done());
    }
    short.without_subjects();
    short.without_steps();
    short.without_rules();
    short.without_steps();
    Some(short.done())
}

fn hunt_is_over_at_rest(violation: &str) -> bool {
    ["nothing_leaks", "I-9:", "I-12: without"].iter().any(|mark| violation.contains(mark))
}

/// What makes two violations the same: the invariant, or how the panic begins.
fn label(violation: &str) -> String {
    let text = violation.strip_prefix("assertion `left == right` failed: ").unwrap_or(violation);
    let text = text.strip_prefix("assertion `left != right` failed: ").unwrap_or(text);
    let head: String = text.split(':').next().unwrap_or(text).chars().filter(|letter| !letter.is_ascii_digit()).take(60).collect();
    if text.starts_with("I-") || text.starts_with("1-") || text.starts_with("2.") {
        return text.split(':').next().unwrap_or(text).to_owned();
    }
    head
}

struct Hunt {
    label: String,
    /// Of the run as it was.
    names: Names,
    tries: usize,
}

struct Shortening {
    hunt: Hunt,
    plan: Plan,
    steps: Vec<(usize, Step)>,
    violation: String,
}

impl Hunt {
    fn begin(mut self, record: Record) -> Option<Shortening> {
        let mut crashes = 0;
        let steps: Vec<(usize, Step)> = record
            .steps
            .into_iter()
            .map(|step| {
                crashes += usize::from(matches!(step, Step::Crashed(..)));
                (crashes, step)
            })
            .collect();
        let violation = self.violates(&record.plan, &steps)?;
        Some(Shortening { plan: record.plan, steps: cut(steps, violation.0), violation: violation.1, hunt: self })
    }

    /// Whether these steps violate the same thing: after how many of them, and in which words.
    fn violates(&mut self, plan: &Plan, steps: &[(usize, Step)]) -> Option<(usize, String)> {
        self.tries += 1;
        let (at, violation) = feed(plan, steps, &self.names)?;
        (label(&violation) == self.label).then_some((at, violation))
    }
}

fn cut(mut steps: Vec<(usize, Step)>, at: usize) -> Vec<(usize, Step)> {
    steps.truncate(at + 1);
    steps
}

/// Feeds steps to a fresh core under a fresh watcher; returns the first violation and at which step.
fn feed(plan: &Plan, steps: &[(usize, Step)], names: &Names) -> Option<(usize, String)> {
    let (mut core, mut watch) = (Core::new(plan.clone(), InteractionId(1)), Watch::new(plan.clone()));
    let (mut here, mut opened) = (Names::default(), 0);
    for (place, (crashes, step)) in steps.iter().enumerate() {
        let result = catch_unwind(AssertUnwindSafe(|| match step {
            Step::Crashed(plan, _) => {
                core = Core::new((**plan).clone(), InteractionId(opened + 1));
                watch.crashed((**plan).clone());
                here.next_run();
            }
            Step::Fed(now, input) => {
                let Some(input) = names.translate(*crashes, input, &here) else { return };
                // A plan is judged by its own doing alone.
                let inputs = if matches!(input, Input::PlanChanged(_)) { vec![Input::Tick, input] } else { vec![input] };
                for input in inputs {
                    watch.before(*now, &input, &core);
                    core.handle(*now, input);
                    while let Some(command) = core.poll() {
                        watch.command(&command);
                        here.learn(&command, watch.input());
                        if let call_core::Command::Store(call_core::command::StoreCommand::Open { interaction, .. }) = command {
                            opened = interaction.0;
                        }
                    }
                    watch.after(&core);
                }
            }
        }));
        if let Err(panic) = result {
            return Some((place, words(&*panic)));
        }
    }
    None
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

impl Shortening {
    fn done(self) -> Short {
        let steps = self.steps.into_iter().map(|(_, step)| step).collect();
        let record = Record { plan: self.plan, steps, commands: Vec::new(), names: self.hunt.names };
        Short { record, violation: self.violation }
    }

    /// Takes the steps over if they still violate it.
    fn try_steps(&mut self, steps: Vec<(usize, Step)>) -> bool {
        if self.hunt.tries >= MOST_TRIES {
            return false;
        }
        let Some((at, violation)) = self.hunt.violates(&self.plan, &steps) else { return false };
        (self.steps, self.violation) = (cut(steps, at), violation);
        true
    }

    fn subject(&self, (crashes, step): &(usize, Step)) -> Subject {
        match step {
            Step::Fed(_, input) => self.hunt.names.subject(*crashes, input),
            Step::Crashed(..) => Subject::House,
        }
    }

    /// Whole calls and sign-ins, many at a time and then fewer.
    fn without_subjects(&mut self) {
        let all: BTreeSet<Subject> = self.steps.iter().map(|step| self.subject(step)).filter(|one| *one != Subject::House).collect();
        let mut left: Vec<Subject> = all.into_iter().collect();
        let mut size = left.len().div_ceil(2).max(1);
        loop {
            let mut place = 0;
            while place < left.len() {
                let group: BTreeSet<Subject> = left[place..(place + size).min(left.len())].iter().copied().collect();
                let steps = self.steps.iter().filter(|step| !group.contains(&self.subject(step))).cloned().collect();
                if self.try_steps(steps) {
                    left.drain(place..(place + group.len()));
                } else {
                    place += size;
                }
            }
            if size == 1 {
                return;
            }
            size = size.div_ceil(2);
        }
    }

    /// Single steps, many at a time and then fewer.
    fn without_steps(&mut self) {
        let mut size = self.steps.len().div_ceil(2).max(1);
        loop {
            let mut end = self.steps.len();
            while end > 0 {
                let begin = end.saturating_sub(size);
                let mut steps = self.steps.clone();
                steps.drain(begin..end.min(steps.len()));
                self.try_steps(steps);
                end = begin.min(self.steps.len());
            }
            if size == 1 {
                return;
            }
            size = size.div_ceil(2);
        }
    }

    /// People and rules that do not matter.
    fn without_rules(&mut self) {
        for agent in self.plan.agents.keys().copied().collect::<Vec<_>>() {
            self.try_plan(|plan| _ = plan.agents.remove(&agent));
            self.try_plan(|plan| {
                if let Some(agent) = plan.agents.get_mut(&agent) {
                    (agent.skills, agent.auto_answer_ms) = Default::default();
                }
            });
            self.try_plan(|plan| {
                if let Some(agent) = plan.agents.get_mut(&agent) {
                    agent.memberships.clear();
                }
            });
        }
        for queue in self.plan.queues.keys().copied().collect::<Vec<_>>() {
            for simpler in SIMPLER {
                self.try_plan(|plan| {
                    if let Some(queue) = plan.queues.get_mut(&queue) {
                        simpler(queue, QueuePlan::default());
                    }
                });
            }
        }
        self.try_plan(|plan| plan.callers = Default::default());
        self.try_plan(|plan| plan.storm = Default::default());
        self.try_plan(|plan| plan.trunks.clear());
        self.try_plan(|plan| plan.reasons.clear());
        self.try_plan(|plan| plan.hours.clear());
        self.try_plan(|plan| plan.calendars.overrides.clear());
        self.try_plan(|plan| plan.calendars = Default::default());
        self.try_plan(|plan| plan.limits = Default::default());
    }

    fn try_plan(&mut self, change: impl Fn(&mut Plan)) {
        // Plans that come in mid-run are made simpler alike.
        let changed = |plan: &Plan| {
            let mut plan = plan.clone();
            change(&mut plan);
            plan
        };
        let plan = changed(&self.plan);
        let mut same = plan == self.plan;
        let steps: Vec<(usize, Step)> = self
            .steps
            .iter()
            .map(|(crashes, step)| {
                let step = match step {
                    Step::Fed(now, Input::PlanChanged(old)) => {
                        let plan = changed(old);
                        same &= plan == **old;
                        Step::Fed(*now, Input::PlanChanged(Box::new(plan)))
                    }
                    other => other.clone(),
                };
                (*crashes, step)
            })
            .collect();
        if same || self.hunt.tries >= MOST_TRIES {
            return;
        }
        if let Some((at, violation)) = self.hunt.violates(&plan, &steps) {
            (self.plan, self.steps, self.violation) = (plan, cut(steps, at), violation);
        }
    }
}
