package authtest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Host is an auth.Host in memory. It keeps to the contract's caps.
type Host struct {
	Now     func() time.Time // nil = time.Now
	Refused []string         // addresses that may not come in; all others may

	mu   sync.Mutex
	kept map[string]entry
}

type entry struct {
	value []byte
	until time.Time
}

var _ auth.Host = (*Host)(nil)

func (h *Host) now() time.Time {
	if h.Now == nil {
		return time.Now()
	}
	return h.Now()
}

// Put implements auth.Host.
func (h *Host) Put(_ context.Context, key string, value []byte, life time.Duration) error {
	if key == "" || len(key) > auth.MaxKey || len(value) > auth.MaxValue || life < 0 || life > auth.MaxLife {
		return fault.New(fault.Config, "the key, the value or its life is beyond what may be kept")
	}
	if life == 0 {
		life = auth.MaxLife
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept == nil {
		h.kept = map[string]entry{}
	}
	h.kept[key] = entry{slices.Clone(value), h.now().Add(life)}
	return nil
}

// Find implements auth.Host.
func (h *Host) Find(_ context.Context, key string) ([]byte, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, ok := h.kept[key]
	if !ok || !h.now().Before(e.until) {
		return nil, false, nil
	}
	return slices.Clone(e.value), true, nil
}

// Take implements auth.Host.
func (h *Host) Take(ctx context.Context, key string) ([]byte, bool, error) {
	value, ok, err := h.Find(ctx, key)
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, still := h.kept[key]; !still {
		return nil, false, err
	}
	delete(h.kept, key)
	return value, ok, err
}

// Admits implements auth.Host.
func (h *Host) Admits(_ context.Context, email string) (bool, error) {
	return !slices.Contains(h.Refused, email), nil
}

// Kept is how many entries there are, those whose time is over included.
func (h *Host) Kept() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.kept)
}
