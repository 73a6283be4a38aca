package read_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/internal/gen"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/read"
	"github.com/ai-data-analyst/broker/sdk"
)

// keeping keeps what it gets, as text.
type keeping struct {
	counting
	columns []sdk.Column
	rows    []string
	sizes   []int64
}

func (k *keeping) Schema(_ context.Context, columns []sdk.Column, _ []string) error {
	k.columns = columns
	return nil
}

func (k *keeping) AppendRecord(_ context.Context, batch arrow.Record) error {
	k.sizes = append(k.sizes, batch.NumRows())
	for r := range int(batch.NumRows()) {
		cells := make([]string, batch.NumCols())
		for c := range cells {
			cells[c] = plain(batch.Column(c), r)
		}
		k.rows = append(k.rows, strings.Join(cells, "\x1f"))
	}
	return nil
}

// plain writes a value as DuckDB's own text is compared.
func plain(values arrow.Array, row int) string {
	if values.IsNull(row) {
		return "NULL"
	}
	switch v := values.(type) {
	case *array.Float64:
		return fmt.Sprintf("%016x", math.Float64bits(v.Value(row)))
	case *array.Timestamp:
		return time.UnixMicro(int64(v.Value(row))).UTC().Format("2006-01-02 15:04:05.000000")
	case *array.Date32:
		return time.Unix(int64(v.Value(row))*86_400, 0).UTC().Format(time.DateOnly)
	}
	return values.ValueStr(row)
}

func plainSQL(value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case float64:
		return fmt.Sprintf("%016x", math.Float64bits(v))
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04:05.000000")
	}
	return fmt.Sprint(value)
}

// likeDuckDB compares text as File reads it with what DuckDB's read_csv makes of it.
func likeDuckDB(t *testing.T, text []byte) {
	t.Helper()
	var got keeping
	options := read.Options{Name: "t.csv", Dialect: comma, Header: true, Ragged: read.Fail}
	if _, err := read.File(context.Background(), bytes.NewReader(text), options, &got); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names := map[sdk.TypeID]string{sdk.Int64: "BIGINT", sdk.Float64: "DOUBLE", sdk.String: "VARCHAR", sdk.Bool: "BOOLEAN", sdk.Date: "DATE", sdk.Timestamp: "TIMESTAMP", sdk.Decimal: "HUGEINT"}
	var types, selected []string
	for i, c := range got.columns {
		types = append(types, fmt.Sprintf("'%s': '%s'", c.Name, names[c.Type.ID]))
		column := fmt.Sprintf("#%d", i+1)
		if c.Type.ID == sdk.Date || c.Type.ID == sdk.Decimal {
			column = c.Name + "::VARCHAR"
		}
		selected = append(selected, strings.ReplaceAll(column, fmt.Sprintf("#%d", i+1), c.Name))
	}
	query := fmt.Sprintf("SELECT %s FROM read_csv('%s', header=true, delim=',', quote='\"', escape='\"', auto_detect=false, columns={%s})",
		strings.Join(selected, ", "), path, strings.Join(types, ", "))
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	values := make([]any, len(got.columns))
	pointers := make([]any, len(values))
	for i := range values {
		pointers[i] = &values[i]
	}
	var want []string
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		cells := make([]string, len(values))
		for i, v := range values {
			cells[i] = plainSQL(v)
		}
		want = append(want, strings.Join(cells, "\x1f"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.rows); diff != "" {
		t.Errorf("(-DuckDB +File):\n%.4000s", diff)
	}
}

// TestLikeDuckDB: DuckDB, told the types that were found, reads the same values.
func TestLikeDuckDB(t *testing.T) {
	var orders bytes.Buffer
	if err := gen.Orders(&orders, 30_000); err != nil {
		t.Fatal(err)
	}
	likeDuckDB(t, orders.Bytes())
	random := rand.New(rand.NewPCG(11, 12))
	for range 20 {
		likeDuckDB(t, randomTable(random))
	}
}

// randomTable writes a table with columns of all types, NULLs among them.
func randomTable(random *rand.Rand) []byte {
	writers := []func() string{
		func() string { return fmt.Sprint(random.Int64() >> random.IntN(63)) },
		func() string { return fmt.Sprintf("%.*f", 1+random.IntN(6), random.NormFloat64()*1e4) },
		func() string { return fmt.Sprint(random.IntN(2) == 0) },
		func() string {
			return time.Unix(random.Int64N(4e9)-2e9, 0).UTC().Format([]string{time.DateOnly, time.DateTime}[random.IntN(2)])
		},
		func() string { return time.Unix(random.Int64N(4e9)-2e9, 0).UTC().Format(time.DateOnly) },
		func() string {
			return []string{"x", `"a ""b"", c"`, "\"line\nbreak\"", strings.Repeat("long ", random.IntN(200)), "ž"}[random.IntN(5)]
		},
		func() string { return "9" + fmt.Sprintf("%020d", random.Uint64()) },
	}
	var b bytes.Buffer
	var columns []func() string
	for i := range 2 + random.IntN(12) {
		columns = append(columns, writers[random.IntN(len(writers))])
		fmt.Fprintf(&b, ",c%d", i)
	}
	b = *bytes.NewBuffer(b.Bytes()[1:])
	b.WriteByte('\n')
	nulls := random.IntN(3)
	for range 1 + random.IntN(3_000) {
		for i, write := range columns {
			if i > 0 {
				b.WriteByte(',')
			}
			if nulls == 0 || i == 0 || random.IntN(4) > 0 {
				b.WriteString(write())
			}
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// TestBatches are neither small nor larger than a message should be.
func TestBatches(t *testing.T) {
	var got keeping
	text := "a,b\n" + strings.Repeat("1,x\n", 200_000)
	options := read.Options{Name: "t.csv", Dialect: comma, Header: true, Ragged: read.Fail}
	if _, err := read.File(context.Background(), strings.NewReader(text), options, &got); err != nil {
		t.Fatal(err)
	}
	for i, n := range got.sizes {
		if n > 100_000 || n < 65_536 && i < len(got.sizes)-1 {
			t.Errorf("batch %d of %d has %d rows", i+1, len(got.sizes), n)
		}
	}
}
