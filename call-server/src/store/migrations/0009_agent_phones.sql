-- 座席电话: the phone by which somebody may speak, a number that registers here or a sip: URI; and by what, if nothing is chosen at sign-in.
ALTER TABLE agents ADD COLUMN phone TEXT;
ALTER TABLE agents ADD COLUMN voice TEXT NOT NULL DEFAULT 'headset' CHECK (voice IN ('headset', 'phone'));
-- Phones without a desktop, from [[phone_agents]]: rows for the records alone; nobody signs in with them.
ALTER TABLE agents ADD COLUMN unattended INTEGER NOT NULL DEFAULT 0 CHECK (unattended IN (0, 1));
