package manifest

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// forever is the last generation of what the newest one lists.
const forever = math.MaxInt64

// place is where a part belongs and how long it is kept.
type place struct {
	table sdk.TableName
	size  int64 // bytes
	until int64 // the last generation that lists it
}

// index finds the table of a part by its hash, over all kept generations. It is filled as generations are asked for: the
// newest first, all older ones at the first hash that is not in it. Safe for concurrent use.
type index struct {
	lake    Lake
	archive *archive

	seat chan struct{} // one extension at a time; it owns the next three
	upTo int64         // the newest generation that is in; 0 = none
	back int64         // the oldest generation that is in; 0 = only that of the first filling
	now  map[sdk.TableName]*version

	mu     sync.RWMutex
	places map[[32]byte]place
	others map[[32]byte][]place // the same bytes in further tables, e.g. two empty ones
	pruned int64                // what ended before is out
}

func newIndex(lake Lake, a *archive) *index {
	return &index{lake: lake, archive: a, seat: make(chan struct{}, 1), now: map[sdk.TableName]*version{}, places: map[[32]byte]place{}, others: map[[32]byte][]place{}}
}

// find returns a place of the hash in a visible table that some generation since oldest lists.
func (x *index) find(sum [32]byte, oldest int64, visible func(sdk.TableName) bool) (place, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	fits := func(p place) bool { return p.until >= oldest && visible(p.table) }
	p, ok := x.places[sum]
	if !ok {
		return place{}, false
	}
	if fits(p) {
		return p, true
	}
	for _, p := range x.others[sum] {
		if fits(p) {
			return p, true
		}
	}
	return place{}, false
}

// forward brings the index up to the newest generation.
func (x *index) forward(ctx context.Context, oldest, newest int64) error {
	if newest == 0 {
		return nil
	}
	if err := x.sit(ctx); err != nil {
		return err
	}
	defer func() { <-x.seat }()
	if x.upTo == 0 {
		if err := x.fill(ctx, newest); err != nil {
			return err
		}
	}
	if newest > x.upTo {
		if err := x.follow(ctx, newest); err != nil {
			return err
		}
	}
	x.prune(oldest)
	return nil
}

// backward takes the kept generations before those that are in. Forward comes first.
func (x *index) backward(ctx context.Context, oldest, newest int64) error {
	if newest == 0 {
		return nil
	}
	if err := x.sit(ctx); err != nil {
		return err
	}
	defer func() { <-x.seat }()
	if oldest >= x.back {
		return nil
	}
	return x.trace(ctx, oldest)
}

func (x *index) sit(ctx context.Context) error {
	select {
	case x.seat <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fill takes the newest generation, which is in memory as a rule.
func (x *index) fill(ctx context.Context, newest int64) error {
	g, err := x.archive.at(ctx, newest)
	if err != nil {
		return fmt.Errorf("index the parts of generation %d: %w", newest, err)
	}
	for _, v := range g.versions {
		x.add(v, forever)
		x.now[v.Head.Table] = v
	}
	x.upTo, x.back = newest, newest
	return nil
}

// follow takes what was published since.
func (x *index) follow(ctx context.Context, newest int64) error {
	heads, err := x.lake.History(ctx, x.upTo, newest)
	if err != nil {
		return err
	}
	for _, h := range heads {
		v, err := x.read(ctx, h)
		if err != nil {
			return err
		}
		if before := x.now[h.Table]; before != nil {
			x.add(before, h.Seq-1)
		}
		delete(x.now, h.Table)
		if v != nil {
			x.add(v, forever)
			x.now[h.Table] = v
		}
		x.upTo = max(x.upTo, h.Seq-1)
	}
	x.upTo = newest
	return nil
}

// trace takes the generations from oldest up to those that are in.
func (x *index) trace(ctx context.Context, oldest int64) error {
	heads, err := x.lake.Heads(ctx, oldest)
	if err != nil {
		return err
	}
	later, err := x.lake.History(ctx, oldest, x.back)
	if err != nil {
		return err
	}
	ends := map[sdk.TableName]int64{} // the head of the table that follows
	heads = append(heads, later...)
	for i := len(heads) - 1; i >= 0; i-- {
		h := heads[i]
		end, superseded := ends[h.Table]
		ends[h.Table] = h.Seq
		if !superseded { // the version that the first filling took, or an older one of a table that is gone
			continue
		}
		v, err := x.read(ctx, h)
		if err != nil {
			return err
		}
		if v != nil {
			x.widen(v, end-1)
		}
	}
	x.back = oldest
	return nil
}

// read returns a version, nil for one that has expired.
func (x *index) read(ctx context.Context, h Head) (*version, error) {
	if v := x.archive.known()[h.key()]; v != nil {
		return v, nil
	}
	v, err := x.archive.version(ctx, h)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	return v, err
}

// add says that the parts of a version are listed until a generation, whatever was said of them before.
func (x *index) add(v *version, until int64) { x.set(v, until, false) }

// widen says that the parts of a version are listed until a generation at least.
func (x *index) widen(v *version, until int64) { x.set(v, until, true) }

func (x *index) set(v *version, until int64, atLeast bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	table := v.Head.Table
	for _, part := range v.Parts {
		p := place{table, part.Size, until}
		first, ok := x.places[part.SHA256]
		switch {
		case !ok:
			x.places[part.SHA256] = p
		case first.table == table:
			if !atLeast || first.until < until {
				x.places[part.SHA256] = p
			}
		default:
			x.others[part.SHA256] = replace(x.others[part.SHA256], p, atLeast)
		}
	}
}

func replace(places []place, p place, atLeast bool) []place {
	for i, other := range places {
		if other.table != p.table {
			continue
		}
		if !atLeast || other.until < p.until {
			places[i] = p
		}
		return places
	}
	return append(places, p)
}

// prune forgets what no kept generation lists.
func (x *index) prune(oldest int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if oldest <= x.pruned {
		return
	}
	x.pruned = oldest
	for sum, p := range x.places {
		var left []place
		for _, other := range append([]place{p}, x.others[sum]...) {
			if other.until >= oldest {
				left = append(left, other)
			}
		}
		delete(x.others, sum)
		switch {
		case len(left) == 0:
			delete(x.places, sum)
		default:
			x.places[sum] = left[0]
			if len(left) > 1 {
				x.others[sum] = left[1:]
			}
		}
	}
}
