package dial_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/dial"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// plugins holds the binaries built for this package's tests.
var plugins string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dialtest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	plugins = dir
	build := exec.Command("go", "build", "-o", dir, "./testdata/numbers", "./testdata/evil", "./testdata/bulk")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the plugins:", err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func numbers(t *testing.T) *dial.Client {
	t.Helper()
	client, err := dial.Command(t.Context(), filepath.Join(plugins, "numbers"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

func open(t *testing.T, c connector.Connector, settings string) connector.Session {
	t.Helper()
	session, err := c.Open(t.Context(), connector.Open{Settings: []byte(settings), RunID: "r1", WorkDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close(context.Background()) })
	return session
}

// received is what a read delivered, as a test compares it.
type received struct {
	Kinds  []string
	Values []int64
	Done   connector.Done
}

func readAll(t *testing.T, session connector.Session, request connector.Request) (received, error) {
	t.Helper()
	messages, err := session.Read(t.Context(), request)
	if err != nil {
		return received{}, err
	}
	var got received
	for messages.Next(t.Context()) {
		m := messages.Message()
		got.Kinds = append(got.Kinds, fmt.Sprintf("%T", m))
		switch m := m.(type) {
		case connector.Batch:
			got.Values = append(got.Values, int64s(m.Record.Column(0))...)
			m.Record.Release()
		case connector.Checkpoint:
			if err := messages.Ack(t.Context(), m.ID); err != nil {
				return got, err
			}
		case connector.Done:
			got.Done = m
		}
	}
	return got, errors.Join(messages.Err(), messages.Close())
}

func TestPluginProcessIsReadLikeAConnector(t *testing.T) {
	client := numbers(t)
	d, err := client.Connector().Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d.Kind != "connector" || d.Name != "numbers" || len(d.Streams) != 1 {
		t.Errorf("description %+v", d)
	}
	session := open(t, client.Connector(), `{"rows":1000}`)
	streams, err := session.Discover(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.Streams, streams); diff != "" {
		t.Errorf("streams (-described +discovered):\n%s", diff)
	}
	got, err := readAll(t, session, connector.Request{Asks: []connector.Ask{{Stream: "numbers", Mode: sdk.FullRefresh}}, Attempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]int64, 1000)
	for i := range want {
		want[i] = int64(i)
	}
	if diff := cmp.Diff(want, got.Values); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if got.Done.Rows["numbers"] != 1000 {
		t.Errorf("done %+v after %v", got.Done, got.Kinds)
	}
	h, err := client.Health(t.Context())
	if err != nil || !h.Ready || h.Goroutines == 0 || h.OpenReads != 0 {
		t.Errorf("health %+v, %v", h, err)
	}
}

func TestAuthorsFaultArrivesWithItsClass(t *testing.T) {
	session := open(t, numbers(t).Connector(), `{"rows":10,"fail":"rate_limited","token":"hunter2hunter2"}`)
	_, err := readAll(t, session, connector.Request{Asks: []connector.Ask{{Stream: "numbers", Mode: sdk.FullRefresh}}, Attempt: 1})
	f, ok := fault.As(err)
	if !ok || f.Code != fault.RateLimited || f.RetryAfter != 3*time.Second || f.Help != "Come back later." {
		t.Fatalf("fault %+v of %v", f, err)
	}
	if want := "the source said no to [redacted]"; f.What != want {
		t.Errorf("what %q, want %q", f.What, want)
	}
}

func int64s(column arrow.Array) []int64 {
	return append([]int64{}, column.(*array.Int64).Int64Values()...)
}
