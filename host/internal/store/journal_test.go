package store_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
)

func TestJournalByEndAndBySync(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		runs := open().Runs()
		begin := time.Date(2026, 11, 25, 6, 0, 0, 0, time.UTC)
		for _, r := range []struct {
			id, sync, source, status string
			ended                    time.Duration
			table                    sdk.TableName
		}{
			{"b", "20261125t060000-a", "keep", "published", 2 * time.Minute, "shop.orders"},
			{"a", "20261125t060000-a", "keep", "failed", 2 * time.Minute, "shop.lines"}, // the same moment
			{"c", "20261125t070000-b", "crm", "held", time.Minute, "crm.deals"},         // begun later, ended earlier
			{"d", "20261125t080000-c", "keep", store.Running, 0, "shop.orders"},
			{"e", "", "keep", "published", 3 * time.Minute, "shop.orders"}, // of no sync
		} {
			run := store.Run{ID: r.id, Sync: r.sync, Source: r.source, Table: r.table, Status: r.status, Attempts: 1, Started: begin, Tables: []store.RunTable{{Name: r.table, Status: r.status}}}
			if r.ended > 0 {
				run.Finished = begin.Add(r.ended)
			}
			if err := runs.Create(t.Context(), run); err != nil {
				t.Fatal(err)
			}
		}
		if err := runs.Refusal(t.Context(), store.Run{ID: "f", Sync: "20261125t090000-d", Source: "crm", Status: "failed", Started: begin, Finished: begin.Add(time.Hour), Message: "no"}); err != nil {
			t.Fatal(err)
		}
		ids := func(found []store.Run, err error) string {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			all := ""
			for _, r := range found {
				all += r.ID
			}
			return all
		}
		for _, c := range []struct {
			after time.Time
			id    string
			limit int
			want  string
		}{{time.Time{}, "", 0, "cabef"}, {begin.Add(2 * time.Minute), "a", 0, "bef"}, {begin.Add(2 * time.Minute), "b", 0, "ef"}, {time.Time{}, "", 2, "ca"}, {begin.Add(2 * time.Hour), "", 0, ""}} {
			if got := ids(runs.Ended(t.Context(), c.after, c.id, c.limit)); got != c.want {
				t.Errorf("ended after %s %q: %s, want %s", c.after, c.id, got, c.want)
			}
		}
		for _, c := range []struct {
			filter store.RunFilter
			before string
			want   []string
		}{
			{store.RunFilter{}, "", []string{"20261125t090000-d", "20261125t080000-c", "20261125t070000-b", "20261125t060000-a"}},
			{store.RunFilter{Limit: 1}, "", []string{"20261125t090000-d"}},
			{store.RunFilter{}, "20261125t070000-b", []string{"20261125t060000-a"}},
			{store.RunFilter{Source: "keep"}, "", []string{"20261125t080000-c", "20261125t060000-a"}},
			{store.RunFilter{Table: "shop.orders"}, "", []string{"20261125t080000-c", "20261125t060000-a"}},
			{store.RunFilter{Status: "failed"}, "", []string{"20261125t060000-a"}},
			{store.RunFilter{Table: "shop.orders", Status: "failed"}, "", nil},
			{store.RunFilter{Table: "' OR 1=1 --"}, "", nil},
		} {
			got, err := runs.Syncs(t.Context(), c.filter, c.before)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v before %q: %v, %v; want %v", c.filter, c.before, got, err, c.want)
			}
		}
		if got := ids(runs.OfSyncs(t.Context(), []string{"20261125t060000-a", "20261125t090000-d", "none"})); got != "abf" {
			t.Errorf("of syncs: %s", got)
		}
		if got := ids(runs.OfSyncs(t.Context(), nil)); got != "" {
			t.Errorf("of no sync: %s", got)
		}
	})
}
