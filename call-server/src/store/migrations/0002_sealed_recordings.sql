-- key_id, envelope: the wrapped data key as in the file's head; '' if the file is not sealed, NULL until the file was looked at.
-- day: the day of recording_days whose root covers the row. expired_utc_ms: the file was deleted by the rule of keep_days.
ALTER TABLE recordings ADD COLUMN key_id TEXT;
ALTER TABLE recordings ADD COLUMN envelope TEXT;
ALTER TABLE recordings ADD COLUMN day TEXT;
ALTER TABLE recordings ADD COLUMN expired_utc_ms INTEGER;
CREATE INDEX recordings_by_day ON recordings (day, id);
CREATE INDEX recordings_without_day ON recordings (started_utc_ms) WHERE day IS NULL;
CREATE INDEX recordings_without_envelope ON recordings (id) WHERE envelope IS NULL;
CREATE INDEX recordings_not_expired ON recordings (started_utc_ms) WHERE expired_utc_ms IS NULL;

-- A day (UTC) is closed once; its root is a SHA-256 over the root before it and the digests of its recordings in order.
CREATE TABLE recording_days (
    day           TEXT    PRIMARY KEY,
    previous      TEXT    NOT NULL,
    root          TEXT    NOT NULL,
    recordings    INTEGER NOT NULL,
    closed_utc_ms INTEGER NOT NULL
) STRICT;
