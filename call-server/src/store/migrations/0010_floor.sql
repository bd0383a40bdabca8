-- Lists of three and more values are written with OR in CHECKs that every call meets: for IN the database builds a table at each statement.
-- Recordings beside the main one of a call: whispers, and consultations while others go on with the citizen.
ALTER TABLE recordings ADD COLUMN track TEXT NOT NULL DEFAULT 'main' CHECK (track = 'main' OR track = 'whisper' OR track = 'consultation');

-- Recordings of these interactions are evidence: no rule deletes or changes them. A hold is never deleted; author '' is the server.
CREATE TABLE legal_holds (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    interaction_id INTEGER NOT NULL REFERENCES interactions (id),
    since_utc_ms   INTEGER NOT NULL,
    reason         TEXT    NOT NULL,
    author         TEXT    NOT NULL,
    lifted_utc_ms  INTEGER,
    lifted_by      TEXT,
    lifted_reason  TEXT,
    CHECK ((lifted_utc_ms IS NULL) = (lifted_by IS NULL))
) STRICT;
CREATE INDEX legal_holds_in_force ON legal_holds (interaction_id) WHERE lifted_utc_ms IS NULL;

-- 短消息 between agents (1-6), never changed. The target is JSON of the wire's own words; each recipient has a copy, numbered without a gap.
CREATE TABLE messages (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    sent_utc_ms INTEGER NOT NULL,
    sender_id   INTEGER NOT NULL REFERENCES agents (id),
    target      TEXT    NOT NULL,
    text        TEXT    NOT NULL
) STRICT;
CREATE INDEX messages_by_time ON messages (sent_utc_ms);
CREATE INDEX messages_by_sender ON messages (sender_id, id);
CREATE TABLE message_copies (
    agent_id         INTEGER NOT NULL REFERENCES agents (id),
    number           INTEGER NOT NULL,
    message_id       INTEGER NOT NULL REFERENCES messages (id),
    delivered_utc_ms INTEGER,
    read_utc_ms      INTEGER,
    PRIMARY KEY (agent_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_copies_by_message ON message_copies (message_id);
