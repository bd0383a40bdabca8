-- How each talk sounded: one row per talk and leg, in the order in which the talks of a recording ended. Shares are in 1/1,000,
-- scores (ITU-T G.107) in 1/100; NULL where the far side does not report.
CREATE TABLE talk_quality (
    recording_id          INTEGER NOT NULL REFERENCES recordings (id),
    talk                  INTEGER NOT NULL,
    leg                   TEXT    NOT NULL CHECK (leg IN ('citizen', 'agent')),
    talk_ms               INTEGER NOT NULL,
    received              INTEGER NOT NULL,
    lost_permille         INTEGER NOT NULL,
    lost_there_permille   INTEGER,
    jitter_ms             INTEGER NOT NULL,
    round_trip_ms         INTEGER,
    concealed_permille    INTEGER NOT NULL,
    level_dbfs            INTEGER NOT NULL,
    score_hundredths      INTEGER NOT NULL,
    worst_score_hundredths INTEGER NOT NULL,
    troubles              TEXT    NOT NULL,
    PRIMARY KEY (recording_id, talk, leg)
) STRICT, WITHOUT ROWID;
