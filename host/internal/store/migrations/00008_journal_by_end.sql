-- +goose Up
CREATE INDEX runs_by_end ON runs (finished, id);

-- +goose Down
DROP INDEX runs_by_end;
