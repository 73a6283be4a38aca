package lake_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk"
)

// G1: many runs publish at once while readers read generations: each generation is whole, numbers have no gap, and what
// a reader saw of a generation never changes.
func TestG1_ParallelRunsAndReaders(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	const tables, runs = 5, 6
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	for n := range tables {
		writers.Add(1)
		go func() {
			defer writers.Done()
			name := sdk.TableName(fmt.Sprint("shop.t", n))
			child := sdk.TableName(fmt.Sprint("shop.u", n))
			for i := range int64(runs) {
				if err := runPair(ctx, w, name, child, fmt.Sprintf("run-%d-%d", n, i), i*10, i*10+10); err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
			}
		}()
	}
	var mu sync.Mutex
	seen := map[int64]string{}
	for range 3 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := readGeneration(ctx, w, &mu, seen); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	writers.Wait()
	close(done)
	readers.Wait()
	generations, err := w.ChangedSince(ctx, 0)
	must(t, err)
	var seqs, want []int64
	for i, g := range generations {
		seqs, want = append(seqs, g.Seq), append(want, int64(i+1))
		if len(g.Changed) != 2 {
			t.Errorf("generation %d changed %v", g.Seq, g.Changed)
		}
	}
	if diff := cmp.Diff(want, seqs); diff != "" || len(seqs) != tables*runs {
		t.Errorf("%d generations (-want +got):\n%s", len(seqs), diff)
	}
}

// runPair appends the same rows to a table and its child in one run.
func runPair(ctx context.Context, w *world, name, child sdk.TableName, run string, from, to int64) error {
	second := spec(child, "append")
	second.Root = false
	d, err := w.Draft(ctx, lake.RunInfo{ID: run, Holder: "test"}, []lake.Spec{spec(name, "append"), second})
	if err != nil {
		return err
	}
	defer d.Discard()
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		return err
	}
	b := record(schema, rows(from, to)...)
	defer b.Release()
	for _, n := range []sdk.TableName{name, child} {
		if err := d.Schema(n, columns, nil); err != nil {
			return err
		}
		if err := d.Append(n, "append", b); err != nil {
			return err
		}
	}
	_, err = d.Publish(ctx, true)
	return err
}

// readGeneration reads a generation and compares it with how it was seen before: parent and child always have as many
// rows.
func readGeneration(ctx context.Context, w *world, mu *sync.Mutex, seen map[int64]string) error {
	newest, err := w.Generation(ctx, 0)
	if err != nil || newest.Seq == 0 {
		return err
	}
	g, err := w.Generation(ctx, 1+rand.Int64N(newest.Seq))
	if err != nil {
		return err
	}
	rows, text := map[string]int64{}, ""
	for _, v := range g.Tables {
		rows[string(v.Table)] = v.Rows
		text += fmt.Sprint(v.Table, v.Seq, v.Snapshot, v.Rows, len(v.Parts), ";")
	}
	for n := range 10 {
		if rows[fmt.Sprint("shop.t", n)] != rows[fmt.Sprint("shop.u", n)] {
			return fmt.Errorf("generation %d is half of one: %v", g.Seq, rows)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if before, ok := seen[g.Seq]; ok && before != text {
		return fmt.Errorf("generation %d was %s and is %s", g.Seq, before, text)
	}
	seen[g.Seq] = text
	return nil
}
