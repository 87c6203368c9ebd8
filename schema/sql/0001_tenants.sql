-- SPDX-License-Identifier: Apache-2.0
-- What should be: tenants with their names and options, plans, the audit trail.

CREATE TABLE plan (
	name TEXT PRIMARY KEY,
	sentence TEXT NOT NULL
) STRICT;

CREATE TABLE plan_option (
	plan TEXT NOT NULL REFERENCES plan (name) ON DELETE CASCADE,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (plan, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant (
	number INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 4294967295),
	site TEXT NOT NULL UNIQUE,
	plan TEXT NOT NULL REFERENCES plan (name),
	state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
	is_suspended INTEGER NOT NULL CHECK (is_suspended IN (0, 1)),	-- what it should be
	is_undone INTEGER NOT NULL CHECK (is_undone IN (0, 1)),	-- failed: nothing of it is left
	reason TEXT NOT NULL,		-- of the suspension
	failure TEXT NOT NULL,		-- what went wrong last
	revision INTEGER NOT NULL,
	restore_number INTEGER NOT NULL,	-- building: whose removed home comes back, or 0
	created_at INTEGER NOT NULL,
	changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tenant_alias (
	host TEXT PRIMARY KEY,
	number INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
	place INTEGER NOT NULL		-- order as given
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_alias_number ON tenant_alias (number);

CREATE TABLE tenant_option (
	number INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (number, name)
) STRICT, WITHOUT ROWID;

-- A host name is either one site's name or one site's alias.
CREATE TRIGGER alias_is_no_site BEFORE INSERT ON tenant_alias
WHEN EXISTS (SELECT 1 FROM tenant WHERE site = NEW.host)
BEGIN
	SELECT RAISE(ABORT, 'the host name is the name of a site');
END;
CREATE TRIGGER site_is_no_alias BEFORE INSERT ON tenant
WHEN EXISTS (SELECT 1 FROM tenant_alias WHERE host = NEW.site)
BEGIN
	SELECT RAISE(ABORT, 'the host name is an alias of a site');
END;

-- Tenants as they were.  kind 1: before a change that the root side has not
-- confirmed yet.  kind 2: removed ones, for restore.
CREATE TABLE kept (
	number INTEGER NOT NULL,
	kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
	site TEXT NOT NULL,
	plan TEXT NOT NULL,
	state INTEGER NOT NULL,
	is_suspended INTEGER NOT NULL,
	reason TEXT NOT NULL,
	failure TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	kept_at INTEGER NOT NULL,
	PRIMARY KEY (number, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE kept_alias (
	number INTEGER NOT NULL,
	kind INTEGER NOT NULL,
	host TEXT NOT NULL,
	place INTEGER NOT NULL,
	PRIMARY KEY (number, kind, host),
	FOREIGN KEY (number, kind) REFERENCES kept (number, kind) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE kept_option (
	number INTEGER NOT NULL,
	kind INTEGER NOT NULL,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (number, kind, name),
	FOREIGN KEY (number, kind) REFERENCES kept (number, kind) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Who asked for what, and what came of it.
CREATE TABLE audit (
	id INTEGER PRIMARY KEY,
	uid INTEGER NOT NULL,
	at INTEGER NOT NULL,
	verb TEXT NOT NULL,
	site TEXT NOT NULL,
	result TEXT NOT NULL,		-- started, done, unchanged or a code of errors.def
	detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at);

INSERT INTO plan VALUES ('default', 'The defaults of all options.');
INSERT INTO plan VALUES ('small', 'For a small site: less memory, fewer workers.');
INSERT INTO plan_option VALUES ('small', 'memory_max', '256M');
INSERT INTO plan_option VALUES ('small', 'max_children', '3');
