package profile_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/host/internal/profile"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// table is one that lies in parts, with its statistics.
type table struct {
	t        testing.TB
	dir      string
	profiles *profile.Profiles
	columns  []sdk.Column
	schema   *arrow.Schema
	form     []parquet.Column
	in       profile.Input
	watched  bool // only: values that no writer takes
}

func newTable(t testing.TB, columns []sdk.Column, key ...string) *table {
	t.Helper()
	form, _, _, err := parquet.Assign(columns, nil, 0)
	check(t, err)
	schema, err := parquet.Schema(form)
	check(t, err)
	dir := t.TempDir()
	out := &table{t: t, dir: dir, columns: columns, schema: schema, form: form}
	out.profiles = profile.New(profile.Options{Dir: filepath.Join(dir, "profiles"), Now: func() time.Time { return noon }})
	out.in = profile.Input{Table: "shop.orders", Generation: 3, Key: key}
	for i, c := range form {
		out.in.Columns = append(out.in.Columns, profile.Column{Name: c.Name, Type: c.Type, PII: columns[i].PII})
	}
	return out
}

// add writes a part of the given batches, watched.
func (o *table) add(batches ...arrow.Record) {
	o.t.Helper()
	var file bytes.Buffer
	w, err := parquet.New(&file, o.form, nil, parquet.Options{})
	check(o.t, err)
	watch := o.profiles.Watch(o.in.Table, o.in.Key)
	watch.Begin(o.in.Table, len(o.in.Parts))
	rows := int64(0)
	for _, b := range batches {
		if !o.watched {
			check(o.t, w.Write(b))
		}
		watch.Batch(len(o.in.Parts), b)
		rows += b.NumRows()
	}
	_, err = w.Close()
	check(o.t, err)
	hash := fmt.Sprintf("%x", sha256.Sum256(fmt.Append(file.Bytes(), len(o.in.Parts))))
	watch.Close(len(o.in.Parts), hash, rows, int64(file.Len()))
	check(o.t, os.WriteFile(filepath.Join(o.dir, hash+".parquet"), file.Bytes(), 0o600))
	o.in.Parts = append(o.in.Parts, profile.Part{SHA256: hash, Rows: rows})
	o.in.Bytes += int64(file.Len())
}

func (o *table) profile() api.Profile {
	o.t.Helper()
	p, err := o.profiles.Table(context.Background(), o.in)
	check(o.t, err)
	_, err = json.Marshal(p)
	check(o.t, err)
	return p
}

// every has one column of each kind that is counted in its own way.
var every = []sdk.Column{
	{Name: "whole", Type: sdk.Type{ID: sdk.Int64}},
	{Name: "small", Type: sdk.Type{ID: sdk.Int8}},
	{Name: "huge", Type: sdk.Type{ID: sdk.Int64}},
	{Name: "price", Type: sdk.Type{ID: sdk.Decimal, Precision: 12, Scale: 2}},
	{Name: "long", Type: sdk.Type{ID: sdk.Decimal, Precision: 30, Scale: 3}},
	{Name: "real", Type: sdk.Type{ID: sdk.Float64}},
	{Name: "odd", Type: sdk.Type{ID: sdk.Float64}},
	{Name: "word", Type: sdk.Type{ID: sdk.String}},
	{Name: "name", Type: sdk.Type{ID: sdk.String}},
	{Name: "yes", Type: sdk.Type{ID: sdk.Bool}},
	{Name: "day", Type: sdk.Type{ID: sdk.Date}},
	{Name: "old", Type: sdk.Type{ID: sdk.Date}},
	{Name: "moment", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}},
	{Name: "local", Type: sdk.Type{ID: sdk.Timestamp}},
	{Name: "hour", Type: sdk.Type{ID: sdk.Time}},
	{Name: "raw", Type: sdk.Type{ID: sdk.Binary}},
	{Name: "list", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "element", Type: sdk.Type{ID: sdk.String}}}}},
	{Name: "none", Type: sdk.Type{ID: sdk.Int64}},
	{Name: "same", Type: sdk.Type{ID: sdk.String}},
}

