package frame

import (
	"math/bits"
	"sync"

	"google.golang.org/grpc/mem"
)

// Buffers of 256 bytes to 32 MiB, the largest message, are kept, by powers of two.
const (
	smallest = 8
	largest  = 25
)

// Buffers is a pool of buffers for gRPC that does not clear what it hands out: every byte is overwritten by what is
// received, and gRPC's own pool spends a tenth of the way on clearing. It is safe for concurrent use.
type Buffers struct {
	pools [largest + 1]sync.Pool
}

var _ mem.BufferPool = (*Buffers)(nil)

// Get implements mem.BufferPool.
func (b *Buffers) Get(length int) *[]byte {
	class := classOf(length)
	if class > largest {
		buffer := make([]byte, length)
		return &buffer
	}
	if kept, ok := b.pools[class].Get().(*[]byte); ok {
		*kept = (*kept)[:length]
		return kept
	}
	buffer := make([]byte, length, 1<<class)
	return &buffer
}

// Put implements mem.BufferPool. Buffers of foreign sizes are left to the garbage collector.
func (b *Buffers) Put(buffer *[]byte) {
	if class := classOf(cap(*buffer)); class <= largest && cap(*buffer) == 1<<class {
		b.pools[class].Put(buffer)
	}
}

func classOf(length int) int { return max(smallest, bits.Len(uint(max(length, 1)-1))) }
