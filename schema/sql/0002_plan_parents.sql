-- SPDX-License-Identifier: Apache-2.0
-- A plan inherits from a parent: what it does not set itself is set there.

ALTER TABLE plan ADD COLUMN parent TEXT REFERENCES plan (name);
UPDATE plan SET parent = 'default' WHERE name <> 'default';
CREATE INDEX plan_parent ON plan (parent);
CREATE INDEX tenant_plan ON tenant (plan);
