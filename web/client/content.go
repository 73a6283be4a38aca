package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Catalog lists what the caller may see.
func (c *Client) Catalog(ctx context.Context) (api.Catalog, error) {
	var catalog api.Catalog
	_, err := c.ask(ctx, get("/catalog"), &catalog, http.StatusOK)
	return catalog, err
}

// Table describes one table. fault.NotFound for one that is denied or absent alike.
func (c *Client) Table(ctx context.Context, name string) (api.TableDetail, error) {
	var table api.TableDetail
	_, err := c.ask(ctx, get("/tables/"+url.PathEscape(name)), &table, http.StatusOK)
	return table, err
}

// Sample returns a few rows of a table as text.
func (c *Client) Sample(ctx context.Context, name string, rows int) (api.Sample, error) {
	var sample api.Sample
	r := get("/tables/" + url.PathEscape(name) + "/sample")
	r.query = url.Values{"rows": {strconv.Itoa(rows)}}
	_, err := c.ask(ctx, r, &sample, http.StatusOK)
	return sample, err
}

// Changes lists what was published after a generation.
func (c *Client) Changes(ctx context.Context, since int64) (api.Changes, error) {
	var changes api.Changes
	r := get("/changes")
	r.query = url.Values{"since": {strconv.FormatInt(since, 10)}}
	_, err := c.ask(ctx, r, &changes, http.StatusOK)
	return changes, err
}

// queryPatience is how long a query may take before its first byte: the server has its own limit.
const queryPatience = 10 * time.Minute

// media types of a query's answer, by format.
var formats = map[string]string{"json": jsonType, "csv": "text/csv", "arrow": "application/vnd.apache.arrow.stream"}

// Query runs SQL at the server and returns the answer as it streams. Reading ends in an error when the answer breaks off,
// so a cut one never looks whole. Close it.
func (c *Client) Query(ctx context.Context, q api.Query) (io.ReadCloser, error) {
	want, ok := formats[q.Format]
	if !ok {
		return nil, fault.Newf(fault.Config, "%q is no format of a query at the server", q.Format).WithHelp("Formats are arrow, csv and json.")
	}
	r, err := post("/query", q)
	if err != nil {
		return nil, err
	}
	r.silence = max(queryPatience, c.o.Silence)
	res, err := c.send(ctx, r, http.StatusOK)
	if err != nil {
		return nil, err
	}
	if kind := media(res); kind != want {
		res.Body.Close()
		return nil, c.notBroker(nil, fmt.Sprintf("it answers with %q instead of %s", kind, q.Format))
	}
	return res.Body, nil
}

// QueryRows runs SQL at the server and returns the rows; numbers are json.Number.
func (c *Client) QueryRows(ctx context.Context, q api.Query) (api.Result, error) {
	q.Format = "json"
	var result api.Result
	r, err := post("/query", q)
	if err != nil {
		return result, err
	}
	r.silence = max(queryPatience, c.o.Silence)
	_, err = c.ask(ctx, r, &result, http.StatusOK)
	return result, err
}

// Offer says what this machine would send.
func (c *Client) Offer(ctx context.Context, offer api.PushOffer) (api.PushAnswer, error) {
	var answer api.PushAnswer
	r, err := post("/push", offer)
	if err != nil {
		return answer, err
	}
	r.once = false // an offer changes nothing
	_, err = c.ask(ctx, r, &answer, http.StatusOK)
	return answer, err
}

// SendChunk sends one stretch of a file, at most api.PushChunk bytes; sent again it is taken once, for it names its offset.
func (c *Client) SendChunk(ctx context.Context, machine string, item api.PushItem, offset int64, chunk []byte) (api.PushWant, error) {
	var want api.PushWant
	if len(chunk) > api.PushChunk {
		return want, fault.Newf(fault.Bug, "a chunk of %d bytes", len(chunk))
	}
	if chunk == nil {
		chunk = []byte{}
	}
	r := request{method: http.MethodPost, path: "/push", body: chunk, media: octets, query: url.Values{"machine": {machine}, "path": {item.Path},
		"offset": {strconv.FormatInt(offset, 10)}, "size": {strconv.FormatInt(item.Size, 10)}, "sha256": {item.SHA256}}}
	_, err := c.ask(ctx, r, &want, http.StatusOK)
	return want, err
}
