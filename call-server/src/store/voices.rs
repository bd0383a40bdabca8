//! How talks sounded: the rows of `talk_quality`, written when a talk is over. Not the measuring.

use super::int;
use call_core::voice::{LegMeasured, TalkMeasured};
use rusqlite::{Connection, params};

/// Writes both legs of a talk. A talk whose recording has no row leaves none: the record says by itself that it is incomplete.
pub(super) fn talk_measured(connection: &Connection, measured: &TalkMeasured) -> rusqlite::Result<()> {
    let recording = int(measured.recording.0);
    let is_known: bool =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM recordings WHERE id = ?1)")?.query_row([recording], |row| row.get(0))?;
    if !is_known {
        tracing::warn!(recording = measured.recording.0, "how a talk sounded is not kept: its recording has no row");
        return Ok(());
    }
    let talk: i64 = connection
        .prepare_cached("SELECT COALESCE(MAX(talk), 0) + 1 FROM talk_quality WHERE recording_id = ?1")?
        .query_row([recording], |row| row.get(0))?;
    for (leg, figures) in [("citizen", &measured.citizen), ("agent", &measured.agent)] {
        leg_measured(connection, (recording, talk, leg), measured, figures)?;
    }
    Ok(())
}

fn leg_measured(connection: &Connection, key: (i64, i64, &str), measured: &TalkMeasured, leg: &LegMeasured) -> rusqlite::Result<()> {
    let troubles = serde_json::to_string(&measured.troubles).expect("names of troubles have a JSON form");
    let mean = &leg.mean;
    connection.prepare_cached("INSERT INTO talk_quality VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)")?.execute(
        params![
            key.0,
            key.1,
            key.2,
            int(measured.talk_ms),
            mean.received,
            mean.lost_permille,
            mean.lost_there_permille,
            mean.jitter_ms,
            mean.round_trip_ms,
            mean.concealed_permille,
            mean.level_dbfs,
            mean.score_hundredths,
            leg.worst_score_hundredths,
            troubles,
        ],
    )?;
    Ok(())
}
