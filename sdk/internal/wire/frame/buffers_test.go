package frame_test

import (
	"testing"

	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
)

func TestBuffersHaveTheLengthAskedFor(t *testing.T) {
	var pool frame.Buffers
	for _, n := range []int{0, 1, 255, 256, 257, 16_384, 1 << 20, 32 << 20, 32<<20 + 1} {
		for range 2 {
			b := pool.Get(n)
			if len(*b) != n {
				t.Errorf("asked for %d bytes, got %d", n, len(*b))
			}
			*b = (*b)[:n/2] // gRPC may give back a prefix
			pool.Put(b)
		}
	}
	foreign := make([]byte, 300)
	pool.Put(&foreign)
	if b := pool.Get(400); cap(*b) < 400 {
		t.Errorf("a foreign buffer of %d bytes came back for 400", cap(*b))
	}
}
