package frame

import (
	"math/bits"
	"sync"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Pool keeps receiving buffers for reuse, by power of two. The zero Pool is ready.
type Pool struct {
	classes [maxClass - minClass + 1]sync.Pool
}

const (
	minClass = 12 // 4 KiB
	maxClass = 26 // 64 MiB
)

// take returns a buffer of at least size bytes, of any content.
func (p *Pool) take(size int) []byte {
	class := max(bits.Len(uint(size-1)), minClass)
	if class > maxClass {
		return make([]byte, size)
	}
	if b, ok := p.classes[class-minClass].Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 1<<class)
}

func (p *Pool) give(b []byte) {
	class := bits.Len(uint(len(b))) - 1
	if class < minClass || class > maxClass || len(b) != 1<<class {
		return
	}
	p.classes[class-minClass].Put(&b)
}

// lease gives a buffer back when Arrow frees what lies in it.
type lease struct {
	pool *Pool
	base []byte
}

// Allocate implements memory.Allocator; a lease only ever frees.
func (*lease) Allocate(size int) []byte { return make([]byte, size) }

// Reallocate implements memory.Allocator.
func (*lease) Reallocate(size int, b []byte) []byte {
	return append(make([]byte, 0, size), b...)[:size]
}

// Free implements memory.Allocator.
func (l *lease) Free([]byte) {
	l.pool.give(l.base)
	l.base = nil
}

// alignment of the bytes that records are built on.
const alignment = 64

// Fill takes a buffer of size bytes, aligned for Arrow, and lets fill write it. all has that many bytes more before it,
// for what comes first and is not kept. The buffer returns to the pool when the last record on it is released.
func (p *Pool) Fill(before, size int, fill func(all []byte) error) (*memory.Buffer, error) {
	base := p.take(before + size + alignment)
	at := before
	if rest := int(uintptr(unsafe.Pointer(&base[before])) % alignment); rest != 0 {
		at += alignment - rest
	}
	if err := fill(base[at-before : at+size]); err != nil {
		p.give(base)
		return nil, err
	}
	return memory.NewBufferWithAllocator(base[at:at+size:at+size], &lease{pool: p, base: base}), nil
}
