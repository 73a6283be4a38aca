package web_test

import (
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
)

// G12: progress is told of granted tables only, and without an id: who comes back is told generations.
func TestG12_ProgressIsNarrowed(t *testing.T) {
	s := serve(t, nil)
	lines, _ := s.listen(t, "bob")
	for _, table := range []string{"hr.salaries", "shop.orders"} {
		s.publish(v1.Event{Name: "run.progress", Tables: []sdk.TableName{sdk.TableName(table)},
			Progress: &api.Progress{Run: "r", Table: table, Source: "keep", Phase: "reading\nid: 99", Rows: 7, Rate: 3.5, Seconds: 2}})
	}
	s.publish(v1.Event{Name: "run.progress", Tables: []sdk.TableName{"shop.orders"}, Progress: &api.Progress{Table: "hr.salaries"}}) // what it is about decides
	s.publish(v1.Event{Name: "table.published", Generation: 9, At: time.Unix(0, 0), Tables: []sdk.TableName{"shop.orders"}})
	for _, want := range []string{
		`event: run.progress|data: {"run":"r","table":"shop.orders","source":"keep","phase":"reading\nid: 99","rows":7,"bytes":0,"rows_per_second":3.5,"seconds":2}`,
		`id: 9|event: table.published|data: {"generation":9,"published_at":"1970-01-01T00:00:00Z","tables":["shop.orders"]}`,
	} {
		if got := event(t, lines); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
