// Command broker-connector-types is a source with a column of every type, whose rows change, go and get new columns.
package main

import (
	"context"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/serve"
	"github.com/ai-data-analyst/broker/test/readers/rows"
)

type settings struct {
	Events  int64 `cfg:"events" doc:"How many events have happened." required:"true"`
	Evolved bool  `cfg:"evolved" doc:"Whether the new columns are there."`
}

// visit is a row of a table that is replaced month by month.
type visit struct {
	ID   int64     `col:"id,key"`
	At   time.Time `col:"happened_at"`
	Seen int64     `col:"seen"` // number of events when it was read
}

// nothing is a table without rows.
type nothing struct {
	ID   int64  `col:"id,key"`
	Text string `col:"text"`
}

func main() { serve.Connector(types()) }

func types() connector.Author {
	return connector.Plugin[settings, settings]{
		Name: "types", Version: "1.0.0", Doc: "Every type.",
		Open: func(_ context.Context, _ connector.Runtime, s settings) (settings, error) { return s, nil },
		Discover: func(_ context.Context, s settings) ([]connector.Stream[settings], error) {
			columns := rows.Columns(s.Evolved)
			return []connector.Stream[settings]{
				connector.Dynamic("everything", columns, readEverything, connector.Key("id"), connector.CursorField("version")),
				connector.Dynamic("copy", columns, readCopy, connector.Key("id")),
				connector.Table("visits", readVisits, connector.Modes(sdk.FullRefresh, sdk.Partitioned)),
				connector.Table("nothing", func(context.Context, settings, connector.Query, *connector.Rows[nothing]) error { return nil }),
			}, nil
		},
	}
}

// readEverything sends what happened since.
func readEverything(ctx context.Context, s settings, q connector.Query, out *connector.Records) error {
	for e := max(q.Since.Int(1), 1); e <= s.Events; e++ {
		var err error
		if rows.Gone(e) {
			err = out.DeleteMap(ctx, map[string]any{"id": e * 7919 % rows.Keys, "version": e})
		} else {
			err = out.AppendMap(ctx, rows.Row(e, s.Evolved))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readCopy sends the newest events as they are, each with a key of its own.
func readCopy(ctx context.Context, s settings, _ connector.Query, out *connector.Records) error {
	for e := s.Events - 100; e <= s.Events; e++ {
		if err := out.AppendMap(ctx, rows.Row(e, s.Evolved)); err != nil {
			return err
		}
	}
	return nil
}

// months is where the months begin that may still change.
type months struct {
	From time.Time `json:"from"`
}

// readVisits sends whole months, from that of the newest visit that is known.
func readVisits(ctx context.Context, s settings, q connector.Query, out *connector.Rows[visit]) error {
	first := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	from := months{first}
	if _, err := q.State(1, &from); err != nil {
		return err
	}
	for e := int64(1); e <= s.Events; e++ {
		at := first.AddDate(0, int(e/100), int(e%100/4))
		if at.Before(from.From) {
			continue
		}
		if err := out.Append(ctx, visit{ID: e, At: at, Seen: s.Events}); err != nil {
			return err
		}
	}
	return out.SetState(1, months{first.AddDate(0, int(s.Events/100), 0)}, "")
}
