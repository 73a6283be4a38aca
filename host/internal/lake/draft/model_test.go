package draft_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
)

// change is one row of a run against the model.
type change struct {
	gone bool
	row  row
}

// settle returns the run's last word on each key: the highest cursor, the last of those, deletes included.
func settle(run []change) map[int64]change {
	last := map[int64]change{}
	for _, c := range run {
		id := *c.row.id
		was, ok := last[id]
		if !ok || cursorOf(c) >= cursorOf(was) {
			last[id] = c
		}
	}
	return last
}

func cursorOf(c change) int64 {
	if c.row.seq == nil {
		return -1 << 62
	}
	return *c.row.seq
}

func randomRun(r *rand.Rand, keys, days int64) []change {
	var run []change
	for range r.IntN(120) {
		c := change{gone: r.IntN(6) == 0, row: row{id: ptr(r.Int64N(keys) - keys/2), at: ptr(r.Int64N(days) - days/2), seq: ptr(r.Int64N(50)), text: ptr(fmt.Sprint("t", r.IntN(3)))}}
		if r.IntN(10) == 0 {
			c.row.seq = nil
		}
		if r.IntN(10) == 0 {
			c.row.text = nil
		}
		if c.gone {
			c.row.at, c.row.text = nil, nil
		}
		run = append(run, c)
	}
	return run
}

// TestD12_D15_MergeEqualsAModel merges random runs of upserts, deletes and duplicates, cut into random batches, and
// compares rows and figures with a map, with and without partitions, and with files put aside.
func TestD12_D15_MergeEqualsAModel(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 5))
			spec := version.Spec{Mode: version.Merge, Key: []string{"id"}, CursorField: "seq"}
			if seed%3 > 0 {
				spec.Partition = &version.Partition{Column: "at", Granularity: []string{"", "month", "day"}[seed%3]}
			}
			x := newTable(t, spec)
			if seed%4 == 1 {
				x.small.LogEntries = 1 + r.IntN(40)
			}
			if seed%4 == 0 {
				x.small.Roll = 1
			}
			model := map[int64]row{}
			for range 10 {
				run := randomRun(r, 4+r.Int64N(60), []int64{100, 100, 6}[seed%3])
				got := x.merge(t, r, run)
				want := figures(model, run)
				for _, c := range run {
					switch last := settle(run)[*c.row.id]; {
					case last.gone:
						delete(model, *c.row.id)
					default:
						model[*c.row.id] = last.row
					}
				}
				want.Rows, want.Bytes = int64(len(model)), got.Bytes
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Fatalf("figures (-model +table):\n%s", diff)
				}
				lines := []string{}
				for _, row := range model {
					lines = append(lines, row.String())
				}
				slices.Sort(lines)
				if diff := gocmp.Diff(lines, x.lines(t)); diff != "" {
					t.Fatalf("rows (-model +table):\n%s", diff)
				}
				x.checkPartitions(t)
			}
		})
	}
}

func (x *table) merge(t *testing.T, r *rand.Rand, run []change) version.Counts {
	t.Helper()
	d := x.begin(t)
	for from := 0; from < len(run); {
		to := from + 1
		for to < len(run) && run[to].gone == run[from].gone && r.IntN(12) > 0 {
			to++
		}
		var rows []row
		for _, c := range run[from:to] {
			rows = append(rows, c.row)
		}
		if run[from].gone {
			appendRows(t, d, "delete_keys", rows...)
		} else {
			appendRows(t, d, "upsert", rows...)
		}
		from = to
	}
	return x.publish(t, d).Rows
}

// figures counts what a run does to the model.
func figures(model map[int64]row, run []change) version.Counts {
	var c version.Counts
	last := settle(run)
	c.Duplicates = int64(len(run) - len(last))
	for id, l := range last {
		was, ok := model[id]
		switch {
		case l.gone && ok:
			c.Deleted++
		case l.gone:
		case !ok:
			c.Added++
		case was.String() == l.row.String():
			c.Unchanged++
		default:
			c.Updated++
		}
	}
	return c
}

// checkPartitions reads every part and checks that its rows are of its partition.
func (x *table) checkPartitions(t *testing.T) {
	t.Helper()
	if x.spec.Partition == nil {
		return
	}
	for _, p := range x.now.Parts {
		v := x.now
		v.Parts = []version.Part{p}
		for _, cells := range x.cells(t, v) {
			var day int32
			fmt.Sscan(cells[1], &day)
			want := day
			if x.spec.Partition.Granularity == "month" {
				want = map[bool]int32{true: 0, false: -1}[day >= 0] // rows are within 50 days of 1970-01-01
				switch {
				case day >= 31:
					want = 1
				case day < -31:
					want = -2
				}
			}
			if p.Partition == nil || *p.Partition != want {
				t.Errorf("a row of day %d is in partition %s", day, show(p.Partition))
			}
		}
	}
}
