//! What scenarios expect of a record.

use crate::settings::length_ms;
use call_core::ledger::InteractionRecord;

/// Whether a record says what was expected of it.
pub(crate) fn record_is(record: &InteractionRecord, facts: &[&str]) -> Result<(), String> {
    let mut facts = facts.iter();
    while let Some(fact) = facts.next() {
        match *fact {
            "answered" => same("answered", &record.answered_by_agent, &true)?,
            "unanswered" => same("answered", &record.answered_by_agent, &false)?,
            "recorded" => same("recorded", &record.recording.is_some(), &true)?,
            "unrecorded" => same("recorded", &record.recording.is_some(), &false)?,
            "unqueued" => same("wait", &record.wait_ms, &None)?,
            with_value => {
                let value = facts.next().ok_or("a value is missing")?;
                match with_value {
                    "reason" => same("reason", &record.reason.code(), value)?,
                    "by" => same("side", &record.ended_by.code(), value)?,
                    "wait" => same("wait", &record.wait_ms, &Some(length_ms(value)?))?,
                    "talk" => same("talk", &record.talk_ms(), &length_ms(value)?)?,
                    "hold" => same("hold", &record.segments.iter().map(|part| part.hold_ms).sum(), &length_ms(value)?)?,
                    "holds" => same("holds", &record.segments.iter().map(|part| part.holds).sum::<u32>().to_string().as_str(), value)?,
                    "transfers" => same("transfers", &record.transfers.to_string().as_str(), value)?,
                    "residual" => same("residual", &record.residual_ms, &length_ms(value)?)?,
                    "dial" => same("dial", &record.dial_result.map_or("none", |result| result.code()), value)?,
                    "parts" => same("parts", &record.segments.len().to_string().as_str(), value)?,
                    other => return Err(format!("`{other}` is no fact of a record")),
                }
            }
        }
    }
    Ok(())
}

/// Names both if they differ.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, found {found:?}")) }
}
