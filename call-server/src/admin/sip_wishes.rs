//! What commands ask of the running SIP edge, and how the server answers: one set of words for both ends of the control socket.

use super::Failure;
use crate::sip::{SipHandle, TestWish};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::model::InteractionId;
use std::time::Duration;

/// One wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", content = "of", rename_all = "snake_case")]
pub(crate) enum SipWish {
    /// How are the trunks: `{"trunks": [...]}`.
    Trunks,
    /// What was said in this call: the messages.
    Trace(InteractionId),
    /// Where are the phones of the house: `{"bindings": [...]}`.
    Phones,
    /// Test a trunk: the report.
    TestTrunk(TestWish),
}

impl SipWish {
    /// How long the answer may take.
    pub(crate) fn patience(&self) -> Duration {
        match self {
            Self::Trunks | Self::Phones | Self::Trace(_) => Duration::from_secs(5),
            Self::TestTrunk(_) => Duration::from_secs(70),
        }
    }

    /// The running server's answer.
    ///
    /// # Errors
    /// The edge does not answer, or refuses.
    pub(crate) fn answer(&self, sip: &SipHandle) -> Result<Value, Failure> {
        let silent = || Failure::new("no_answer", "the SIP edge does not answer", "Try again; if it stays, look at the server's log.");
        match self {
            Self::Trunks => sip.trunks().map(|trunks| json!({"trunks": trunks})).ok_or_else(silent),
            Self::Trace(interaction) => {
                let report = sip.trace(*interaction).ok_or_else(silent)?;
                report.map(|report| json!(report)).ok_or_else(|| {
                    let message = format!("no messages of call {interaction} are kept");
                    Failure::new(
                        "no_trace",
                        message,
                        "Messages are kept for the newest 1000 calls since the server's start; `call-server call list` shows the calls.",
                    )
                })
            }
            Self::Phones => sip.phones().map(|bindings| json!({"bindings": bindings})).ok_or_else(silent),
            Self::TestTrunk(wish) => {
                let report = sip.test_trunk(wish.clone()).ok_or_else(silent)?;
                report
                    .map(|report| json!(report))
                    .map_err(|why| Failure::new("not_tested", why, "`call-server trunk list` shows every trunk."))
            }
        }
    }
}
