//! What a waiting citizen can honestly be told: how many are served before, and how long it will probably take (2.1).
//!
//! Expected wait = (ahead + 1) × recent mean handling ÷ serving agents, told as a step of a ladder, so that nobody hears a figure that
//! pretends to be exact. What was foretold is held against what came; a queue whose forecasts fail falls silent until they hold again.

use super::Acd;
use super::line::Entry;
use crate::ledger::WaitRange;
use crate::plan::PromptName;
use crate::time::Time;
use crate::timer::Reason;
use crate::turn::Turn;
use serde::{Deserialize, Serialize};
use shared::model::{InteractionId, QueueId};
use std::collections::{BTreeMap, VecDeque};

/// The bounds of the ladder, in minutes: below the first, between two, above the last.
const BOUNDS: [u32; 8] = [1, 2, 3, 5, 8, 12, 20, 30];
const MINUTE_MS: u64 = 60_000;
/// Outcomes of a queue that decide whether its forecasts are believed.
const RECENT: usize = 20;
/// Fewer than this decide nothing.
const FEWEST: usize = 5;

/// What a waiting citizen was told so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Telling {
    /// How often in the present queue.
    count: usize,
    /// A text is being played, at the longest until then.
    busy_until: Option<Time>,
    /// The step that was told last.
    last: Option<usize>,
    /// The first forecast of this wait, told or not: when, and which step.
    first: Option<(Time, usize)>,
}

/// What is to be said now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foretold {
    /// Who is served before.
    pub(crate) ahead: usize,
    /// What the figures say, in ms; `None` if they say nothing.
    pub(crate) expected_ms: Option<u64>,
    /// What is told of it; `None` is silence.
    pub(crate) range: Option<WaitRange>,
    /// A text of the queue besides.
    pub(crate) comfort: Option<PromptName>,
}

/// How well the forecasts of a queue held, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct ForecastError {
    /// Forecasts whose citizens were answered.
    pub outcomes: u64,
    /// Of these, those that were answered within the range that was worked out.
    pub within: u64,
    /// How far outside the range the answers came, summed up, in ms.
    pub outside_ms: u64,
}

/// The outcomes of all queues.
#[derive(Debug, Default)]
pub(crate) struct Forecasts {
    queues: BTreeMap<QueueId, Outcomes>,
}

#[derive(Debug, Default)]
struct Outcomes {
    total: ForecastError,
    /// Whether the answer came within a step of what was foretold.
    recent: VecDeque<bool>,
}

impl Forecasts {
    /// A citizen was answered so long after a forecast.
    fn came(&mut self, queue: QueueId, step: usize, took_ms: u64) {
        let (least, most) = span_ms(step);
        let outcomes = self.queues.entry(queue).or_default();
        outcomes.total.outcomes += 1;
        outcomes.total.within += u64::from((least..=most).contains(&took_ms));
        outcomes.total.outside_ms += least.saturating_sub(took_ms).max(took_ms.saturating_sub(most));
        outcomes.recent.push_back(step_of(took_ms).abs_diff(step) <= 1);
        if outcomes.recent.len() > RECENT {
            outcomes.recent.pop_front();
        }
    }

    /// Whether the forecasts of a queue held of late; so they did as long as little is known.
    fn believed(&self, queue: QueueId) -> bool {
        let Some(recent) = self.queues.get(&queue).map(|outcomes| &outcomes.recent) else { return true };
        recent.len() < FEWEST || recent.iter().filter(|held| **held).count() * 2 >= recent.len()
    }

    pub(crate) fn error(&self, queue: QueueId) -> ForecastError {
        self.queues.get(&queue).map(|outcomes| outcomes.total).unwrap_or_default()
    }
}

impl Telling {
    /// A queue of its own begins.
    pub(crate) fn moved(&mut self) {
        self.count = 0;
    }

    /// When the next text is due, from now on.
    pub(crate) fn next(&self, turn: &Turn, queue: QueueId) -> Option<Time> {
        let rules = &turn.queue(queue).announcements;
        let pause = if self.count == 0 { rules.first_ms } else { rules.every_ms };
        (rules.first_ms > 0 && pause > 0).then(|| turn.now.time.plus(pause))
    }

    /// The step to be told: it may fall as it likes, and rises by one at most.
    fn step(&self, expected_ms: u64) -> usize {
        let step = step_of(expected_ms);
        self.last.map_or(step, |last| step.min(last + 1))
    }
}

impl Acd {
    /// A text is due. `None` if now is not the time: a desk rings, the one before is still heard, or the citizen `is_asked` something.
    pub(crate) fn foretell(&mut self, turn: &mut Turn, interaction: InteractionId, is_asked: bool) -> Option<Foretold> {
        let entry = self.line.get(interaction)?;
        let (queue, mut telling) = (entry.queue, entry.telling);
        let busy = is_asked || telling.busy_until.is_some_and(|until| turn.now.time < until);
        let told = if entry.ringing.is_empty() && !busy { self.words(turn, interaction, &mut telling) } else { None };
        // Whatever is said or not, the next one is armed: a schedule never dies of one text (I-22).
        let next = match &told {
            Some(_) => telling.next(turn, queue),
            None => telling.next(turn, queue).or_else(|| Some(turn.now.time.plus(turn.queue(queue).announcements.first_ms))),
        };
        if let Some(next) = next {
            turn.timers.set(next, Reason::AnnouncementDue(interaction));
        }
        self.line.remember_telling(interaction, telling);
        told
    }

