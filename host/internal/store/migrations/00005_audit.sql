-- +goose Up
CREATE TABLE audit_log (
    seq     BIGINT NOT NULL PRIMARY KEY, -- from 1, without gaps
    at      BIGINT NOT NULL, -- microseconds since 1970
    user_id TEXT   NOT NULL,
    email   TEXT   NOT NULL, -- or "system"
    action  TEXT   NOT NULL,
    object  TEXT   NOT NULL,
    outcome TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    address TEXT   NOT NULL,
    request TEXT   NOT NULL,
    via     TEXT   NOT NULL,
    prev    TEXT   NOT NULL, -- hash of the record before
    hash    TEXT   NOT NULL  -- SHA-256 of this record and prev, in hex
);
CREATE INDEX audit_log_by_time ON audit_log (at);
CREATE TABLE audit_head (
    id   BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  BIGINT NOT NULL,
    hash TEXT   NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');

CREATE TABLE usage_days (
    day     TEXT   NOT NULL, -- YYYY-MM-DD in UTC
    user_id TEXT   NOT NULL,
    name    TEXT   NOT NULL, -- of a table; '' = the whole instance
    kind    TEXT   NOT NULL, -- pull, query, look
    times   BIGINT NOT NULL,
    last    BIGINT NOT NULL,
    PRIMARY KEY (day, user_id, name, kind)
);
CREATE INDEX usage_days_by_name ON usage_days (name, day);
CREATE TABLE usage_pairs (
    day    TEXT   NOT NULL,
    name   TEXT   NOT NULL,
    other  TEXT   NOT NULL, -- table asked in the same statement
    times  BIGINT NOT NULL,
    PRIMARY KEY (day, name, other)
);
CREATE INDEX usage_pairs_by_name ON usage_pairs (name, day);
CREATE TABLE usage_machines (
    token      TEXT   NOT NULL PRIMARY KEY, -- id
    user_id    TEXT   NOT NULL,
    generation BIGINT NOT NULL,
    pulled     BIGINT NOT NULL,
    client     TEXT   NOT NULL
);
CREATE INDEX usage_machines_by_user ON usage_machines (user_id, pulled);

-- +goose Down
DROP TABLE usage_machines;
DROP TABLE usage_pairs;
DROP TABLE usage_days;
DROP TABLE audit_head;
DROP TABLE audit_log;
