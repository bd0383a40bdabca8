//! Time as a plain value. The cores own no clock: std's `Instant` can be neither journalled nor invented.

use serde::{Deserialize, Serialize};
use shared::model::UnixMillis;

/// Milliseconds of the monotonic clock since an instant some days before the server's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
    /// The instant `milliseconds` later.
    #[must_use]
    pub fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// One reading of both clocks: the monotonic one decides, the wall clock is only written down (I-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Monotonic.
    pub time: Time,
    /// Wall clock.
    pub utc: UnixMillis,
}

impl Now {
    /// The reading that both clocks will show `milliseconds` later.
    #[must_use]
    pub fn plus(self, milliseconds: u64) -> Self {
        let step = i64::try_from(milliseconds).unwrap_or(i64::MAX);
        Self { time: self.time.plus(milliseconds), utc: UnixMillis(self.utc.0.saturating_add(step)) }
    }
}
