-- +goose Up
CREATE TABLE identities (
    issuer   TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    user_id  TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email    TEXT   NOT NULL, -- when it was linked
    provider TEXT   NOT NULL, -- auth block
    linked   BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX identities_by_user ON identities (user_id, issuer); -- one subject of an issuer, until relinked

CREATE TABLE portal_sessions (
    hash       TEXT   NOT NULL PRIMARY KEY, -- SHA-256 of the secret, in hex; the secret is nowhere
    id         TEXT   NOT NULL UNIQUE,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider   TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    address    TEXT   NOT NULL,
    user_agent TEXT   NOT NULL
);
CREATE INDEX portal_sessions_by_user ON portal_sessions (user_id, created);
CREATE INDEX portal_sessions_by_time ON portal_sessions (expires);

CREATE TABLE auth_entries (
    provider TEXT   NOT NULL, -- auth block
    hash     TEXT   NOT NULL, -- of the key
    value    TEXT   NOT NULL, -- sealed with the key
    expires  BIGINT NOT NULL,
    PRIMARY KEY (provider, hash)
);
CREATE INDEX auth_entries_by_time ON auth_entries (expires);

-- +goose Down
DROP TABLE auth_entries;
DROP TABLE portal_sessions;
DROP TABLE identities;
