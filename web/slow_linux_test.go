package web_test

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
)

// slowReaders is how many readers at 10 B/s row A5 of the guarantees' table names.
const slowReaders = 1000

// narrow connects with a receive buffer so small that what is not read stays with the server.
func narrow(address string) (net.Conn, error) {
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if control := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) }); control != nil {
			return control
		}
		return err
	}}
	return dialer.Dial("tcp", address)
}

// descriptors skips where the process may not hold so many files; Go has raised the soft limit to the hard one.
func descriptors(t *testing.T, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max < n {
		t.Skipf("a process may hold %d files here, the test needs %d", limit.Max, n)
	}
	if limit.Cur < n {
		limit.Cur = limit.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}
}

// A5: a thousand readers who take ten bytes at a time are cut off by what they took, not by who asks; others are served
// meanwhile and afterwards.
func TestA5_AThousandSlowReaders(t *testing.T) {
	descriptors(t, 4*slowReaders)
	s := serve(t, func(o *web.Options) { o.Stalled = 5 * time.Second })
	hash, path := s.large(t)
	slow, sip := make([]net.Conn, 0, slowReaders), make([]byte, 10)
	for range slowReaders {
		c, err := narrow(s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, s.head("GET", api.Prefix+"/parts/"+hash)+"\r\n")
		c.SetDeadline(time.Now().Add(2 * time.Minute))
		if _, err := io.ReadFull(c, sip); err != nil { // it is being answered
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	if held := files(t, path); held == 0 {
		t.Error("nobody is being served slowly: the test shows nothing")
	}
	if answer, body := s.call(t, "GET", api.Prefix+"/parts/"+hash, "bob", ""); answer.StatusCode != 200 || len(body) != 64<<20 {
		t.Errorf("another reader: %d, %d bytes", answer.StatusCode, len(body))
	}
	until(t, "the slots of the slow are freed", func() bool {
		for _, c := range slow {
			c.Read(sip) // what the server still sends, until it has cut the line
		}
		return files(t, path) == 0
	})
	if answer, body := s.call(t, "GET", api.Prefix+"/parts/"+hash, "bob", ""); answer.StatusCode != 200 || len(body) != 64<<20 {
		t.Errorf("afterwards: %d, %d bytes", answer.StatusCode, len(body))
	}
}
