package receipt

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"

	"github.com/ai-data-analyst/broker/web/api"
)

// More rows than fit into memory hash as they would there, and leave nothing behind.
func TestManyRowsAreSortedOnDisk(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, n := range []int{0, 1, 9, 10, 11, 100, 1234} {
		var sums []string
		for _, limit := range []int{0, 10, 7} {
			h := NewHasher([]api.TypedName{{Name: "x", Type: "VARCHAR"}}, false)
			h.hashes.limit = limit
			for i := range n {
				value := fmt.Sprint(i * 7919 % max(1, n-3)) // some twice
				if err := h.Add([]*string{&value}); err != nil {
					t.Fatal(err)
				}
			}
			r, err := h.Result()
			if err != nil || r.Rows != int64(n) {
				t.Fatalf("%d rows: %+v, %v", n, r, err)
			}
			if err := h.Close(); err != nil {
				t.Error(err)
			}
			sums = append(sums, r.SHA256)
		}
		if sums[0] != sums[1] || sums[0] != sums[2] {
			t.Errorf("%d rows: %v", n, sums)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	var s sorter
	s.limit = 3
	for i := range 20 {
		if err := s.add(sha256.Sum256([]byte{byte(i)})); err != nil {
			t.Fatal(err)
		}
	}
	var last [sha256.Size]byte
	n := 0
	if err := s.each(func(row [sha256.Size]byte) {
		if before(last, row) > 0 {
			t.Error("not sorted")
		}
		last, n = row, n+1
	}); err != nil || n != 20 {
		t.Errorf("%d, %v", n, err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}
