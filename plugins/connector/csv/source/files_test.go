package source_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// TestG6_VanishedFile: a file that goes away between listing and reading is an error that names it, never empty.
func TestG6_VanishedFile(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "orders.csv", "id\n1\n")
	write(t, dir, "items.csv", "id\n1\n")
	session, err := open(t, config{"path": dir}, noSleep)
	if err != nil {
		t.Fatal(err)
	}
	if got := streams(t, session); got != "items orders" {
		t.Fatalf("streams %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	got := readFrom(t, session, connector.Request{Asks: []connector.Ask{orders}})
	if fault.CodeOf(got.Err) != fault.NotFound || !strings.Contains(got.Err.Error(), "orders.csv does not exist") || got.Begun {
		t.Errorf("%+v", got)
	}
	if got := streams(t, session); got != "items" {
		t.Errorf("streams %q", got)
	}
}

func streams(t testing.TB, session connector.Session) string {
	t.Helper()
	found, err := session.Discover(context.Background(), nil)
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, s := range found {
		names = append(names, s.Name)
	}
	return strings.Join(names, " ")
}

func TestStreams(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"Orders.csv", "Q3 Sales.v2.csv.gz", "2024.CSV", ".hidden.csv", "notes.txt", "half.csv.tmp", "sub/items.csv", "sub/deep/items.csv", "日本.csv", "a-b.csv.zst",
	} {
		write(t, dir, name, "id\n1\n")
	}
	tests := []struct{ path, want string }{
		{"", "a_b c_2024 file orders q3_sales"}, {"Orders.csv", "orders"}, {"*.txt", "notes"}, {"*/items.csv", "items"},
		{"*/nothing*", "no file matches"}, {"sub/deep", "items"}, {"nowhere", "nowhere does not exist"}, {"sub/[", "does not exist|is wrong"},
		{".hid*", "hidden"}, {"*[a-z].csv", "orders"},
	}
	for _, test := range tests {
		session, err := open(t, config{"path": filepath.Join(dir, test.path)}, noSleep)
		got := fmt.Sprint(err)
		if err == nil {
			got = streams(t, session)
		}
		found := false
		for _, want := range strings.Split(test.want, "|") {
			found = found || strings.Contains(got, want)
		}
		if !found {
			t.Errorf("%q: %s, want %s", test.path, got, test.want)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	session, err := open(t, config{"path": filepath.Join(dir, "empty")}, noSleep)
	if err != nil {
		t.Fatal(err)
	}
	if got := streams(t, session); !strings.Contains(got, "no CSV file") {
		t.Errorf("empty folder: %s", got)
	}
}

// TestC21_Collisions: two files of one name are refused, both named; other streams work.
func TestC21_Collisions(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "orders.csv", "id\n1\n")
	write(t, dir, "ORDERS.csv.gz", packed(t, "gz", "id\n1\n"))
	write(t, dir, "items.csv", "id\n1\n")
	write(t, dir, "orders.x.csv", "id\n1\n")
	got := read(t, config{"path": dir}, orders)
	if fault.CodeOf(got.Err) != fault.Config || !strings.Contains(got.Err.Error(), "ORDERS.csv.gz and orders.csv") {
		t.Errorf("error %v", got.Err)
	}
	if got := read(t, config{"path": dir}, connector.Ask{Stream: "items"}); got.Err != nil || len(got.Rows) != 1 {
		t.Errorf("items: %+v", got)
	}
}

// TestGrowingFiles: a file that changed just now is given two seconds; if it then changes still, it is left alone.
func TestGrowingFiles(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "orders.csv", "id\n1\n")
	first := read(t, config{"path": path}, connector.Ask{Stream: "orders", Mode: sdk.Incremental})
	touch := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var slept time.Duration
	still := func(_ context.Context, d time.Duration) error { slept += d; return nil }
	writing := func(context.Context, time.Duration) error { touch("id\n1\n2\n3\n"); return nil }
	tests := []struct {
		name  string
		sleep func(context.Context, time.Duration) error
		ask   connector.Ask
		rows  int
		code  fault.Code
		issue string
	}{
		{"settled", still, connector.Ask{Stream: "orders"}, 2, "", ""},
		{"full refresh", writing, connector.Ask{Stream: "orders"}, 0, fault.Transient, ""},
		{"first incremental", writing, connector.Ask{Stream: "orders", Mode: sdk.Incremental}, 0, fault.Transient, ""},
		{"later incremental", writing, connector.Ask{Stream: "orders", Mode: sdk.Incremental, State: first.State}, 0, "", "growing_file"},
	}
	for _, test := range tests {
		touch("id\n1\n2\n")
		session, err := open(t, config{"path": path}, test.sleep)
		if err != nil {
			t.Fatal(err)
		}
		got := readFrom(t, session, connector.Request{Asks: []connector.Ask{test.ask}})
		if len(got.Rows) != test.rows || fault.CodeOf(got.Err) != test.code || !strings.Contains(strings.Join(got.Issues, ","), test.issue) {
			t.Errorf("%s: %+v", test.name, got)
		}
		if test.issue != "" && !cmp.Equal(got.State, first.State) {
			t.Errorf("%s: the state is not kept", test.name)
		}
	}
	if slept <= 0 || slept > 2*time.Second {
		t.Errorf("the file was given %v", slept)
	}
}

// TestFileChangedWhileRead: what was read of it is not published.
func TestFileChangedWhileRead(t *testing.T) {
	path := write(t, t.TempDir(), "orders.csv", "id,v\n"+strings.Repeat("1,x\n", 4_000_000))
	for name, change := range map[string]func() error{
		"grown":    func() error { return os.Truncate(path, 20_000_000) },
		"replaced": func() error { return os.Rename(write(t, t.TempDir(), "other.csv", "id,v\n"), path) },
		"removed":  func() error { return os.Remove(path) },
	} {
		session, err := open(t, config{"path": path}, noSleep)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := session.Read(context.Background(), connector.Request{Asks: []connector.Ask{orders}})
		if err != nil {
			t.Fatal(err)
		}
		done, batches := false, 0
		for messages.Next(context.Background()) {
			switch m := messages.Message().(type) {
			case connector.Batch:
				m.Record.Release()
				if batches++; batches == 1 {
					if err := change(); err != nil {
						t.Fatal(err)
					}
				}
			case connector.Done:
				done = true
			}
		}
		if err := messages.Err(); done || err == nil {
			t.Errorf("%s: done %v, %v", name, done, err)
		}
		messages.Close()
		write(t, filepath.Dir(path), "orders.csv", "id,v\n"+strings.Repeat("1,x\n", 4_000_000))
	}
}

// TestCloseInTheMiddle ends a read whose rows nobody takes any more.
func TestCloseInTheMiddle(t *testing.T) {
	path := write(t, t.TempDir(), "orders.csv", "id,v\n"+strings.Repeat("1,x\n", 2_000_000))
	session, err := open(t, config{"path": path}, noSleep)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := session.Read(context.Background(), connector.Request{Asks: []connector.Ask{orders}})
	if err != nil {
		t.Fatal(err)
	}
	if !messages.Next(context.Background()) {
		t.Fatal(messages.Err())
	}
	if err := messages.Close(); err != nil {
		t.Error(err)
	}
}
