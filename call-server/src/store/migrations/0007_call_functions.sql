-- What agents do with calls: outbound calls, hold, hand-overs, talks without an agent.

ALTER TABLE interactions ADD COLUMN direction TEXT NOT NULL DEFAULT 'inbound' CHECK (direction IN ('inbound', 'outbound'));
ALTER TABLE interactions ADD COLUMN dial_result TEXT;
ALTER TABLE interactions ADD COLUMN transfers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE interactions ADD COLUMN residual_ms INTEGER NOT NULL DEFAULT 0;
-- How far somebody may dial.
ALTER TABLE agents ADD COLUMN dial_class TEXT NOT NULL DEFAULT 'national' CHECK (dial_class IN ('internal', 'local', 'national', 'international'));
ALTER TABLE segments ADD COLUMN hold_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE segments ADD COLUMN holds INTEGER NOT NULL DEFAULT 0;

-- What supervisors did, and why (1-14). Never changed.
CREATE TABLE supervision (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    at_utc_ms      INTEGER NOT NULL,
    supervisor_id  INTEGER NOT NULL,
    act            TEXT    NOT NULL,
    detail         TEXT    NOT NULL,
    agent_id       INTEGER,
    interaction_id INTEGER,
    reason         TEXT    NOT NULL
) STRICT;
CREATE INDEX supervision_by_time ON supervision (at_utc_ms);
