package object_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// between puts a proxy between the store and the server.
func between(t *testing.T, u *url.URL, answer func(w http.ResponseWriter, r *http.Request, server http.Handler)) *url.URL {
	t.Helper()
	target, err := url.Parse(u.Query().Get("endpoint"))
	must(t, err)
	server := &httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r, server) })}
	go proxy.Serve(listener)
	t.Cleanup(func() { proxy.Close() })
	through := *u
	query := u.Query()
	query.Set("endpoint", "http://"+listener.Addr().String())
	through.RawQuery = query.Encode()
	return &through
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// A store that says nothing of checksums is read back: what it keeps wrong is not published.
func TestReadBack(t *testing.T) {
	ctx := context.Background()
	content := random(t, 100_000)
	for name, c := range map[string]struct {
		get  func(w http.ResponseWriter, r *http.Request, server http.Handler)
		good bool
	}{
		"right": {func(w http.ResponseWriter, r *http.Request, server http.Handler) { server.ServeHTTP(w, r) }, true},
		"other bytes": {func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			server.ServeHTTP(&bent{ResponseWriter: w}, r)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			reads := atomic.Int32{}
			s := open(t, between(t, serverURL(t), func(w http.ResponseWriter, r *http.Request, server http.Handler) {
				switch r.Method {
				case http.MethodPut:
					server.ServeHTTP(&silent{w}, r)
				case http.MethodGet:
					reads.Add(1)
					c.get(w, r, server)
				default:
					server.ServeHTTP(w, r)
				}
			}))
			err := s.Place(ctx, local(t, content), "part")
			if (err == nil) != c.good || reads.Load() == 0 {
				t.Errorf("%v after %d reads", err, reads.Load())
			}
		})
	}
}

// silent leaves checksums out of an answer.
type silent struct{ http.ResponseWriter }

func (s *silent) WriteHeader(code int) {
	for name := range s.Header() {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum") {
			s.Header().Del(name)
		}
	}
	s.ResponseWriter.WriteHeader(code)
}

// bent changes the first byte of every write.
type bent struct{ http.ResponseWriter }

func (b *bent) Write(p []byte) (int, error) {
	p = bytes.Clone(p)
	if len(p) > 0 {
		p[0] ^= 1
	}
	return b.ResponseWriter.Write(p)
}

// Reading goes on where the line broke; a line that always breaks is an error, never a short file.
func TestReadGoesOn(t *testing.T) {
	ctx := context.Background()
	u := serverURL(t)
	content := random(t, 1<<20)
	must(t, open(t, u).Place(ctx, local(t, content), "part"))
	for name, breaks := range map[string]int32{"thrice": 3, "always": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			left := atomic.Int32{}
			left.Store(breaks)
			s := open(t, between(t, u, func(w http.ResponseWriter, r *http.Request, server http.Handler) {
				if r.Method == http.MethodGet && left.Add(-1) >= 0 {
					server.ServeHTTP(&cut{w, 100_000}, r)
					return
				}
				server.ServeHTTP(w, r)
			}))
			r, size, err := s.OpenPart(ctx, "part")
			must(t, err)
			defer r.Close()
			got, err := io.ReadAll(r)
			if breaks > 100 {
				left.Store(1 << 30)
				n, atErr := r.ReadAt(make([]byte, 500_000), 10)
				if atErr == nil {
					t.Errorf("ReadAt of a line that always breaks: %d bytes and no error", n)
				}
				_, err = io.Copy(io.Discard, struct{ io.Reader }{stuck(t, u)})
				if err == nil {
					t.Error("an object whose line gives nothing was read")
				}
				return
			}
			if err != nil || int64(len(got)) != size || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			at := make([]byte, 1000)
			if n, err := r.ReadAt(at, 5000); n != 1000 || err != nil || !bytes.Equal(at, content[5000:6000]) {
				t.Errorf("ReadAt: %d, %v", n, err)
			}
			if n, err := r.ReadAt(at, size-10); n != 10 || !errors.Is(err, io.EOF) || !bytes.Equal(at[:10], content[size-10:]) {
				t.Errorf("ReadAt over the end: %d, %v", n, err)
			}
		})
	}
}

// stuck opens the part over a line on which no byte of it arrives.
func stuck(t *testing.T, u *url.URL) io.Reader {
	t.Helper()
	s := open(t, between(t, u, func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Method == http.MethodGet {
			server.ServeHTTP(&cut{w, 0}, r)
			return
		}
		server.ServeHTTP(w, r)
	}))
	r, _, err := s.OpenPart(context.Background(), "part")
	must(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// cut breaks the line after so many bytes.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	if len(p) > c.left {
		p = p[:c.left]
	}
	c.left -= len(p)
	n, err := c.ResponseWriter.Write(p)
	if c.left == 0 {
		if f, ok := c.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	return n, err
}
