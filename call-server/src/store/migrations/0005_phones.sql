-- Phones of the house. A secret is nowhere: proof_md5 and proof_sha256 are H(number:hotline:secret), what digest (RFC 7616) checks one by.
CREATE TABLE phones (
    number TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    class TEXT NOT NULL CHECK (class IN ('internal', 'local', 'national', 'international')),
    proof_md5 TEXT NOT NULL CHECK (length(proof_md5) = 32),
    proof_sha256 TEXT NOT NULL CHECK (length(proof_sha256) = 64),
    created_utc_ms INTEGER NOT NULL
) STRICT;