// rows are n random ones of every; nulls of ten cells are NULL.
func (o *table) rows(r *rand.Rand, n, nulls int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, o.schema)
	defer b.Release()
	words := []string{"", "a", "žluťoučký kůň", "日本語", "new", "paid", "🙂🙂"}
	for range n {
		cells := []any{r.Int64N(5000) - 1000, r.Int64N(9) - 3, math.MaxInt64 - r.Int64N(3000), decimal128.FromI64(r.Int64N(20000) - 500),
			decimal128.FromBigInt(new(big.Int).Mul(big.NewInt(r.Int64()), big.NewInt(1+r.Int64N(1e9)))), r.NormFloat64() * 1000,
			[]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 1, r.Float64() * 1e-3}[r.IntN(6)], words[r.IntN(len(words))], fmt.Sprintf("človek %d", r.IntN(100_000)),
			r.IntN(3) > 0, arrow.Date32(19_000 + r.IntN(40)), arrow.Date32(r.IntN(200_000) - 150_000), arrow.Timestamp(1_700_000_000_000_000 + r.Int64N(60*3_600_000_000)),
			arrow.Timestamp(r.Int64N(3_000_000_000_000_000) - 1_000_000_000_000_000), arrow.Time64(r.Int64N(86_400_000_000)), []byte{byte(r.IntN(256)), byte(r.IntN(4))},
			[]string{"x", fmt.Sprint(r.IntN(40))}, nil, "always"}
		for i, cell := range cells {
			if cell == nil || i < len(cells)-1 && r.IntN(10) < nulls {
				b.Field(i).AppendNull()
				continue
			}
			appendCell(b.Field(i), cell)
		}
	}
	return b.NewRecord()
}

func appendCell(b array.Builder, cell any) {
	switch b := b.(type) {
	case *array.Int64Builder:
		b.Append(cell.(int64))
	case *array.Decimal128Builder:
		b.Append(cell.(decimal128.Num))
	case *array.Float64Builder:
		b.Append(cell.(float64))
	case *array.StringBuilder:
		b.Append(cell.(string))
	case *array.BooleanBuilder:
		b.Append(cell.(bool))
	case *array.Date32Builder:
		b.Append(cell.(arrow.Date32))
	case *array.TimestampBuilder:
		b.Append(cell.(arrow.Timestamp))
	case *array.Time64Builder:
		b.Append(cell.(arrow.Time64))
	case *array.BinaryBuilder:
		b.Append(cell.([]byte))
	case *array.ListBuilder:
		b.Append(true)
		for _, item := range cell.([]string) {
			b.ValueBuilder().(*array.StringBuilder).Append(item)
		}
	default:
		panic(fmt.Sprintf("no cell for %T", b))
	}
}

// duck is DuckDB over the parts of a table, as t.
type duck struct {
	t  testing.TB
	db *sql.DB
}

func (o *table) duck() duck {
	o.t.Helper()
	db, err := sql.Open("duckdb", "")
	check(o.t, err)
	o.t.Cleanup(func() { check(o.t, db.Close()) })
	_, err = db.Exec("SET TimeZone = 'UTC'; CREATE VIEW t AS FROM read_parquet('" + o.dir + "/*.parquet')")
	check(o.t, err)
	return duck{o.t, db}
}

// float asks for one number; NaN = NULL.
func (d duck) float(expression string, args ...any) float64 {
	d.t.Helper()
	var v sql.NullFloat64
	if err := d.db.QueryRow("SELECT CAST((" + fmt.Sprintf(expression, args...) + ") AS DOUBLE) FROM t").Scan(&v); err != nil {
		d.t.Fatal(expression, args, err)
	}
	if !v.Valid {
		return math.NaN()
	}
	return v.Float64
}

func (d duck) text(expression string, args ...any) string {
	d.t.Helper()
	var v sql.NullString
	if err := d.db.QueryRow("SELECT CAST((" + fmt.Sprintf(expression, args...) + ") AS VARCHAR) FROM t").Scan(&v); err != nil {
		d.t.Fatal(expression, args, err)
	}
	return v.String
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	check(t, err)
	return string(text)
}
