//go:build unix

package supervisor_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// answering puts the service plugin of testdata into a folder of its own and shares it.
func answering(t *testing.T, limits supervisor.Limits) *supervisor.Shared {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "broker-service-answering")
	if out, err := exec.Command("go", "build", "-o", path, "./testdata/answering").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	limits.Start, limits.Open = 30*time.Second, 30*time.Second
	s, err := supervisor.New(supervisor.Options{Dir: dir, StateDir: t.TempDir(), Trust: supervisor.Dev, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.Share(supervisor.Request{Kind: "service", Name: "answering", Settings: []byte(`{"token": "s3cr3t-token"}`), Secrets: []string{"s3cr3t-token"}})
}

func ask(t *testing.T, s *supervisor.Shared, sql string) (rows int64, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result, err := s.Query(ctx, service.QueryRequest{SQL: sql, Limit: 10, Timeout: 30 * time.Second})
	if err != nil {
		return 0, err
	}
	defer result.Close()
	for result.Next(ctx) {
		record := result.Record()
		rows += record.NumRows()
		record.Release()
	}
	return rows, result.Err()
}

func answers(t *testing.T, s *supervisor.Shared) {
	t.Helper()
	if rows, err := ask(t, s, "one"); err != nil || rows != 1 {
		t.Fatalf("%d rows, %v", rows, err)
	}
}

func TestOneProcessAnswersAll(t *testing.T) {
	s := answering(t, supervisor.Limits{})
	if s.PID() != 0 {
		t.Error("it was started before it was asked")
	}
	answers(t, s)
	pid := s.PID()
	for range 5 {
		answers(t, s)
	}
	if rows, err := ask(t, s, "endless"); err != nil || rows != 10 {
		t.Errorf("a limit of 10: %d rows, %v", rows, err)
	}
	if s.PID() != pid || pid == 0 {
		t.Errorf("process %d became %d", pid, s.PID())
	}
	_, err := ask(t, s, "fail")
	if err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("a failure: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if syscall.Kill(pid, 0) == nil {
		t.Error("the process outlives its share")
	}
	if _, err := ask(t, s, "one"); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("asked after the end: %v", err)
	}
}

// G8: the end of the process harms its own queries, in words, and nothing else.
func TestG8_AKilledServiceIsStartedAgain(t *testing.T) {
	s := answering(t, supervisor.Limits{Backoff: time.Millisecond, Crashes: 100})
	answers(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result, err := s.Query(ctx, service.QueryRequest{SQL: "endless", Limit: 1 << 40, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	killed := false
	for result.Next(ctx) {
		result.Record().Release()
		if !killed {
			killed = true
			if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := result.Err(); fault.CodeOf(err) != fault.Transient || !strings.Contains(err.Error(), "plugin answering") {
		t.Errorf("the query that ran: %v", err)
	}
	answers(t, s)
	if _, err := ask(t, s, "die"); fault.CodeOf(err) != fault.Transient {
		t.Errorf("a query that ends the process: %v", err)
	}
	answers(t, s)
}

func TestG8_AServiceThatEndsTooOftenRests(t *testing.T) {
	s := answering(t, supervisor.Limits{Backoff: time.Millisecond, Crashes: 2})
	for range 2 {
		if _, err := ask(t, s, "die"); fault.CodeOf(err) != fault.Transient {
			t.Fatalf("%v", err)
		}
	}
	_, err := ask(t, s, "one")
	if f, ok := fault.As(err); !ok || f.Code != fault.Transient || f.RetryAfter <= 0 || !strings.Contains(f.What, "quarantined") {
		t.Errorf("%v, want its rest", err)
	}
}

// G8: what does not stop is ended, and the next one asked is answered.
func TestG8_ADeafServiceIsEnded(t *testing.T) {
	s := answering(t, supervisor.Limits{Health: 20 * time.Millisecond, Answer: 30 * time.Second, Backoff: time.Millisecond, Crashes: 100})
	answers(t, s)
	pid := s.PID()
	ctx, cancel := context.WithCancel(t.Context())
	result, err := s.Query(ctx, service.QueryRequest{SQL: "deaf"})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if result.Next(ctx) || fault.CodeOf(result.Err()) != fault.Cancelled {
		t.Errorf("a cancelled query: %v", result.Err())
	}
	if err := result.Close(); err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(30 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the deaf process lives")
		}
	}
	answers(t, s)
}
