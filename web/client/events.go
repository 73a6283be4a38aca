package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/web/api"
)

// Event is something that happened at the server.
type Event struct {
	Name   string // table.published, run.progress
	ID     int64  // generation: what to resume after
	Change api.Change
}

// maxEvent bounds one line of a stream of events, in bytes.
const maxEvent = 4 << 20

// Events tells what happens, after what was missed since the generation last (negative: from now on). It returns when tell
// returns an error, with that, or when the stream ends, with io.EOF: ask again with the last ID.
func (c *Client) Events(ctx context.Context, last int64, tell func(Event) error) error {
	r := get("/events")
	r.header = http.Header{"Accept": {"text/event-stream"}}
	if last >= 0 {
		r.header["Last-Event-Id"] = []string{strconv.FormatInt(last, 10)}
	}
	res, err := c.send(ctx, r, http.StatusOK)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if kind := media(res); kind != "text/event-stream" {
		return c.notBroker(nil, fmt.Sprintf("it answers with %q instead of events", kind))
	}
	if watched, ok := res.Body.(*body); ok {
		watched.calm = true // a comment each 15 s is all that a quiet server sends
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 0, 4096), maxEvent)
	var event Event
	var data strings.Builder
	for lines.Scan() {
		if lines.Text() != "" {
			if data.Len() > maxEvent {
				return c.notBroker(nil, "one of its events is too long")
			}
			event.take(lines.Text(), &data)
			continue
		}
		if data.Len() > 0 {
			if err := json.Unmarshal([]byte(data.String()), &event.Change); err != nil {
				return c.notBroker(err, "its events cannot be read")
			}
			if err := tell(event); err != nil {
				return err
			}
		}
		event, data = Event{}, strings.Builder{}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return c.notBroker(err, "one of its events is too long")
	} else if err != nil {
		return err
	}
	return io.EOF
}

// take reads one line of an event.
func (e *Event) take(line string, data *strings.Builder) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "event":
		e.Name = value
	case "id":
		if id, err := strconv.ParseInt(value, 10, 64); err == nil {
			e.ID = id
		}
	case "data":
		if data.Len() > 0 {
			data.WriteByte('\n')
		}
		data.WriteString(value)
	}
}
