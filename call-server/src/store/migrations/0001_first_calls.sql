-- Times are milliseconds: *_utc_ms since 1970 UTC, lengths and offsets by the monotonic clock.
-- A committed migration is never edited; a change is a new file.

PRAGMA application_id = 0x484F544C;

CREATE TABLE agents (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    number         TEXT    NOT NULL UNIQUE,
    name           TEXT    NOT NULL,
    role           TEXT    NOT NULL CHECK (role IN ('agent', 'supervisor')),
    password_hash  TEXT    NOT NULL,
    disabled       INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_utc_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE agent_queues (
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    queue_id INTEGER NOT NULL,
    PRIMARY KEY (agent_id, queue_id)
) STRICT, WITHOUT ROWID;

-- Several persons may share one number.
CREATE TABLE callers (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber     TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    address        TEXT    NOT NULL,
    created_utc_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX callers_by_subscriber ON callers (subscriber);

-- One row per INVITE, from its arrival; the columns after "state" are set once, by the finished record.
CREATE TABLE interactions (
    id                INTEGER PRIMARY KEY,
    started_utc_ms    INTEGER NOT NULL,
    caller_number     TEXT,
    caller_subscriber TEXT,
    dialled           TEXT    NOT NULL,
    probe             INTEGER NOT NULL CHECK (probe IN (0, 1)),
    state             TEXT    NOT NULL CHECK (state IN ('open', 'closed')),
    ended_utc_ms      INTEGER,
    length_ms         INTEGER,
    trunk_id          INTEGER,
    queue_id          INTEGER,
    wait_ms           INTEGER,
    talk_ms           INTEGER,
    answered_by_agent INTEGER CHECK (answered_by_agent IN (0, 1)),
    reason            TEXT,
    ended_by          TEXT,
    recording_id      INTEGER,
    CHECK (state = 'open' OR (ended_utc_ms IS NOT NULL AND length_ms IS NOT NULL AND talk_ms IS NOT NULL
        AND answered_by_agent IS NOT NULL AND reason IS NOT NULL AND ended_by IS NOT NULL))
) STRICT;
CREATE INDEX interactions_by_start ON interactions (started_utc_ms);
CREATE INDEX interactions_by_subscriber ON interactions (caller_subscriber, started_utc_ms);
CREATE INDEX interactions_open ON interactions (id) WHERE state = 'open';

CREATE TABLE segments (
    interaction_id INTEGER NOT NULL REFERENCES interactions (id),
    segment        INTEGER NOT NULL,
    agent_id       INTEGER NOT NULL,
    started_utc_ms INTEGER NOT NULL,
    ring_ms        INTEGER NOT NULL,
    talk_ms        INTEGER NOT NULL,
    PRIMARY KEY (interaction_id, segment)
) STRICT, WITHOUT ROWID;
CREATE INDEX segments_by_agent ON segments (agent_id, started_utc_ms);

CREATE TABLE facts (
    interaction_id INTEGER NOT NULL REFERENCES interactions (id),
    number         INTEGER NOT NULL,
    offset_ms      INTEGER NOT NULL,
    at_utc_ms      INTEGER NOT NULL,
    kind           TEXT    NOT NULL,
    detail         TEXT    NOT NULL,
    PRIMARY KEY (interaction_id, number)
) STRICT, WITHOUT ROWID;

-- "cut": the server stopped before the end; what is there is whole. "failed": something is missing, see failure.
CREATE TABLE recordings (
    id             INTEGER PRIMARY KEY,
    interaction_id INTEGER NOT NULL REFERENCES interactions (id),
    path           TEXT    NOT NULL UNIQUE,
    started_utc_ms INTEGER NOT NULL,
    state          TEXT    NOT NULL CHECK (state = 'open' OR state = 'complete' OR state = 'cut' OR state = 'failed'),
    length_ms      INTEGER,
    bytes          INTEGER,
    digest         TEXT,
    failure        TEXT
) STRICT;
CREATE INDEX recordings_by_interaction ON recordings (interaction_id);
CREATE INDEX recordings_open ON recordings (id) WHERE state = 'open';

CREATE TABLE agent_intervals (
    agent_id       INTEGER NOT NULL,
    session_id     INTEGER NOT NULL,
    number         INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    reason         TEXT,
    started_utc_ms INTEGER NOT NULL,
    offset_ms      INTEGER NOT NULL,
    length_ms      INTEGER NOT NULL,
    cause          TEXT    NOT NULL,
    session_end    TEXT,
    interaction_id INTEGER
) STRICT;
CREATE INDEX agent_intervals_by_agent ON agent_intervals (agent_id, started_utc_ms);
