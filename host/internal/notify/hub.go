// Package notify passes on what happens to those who listen, inside this process.
//
// It never holds up who tells: a listener who is too slow is dropped, and comes back with what it saw last.
package notify

import (
	"context"
	"sync"
)

// room is how many things a listener may be behind before it is dropped.
const room = 64

// Hub passes things of one type on.
type Hub[T any] struct {
	mu        sync.Mutex
	listeners map[chan T]struct{}
}

// NewHub returns a hub without listeners.
func NewHub[T any]() *Hub[T] { return &Hub[T]{listeners: map[chan T]struct{}{}} }

// Publish tells every listener and returns at once.
func (h *Hub[T]) Publish(thing T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for listener := range h.listeners {
		select {
		case listener <- thing:
		default:
			h.drop(listener)
		}
	}
}

// Subscribe returns what is published from now on. The channel is closed when ctx ends or its reader is too slow.
func (h *Hub[T]) Subscribe(ctx context.Context) <-chan T {
	listener := make(chan T, room)
	h.mu.Lock()
	h.listeners[listener] = struct{}{}
	h.mu.Unlock()
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.drop(listener)
	})
	return listener
}

// Listeners is how many there are.
func (h *Hub[T]) Listeners() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.listeners)
}

// drop closes a listener once. The lock is held.
func (h *Hub[T]) drop(listener chan T) {
	if _, there := h.listeners[listener]; there {
		delete(h.listeners, listener)
		close(listener)
	}
}
