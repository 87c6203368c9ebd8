-- SPDX-License-Identifier: Apache-2.0
-- A revision that a plan has raised and the root side has not confirmed.  That the spec has it
-- is not enough: nginx may not have been told yet when the supervisor died.

ALTER TABLE tenant ADD COLUMN is_raised INTEGER NOT NULL DEFAULT 0;
