-- +goose Up
CREATE TABLE analysts (
    name        TEXT   NOT NULL PRIMARY KEY,
    user_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    own         BIGINT NOT NULL, -- 1 = the user was made for this name
    ssh_key     TEXT   NOT NULL UNIQUE, -- "<type> <base64>": public
    fingerprint TEXT   NOT NULL,
    comment     TEXT   NOT NULL,
    created     BIGINT NOT NULL
);

-- +goose Down
DROP TABLE analysts;
