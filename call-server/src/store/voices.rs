//! How talks sounded: the rows of `talk_quality`, written when a talk is over, read with its call. Not the measuring.

use super::{int, uint};
use call_core::voice::{LegMeasured, TalkMeasured};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use shared::model::{LegHealth, RecordingId, VoiceTrouble};

/// Writes both legs of a talk. A talk whose recording has no row leaves none: the record says by itself that it is incomplete.
pub(super) fn talk_measured(connection: &Connection, measured: &TalkMeasured) -> rusqlite::Result<()> {
    let recording = int(measured.recording.0);
    let talk: Option<i64> = connection
        .prepare_cached(
            "SELECT 1 + COALESCE((SELECT MAX(talk) FROM talk_quality WHERE recording_id = ?1), 0) FROM recordings WHERE id = ?1",
        )?
        .query_row([recording], |row| row.get(0))
        .optional()?;
    let Some(talk) = talk else {
        tracing::warn!(recording = measured.recording.0, "how a talk sounded is not kept: its recording has no row");
        return Ok(());
    };
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

/// How one leg of a talk sounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LegSound {
    /// 1, 2, 3… in the order in which the talks ended.
    pub(crate) talk: u32,
    /// `citizen` or `agent`.
    pub(crate) leg: String,
    /// Length of the talk, in ms.
    pub(crate) talk_ms: u64,
    /// Means; packets are summed up.
    pub(crate) mean: LegHealth,
    /// The worst score of any two seconds, in 1/100.
    pub(crate) worst_score_hundredths: u16,
    /// What troubled the talk at any time.
    pub(crate) troubles: Vec<VoiceTrouble>,
}

/// How the talks of a recording sounded.
pub(super) fn of_recording(connection: &Connection, recording: RecordingId) -> rusqlite::Result<Vec<LegSound>> {
    let mut select = connection.prepare_cached("SELECT * FROM talk_quality WHERE recording_id = ?1 ORDER BY talk, leg DESC")?;
    select.query_map([int(recording.0)], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<LegSound> {
    let troubles: String = row.get("troubles")?;
    let mean = LegHealth {
        received: row.get("received")?,
        lost_permille: row.get("lost_permille")?,
        lost_there_permille: row.get("lost_there_permille")?,
        jitter_ms: row.get("jitter_ms")?,
        round_trip_ms: row.get("round_trip_ms")?,
        concealed_permille: row.get("concealed_permille")?,
        level_dbfs: row.get("level_dbfs")?,
        score_hundredths: row.get("score_hundredths")?,
    };
    Ok(LegSound {
        talk: row.get("talk")?,
        leg: row.get("leg")?,
        talk_ms: uint(row.get("talk_ms")?),
        mean,
        worst_score_hundredths: row.get("worst_score_hundredths")?,
        // Names of a newer server's troubles are kept as unknown; a damaged list is an empty one.
        troubles: serde_json::from_str(&troubles).unwrap_or_default(),
    })
}
