package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// client is one connection that is kept. It does as little as it can: it runs on the server's cores.
type client struct {
	host, cookie string
	conn         net.Conn
	in           *bufio.Reader
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close() //nolint:errcheck // nothing was written that could be lost
	}
}

// ask sends a request and notes how long the whole answer took.
func (t *times) ask(c *client, path string, want int) {
	began := time.Now()
	status, err := c.get(path)
	switch {
	case err != nil:
		c.close()
		c.conn = nil
		t.fail(err.Error(), 1)
	case status != want:
		t.fail(fmt.Sprintf("%s %d", path, status), 1)
	default:
		t.took = append(t.took, time.Since(began))
	}
}

func (c *client) get(path string) (int, error) {
	u, err := url.Parse(c.host)
	if err != nil {
		return 0, err
	}
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", u.Host, 10*time.Second); err != nil {
			return 0, err
		}
		c.in = bufio.NewReaderSize(c.conn, 16<<10)
	}
	if err := c.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nSec-Fetch-Site: same-origin\r\n\r\n", path, u.Host, c.cookie); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}
