package catalog

import (
	"strings"
	"sync"

	"github.com/ai-data-analyst/broker/web/api"
)

// mostSamples is how many samples are kept in memory; with more all are forgotten, which costs asking again.
const mostSamples = 500

// samples keeps the rows that pages show: a version of a table never changes, so who may read it is shown what the one
// before was.
type samples struct {
	mu   sync.Mutex
	held map[string]api.Sample
}

// sampleKey names a version of a table as its readers see it: what is hidden belongs to it.
func sampleKey(t api.TableDetail) string {
	key := []string{t.Name, t.PublishedAt}
	for _, c := range t.Fields {
		if c.PII {
			key = append(key, c.Name)
		}
	}
	return strings.Join(key, "\n")
}

func (s *samples) find(key string) (api.Sample, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.held[key]
	return found, ok
}

func (s *samples) keep(key string, rows api.Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil || len(s.held) >= mostSamples {
		s.held = map[string]api.Sample{}
	}
	s.held[key] = rows
}
