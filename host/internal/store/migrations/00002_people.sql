-- +goose Up
CREATE TABLE users (
    id       TEXT   NOT NULL PRIMARY KEY,
    email    TEXT   NOT NULL UNIQUE, -- trimmed, lower case
    name     TEXT   NOT NULL,
    role     TEXT   NOT NULL, -- given by command; what the configuration gives is never written here
    invited  BIGINT NOT NULL, -- 1 = by name
    disabled BIGINT NOT NULL, -- 1 = shut out
    created  BIGINT NOT NULL
);

CREATE TABLE user_groups (
    name    TEXT   NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL
);
INSERT INTO user_groups (name, created) VALUES ('everyone', 0);

CREATE TABLE group_members (
    group_name TEXT   NOT NULL REFERENCES user_groups (name) ON DELETE CASCADE,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    added      BIGINT NOT NULL,
    PRIMARY KEY (group_name, user_id)
);
CREATE INDEX group_members_by_user ON group_members (user_id);

CREATE TABLE group_grants (
    group_name TEXT   NOT NULL REFERENCES user_groups (name) ON DELETE CASCADE,
    pattern    TEXT   NOT NULL,
    added      BIGINT NOT NULL,
    PRIMARY KEY (group_name, pattern)
);

CREATE TABLE tokens (
    id        TEXT   NOT NULL PRIMARY KEY,
    user_id   TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label     TEXT   NOT NULL,
    hash      TEXT   NOT NULL UNIQUE, -- SHA-256 of the secret, in hex; the secret is nowhere
    scopes    TEXT   NOT NULL, -- separated by commas
    created   BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    last_used BIGINT NOT NULL, -- 0 = never
    revoked   BIGINT NOT NULL  -- 0 = not
);
CREATE INDEX tokens_by_user ON tokens (user_id, created);

CREATE TABLE sign_in_codes (
    hash      TEXT   NOT NULL PRIMARY KEY, -- of the program's secret
    kind      TEXT   NOT NULL,
    user_hash TEXT   NOT NULL, -- of what a person types; '' = nothing
    challenge TEXT   NOT NULL,
    user_id   TEXT   NOT NULL, -- who agreed; '' = nobody yet
    scopes    TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    used      BIGINT NOT NULL -- 0 = not
);
CREATE UNIQUE INDEX sign_in_codes_by_typed ON sign_in_codes (user_hash) WHERE user_hash <> '';
CREATE INDEX sign_in_codes_by_time ON sign_in_codes (expires);

CREATE TABLE access_version (
    id      BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO access_version (id, version) VALUES (1, 1);

-- +goose Down
DROP TABLE access_version;
DROP TABLE sign_in_codes;
DROP TABLE tokens;
DROP TABLE group_grants;
DROP TABLE group_members;
DROP TABLE user_groups;
DROP TABLE users;
