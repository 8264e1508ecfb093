-- The queue. Times are milliseconds since 1970.

-- The time by which leases begin and end: one clock for all relays, whatever theirs say.
CREATE FUNCTION postern_spool.clock() RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint $$;

-- The relays that share this database. What belongs to one is keyed by its number.
CREATE TABLE postern_spool.queue (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- What changes often, and nothing else. A claim changes no column of an index, so that it stays within the row's page.
CREATE TABLE postern_spool.waiting (
    queue integer NOT NULL,
    id uuid NOT NULL,
    due bigint NOT NULL,
    lease_until bigint NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    body_bytes bigint NOT NULL,
    reader smallint NOT NULL,
    held boolean NOT NULL DEFAULT false,
    PRIMARY KEY (queue, id)
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
);
CREATE INDEX waiting_due ON postern_spool.waiting (queue, due, id) WHERE NOT held;

-- What is read with a claim. The content is here up to 256 KiB, and else in pieces.
CREATE TABLE postern_spool.message (
    queue integer NOT NULL,
    id uuid NOT NULL,
    envelope bytea NOT NULL,
    -- CRC-32C of the envelope and the checksums of the content.
    envelope_crc bigint NOT NULL,
    statuses bytea NOT NULL,
    statuses_crc bigint NOT NULL,
    checksums bytea NOT NULL,
    content bytea,
    body uuid,
    PRIMARY KEY (queue, id),
    CHECK ((content IS NULL) <> (body IS NULL))
) WITH (fillfactor = 90, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.05);
-- Mail is compressed already, or not worth the time.
ALTER TABLE postern_spool.message ALTER COLUMN content SET STORAGE EXTERNAL;

-- Content over 256 KiB.
CREATE TABLE postern_spool.piece (
    body uuid NOT NULL,
    number integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (body, number)
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE postern_spool.piece ALTER COLUMN content SET STORAGE EXTERNAL;

-- Content that belongs to no message: on its way in, left by a writer that is gone, or of a message that is finished.
CREATE TABLE postern_spool.loose (
    body uuid PRIMARY KEY,
    touched bigint NOT NULL
);

-- Messages that were not what had been stored, for somebody to look at. Nothing here is ever deleted by the program.
CREATE TABLE postern_spool.quarantine (
    queue integer NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    what text NOT NULL,
    envelope bytea,
    statuses bytea,
    checksums bytea,
    content bytea,
    body uuid
);
