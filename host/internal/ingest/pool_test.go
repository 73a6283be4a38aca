package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// busy counts how many runs go at once, over all and of each kind.
type busy struct {
	mu   sync.Mutex
	now  map[string]int
	most map[string]int
}

func (b *busy) enter(keys ...string) func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range keys {
		b.now[k]++
		b.most[k] = max(b.most[k], b.now[k])
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, k := range keys {
			b.now[k]--
		}
	}
}

// crowd is a lake in which every run takes a minute, and fails where the table's name says so.
type crowd struct {
	lake
	busy *busy
}

func (c crowd) Draft(ctx context.Context, run ingest.RunInfo, set ingest.Set) (ingest.Draft, error) {
	keys := []string{"all", set.Source, string(set.Root())}
	if set.RateKey != "" {
		keys = append(keys, set.Source+"/"+set.RateKey)
	}
	defer c.busy.enter(keys...)()
	time.Sleep(time.Minute)
	switch {
	case strings.HasSuffix(string(set.Root()), "bad"):
		return nil, fault.New(fault.Data, "broken")
	case strings.HasSuffix(string(set.Root()), "panic"):
		panic("boom")
	}
	return nil, fault.New(fault.NotFound, "ran")
}

func crowdSet(source, table, rate string) ingest.Set {
	return ingest.Set{Source: source, RateKey: rate, Tables: []ingest.Table{{Name: sdk.TableName(source + "." + table), Stream: table, Mode: sdk.FullRefresh, Write: "replace"}}}
}

func TestPoolKeepsItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		b := &busy{now: map[string]int{}, most: map[string]int{}}
		r := w.runner()
		r.Lake = crowd{lake{w}, b}
		var sets []ingest.Set
		for i := range 4 {
			sets = append(sets, crowdSet("shop", fmt.Sprintf("t%d", i), ""), crowdSet("crm", fmt.Sprintf("t%d", i), "api"), crowdSet("jira", fmt.Sprintf("t%d", i), ""))
		}
		sets = append(sets, crowdSet("shop", "bad", ""), crowdSet("shop", "panic", ""), crowdSet("shop", "t0", ""))
		start := time.Now()
		pool := ingest.NewPool(r, 3)
		results := pool.RunAll(t.Context(), sets)
		for i, result := range results {
			if len(result.Tables) != 1 || result.Tables[0].Name != sets[i].Root() || result.Status != ingest.Failed {
				t.Errorf("result %d of %s: %+v", i, sets[i].Root(), result)
			}
		}
		for key, want := range map[string]int{"all": 3, "shop": 2, "crm/api": 1, "shop.t0": 1} {
			if b.most[key] != want {
				t.Errorf("%s: %d at once, want %d", key, b.most[key], want)
			}
		}
		if took := time.Since(start); took > 11*time.Minute {
			t.Errorf("15 runs, three at a time, took %v", took)
		}
	})
}

func TestCancelledBeforeItsTurnIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, []any{schema("orders"), pause(time.Hour)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		second := mergeSet()
		second.Tables[0].Name = "shop.people"
		results := ingest.NewPool(w.runner(), 1).RunAll(ctx, []ingest.Set{mergeSet(), second})
		states := map[ingest.Status]int{}
		for _, r := range results {
			states[r.Status]++
			if fault.CodeOf(r.Err) != fault.Cancelled || r.Tables[0].Err == nil {
				t.Errorf("result = %+v", r)
			}
		}
		if states[ingest.Cancelled] != 1 || states[ingest.Skipped] != 1 || len(w.results) != 1 {
			t.Errorf("states %v, %d in the journal", states, len(w.results))
		}
	})
}
