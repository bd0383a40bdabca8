-- Stays in voice menus and surveys, one for each fact node_left.
CREATE TABLE node_visits (
    interaction_id INTEGER NOT NULL REFERENCES interactions (id),
    fact           INTEGER NOT NULL,
    node_id        INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    survey         INTEGER NOT NULL CHECK (survey IN (0, 1)),
    agent_id       INTEGER,
    started_utc_ms INTEGER NOT NULL,
    length_ms      INTEGER NOT NULL,
    end            TEXT    NOT NULL CHECK (end IN ('key', 'answered', 'unanswered', 'call_ended')),
    key            TEXT,
    label          TEXT,
    PRIMARY KEY (interaction_id, fact)
) STRICT, WITHOUT ROWID;
CREATE INDEX node_visits_by_time ON node_visits (survey, started_utc_ms);

-- 1-6: a message may be recalled by its sender, pinned by a supervisor, and refer to a call or a matter (JSON of the wire's words).
ALTER TABLE messages ADD COLUMN recalled_utc_ms INTEGER;
ALTER TABLE messages ADD COLUMN pinned_utc_ms INTEGER;
ALTER TABLE messages ADD COLUMN pinned_by INTEGER REFERENCES agents (id);
ALTER TABLE messages ADD COLUMN link TEXT;
