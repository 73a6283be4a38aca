// Command broker-connector-numbers is a source whose rows are known in advance: a file says how many events have happened
// upstream, and every row is a pure function of that number. Crash tests compare what is published with it.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

type settings struct {
	Upstream string        `cfg:"upstream" doc:"File with the number of events so far." required:"true" format:"path"`
	Keys     int64         `cfg:"keys" doc:"How many orders there are at most." default:"997" min:"1"`
	Step     int64         `cfg:"step" doc:"Events between two checkpoints." default:"50" min:"1"`
	Pause    time.Duration `cfg:"pause" doc:"Rest after each checkpoint, as a slow source has it." default:"0s"`
	Acked    string        `cfg:"acked" doc:"File that is told what may be forgotten."`
	Block    string        `cfg:"block" doc:"While this file exists, readers wait in their middle and write their place to it."`
}

// order is one order as its last event left it; at is the number of that event.
type order struct {
	ID   int64  `col:"id,key"`
	At   int64  `col:"at,cursor"`
	Text string `col:"text"`
}

// item is one of the two lines of an order; at is that of its order.
type item struct {
	Order int64 `col:"order_id,key"`
	Line  int64 `col:"line,key"`
	At    int64 `col:"at"`
}

// entry is one event of the log, which never changes.
type entry struct {
	Seq   int64 `col:"seq,cursor"`
	Value int64 `col:"value"`
}

// line is one line of a sheet; all lines of a sheet have one edition.
type line struct {
	ID      int64 `col:"id,key"`
	Edition int64 `col:"edition"`
}

// place is how far an incremental stream has been read.
type place struct {
	Stream string `json:"stream"`
	Event  int64  `json:"event"`
}

func main() { serve.Connector(numbers()) }

func numbers() connector.Author {
	return connector.Plugin[settings, settings]{
		Name: "numbers", Version: "1.0.0", Doc: "Numbered rows.",
		Open: func(_ context.Context, _ connector.Runtime, s settings) (settings, error) { return s, nil },
		Streams: []connector.Stream[settings]{
			connector.Table("orders", readOrders),
			connector.Table[settings, item]("items", nil, connector.Parent("orders"), connector.Modes(sdk.FullRefresh, sdk.Incremental)),
			connector.Table("log", readLog, connector.AppendOnly()),
			connector.Table("sheet", readSheet),
		},
		OnAck: acknowledge,
	}
}

// acknowledge keeps the farthest place that the host said is published: the source would now forget what is before it.
func acknowledge(_ context.Context, s settings, state sdk.Cursor) error {
	if s.Acked == "" {
		return nil
	}
	file, err := os.OpenFile(s.Acked, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%s\n", state.Data)
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

// begin says from which event to which a reader goes.
func begin(s settings, q connector.Query) (from, to int64, err error) {
	var p place
	if q.Mode == sdk.Incremental {
		if _, err := q.State(1, &p); err != nil {
			return 0, 0, err
		}
	}
	text, err := os.ReadFile(s.Upstream)
	if err != nil {
		return 0, 0, fault.Wrap(fault.NotFound, err, "read the number of events")
	}
	to, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return p.Event, to, err
}

// rest waits as a slow source does, and for as long as the test holds the source.
func rest(ctx context.Context, s settings, stream string) error {
	for {
		pause := s.Pause
		if s.Block != "" {
			if _, err := os.Stat(s.Block); err == nil {
				if err := os.WriteFile(s.Block+"."+stream, []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
					return err
				}
				pause = 5 * time.Millisecond
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		if pause == s.Pause {
			return nil
		}
	}
}

// gone says whether an event removes its order. The last event before a checkpoint of 50 never does.
func gone(event int64) bool { return event%50 == 13 || event%50 == 37 }

func readOrders(ctx context.Context, s settings, q connector.Query, orders *connector.Rows[order]) error {
	from, to, err := begin(s, q)
	if err != nil {
		return err
	}
	records, err := orders.Child("items")
	if err != nil {
		return err
	}
	items, err := connector.RowsOf[item](records)
	if err != nil {
		return err
	}
	for event := from + 1; event <= to; event++ {
		if err := sendOrder(ctx, s, event, orders, items); err != nil {
			return err
		}
		if event%s.Step == 0 || event == to {
			if err := orders.Checkpoint(ctx, 1, place{"orders", event}, fmt.Sprintf("event %d", event)); err != nil {
				return err
			}
			if err := rest(ctx, s, "orders"); err != nil {
				return err
			}
		}
	}
	return nil
}

func sendOrder(ctx context.Context, s settings, event int64, orders *connector.Rows[order], items *connector.Rows[item]) error {
	id := event * 7919 % s.Keys
	o := order{ID: id, At: event, Text: fmt.Sprintf("order %d as of %d", id, event)}
	lines := []item{{Order: id, Line: 1, At: event}, {Order: id, Line: 2, At: event}}
	if gone(event) {
		if err := orders.Delete(ctx, o); err != nil {
			return err
		}
		return items.Delete(ctx, lines...)
	}
	if err := orders.Append(ctx, o); err != nil {
		return err
	}
	return items.Append(ctx, lines...)
}

func readLog(ctx context.Context, s settings, q connector.Query, rows *connector.Rows[entry]) error {
	from, to, err := begin(s, q)
	if err != nil {
		return err
	}
	for event := from + 1; event <= to; event++ {
		if err := rows.Append(ctx, entry{Seq: event, Value: event * event % 1_000_003}); err != nil {
			return err
		}
		if event%s.Step == 0 || event == to {
			if err := rows.Checkpoint(ctx, 1, place{"log", event}, fmt.Sprintf("event %d", event)); err != nil {
				return err
			}
			if err := rest(ctx, s, "log"); err != nil {
				return err
			}
		}
	}
	return nil
}

func readSheet(ctx context.Context, s settings, q connector.Query, rows *connector.Rows[line]) error {
	_, to, err := begin(s, q)
	if err != nil {
		return err
	}
	for id := int64(1); id <= 2000+to%100; id++ {
		if err := rows.Append(ctx, line{ID: id, Edition: to}); err != nil {
			return err
		}
		if id%400 == 0 {
			if err := rest(ctx, s, "sheet"); err != nil {
				return err
			}
		}
	}
	return nil
}
