package query

import (
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// How an end of the engine is laid at somebody's door. An engine that cannot interrupt a statement ends itself after ten
// seconds, and the host ends one that goes on with what nobody waits for after twenty: whoever left a statement between
// blameAfter and blameUntil before the end is who it ended for.
const (
	blameAfter = 8 * time.Second
	blameUntil = 26 * time.Second
	blameEvery = 500 * time.Millisecond
)

// How long the queries of somebody who ended the engine are refused: twice as long each time within forgive.
const (
	refuse     = time.Minute
	refuseMost = 16 * time.Minute
	forgive    = time.Hour
)

// attempt is one statement in one process of the engine.
type attempt struct {
	person  string
	begun   time.Time
	process int
}

// blame keeps who ended the engine for everybody (G16). Safe for concurrent use.
type blame struct {
	process func() int    // of the engine
	time    time.Duration // that a statement has

	mu      sync.Mutex
	strikes map[string]strike // by person
}

type strike struct {
	last    time.Time
	refused time.Duration // from then on
}

// refused says why a person's statement is not run now; nil when it is.
func (b *blame) refused(person string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.strikes[person]
	left := s.refused - time.Since(s.last)
	if !ok || left <= 0 {
		return nil
	}
	return &fault.Fault{Code: fault.RateLimited, What: "a statement of yours could not be stopped and ended the query engine for everybody; for a while no statement of yours runs here",
		Help: "Pull the data and query it locally, or write the statement so that it does less.", RetryAfter: left}
}

func (b *blame) strike(person string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for name, s := range b.strikes {
		if now.Sub(s.last) > forgive {
			delete(b.strikes, name)
		}
	}
	s := strike{now, refuse}
	if before, ok := b.strikes[person]; ok {
		s.refused = min(2*before.refused, refuseMost)
	}
	if b.strikes == nil {
		b.strikes = map[string]strike{}
	}
	b.strikes[person] = s
}

// ended says whether err came of the end of the process that ran the attempt.
func (b *blame) ended(a attempt, err error) bool {
	f, ok := fault.As(err)
	if !ok || f.Code != fault.Transient || f.RetryAfter > 0 || f.Path == "timeout" || f.Scope == "timeout" {
		return false
	}
	now := b.process()
	return now == 0 || now != a.process
}

// outlived says whether the attempt had had its time when the engine ended: then the engine ended because of it.
func (b *blame) outlived(a attempt) bool { return time.Since(a.begun) >= b.time }

// abandoned looks after the engine for a while, because a person has left a statement before its end.
func (b *blame) abandoned(a attempt) {
	go func() {
		left := time.Now()
		tick := time.NewTicker(blameEvery)
		defer tick.Stop()
		for since := time.Duration(0); since <= blameUntil; since = time.Since(left) {
			if now := b.process(); now == a.process {
				<-tick.C
				continue
			}
			if since >= blameAfter {
				b.strike(a.person)
			}
			return
		}
	}()
}
