//! How long calls of a queue keep an agent busy of late: talk and wrap-up together.

use shared::model::QueueId;
use std::collections::{BTreeMap, VecDeque};

/// Calls of each queue that count.
const RECENT: usize = 50;
/// Fewer than this say nothing.
const FEWEST: usize = 5;

/// Handling times by queue.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    queues: BTreeMap<QueueId, Handled>,
}

#[derive(Debug, Default)]
struct Handled {
    lengths_ms: VecDeque<u64>,
    sum_ms: u64,
}

impl Pace {
    /// An agent is done with a call.
    pub(crate) fn handled(&mut self, queue: QueueId, length_ms: u64) {
        let handled = self.queues.entry(queue).or_default();
        handled.lengths_ms.push_back(length_ms);
        handled.sum_ms = handled.sum_ms.saturating_add(length_ms);
        if handled.lengths_ms.len() > RECENT {
            let oldest = handled.lengths_ms.pop_front().unwrap_or(0);
            handled.sum_ms = handled.sum_ms.saturating_sub(oldest);
        }
    }

    /// The recent mean; `None` if too few calls were handled to say.
    pub(crate) fn mean_ms(&self, queue: QueueId) -> Option<u64> {
        let handled = self.queues.get(&queue).filter(|handled| handled.lengths_ms.len() >= FEWEST)?;
        handled.sum_ms.checked_div(u64::try_from(handled.lengths_ms.len()).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, RECENT};
    use shared::model::QueueId;

    #[test]
    fn few_calls_say_nothing_and_old_ones_are_forgotten() {
        let (queue, mut pace) = (QueueId(1), Pace::default());
        for _ in 0..4 {
            pace.handled(queue, 1_000);
        }
        assert_eq!(pace.mean_ms(queue), None);
        pace.handled(queue, 6_000);
        assert_eq!((pace.mean_ms(queue), pace.mean_ms(QueueId(2))), (Some(2_000), None));
        for _ in 0..RECENT {
            pace.handled(queue, 60_000);
        }
        assert_eq!(pace.mean_ms(queue), Some(60_000));
    }
}
