package main

import (
	"database/sql"
	"fmt"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the peer
)

// copyWithDuckDB is what a DuckDB user writes: types inferred, one Parquet file, zstd.
func copyWithDuckDB(file, out string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	if _, err := db.Exec(fmt.Sprintf("COPY (SELECT * FROM read_csv(%s)) TO %s (FORMAT parquet, COMPRESSION zstd)", quote(file), quote(out))); err != nil {
		return fmt.Errorf("DuckDB COPY: %w", err)
	}
	return nil
}
