-- +goose Up
CREATE TABLE iceberg_tables (
    catalog_name               VARCHAR(255) NOT NULL,
    table_namespace            VARCHAR(255) NOT NULL,
    table_name                 VARCHAR(255) NOT NULL,
    metadata_location          VARCHAR(1000),
    previous_metadata_location VARCHAR(1000),
    iceberg_type               VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
);

CREATE TABLE iceberg_namespace_properties (
    catalog_name   VARCHAR(255) NOT NULL,
    namespace      VARCHAR(255) NOT NULL,
    property_key   VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000),
    PRIMARY KEY (catalog_name, namespace, property_key)
);

-- One row: the newest generation. Whoever writes to the lake updates it first, so that the order in which generations
-- become visible is the order of their numbers.
CREATE TABLE lake_seq (
    id    INTEGER PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO lake_seq (id, value) VALUES (1, 0);

-- One row: which lake this database belongs to, as the file lake.json beside the tables says.
CREATE TABLE lake_identity (
    id      INTEGER PRIMARY KEY,
    lake_id VARCHAR(64) NOT NULL
);

-- Append only: what each generation changed.
CREATE TABLE heads (
    seq               BIGINT       NOT NULL,
    namespace         VARCHAR(255) NOT NULL,
    name              VARCHAR(255) NOT NULL,
    snapshot_id       BIGINT       NOT NULL,
    metadata_location VARCHAR(1000) NOT NULL,
    run_id            VARCHAR(255) NOT NULL,
    published_at      BIGINT       NOT NULL,
    row_count         BIGINT       NOT NULL,
    byte_count        BIGINT       NOT NULL,
    part_count        BIGINT       NOT NULL,
    PRIMARY KEY (namespace, name, seq)
);
CREATE INDEX heads_seq ON heads (seq);
CREATE INDEX heads_run ON heads (run_id);

-- A row stays when its lease is given back, so that epochs only grow.
CREATE TABLE lake_leases (
    table_name VARCHAR(255) NOT NULL PRIMARY KEY,
    run_id     VARCHAR(255) NOT NULL,
    holder     VARCHAR(255) NOT NULL,
    epoch      BIGINT       NOT NULL,
    taken_at   BIGINT       NOT NULL,
    expires_at BIGINT       NOT NULL
);

CREATE TABLE lake_pins (
    id         VARCHAR(64) NOT NULL PRIMARY KEY,
    seq        BIGINT      NOT NULL,
    expires_at BIGINT      NOT NULL
);

CREATE TABLE lake_held (
    root    VARCHAR(255) NOT NULL PRIMARY KEY,
    run_id  VARCHAR(255) NOT NULL,
    held_at BIGINT       NOT NULL,
    reason  TEXT         NOT NULL,
    content TEXT         NOT NULL
);

-- +goose Down
DROP TABLE lake_held;
DROP TABLE lake_pins;
DROP TABLE lake_leases;
DROP TABLE heads;
DROP TABLE lake_identity;
DROP TABLE lake_seq;
DROP TABLE iceberg_namespace_properties;
DROP TABLE iceberg_tables;
