-- +goose Up
CREATE TABLE runs (
    id         TEXT   NOT NULL PRIMARY KEY,
    sync       TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    root       TEXT   NOT NULL,
    "trigger"  TEXT   NOT NULL,
    status     TEXT   NOT NULL,
    attempts   BIGINT NOT NULL,
    note       TEXT   NOT NULL,
    generation BIGINT NOT NULL,
    started    BIGINT NOT NULL, -- microseconds since 1970 UTC, as every time here
    finished   BIGINT NOT NULL, -- 0 = running
    code       TEXT   NOT NULL,
    message    TEXT   NOT NULL,
    help       TEXT   NOT NULL
);
CREATE INDEX runs_by_time ON runs (started, id);
CREATE INDEX runs_by_status ON runs (status);
CREATE INDEX runs_by_sync ON runs (sync);

CREATE TABLE run_tables (
    run_id   TEXT   NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    place    BIGINT NOT NULL, -- in the set; 0 = root
    name     TEXT   NOT NULL,
    status   TEXT   NOT NULL,
    "rows"   BIGINT NOT NULL,
    added    BIGINT NOT NULL,
    updated  BIGINT NOT NULL,
    deleted  BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    bytes    BIGINT NOT NULL,
    PRIMARY KEY (run_id, place)
);
CREATE INDEX run_tables_by_name ON run_tables (name, run_id);

CREATE TABLE ticks (
    entry    TEXT   NOT NULL,
    instant  BIGINT NOT NULL,
    skipped  TEXT   NOT NULL, -- reason; '' = run
    recorded BIGINT NOT NULL,
    PRIMARY KEY (entry, instant)
);
CREATE INDEX ticks_by_time ON ticks (instant);

CREATE TABLE settings (
    name    TEXT   NOT NULL PRIMARY KEY,
    value   TEXT   NOT NULL,
    changed BIGINT NOT NULL
);

-- +goose Down
DROP TABLE settings;
DROP TABLE ticks;
DROP TABLE run_tables;
DROP TABLE runs;
