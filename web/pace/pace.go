// Package pace gives writes to a connection a deadline by progress instead of by request: a large file over a slow line
// may take hours, a reader who stops reading is cut off (A5).
package pace

import (
	"io"
	"net"
	"time"
)

// step is how many bytes must go out within the time that a Listener allows; 64 KiB in 60 s is the 1 kB/s under which
// the analyst's program calls a transfer stalled too.
const step = 64 << 10

// Listener paces the connections of another listener.
type Listener struct {
	net.Listener
	Allow time.Duration // for each 64 KiB
}

// Accept implements net.Listener.
func (l Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, allow: l.Allow}, nil
}

// conn counts the time spent waiting for its reader. Writes of one connection come one after the other.
type conn struct {
	net.Conn
	allow time.Duration
	spent time.Duration // waiting since the last whole step
	sent  int64         // bytes since then
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	written := 0
	for {
		n, err := c.pace(func() (int64, error) {
			n, err := c.Conn.Write(p[:min(len(p), step)])
			return int64(n), err
		})
		written += int(n)
		if p = p[n:]; err != nil || len(p) == 0 {
			return written, err
		}
	}
}

// ReadFrom implements io.ReaderFrom: files go out by sendfile, in steps.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	direct, ok := c.Conn.(io.ReaderFrom)
	limited, bounded := r.(*io.LimitedReader)
	if !ok || !bounded {
		return io.Copy(struct{ io.Writer }{c}, r)
	}
	var total int64
	for limited.N > 0 {
		part := io.LimitedReader{R: limited.R, N: min(limited.N, step)}
		n, err := c.pace(func() (int64, error) { return direct.ReadFrom(&part) })
		total += n
		limited.N -= n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}

// pace runs one write with what is left of the allowance.
func (c *conn) pace(write func() (int64, error)) (int64, error) {
	started := time.Now()
	if err := c.Conn.SetWriteDeadline(started.Add(c.allow - c.spent)); err != nil {
		return 0, err
	}
	n, err := write()
	c.spent += time.Since(started)
	if c.sent += n; c.sent >= step {
		c.sent, c.spent = 0, 0
	}
	return n, err
}
