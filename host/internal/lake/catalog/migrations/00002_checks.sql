-- +goose Up
-- When the bytes of a part were last compared with its name, and what was found; '' = they are as they were written.
CREATE TABLE lake_checks (
    path       VARCHAR(600) NOT NULL PRIMARY KEY,
    table_name VARCHAR(255) NOT NULL,
    checked_at BIGINT       NOT NULL,
    what       TEXT         NOT NULL
);

-- +goose Down
DROP TABLE lake_checks;
