// Package progress says how a pull goes and how it went: what several downloads tell is added up for a person who waits, and
// at the end stands a report.
//
// It draws nothing. Imported by mirror.
package progress

import (
	"sync"
	"time"
)

// Progress is how far a pull is.
type Progress struct {
	Phase      string // manifest | parts | views | done
	Bytes      int64  // come so far
	TotalBytes int64  // to come in all
	Parts      int    // parts and documents that have come
	TotalParts int
	Rate       float64       // bytes a second so far
	Left       time.Duration // 0 = unknown
}

// Meter is told by each download where it is. Safe for concurrent use.
type Meter struct {
	mu      sync.Mutex
	tell    func(Progress)
	now     Progress
	each    []position
	before  int64 // bytes that lay here already
	started time.Time
	told    time.Time
}

type position struct {
	begun bool
	at    int64
}

// New returns a meter of so many files and bytes.
func New(tell func(Progress), files int, bytes int64) *Meter {
	return &Meter{tell: tell, each: make([]position, files), started: time.Now(), now: Progress{Phase: "parts", TotalBytes: bytes, TotalParts: files}}
}

// often is how often a person is told.
const often = 100 * time.Millisecond

// At says where file i is, in bytes; the first time, what lay here already.
func (m *Meter) At(i int, at int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.each[i].begun {
		m.before += at
	}
	m.now.Bytes += at - m.each[i].at
	m.each[i] = position{true, at}
	if time.Since(m.told) >= often {
		m.say()
	}
}

// More adds bytes of a file that turned out to be needed.
func (m *Meter) More(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.TotalBytes += bytes
}

// Done counts a file that is here now.
func (m *Meter) Done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Parts++
	if m.now.Parts == m.now.TotalParts || time.Since(m.told) >= often {
		m.say()
	}
}

func (m *Meter) say() {
	m.told = time.Now()
	m.now.Rate, m.now.Left = float64(m.now.Bytes-m.before)/max(time.Since(m.started).Seconds(), 0.001), 0
	if left := m.now.TotalBytes - m.now.Bytes; m.now.Rate > 1 && left > 0 {
		m.now.Left = time.Duration(float64(left) / m.now.Rate * float64(time.Second))
	}
	m.tell(m.now)
}
