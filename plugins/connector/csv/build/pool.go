package build

import (
	"math/bits"
	"sync"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Pool is an allocator that keeps buffers of batches that are gone for the next ones: a long read allocates only what
// is under way at once. It may be used by several goroutines.
type Pool struct {
	mutex sync.Mutex
	free  [poolClasses][][]byte // by the power of two that a buffer holds
	kept  int
	plain *memory.GoAllocator
}

const (
	poolClasses = 26       // up to 32 MiB; larger ones are not kept
	poolKeeps   = 48 << 20 // bytes at most
)

// NewPool returns an empty Pool.
func NewPool() *Pool { return &Pool{plain: memory.NewGoAllocator()} }

// Allocate implements memory.Allocator. What is in the bytes is left over from earlier.
func (p *Pool) Allocate(size int) []byte {
	class := bits.Len(uint(max(size, 64) - 1))
	if class >= poolClasses {
		return p.plain.Allocate(size)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if n := len(p.free[class]); n > 0 {
		b := p.free[class][n-1]
		p.free[class] = p.free[class][:n-1]
		p.kept -= cap(b)
		return b[:size]
	}
	return p.plain.Allocate(1 << class)[:size]
}

// Reallocate implements memory.Allocator.
func (p *Pool) Reallocate(size int, b []byte) []byte {
	if cap(b) >= size {
		return b[:size]
	}
	grown := p.Allocate(size)
	copy(grown, b)
	p.Free(b)
	return grown
}

// Free implements memory.Allocator.
func (p *Pool) Free(b []byte) {
	class := bits.Len(uint(cap(b))) - 1
	if class < 6 || class >= poolClasses || cap(b) != 1<<class {
		return
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.kept+cap(b) <= poolKeeps {
		p.free[class] = append(p.free[class], b[:0])
		p.kept += cap(b)
	}
}
