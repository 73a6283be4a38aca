//go:build cgo && linux

package engine_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/service"
)

// writable is what this process has mapped for writing, in kB: what limitMemory bounds.
func writable(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmData:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no VmData in %s", text)
	}
	kb, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

// G16: what a greedy query took is given back, else a few of them leave nothing to everybody's next query.
func TestG16_GreedyQueriesLeaveRoomForOthers(t *testing.T) {
	q := session(t, `{"memory_mb": 768, "timeout": "10m"}`)
	one(t, q, service.QueryRequest{SQL: "SELECT 1"})
	before := writable(t)
	for range 3 {
		if _, _, err := ask(t.Context(), q, service.QueryRequest{SQL: "SELECT list(x) FROM range(500000000) t(x)"}); err == nil {
			t.Fatal("the greedy query is answered")
		}
	}
	one(t, q, service.QueryRequest{SQL: "SELECT 1"})
	if more := writable(t) - before; more > 256<<10 {
		t.Errorf("%d MB are kept after greedy queries", more>>10)
	}
}
