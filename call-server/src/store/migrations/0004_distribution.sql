-- An agent's part in a queue, and skills (1 to 9).
ALTER TABLE agent_queues ADD COLUMN place INTEGER NOT NULL DEFAULT 0 CHECK (place >= 0);
ALTER TABLE agent_queues ADD COLUMN weight INTEGER NOT NULL DEFAULT 1 CHECK (weight >= 0);
ALTER TABLE agent_queues ADD COLUMN tier INTEGER NOT NULL DEFAULT 1 CHECK (tier BETWEEN 0 AND 255);

-- 自动应答: calls are accepted by themselves after so long; NULL is never.
ALTER TABLE agents ADD COLUMN auto_answer_ms INTEGER CHECK (auto_answer_ms >= 0);

CREATE TABLE agent_skills (
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    skill_id INTEGER NOT NULL,
    level    INTEGER NOT NULL CHECK (level BETWEEN 1 AND 9),
    PRIMARY KEY (agent_id, skill_id)
) STRICT, WITHOUT ROWID;

-- Blocked numbers (1-11) and numbers in favour. An entry is never deleted: who removed it, when and why stays.
-- "effect" is a level for 'block' and a class of people for 'favour'; "points" belong to low_priority and to favour, rate_* to rate.
CREATE TABLE list_entries (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    list           TEXT    NOT NULL CHECK (list IN ('block', 'favour')),
    number         TEXT    NOT NULL,
    prefix         INTEGER NOT NULL CHECK (prefix IN (0, 1)),
    effect         TEXT    NOT NULL,
    points         INTEGER NOT NULL DEFAULT 0,
    rate_calls     INTEGER NOT NULL DEFAULT 0,
    rate_within_ms INTEGER NOT NULL DEFAULT 0,
    reason         TEXT    NOT NULL,
    evidence       TEXT    NOT NULL,
    author         TEXT    NOT NULL,
    created_utc_ms INTEGER NOT NULL,
    expires_utc_ms INTEGER NOT NULL,
    removed_utc_ms INTEGER,
    removed_by     TEXT,
    removed_reason TEXT,
    CHECK ((removed_utc_ms IS NULL) = (removed_by IS NULL))
) STRICT;
CREATE INDEX list_entries_in_force ON list_entries (list, expires_utc_ms) WHERE removed_utc_ms IS NULL;

-- Marks of a person, such as a dialect, and every correction with what stood there before.
CREATE TABLE caller_tags (
    caller_id INTEGER NOT NULL REFERENCES callers (id),
    tag       TEXT    NOT NULL,
    PRIMARY KEY (caller_id, tag)
) STRICT, WITHOUT ROWID;
CREATE TABLE caller_changes (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    caller_id INTEGER NOT NULL REFERENCES callers (id),
    at_utc_ms INTEGER NOT NULL,
    author    TEXT    NOT NULL,
    field     TEXT    NOT NULL CHECK (field IN ('name', 'address', 'tags')),
    before    TEXT    NOT NULL,
    after     TEXT    NOT NULL
) STRICT;
CREATE INDEX caller_changes_by_caller ON caller_changes (caller_id, id);

-- Every attempt to sign in, and what came of it. Its end is the session's last interval in agent_intervals.
CREATE TABLE sign_ins (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at_utc_ms  INTEGER NOT NULL,
    number     TEXT    NOT NULL,
    agent_id   INTEGER,
    session_id INTEGER,
    address    TEXT    NOT NULL,
    outcome    TEXT    NOT NULL
) STRICT;
CREATE INDEX sign_ins_by_time ON sign_ins (at_utc_ms);

-- Hours overridden by hand 应急模式; scope and mode as JSON of the core's own words. An entry is never deleted.
CREATE TABLE calendar_overrides (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    scope          TEXT    NOT NULL,
    mode           TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    author         TEXT    NOT NULL,
    created_utc_ms INTEGER NOT NULL,
    expires_utc_ms INTEGER NOT NULL,
    removed_utc_ms INTEGER,
    removed_by     TEXT,
    CHECK ((removed_utc_ms IS NULL) = (removed_by IS NULL))
) STRICT;
