//go:build unix

package supervisor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// trusted is a house whose plain plugin is pinned.
func trusted(t *testing.T) (*house, *supervisor.Supervisor) {
	t.Helper()
	h := settle(t)
	h.dropPlain("1.0.0")
	s := h.open()
	if _, err := s.Pin(ctx, "plain"); err != nil {
		t.Fatal(err)
	}
	return h, s
}

var everything = connector.Request{Asks: []connector.Ask{{Stream: "rows", Mode: sdk.FullRefresh}}, Attempt: 1}

// count reads to the end and returns the number of rows and the last text.
func count(ctx context.Context, loan *supervisor.Loan) (rows int64, last string, err error) {
	messages, err := loan.Session().Read(ctx, everything)
	if err != nil {
		return 0, "", err
	}
	defer messages.Close()
	for messages.Next(ctx) {
		if batch, ok := messages.Message().(connector.Batch); ok {
			rows += batch.Record.NumRows()
			last = batch.Record.Column(1).(*array.String).Value(0)
			batch.Record.Release()
		}
	}
	return rows, last, messages.Err()
}

func TestLendReadClose(t *testing.T) {
	h, s := trusted(t)
	loan := lend(t, s, h.request())
	if err := loan.Alive(); err != nil || loan.Exit() != "" {
		t.Errorf("alive: %v, exit %q", err, loan.Exit())
	}
	rows, work, err := count(ctx, loan)
	if rows != 1000 || err != nil {
		t.Errorf("%d rows, %v", rows, err)
	}
	if _, err := os.Stat(filepath.Join(work, "scratch")); err != nil || !strings.HasPrefix(work, filepath.Join(h.state, "run")) {
		t.Errorf("work folder %q: %v", work, err)
	}
	streams, err := loan.Session().Discover(ctx, nil)
	if err != nil || len(streams) != 1 || streams[0].Name != "rows" {
		t.Errorf("streams %v, %v", streams, err)
	}
	if items, err := loan.Session().Check(ctx); err != nil || len(items) == 0 {
		t.Errorf("check %v, %v", items, err)
	}
	if err := loan.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(loan.Exit(), "ended in order") {
		t.Errorf("exit %q", loan.Exit())
	}
	if _, err := os.Stat(work); !os.IsNotExist(err) {
		t.Errorf("work folder is left: %v", err)
	}
	if syscall.Kill(loan.PID(), 0) == nil {
		t.Error("the process lives")
	}
	if strings.Contains(h.log.String(), "a good token") || !strings.Contains(h.log.String(), "opened with [redacted]") {
		t.Errorf("log: %s", h.log)
	}
	if err := loan.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// The plugin's own faults keep their class, path and advice, without its secrets.
func TestFaultsOfThePluginPass(t *testing.T) {
	h, s := trusted(t)
	request := h.request()
	request.Settings, request.Secrets = []byte(`{"token":"a wrong token"}`), []string{"a wrong token"}
	_, err := s.Lend(ctx, request)
	refused(t, err, fault.Auth, "the source refused [redacted]")

	request.Settings = []byte(`{}`)
	_, err = s.Lend(ctx, request)
	refused(t, err, fault.Config, "token")

	problems, err := lend(t, s, h.request()).Connector().Validate(ctx, []byte(`{"token":"x","rows":0,"nonsense":1}`))
	if err != nil || len(problems) == 0 {
		t.Errorf("problems %v, %v", problems, err)
	}
}

func TestSeveralRunsAtOnce(t *testing.T) {
	h, s := trusted(t)
	var runs sync.WaitGroup
	for i := range 4 {
		runs.Go(func() {
			request := h.request()
			request.RunID = fmt.Sprint("run-", i)
			loan, err := s.Lend(ctx, request)
			if err != nil {
				t.Error(err)
				return
			}
			if rows, _, err := count(ctx, loan); rows != 1000 || err != nil {
				t.Errorf("%d rows, %v", rows, err)
			}
			if err := loan.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	runs.Wait()
}

// A process that somebody else kills is a failed read that says so; however often that happens, the next run is a new
// process.
func TestKilledFromOutside(t *testing.T) {
	h, s := trusted(t)
	request := h.request()
	request.Settings = []byte(`{"token":"a good token","rows":50000000}`)
	for range 7 {
		loan := lend(t, s, request)
		messages, err := loan.Session().Read(ctx, everything)
		if err != nil {
			t.Fatal(err)
		}
		for killed := false; messages.Next(ctx); {
			if batch, ok := messages.Message().(connector.Batch); ok {
				batch.Record.Release()
				if !killed {
					killed = syscall.Kill(loan.PID(), syscall.SIGKILL) == nil
				}
			}
		}
		refused(t, messages.Err(), fault.Transient, "plain was killed while reading rows")
		refused(t, loan.Alive(), fault.Transient, "plain was killed")
		if err := messages.Close(); err != nil {
			t.Error(err)
		}
		if err := loan.Close(); err != nil {
			t.Error(err)
		}
	}
	if rows, _, err := count(ctx, lend(t, s, h.request())); rows != 1000 || err != nil {
		t.Errorf("next run: %d rows, %v", rows, err)
	}
}

// A caller that gives up gets its own error, soon, and Close leaves nothing.
func TestCancelledRead(t *testing.T) {
	h, s := trusted(t)
	request := h.request()
	request.Settings = []byte(`{"token":"a good token","rows":50000000}`)
	loan := lend(t, s, request)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	messages, err := loan.Session().Read(ctx, everything)
	if err != nil {
		t.Fatal(err)
	}
	for messages.Next(ctx) {
		if batch, ok := messages.Message().(connector.Batch); ok {
			batch.Record.Release()
			cancel()
		}
	}
	if err := messages.Err(); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("err %v", err)
	}
	if err := messages.Close(); err != nil {
		t.Error(err)
	}
	if err := loan.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Lend(ctx, h.request()); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("lend with a cancelled context: %v", err)
	}
}

// Close while a read is open waits for it no longer than the drain may take.
func TestCloseWithAnOpenRead(t *testing.T) {
	h := settle(t)
	h.options.Trust, h.options.Limits.Drain = supervisor.Dev, 200*time.Millisecond
	h.dropPlain("1.0.0")
	request := h.request()
	request.Settings = []byte(`{"token":"a good token","rows":50000000}`)
	loan := lend(t, h.open(), request)
	messages, err := loan.Session().Read(ctx, everything)
	if err != nil {
		t.Fatal(err)
	}
	if !messages.Next(ctx) {
		t.Fatal(messages.Err())
	}
	if err := loan.Close(); err != nil {
		t.Error(err)
	}
	if syscall.Kill(loan.PID(), 0) == nil {
		t.Error("the process lives")
	}
	for messages.Next(ctx) {
		if batch, ok := messages.Message().(connector.Batch); ok {
			batch.Record.Release()
		}
	}
	if messages.Err() == nil {
		t.Error("a read that was cut off has ended well")
	}
	if err := messages.Close(); err != nil {
		t.Error(err)
	}
}

// Close of the supervisor ends what is still out; nothing is lent after it.
func TestCloseEndsLoans(t *testing.T) {
	h, s := trusted(t)
	loan := lend(t, s, h.request())
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if syscall.Kill(loan.PID(), 0) == nil {
		t.Error("the process lives")
	}
	_, err := s.Lend(ctx, h.request())
	refused(t, err, fault.Cancelled, "stopping")
}

// A description is asked for once for each hash: the next host reads what the first one kept.
func TestDescriptionIsKept(t *testing.T) {
	h, s := trusted(t)
	d, err := s.Describe(ctx, "connector", "plain")
	if err != nil || d.Name != "plain" || d.Version != "1.0.0" || len(d.Settings) != 2 || len(d.Streams) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	kept, err := filepath.Glob(filepath.Join(h.state, "plugins", "*", "describe.json"))
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	text, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept[0], []byte(strings.Replace(string(text), "1.0.0", "1.0.1", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := h.open().Describe(ctx, "connector", "plain"); err != nil || d.Version != "1.0.1" {
		t.Errorf("kept: %s, %v", d.Version, err)
	}
	if err := os.WriteFile(kept[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := h.open().Describe(ctx, "connector", "plain"); err != nil || d.Version != "1.0.0" {
		t.Errorf("damaged: %s, %v", d.Version, err)
	}
}

func TestMutualTLS(t *testing.T) {
	h := settle(t)
	h.options.MTLS, h.options.Trust = true, supervisor.Dev
	h.dropPlain("1.0.0")
	if rows, _, err := count(ctx, lend(t, h.open(), h.request())); rows != 1000 || err != nil {
		t.Errorf("%d rows, %v", rows, err)
	}
}

func TestDoctor(t *testing.T) {
	_, s := trusted(t)
	report, err := s.Doctor(ctx, "plain")
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, step := range report.Steps {
		steps = append(steps, fmt.Sprint(step.Name, " ", step.OK))
	}
	if got := strings.Join(steps, ", "); got != "trust true, start true, describe true, health true, stop true" || report.Plugin.Status != supervisor.Ready {
		t.Errorf("%s: %+v", got, report)
	}
}

// Run tells what is new, changed and gone, without being asked.
func TestRunWatchesTheFolder(t *testing.T) {
	h := settle(t)
	h.options.Trust = supervisor.Dev
	s := h.open()
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	see := func(words string) {
		t.Helper()
		late := time.After(20 * time.Second)
		for !strings.Contains(h.log.String(), words) {
			select {
			case <-look.C:
			case <-late:
				t.Fatalf("not seen: %s in %s", words, h.log)
			}
		}
	}
	h.dropPlain("1.0.0")
	see("version=1.0.0 status=ready")
	if err := os.Remove(filepath.Join(h.dir, "broker-connector-plain")); err != nil {
		t.Fatal(err)
	}
	see("plugin is gone")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
