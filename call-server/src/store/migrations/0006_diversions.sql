-- The numbers that a call was diverted from before it came to us, in that order; the number is NULL if it is withheld.
CREATE TABLE diversions (
    interaction_id INTEGER NOT NULL REFERENCES interactions (id),
    place          INTEGER NOT NULL,
    number         TEXT,
    reason         TEXT    NOT NULL,
    PRIMARY KEY (interaction_id, place)
) STRICT, WITHOUT ROWID;
