// Package crashes remembers how often plugins crashed, makes them wait, and parks those that crash too often (P12).
//
// It knows hashes and times, no processes. Only supervisor imports it.
package crashes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
)

const maxBackoff = time.Minute

// Ledger counts the crashes of each plugin, by the hash of its bytes: other bytes begin anew.
type Ledger struct {
	Copies  trust.Copies // quarantines are noted beside the copies
	Now     func() time.Time
	Backoff time.Duration // wait after the first crash, doubled by each further one up to 60 s
	Limit   int           // crashes within Window that park a plugin for Rest
	Window  time.Duration
	Rest    time.Duration

	mu sync.Mutex
	at map[string][]time.Time // newest last
}

// Parking is the note that bytes with this hash crashed too often. It outlives the host, so that every program shows
// it; crashes are counted by each host for itself.
type Parking struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// Sentence says it to people, who know the plugin as label.
func (p Parking) Sentence(label string) string {
	return fmt.Sprintf("it crashed too often and rests until %s; last: %s. broker plugins pin %s ends this now",
		p.Until.UTC().Format(time.RFC3339), p.Reason, label)
}

func (l *Ledger) file(hash string) string { return filepath.Join(l.Copies.Folder(hash), "parked.json") }

// read takes a note that cannot be read for none: it protects the host's time, not its data.
func (l *Ledger) read(hash string) (Parking, bool) {
	var p Parking
	text, err := os.ReadFile(l.file(hash))
	return p, err == nil && json.Unmarshal(text, &p) == nil
}

// Parked says whether the plugin rests now.
func (l *Ledger) Parked(hash string) (Parking, bool) {
	p, ok := l.read(hash)
	return p, ok && l.Now().Before(p.Until)
}

// Forget ends a quarantine and forgets the crashes.
func (l *Ledger) Forget(hash string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.at, hash)
	if err := os.Remove(l.file(hash)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("end a quarantine: %w", err)
	}
	return nil
}

// Wait is how long the plugin has to wait before its next start. After its quarantine it may start at once, but one more
// crash parks it again.
func (l *Ledger) Wait(hash string) time.Duration {
	_, rested := l.read(hash)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.Now()
	recent := l.recent(hash, now)
	if rested && len(recent) < l.Limit-1 {
		for len(recent) < l.Limit-1 {
			recent = append(recent, now)
		}
		l.at[hash] = recent
		return 0
	}
	if len(recent) == 0 {
		return 0
	}
	wait := l.Backoff << min(len(recent)-1, 10)
	return recent[len(recent)-1].Add(min(wait, maxBackoff)).Sub(now)
}

// recent keeps and returns the crashes within the window; l.mu is held.
func (l *Ledger) recent(hash string, now time.Time) []time.Time {
	var recent []time.Time
	for _, at := range l.at[hash] {
		if now.Sub(at) < l.Window {
			recent = append(recent, at)
		}
	}
	if l.at == nil {
		l.at = map[string][]time.Time{}
	}
	l.at[hash] = recent
	return recent
}

// Crashed counts a crash. It returns the quarantine if this was the crash too many.
func (l *Ledger) Crashed(hash, reason string) (p Parking, parked bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.Now()
	l.at[hash] = append(l.recent(hash, now), now)
	if len(l.at[hash]) < l.Limit {
		return Parking{}, false, nil
	}
	delete(l.at, hash)
	p = Parking{Until: now.Add(l.Rest), Reason: reason}
	text, err := json.Marshal(p)
	if err == nil {
		err = trust.WriteDurably(l.file(hash), text)
	}
	if err != nil {
		return p, true, fmt.Errorf("note a quarantine: %w", err)
	}
	return p, true, nil
}

// RanWell forgets the crashes of a plugin that did its work.
func (l *Ledger) RanWell(hash string) error {
	l.mu.Lock()
	crashed := len(l.at[hash]) > 0
	l.mu.Unlock()
	if !crashed {
		return nil
	}
	return l.Forget(hash)
}
