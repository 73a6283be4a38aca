package parquet_test

import (
	"database/sql"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// TestDuckDBReadsTheSameValues writes every type with its edges and compares all values as an independent reader sees them.
func TestDuckDBReadsTheSameValues(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 3))
		source := allTypes(r)
		columns := assign(t, source)
		batch := randomBatch(t, r, source, 400, true)
		file, _ := write(t, columns, parquet.Options{RowGroupRows: 150}, batch)
		path := filepath.Join(t.TempDir(), "part.parquet")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		want := plainRows(batch)
		for _, row := range want {
			for i := range row {
				row[i] = unordered(source[i].Type, row[i])
			}
		}
		if diff := cmp.Diff(want, duckRows(t, db, path, source)); diff != "" {
			t.Errorf("seed %d: rows (-written +read):\n%s", seed, diff)
		}
	}
}

// unordered puts the entries of maps, which DuckDB's driver gives as a Go map, in the order of their keys.
func unordered(t sdk.Type, v any) any {
	items, ok := v.([]any)
	if !ok {
		return v
	}
	for i := range items {
		switch {
		case t.ID == sdk.List:
			items[i] = unordered(t.Children[0].Type, items[i])
		case t.ID == sdk.Struct:
			items[i] = unordered(t.Children[i].Type, items[i])
		case t.ID == sdk.Map && i%2 == 1:
			items[i] = unordered(t.Children[1].Type, items[i])
		}
	}
	return items
}

func duckRows(t *testing.T, db *sql.DB, path string, source []sdk.Column) [][]any {
	t.Helper()
	rows, err := db.Query("SELECT * FROM read_parquet(?)", path)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out [][]any
	for rows.Next() {
		row, places := make([]any, len(source)), make([]any, len(source))
		for i := range row {
			places[i] = &row[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		for i := range row {
			row[i] = duckValue(source[i].Type, row[i])
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// duckValue brings a value of DuckDB's driver into the form of plain.
func duckValue(t sdk.Type, v any) any {
	if v == nil {
		return nil
	}
	switch t.ID {
	case sdk.Decimal:
		d := v.(duckdb.Decimal)
		return fmt.Sprintf("%se-%d", d.Value, d.Scale)
	case sdk.Uint64:
		return fmt.Sprintf("%se-0", v.(duckdb.Decimal).Value)
	case sdk.Float32, sdk.Float64:
		return plainFloat(v.(float64))
	case sdk.Binary:
		return "bytes " + string(v.([]byte))
	case sdk.Date:
		return v.(time.Time).Unix() / 86400
	case sdk.Timestamp:
		return v.(time.Time).UnixMicro()
	case sdk.Time:
		at := v.(time.Time)
		return int64(at.Hour())*3_600_000_000 + int64(at.Minute())*60_000_000 + int64(at.Second())*1_000_000 + int64(at.Nanosecond())/1000
	case sdk.List, sdk.Struct, sdk.Map:
		return duckNested(t, v)
	}
	if big, ok := v.(*big.Int); ok {
		return big.String()
	}
	return v
}

func duckNested(t sdk.Type, v any) any {
	out := []any{}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			out = append(out, duckValue(t.Children[0].Type, item))
		}
	case map[string]any:
		for _, child := range t.Children {
			out = append(out, duckValue(child.Type, v[child.Name]))
		}
	case duckdb.OrderedMap:
		keys := v.Keys()
		sort.Slice(keys, func(i, j int) bool { return keys[i].(string) < keys[j].(string) })
		for _, k := range keys {
			item, _ := v.Get(k)
			out = append(out, k, duckValue(t.Children[1].Type, item))
		}
	case duckdb.Map:
		var keys []string
		for k := range v {
			keys = append(keys, k.(string))
		}
		sort.Strings(keys)
		for _, k := range keys {
			out = append(out, k, duckValue(t.Children[1].Type, v[k]))
		}
	default:
		return fmt.Sprintf("unexpected %T", v)
	}
	return out
}
