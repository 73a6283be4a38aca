package parquet_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
)

// TestDamagedFilesAreErrorsNotPanics flips bytes and cuts files; whatever comes out, the process goes on.
func TestDamagedFilesAreErrorsNotPanics(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	source := allTypes(r)
	columns := assign(t, source)
	file, _ := write(t, columns, parquet.Options{RowGroupRows: 40}, randomBatch(t, r, source, 100, true))
	failed := 0
	for range 300 {
		bad := bytes.Clone(file)
		for range 1 + r.IntN(4) {
			bad[r.IntN(len(bad))] ^= byte(1 + r.IntN(255))
		}
		if r.IntN(4) == 0 {
			bad = bad[:r.IntN(len(bad))]
		}
		for _, err := range parquet.Read(context.Background(), bytes.NewReader(bad), int64(len(bad)), columns) {
			if err != nil {
				failed++
			}
		}
	}
	if failed == 0 {
		t.Error("no damage was seen")
	}
}

func TestReadStopsWhenAskedTo(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	source := allTypes(r)
	columns := assign(t, source)
	file, _ := write(t, columns, parquet.Options{}, randomBatch(t, r, source, 2*parquet.ReadBatchRows/100, true))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range parquet.Read(ctx, bytes.NewReader(file), int64(len(file)), columns) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
	}
	for range parquet.Read(context.Background(), bytes.NewReader(file), int64(len(file)), columns) {
		break
	}
	defer func() {
		if recover() != "mine" {
			t.Error("the consumer's panic was swallowed")
		}
	}()
	for range parquet.Read(context.Background(), bytes.NewReader(file), int64(len(file)), columns) {
		panic("mine")
	}
}
