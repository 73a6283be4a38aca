-- +goose Up
CREATE TABLE choices (
    user_id TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    tables  TEXT   NOT NULL, -- JSON array of published names, sorted: what the person takes; who takes all has no row
    changed BIGINT NOT NULL
);

-- +goose Down
DROP TABLE choices;
