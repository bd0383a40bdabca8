//! How a leg sounds, estimated from loss, bursts and delay: the E-model (ITU-T G.107), simplified to what a network and a codec do.
//!
//! The room, the headset and echo stay at the standard's defaults, which gives R = 93.2 for a perfect line. Delay is taken by the two
//! straight lines of Cole and Rosenbluth (2001), which follow G.107 within 1 up to 400 ms. Not here: measuring a signal.

/// What G.107 gives with all values at their defaults.
const PERFECT: f64 = 93.2;

/// How a codec suffers from loss: impairment without loss, and robustness against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// G.711, lost packets are silent (ITU-T G.113 appendix I: Ie 0, Bpl 4.3).
    G711Silence,
    /// G.711 with concealment in the manner of its appendix I (G.113 appendix I: Ie 0, Bpl 25.1).
    G711Concealed,
    /// Opus, narrow band, concealed only. G.113 has no value; Bpl 17 puts our PESQ of 3.16 at 5 % loss on the scale of G.711's.
    Opus,
    /// Opus with in-band correction, likewise: Bpl 60 lies between PESQ 3.91 at 5 % loss and 3.48 at 10 %.
    OpusCorrected,
}

impl Coding {
    /// Bpl of G.107 equation 7-29. Ie is 0 for all of them.
    fn robustness(self) -> f64 {
        match self {
            Self::G711Silence => 4.3,
            Self::G711Concealed => 25.1,
            Self::Opus => 17.0,
            Self::OpusCorrected => 60.0,
        }
    }
}

/// What a leg was like over some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Codec, and what is done about loss.
    pub coding: Coding,
    /// Packets not heard, in percent: lost ones and late ones.
    pub loss_percent: f64,
    /// Mean length of a run of lost packets against that of random loss (BurstR of G.107); 1 if random or not known.
    pub burst_ratio: f64,
    /// From mouth to ear, in ms: half the round trip, jitter buffer, packet and devices.
    pub delay_ms: f64,
}

/// The E-model's rating, 0 to 93.2: 90 very satisfied, 80 satisfied, 70 some dissatisfied, 60 many, 50 nearly all (G.107 annex B).
#[must_use]
pub fn rating(conditions: &Conditions) -> f64 {
    let delay_ms = at_least_zero(conditions.delay_ms);
    let by_delay = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    let loss = at_least_zero(conditions.loss_percent).min(100.0);
    let by_loss = 95.0 * loss / (loss / at_least_zero(conditions.burst_ratio).max(1.0) + conditions.coding.robustness());
    (PERFECT - by_delay - by_loss).clamp(0.0, PERFECT)
}

/// Not a number counts as nothing known: 0.
fn at_least_zero(value: f64) -> f64 {
    value.max(0.0)
}

/// Estimated mean opinion score of listeners, 1 (bad) to 4.41 (G.107 annex B).
#[must_use]
pub fn mean_opinion_score(conditions: &Conditions) -> f64 {
    let r = rating(conditions);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Conditions = Conditions { coding: Coding::G711Concealed, loss_percent: 0.0, burst_ratio: 1.0, delay_ms: 0.0 };

    fn near(value: f64, wanted: f64) -> bool {
        (value - wanted).abs() < 0.015
    }

    #[test]
    fn known_ratings_give_known_scores() {
        assert!(near(mean_opinion_score(&GOOD), 4.41));
        // G.107 annex B: R = 80 is 4.03, R = 60 is 3.10.
        let with_rating = |r: f64| Conditions { delay_ms: (PERFECT - r + 0.11 * 177.3) / 0.134, ..GOOD };
        assert!(near(rating(&with_rating(80.0)), 80.0) && near(mean_opinion_score(&with_rating(80.0)), 4.03));
        assert!(near(rating(&with_rating(60.0)), 60.0) && near(mean_opinion_score(&with_rating(60.0)), 3.10));
        assert!(near(rating(&Conditions { delay_ms: 100.0, ..GOOD }), 90.8));
    }

    #[test]
    fn loss_costs_what_the_standards_table_says() {
        let rating_at = |coding, loss_percent| rating(&Conditions { coding, loss_percent, ..GOOD });
        assert!(near(rating_at(Coding::G711Concealed, 5.0), 93.2 - 15.78));
        assert!(near(rating_at(Coding::G711Silence, 1.0), 93.2 - 17.92));
        let order = [Coding::G711Silence, Coding::Opus, Coding::G711Concealed, Coding::OpusCorrected].map(|coding| rating_at(coding, 5.0));
        assert!(order.is_sorted());
    }

    #[test]
    fn bursts_delay_and_loss_never_make_it_better() {
        for step in 0..100 {
            let (value, more) = (f64::from(step), f64::from(step + 1));
            let loss = |loss_percent| rating(&Conditions { loss_percent, ..GOOD });
            let delay = |delay_ms| rating(&Conditions { delay_ms, ..GOOD });
            let burst = |burst_ratio| rating(&Conditions { burst_ratio, loss_percent: 5.0, ..GOOD });
            assert!(loss(more) < loss(value) && delay(more) < delay(value) && burst(more) <= burst(value));
        }
    }

    #[test]
    fn whatever_is_measured_the_score_stays_on_its_scale() {
        for value in [-5.0, 0.0, 1e9, f64::INFINITY, f64::NAN] {
            for conditions in [
                Conditions { loss_percent: value, ..GOOD },
                Conditions { burst_ratio: value, loss_percent: 3.0, ..GOOD },
                Conditions { delay_ms: value, ..GOOD },
            ] {
                let score = mean_opinion_score(&conditions);
                assert!((1.0..=4.42).contains(&score), "{conditions:?}: {score}");
            }
        }
    }
}
