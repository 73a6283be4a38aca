package profile_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/host/internal/profile"
	"github.com/ai-data-analyst/broker/sdk"
)

// wide are 20 columns as tables of a business have them.
var wide = []sdk.Column{
	{Name: "id", Type: sdk.Type{ID: sdk.Int64}, NotNull: true},
	{Name: "customer", Type: sdk.Type{ID: sdk.Int64}},
	{Name: "quantity", Type: sdk.Type{ID: sdk.Int64}},
	{Name: "score", Type: sdk.Type{ID: sdk.Int64}},
	{Name: "price", Type: sdk.Type{ID: sdk.Decimal, Precision: 18, Scale: 2}},
	{Name: "tax", Type: sdk.Type{ID: sdk.Decimal, Precision: 18, Scale: 4}},
	{Name: "weight", Type: sdk.Type{ID: sdk.Float64}},
	{Name: "ratio", Type: sdk.Type{ID: sdk.Float64}},
	{Name: "latitude", Type: sdk.Type{ID: sdk.Float64}},
	{Name: "country", Type: sdk.Type{ID: sdk.String}},
	{Name: "status", Type: sdk.Type{ID: sdk.String}},
	{Name: "channel", Type: sdk.Type{ID: sdk.String}},
	{Name: "product", Type: sdk.Type{ID: sdk.String}},
	{Name: "email", Type: sdk.Type{ID: sdk.String}},
	{Name: "note", Type: sdk.Type{ID: sdk.String}},
	{Name: "paid", Type: sdk.Type{ID: sdk.Bool}},
	{Name: "day", Type: sdk.Type{ID: sdk.Date}},
	{Name: "shipped", Type: sdk.Type{ID: sdk.Date}},
	{Name: "created", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}},
	{Name: "changed", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}},
}

func wideBatches(tb testing.TB, rows, each int) []arrow.Record {
	tb.Helper()
	columns, _, _, err := parquet.Assign(wide, nil, 0)
	if err != nil {
		tb.Fatal(err)
	}
	schema, err := parquet.Schema(columns)
	if err != nil {
		tb.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var out []arrow.Record
	for at := 0; at < rows; at += each {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range each {
			wideRow(b, r, int64(at+i))
		}
		out = append(out, b.NewRecord())
	}
	return out
}

func wideRow(b *array.RecordBuilder, r *rand.Rand, id int64) {
	b.Field(0).(*array.Int64Builder).Append(id)
	b.Field(1).(*array.Int64Builder).Append(r.Int64N(200_000))
	b.Field(2).(*array.Int64Builder).Append(1 + r.Int64N(12))
	if r.IntN(10) == 0 {
		b.Field(3).AppendNull()
	} else {
		b.Field(3).(*array.Int64Builder).Append(r.Int64N(2000) - 1000)
	}
	b.Field(4).(*array.Decimal128Builder).Append(decimal128.FromI64(r.Int64N(1_000_000)))
	b.Field(5).(*array.Decimal128Builder).Append(decimal128.FromI64(r.Int64N(100_000)))
	b.Field(6).(*array.Float64Builder).Append(r.ExpFloat64() * 20)
	b.Field(7).(*array.Float64Builder).Append(r.Float64())
	b.Field(8).(*array.Float64Builder).Append(r.NormFloat64() * 40)
	b.Field(9).(*array.StringBuilder).Append([]string{"CZ", "DE", "PL", "AT", "US", "GB", "FR", "ES"}[r.IntN(8)])
	b.Field(10).(*array.StringBuilder).Append([]string{"new", "paid", "shipped", "returned"}[r.IntN(4)])
	b.Field(11).(*array.StringBuilder).Append(fmt.Sprintf("channel %d", r.IntN(30)))
	b.Field(12).(*array.StringBuilder).Append(fmt.Sprintf("product %04d", r.IntN(5000)))
	b.Field(13).(*array.StringBuilder).Append(fmt.Sprintf("person%d@example.com", r.IntN(200_000)))
	if r.IntN(3) == 0 {
		b.Field(14).AppendNull()
	} else {
		b.Field(14).(*array.StringBuilder).Append(fmt.Sprintf("a note of some length, number %d, nobody reads it", id))
	}
	b.Field(15).(*array.BooleanBuilder).Append(r.IntN(3) > 0)
	b.Field(16).(*array.Date32Builder).Append(arrow.Date32(19_000 + r.IntN(1000)))
	b.Field(17).(*array.Date32Builder).Append(arrow.Date32(19_000 + r.IntN(1000)))
	b.Field(18).(*array.TimestampBuilder).Append(arrow.Timestamp(1_700_000_000_000_000 + id*1_000_000))
	b.Field(19).(*array.TimestampBuilder).Append(arrow.Timestamp(1_700_000_000_000_000 + r.Int64N(80_000_000_000_000)))
}

const benchRows = 1_000_000

// What writing costs: the batches of a million rows of 20 columns, as a file.
func BenchmarkWrite(b *testing.B) {
	batches := wideBatches(b, benchRows, 16_384)
	columns, _, _, err := parquet.Assign(wide, nil, 0)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		w, err := parquet.New(io.Discard, columns, nil, parquet.Options{})
		if err != nil {
			b.Fatal(err)
		}
		for _, batch := range batches {
			if err := w.Write(batch); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// What the statistics cost on top: at most a fifth of BenchmarkWrite.
func BenchmarkWatch(b *testing.B) {
	batches := wideBatches(b, benchRows, 16_384)
	p := profile.New(profile.Options{Dir: b.TempDir()})
	for b.Loop() {
		w := p.Watch("shop.wide", []string{"id"})
		w.Begin("shop.wide", 0)
		for _, batch := range batches {
			w.Batch(0, batch)
		}
		w.Close(0, fmt.Sprintf("%064x", 1), benchRows, 1)
	}
}
