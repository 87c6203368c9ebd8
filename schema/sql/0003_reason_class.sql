-- SPDX-License-Identifier: Apache-2.0
-- The class of a suspension (schema/reasons.def), which its visitors are told.

ALTER TABLE tenant ADD COLUMN reason_class INTEGER NOT NULL DEFAULT 0;
ALTER TABLE kept ADD COLUMN reason_class INTEGER NOT NULL DEFAULT 0;
