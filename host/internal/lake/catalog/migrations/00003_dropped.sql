-- +goose Up
-- 1 = this generation took the table out: it is in none from here on, until a later head.
ALTER TABLE heads ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE heads DROP COLUMN dropped;
