-- 排队回呼: who is to be called back, named by the call in which it was promised. The core writes a row anew after each change; who has
-- seen to a callback that nobody answered, or taken it back, stands beside it and is never overwritten.
CREATE TABLE callbacks (
    interaction_id INTEGER PRIMARY KEY REFERENCES interactions (id),
    number         TEXT    NOT NULL,
    queue_id       INTEGER NOT NULL,
    entered_utc_ms INTEGER NOT NULL,
    asked_utc_ms   INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    last_result    TEXT,
    due_utc_ms     INTEGER NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('open', 'reached', 'missed', 'expired', 'cancelled', 'got_through')),
    reached_in     INTEGER,
    changed_utc_ms INTEGER NOT NULL,
    settled_utc_ms INTEGER,
    settled_by     TEXT,
    CHECK ((settled_utc_ms IS NULL) = (settled_by IS NULL))
) STRICT;
CREATE INDEX callbacks_by_state ON callbacks (state, entered_utc_ms);

-- The callback of which a call is an attempt.
ALTER TABLE interactions ADD COLUMN callback_of INTEGER;
