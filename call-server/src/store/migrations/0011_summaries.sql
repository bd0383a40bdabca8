-- Summaries 小结, matters for units, the phone book, and passwords that somebody else has given.

-- Member units 成员单位 and when their phones are answered: minutes of the local day, over midnight if from > to, all day if equal.
CREATE TABLE units (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT    NOT NULL UNIQUE,
    disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1))
) STRICT;
CREATE TABLE unit_phones (
    unit_id     INTEGER NOT NULL REFERENCES units (id),
    place       INTEGER NOT NULL,
    number      TEXT    NOT NULL,
    note        TEXT    NOT NULL,
    from_minute INTEGER NOT NULL CHECK (from_minute BETWEEN 0 AND 1439),
    to_minute   INTEGER NOT NULL CHECK (to_minute BETWEEN 0 AND 1439),
    PRIMARY KEY (unit_id, place)
) STRICT, WITHOUT ROWID;

-- One per agent's part. "body" is the summary as the agent wrote it (JSON); the columns beside it are for lists and figures.
-- "label" is the disposition's path of that day.
CREATE TABLE summaries (
    interaction_id    INTEGER NOT NULL REFERENCES interactions (id),
    agent_id          INTEGER NOT NULL,
    kind              TEXT    NOT NULL,
    code              TEXT,
    label             TEXT    NOT NULL,
    body              TEXT    NOT NULL,
    first_utc_ms      INTEGER NOT NULL,
    saved_utc_ms      INTEGER NOT NULL,
    dispatched_utc_ms INTEGER,
    PRIMARY KEY (interaction_id, agent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX summaries_by_time ON summaries (saved_utc_ms);

-- What is written and not submitted; a row also says that the call was at this agent's desk.
CREATE TABLE summary_drafts (
    interaction_id INTEGER NOT NULL,
    agent_id       INTEGER NOT NULL,
    revision       INTEGER NOT NULL,
    changed_utc_ms INTEGER NOT NULL,
    body           TEXT    NOT NULL,
    PRIMARY KEY (interaction_id, agent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX summary_drafts_by_agent ON summary_drafts (agent_id, changed_utc_ms);

-- A simple matter that was sent to a unit 一键派单, with its time stamp (K-3).
CREATE TABLE matters (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    interaction_id    INTEGER NOT NULL REFERENCES interactions (id),
    agent_id          INTEGER NOT NULL,
    unit_id           INTEGER NOT NULL REFERENCES units (id),
    caller_subscriber TEXT,
    label             TEXT    NOT NULL,
    content           TEXT    NOT NULL,
    dispatched_utc_ms INTEGER NOT NULL,
    closed_utc_ms     INTEGER,
    closed_by         TEXT,
    result            TEXT,
    UNIQUE (interaction_id, agent_id),
    CHECK ((closed_utc_ms IS NULL) = (closed_by IS NULL))
) STRICT;
CREATE INDEX matters_open ON matters (caller_subscriber, dispatched_utc_ms) WHERE closed_utc_ms IS NULL;

-- 5-3: a password that its owner has not chosen must be changed; the last ones are not used again.
ALTER TABLE agents ADD COLUMN password_is_initial INTEGER NOT NULL DEFAULT 0 CHECK (password_is_initial IN (0, 1));
CREATE TABLE used_passwords (
    agent_id      INTEGER NOT NULL REFERENCES agents (id),
    number        INTEGER NOT NULL,
    password_hash TEXT    NOT NULL,
    until_utc_ms  INTEGER NOT NULL,
    PRIMARY KEY (agent_id, number)
) STRICT, WITHOUT ROWID;
