// Package pace remembers who asked and guessed of late, for sign-ins by device code. Only access imports it.
package pace

import (
	"sync"
	"time"
)

// Pace remembers who asked when. It holds only what was good: programs with a live code, people who are signed in. After
// a restart it begins anew.
type Pace struct {
	Life  time.Duration // of a code
	Every time.Duration // between two questions

	mu      sync.Mutex
	asked   map[string]time.Time // hash of a device code → last question
	guesses map[string][]time.Time
}

// Ask notes a question and says whether it comes late enough. Half the interval is let pass: networks jitter.
func (p *Pace) Ask(hash string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == nil {
		p.asked = map[string]time.Time{}
	}
	for other, at := range p.asked {
		if now.Sub(at) > p.Life {
			delete(p.asked, other)
		}
	}
	last, again := p.asked[hash]
	if again && now.Sub(last) < p.Every/2 {
		return false
	}
	p.asked[hash] = now
	return true
}

// Guess notes a wrong code of a person.
func (p *Pace) Guess(userID string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.guesses == nil {
		p.guesses = map[string][]time.Time{}
	}
	p.guesses[userID] = append(p.guesses[userID], now)
}

// Count is how many wrong codes a person typed of late.
func (p *Pace) Count(userID string, now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, times := range p.guesses {
		for len(times) > 0 && now.Sub(times[0]) > p.Life {
			times = times[1:]
		}
		if p.guesses[id] = times; len(times) == 0 {
			delete(p.guesses, id)
		}
	}
	return len(p.guesses[userID])
}
