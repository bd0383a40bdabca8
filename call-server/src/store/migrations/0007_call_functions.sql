-- What agents do with calls: outbound calls, hold, hand-overs, talks without an agent.

ALTER TABLE interactions ADD COLUMN direction TEXT NOT NULL DEFAULT 'inbound' CHECK (direction IN ('inbound', 'outbound'));
ALTER TABLE interactions ADD COLUMN dial_result TEXT;
ALTER TABLE interactions ADD COLUMN transfers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE interactions ADD COLUMN residual_ms INTEGER NOT NULL DEFAULT 0;
-- How far somebody may dial.
ALTER TABLE agents ADD COLUMN dial_class TEXT NOT NULL DEFAULT 'national' CHECK (dial_class IN ('internal', 'local', 'national', 'international'));
ALTER TABLE segments ADD COLUMN hold_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE segments ADD COLUMN holds INTEGER NOT NULL DEFAULT 0;
