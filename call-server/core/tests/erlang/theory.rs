//! What queueing theory says: Erlang C for citizens who wait for ever, Erlang A for those whose patience ends.

/// Seconds of the service level (GB/T 33358: 15 s).
pub(crate) const LEVEL_S: f64 = 15.0;
/// Steps of a second in which the chance to be served in time is followed.
const STEPS_PER_S: u32 = 20;

/// One situation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    pub(crate) agents: u32,
    pub(crate) calls_per_hour: f64,
    pub(crate) service_s: f64,
    /// Mean patience; `None` waits for ever.
    pub(crate) patience_s: Option<f64>,
    /// Calls of each day.
    pub(crate) calls: u64,
}

/// What is compared: mean wait of all in s, part that is answered within the level, part that leaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) wait_s: f64,
    pub(crate) level: f64,
    pub(crate) abandoned: f64,
}

/// One of the figures, by name.
type Figure = (&'static str, fn(&Figures) -> f64);

/// All of them.
pub(crate) const FIGURES: [Figure; 3] =
    [("mean_wait_s", |figures| figures.wait_s), ("service_level", |figures| figures.level), ("abandoned", |figures| figures.abandoned)];

/// A figure of several days beside the theory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    pub(crate) name: &'static str,
    pub(crate) theory: f64,
    pub(crate) mean: f64,
    /// Of the 99 % confidence interval.
    pub(crate) half_width: f64,
}

impl Compared {
    /// Whether the theory lies in the interval of the days.
    pub(crate) fn agrees(self) -> bool {
        (self.mean - self.theory).abs() <= self.half_width
    }
}

/// All figures of these days beside the theory.
pub(crate) fn compare(situation: Situation, days: &[Figures]) -> [Compared; 3] {
    let theory = theory(situation);
    FIGURES.map(|(name, figure)| {
        let (mean, half_width) = interval(&days.iter().map(figure).collect::<Vec<_>>());
        Compared { name, theory: figure(&theory), mean, half_width }
    })
}

/// Mean, and half the width of its 99 % confidence interval.
fn interval(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, student_99(values.len()) * (variance / count).sqrt())
}

/// 99 % of Student's t for so many values.
fn student_99(values: usize) -> f64 {
    match values {
        20 => 2.861,
        10 => 3.250,
        other => panic!("no table for {other} days"),
    }
}

/// The probabilities of a birth-and-death process: `n` calls in the house, those over the agents wait.
pub(crate) fn theory(situation: Situation) -> Figures {
    let agents = f64::from(situation.agents);
    let (arrival, service) = (situation.calls_per_hour / 3_600.0, 1.0 / situation.service_s);
    let leaving = situation.patience_s.map_or(0.0, |patience| 1.0 / patience);
    // Far beyond the line's length nothing is left of the probability.
    let most = situation.agents as usize * 40 + 4_000;
    let mut weights = vec![1.0_f64];
    let mut total = 1.0;
    for present in 1..most {
        let present = present as f64;
        let weight = weights[weights.len() - 1] * arrival / (present.min(agents) * service + (present - agents).max(0.0) * leaving);
        weights.push(weight);
        total += weight;
        // Only the proportions count.
        if total > 1e200 {
            weights.iter_mut().for_each(|weight| *weight /= 1e200);
            total /= 1e200;
        }
    }
    let chance = |present: usize| weights[present] / total;
    let (first, served) = (situation.agents as usize, served_in_time(situation));
    let length: f64 = (first..most).map(|present| chance(present) * (present - first) as f64).sum();
    let at_once: f64 = (0..first).map(chance).sum();
    let level = at_once + served.iter().enumerate().map(|(ahead, served)| chance(first + ahead) * served).sum::<f64>();
    Figures { wait_s: length / arrival, level, abandoned: leaving * length / arrival }
}

/// The chance to be answered within the level, by how many wait ahead: those ahead go one by one to an agent or lose patience, and so may
/// the citizen. The differential equations of that, followed in small steps (Runge and Kutta's).
fn served_in_time(situation: Situation) -> Vec<f64> {
    let leaving = situation.patience_s.map_or(0.0, |patience| 1.0 / patience);
    let freed = f64::from(situation.agents) / situation.service_s;
    // Nobody with so many ahead is answered in time.
    let most = 60 + (freed * LEVEL_S * 4.0) as usize;
    let slope = |served: &[f64]| -> Vec<f64> {
        let step = |ahead: usize| {
            let next = if ahead == 0 { 1.0 } else { served[ahead - 1] };
            (freed + ahead as f64 * leaving) * (next - served[ahead]) - leaving * served[ahead]
        };
        (0..most).map(step).collect()
    };
    let after = |served: &[f64], slope: &[f64], by: f64| -> Vec<f64> {
        served.iter().zip(slope).map(|(value, slope)| value + slope * by).collect()
    };
    let step = 1.0 / f64::from(STEPS_PER_S);
    let mut served = vec![0.0; most];
    for _ in 0..(LEVEL_S as u32 * STEPS_PER_S) {
        let first = slope(&served);
        let second = slope(&after(&served, &first, step / 2.0));
        let third = slope(&after(&served, &second, step / 2.0));
        let fourth = slope(&after(&served, &third, step));
        for place in 0..most {
            served[place] += step / 6.0 * (first[place] + 2.0 * second[place] + 2.0 * third[place] + fourth[place]);
        }
    }
    served
}
