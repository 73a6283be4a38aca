package notify_test

import (
	"context"
	"sync"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/notify"
)

func TestListenersGetWhatIsPublished(t *testing.T) {
	hub := notify.NewHub[int]()
	hub.Publish(1) // nobody there
	ctx, stop := context.WithCancel(t.Context())
	a, b := hub.Subscribe(ctx), hub.Subscribe(t.Context())
	hub.Publish(2)
	if got := <-a; got != 2 {
		t.Errorf("a got %d", got)
	}
	if got := <-b; got != 2 {
		t.Errorf("b got %d", got)
	}
	stop()
	if _, open := <-a; open {
		t.Error("a is open after its context ended")
	}
	hub.Publish(3)
	if got := <-b; got != 3 {
		t.Errorf("b got %d", got)
	}
	if n := hub.Listeners(); n != 1 {
		t.Errorf("%d listeners", n)
	}
}

func TestSlowListenerIsDroppedAndHoldsUpNobody(t *testing.T) {
	hub := notify.NewHub[int]()
	slow := hub.Subscribe(t.Context())
	for i := range 1000 {
		hub.Publish(i) // would hang if it waited
	}
	n := 0
	for range slow { // closed, with what fitted
		n++
	}
	if n == 0 || n >= 1000 || hub.Listeners() != 0 {
		t.Errorf("%d received, %d listeners", n, hub.Listeners())
	}
}

func TestPublishAndLeaveAtOnce(t *testing.T) {
	hub := notify.NewHub[int]()
	var all sync.WaitGroup
	for range 50 {
		ctx, stop := context.WithCancel(t.Context())
		heard := hub.Subscribe(ctx)
		all.Add(2)
		go func() { defer all.Done(); hub.Publish(1); stop() }()
		go func() {
			defer all.Done()
			for range heard {
			}
		}()
	}
	all.Wait()
	if n := hub.Listeners(); n != 0 {
		t.Errorf("%d listeners are left", n)
	}
}