    /// The text of a waiting citizen is over, or was cut.
    pub(crate) fn text_over(&mut self, interaction: InteractionId) {
        if let Some(entry) = self.line.get(interaction) {
            let telling = Telling { busy_until: None, ..entry.telling };
            self.line.remember_telling(interaction, telling);
        }
    }

    /// A citizen is answered: what was foretold is held against it.
    pub(super) fn forecast_came(&mut self, turn: &Turn, entry: &Entry) {
        if let Some((at, step)) = entry.telling.first {
            self.forecasts.came(entry.queue, step, turn.now.time.since(at));
        }
    }

    /// How well the forecasts of a queue held.
    pub(crate) fn forecast_error(&self, queue: QueueId) -> ForecastError {
        self.forecasts.error(queue)
    }

    fn words(&mut self, turn: &Turn, interaction: InteractionId, telling: &mut Telling) -> Option<Foretold> {
        let (ahead, expected_ms) = self.expect(turn, interaction)?;
        let queue = self.line.get(interaction)?.queue;
        let rules = &turn.queue(queue).announcements;
        let comfort = (!rules.comfort.is_empty()).then(|| rules.comfort[telling.count % rules.comfort.len()].clone());
        let step = expected_ms.map(|expected_ms| telling.step(expected_ms));
        let told = step.filter(|_| rules.waiting_time && self.forecasts.believed(queue));
        telling.count += 1;
        telling.busy_until = Some(turn.now.time.plus(turn.plan.limits.farewell_ms));
        telling.last = told.or(telling.last);
        telling.first = telling.first.or(expected_ms.map(|expected_ms| (turn.now.time, step_of(expected_ms))));
        Some(Foretold { ahead, expected_ms, range: told.map(range), comfort })
    }

    /// Who is served before, and how long it will take by the figures.
    ///
    /// A call of another queue is certainly served before only if whoever may take this one serves that queue too: there is one order
    /// over all queues, but no agent takes a call of a queue that is not the agent's.
    fn expect(&mut self, turn: &Turn, interaction: InteractionId) -> Option<(usize, Option<u64>)> {
        let entry = self.line.get(interaction)?;
        let (queues, serving) = self.pools.shared_by_all_in_reach(entry.queue, &entry.reach(turn));
        let mean_ms = self.pace.mean_ms(entry.queue).filter(|_| serving > 0);
        let rank = entry.rank(turn);
        let ahead = self.line.ahead_of(turn, &queues, rank);
        let one_more = u64::try_from(ahead).unwrap_or(u64::MAX).saturating_add(1);
        Some((ahead, mean_ms.map(|mean_ms| one_more.saturating_mul(mean_ms) / u64::try_from(serving).unwrap_or(u64::MAX).max(1))))
    }
}

fn step_of(expected_ms: u64) -> usize {
    BOUNDS.iter().filter(|bound| u64::from(**bound) * MINUTE_MS <= expected_ms).count()
}

fn range(step: usize) -> WaitRange {
    let bound = |place: Option<usize>| place.and_then(|place| BOUNDS.get(place).copied());
    WaitRange { least_minutes: bound(step.checked_sub(1)).unwrap_or(0), most_minutes: bound(Some(step)) }
}

fn span_ms(step: usize) -> (u64, u64) {
    let WaitRange { least_minutes, most_minutes } = range(step);
    (u64::from(least_minutes) * MINUTE_MS, most_minutes.map_or(u64::MAX, |most| u64::from(most) * MINUTE_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(step: usize) -> (u32, Option<u32>) {
        let WaitRange { least_minutes, most_minutes } = range(step);
        (least_minutes, most_minutes)
    }

    #[test]
    fn a_wait_is_told_as_a_step_of_the_ladder() {
        assert_eq!(told(step_of(59_999)), (0, Some(1)));
        assert_eq!(told(step_of(60_000)), (1, Some(2)));
        assert_eq!(told(step_of(7 * MINUTE_MS)), (5, Some(8)));
        assert_eq!(told(step_of(3_600_000)), (30, None));
    }

    #[test]
    fn what_is_told_rises_by_one_step_at_most_and_falls_freely() {
        let telling = Telling { last: Some(1), ..Telling::default() };
        assert_eq!(telling.step(25 * MINUTE_MS), 2);
        assert_eq!(telling.step(10_000), 0);
        assert_eq!(Telling::default().step(25 * MINUTE_MS), 7);
    }

    #[test]
    fn forecasts_that_fail_are_kept_and_silence_the_queue_until_they_hold_again() {
        let (queue, mut forecasts) = (QueueId(1), Forecasts::default());
        for _ in 0..FEWEST - 1 {
            forecasts.came(queue, 0, 10 * MINUTE_MS);
        }
        assert!(forecasts.believed(queue), "too few to say");
        forecasts.came(queue, 0, 10 * MINUTE_MS);
        assert!(!forecasts.believed(queue));
        assert_eq!(forecasts.error(queue), ForecastError { outcomes: 5, within: 0, outside_ms: 5 * 9 * MINUTE_MS });
        for _ in 0..FEWEST {
            forecasts.came(queue, 1, 90_000);
        }
        assert!(forecasts.believed(queue));
        assert_eq!(forecasts.error(queue).within, 5);
        assert_eq!(forecasts.error(QueueId(2)), ForecastError::default());
    }
}
