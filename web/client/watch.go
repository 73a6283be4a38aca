package client

import (
	"context"
	"errors"
	"io"
	"time"
)

// watch ends a request that goes quiet or drips (interface.md §9): no byte for a time, or too few in a window.
type watch struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	silence time.Duration
	timer   *time.Timer

	window time.Duration
	least  int64
	since  time.Time
	got    int64
}

func newWatch(parent context.Context, silence, window time.Duration, least int64) *watch {
	ctx, cancel := context.WithCancelCause(parent)
	w := &watch{ctx: ctx, cancel: cancel, silence: silence, window: window, least: least, since: time.Now()}
	w.timer = time.AfterFunc(silence, func() { cancel(errStalled) })
	return w
}

// saw counts bytes that have come; it says whether they come fast enough.
func (w *watch) saw(n int) bool {
	if n > 0 {
		w.timer.Reset(w.silence)
	}
	w.got += int64(n)
	if time.Since(w.since) < w.window {
		return true
	}
	enough := w.got >= w.least
	w.since, w.got = time.Now(), 0
	return enough
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// body is an answer's body under watch. Its errors say in words what happened.
type body struct {
	client *Client
	watch  *watch
	inner  io.ReadCloser
	calm   bool // events may be rare
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.inner.Read(p)
	switch fast := b.watch.saw(n); {
	case err != nil && !errors.Is(err, io.EOF):
		return n, b.client.failed(b.watch.ctx, err)
	case err == nil && !fast && !b.calm:
		b.watch.cancel(errStalled)
		return n, b.client.stalled()
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.watch.stop()
	return b.inner.Close()
}
