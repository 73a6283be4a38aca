// Package seats counts how many of something each person holds at once. It is part of the room web/v1.
package seats

import "sync"

// Seats are counted by person; the zero value has none taken. It is safe for concurrent use.
type Seats struct {
	mu    sync.Mutex
	taken map[string]int
}

// Enter takes a seat unless the person has as many already.
func (s *Seats) Enter(person string, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[person] >= most {
		return false
	}
	if s.taken == nil {
		s.taken = map[string]int{}
	}
	s.taken[person]++
	return true
}

// Leave gives a seat back.
func (s *Seats) Leave(person string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[person]--; s.taken[person] <= 0 {
		delete(s.taken, person)
	}
}
