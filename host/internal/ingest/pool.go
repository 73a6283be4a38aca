package ingest

import (
	"context"
	"runtime"
	"sync"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// perSource is how many runs of one source go at once.
const perSource = 2

// Pool runs several sets at once, within limits that hold over all its callers: commands and schedule share one.
type Pool struct {
	runner *Runner
	slots  chan struct{}

	mu    sync.Mutex
	lanes map[string]chan struct{} // by set, by source and rate key, by source
}

// NewPool returns a pool of runner that runs at most width sets at once; width < 1 = one for each CPU.
func NewPool(runner *Runner, width int) *Pool {
	if width < 1 {
		width = runtime.GOMAXPROCS(0)
	}
	return &Pool{runner: runner, slots: make(chan struct{}, width), lanes: map[string]chan struct{}{}}
}

// Run waits for its turn and runs set. A set whose ctx ends before its turn is Skipped, and no journal knows of it.
func (p *Pool) Run(ctx context.Context, set Set) Result {
	var held []chan struct{}
	defer func() {
		for i := len(held) - 1; i >= 0; i-- {
			<-held[i]
		}
	}()
	for _, lane := range p.way(set) { // always in this order, so that nobody waits in a circle
		select {
		case lane <- struct{}{}:
			held = append(held, lane)
		case <-ctx.Done():
			return skipped(set, ctx.Err())
		}
	}
	if ctx.Err() != nil {
		return skipped(set, ctx.Err())
	}
	return p.runner.Run(ctx, set)
}

// RunAll runs sets and returns their results in the order of sets. A set that fails stops no other.
func (p *Pool) RunAll(ctx context.Context, sets []Set) []Result {
	results := make([]Result, len(sets))
	var wg sync.WaitGroup
	for i, set := range sets {
		wg.Go(func() { results[i] = p.Run(ctx, set) })
	}
	wg.Wait()
	return results
}

func (p *Pool) way(set Set) []chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	lane := func(name string, width int) chan struct{} {
		if p.lanes[name] == nil {
			p.lanes[name] = make(chan struct{}, width)
		}
		return p.lanes[name]
	}
	var way []chan struct{}
	if len(set.Tables) > 0 { // two runs of one set take turns, instead of one failing on the other's lease
		way = append(way, lane("\x00"+string(set.Root()), 1))
	}
	if set.RateKey != "" {
		way = append(way, lane(set.Source+"\x00"+set.RateKey, 1))
	}
	return append(way, lane(set.Source, perSource), p.slots)
}

func skipped(set Set, cause error) Result {
	err := &fault.Fault{Code: fault.Cancelled, What: "cancelled before the run began", Err: cause}
	result := Result{Set: set, Status: Skipped, Err: err}
	for _, t := range set.Tables {
		result.Tables = append(result.Tables, TableResult{Name: t.Name, Status: Skipped, Err: err})
	}
	return result
}
