// Package leash ends an answer under way when its reader's right to it ends: a download may take hours, a revoked person has
// five seconds. It is part of the room web/v1.
package leash

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Every is how often a body under way is asked about. Twice that, and the time that asking takes, stay below the five
// seconds that an answer may outlive its right.
const Every = 2 * time.Second

// Body is a body of an answer together with a look, from time to time, whether it may still be read. When allowed says no,
// or says for the second time in a row that it cannot tell, connection is closed, even in the middle of a write that waits
// for a slow reader: what has gone out never looks whole. Nothing is asked of what has gone out within the first Every.
func Body(body io.ReadCloser, connection io.Closer, allowed func(context.Context) error) io.ReadCloser {
	l := &leashed{ReadCloser: body, connection: connection, allowed: allowed}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(Every, l.look)
	return l
}

type leashed struct {
	io.ReadCloser
	connection io.Closer
	allowed    func(context.Context) error
	ctx        context.Context
	cancel     context.CancelFunc

	mu     sync.Mutex
	timer  *time.Timer
	unsure bool
	over   bool
}

func (l *leashed) look() {
	asking, done := context.WithTimeout(l.ctx, Every)
	err := l.allowed(asking)
	done()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
	case err != nil && (l.unsure || refused(err)):
		l.over = true
		_ = l.connection.Close() // whoever writes to it finds out
	default:
		l.unsure = err != nil
		l.timer.Reset(Every)
	}
}

func refused(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Auth, fault.Permission, fault.NotFound, fault.StateExpired:
		return true
	default:
		return false
	}
}

// WriteTo implements io.WriterTo: files still go out by sendfile.
func (l *leashed) WriteTo(w io.Writer) (int64, error) {
	if direct, ok := l.ReadCloser.(io.WriterTo); ok {
		return direct.WriteTo(w)
	}
	return io.Copy(w, struct{ io.Reader }{l.ReadCloser})
}

// Close implements io.Closer.
func (l *leashed) Close() error {
	l.cancel()
	l.mu.Lock()
	l.over = true
	l.timer.Stop()
	l.mu.Unlock()
	return l.ReadCloser.Close()
}
