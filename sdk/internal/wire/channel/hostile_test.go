//go:build unix

package channel_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/channel"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
)

func head(seq uint64, read, length uint32) []byte {
	b := binary.LittleEndian.AppendUint64(nil, seq)
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, read), length)
}

// Whatever a plugin writes: an error of a class, with words, and nobody else gets the channel after it.
func TestHostilePeers(t *testing.T) {
	good := bytes.Repeat([]byte{7}, 100_000)
	for _, c := range []struct {
		name  string
		write [][]byte
		stay  bool // the plugin keeps its end open
		size  uint64
		want  string
		code  fault.Code
	}{
		{"good", [][]byte{head(3, 1, 100_000), good}, true, 100_000, "", ""},
		{"closed at once", nil, false, 100_000, "closed its channel before the end of 100000 bytes of message 3 of read 1", fault.Transient},
		{"closed in the head", [][]byte{head(3, 1, 100_000)[:7]}, false, 100_000, "closed its channel before the end", fault.Transient},
		{"closed in the body", [][]byte{head(3, 1, 100_000), good[:50_000]}, false, 100_000, "closed its channel before the end", fault.Transient},
		{"message without bytes", nil, true, 100_000, "sent nothing of it for 50ms", fault.Transient},
		{"half a body", [][]byte{head(3, 1, 100_000), good[:99_999]}, true, 100_000, "sent nothing of it for 50ms", fault.Transient},
		{"longer than announced", [][]byte{head(3, 1, 100_001), good}, true, 100_000, "holds 100001 bytes of message 3 of read 1, announced are 100000", fault.Bug},
		{"shorter than announced", [][]byte{head(3, 1, 9), good}, true, 100_000, "holds 9 bytes of message 3", fault.Bug},
		{"of another message", [][]byte{head(2, 1, 100_000), good}, true, 100_000, "holds 100000 bytes of message 2 of read 1", fault.Bug},
		{"of another read", [][]byte{head(3, 0, 100_000), good}, true, 100_000, "message 3 of read 0", fault.Bug},
		{"noise", [][]byte{good}, true, 100_000, "the plugin broke the protocol: its channel holds 117901063 bytes", fault.Bug},
		{"none announced", [][]byte{head(3, 1, 0)}, true, 0, "a batch of 0 bytes on the channel", fault.Bug},
		{"over the limit", [][]byte{head(3, 1, 64<<20+1)}, true, 64<<20 + 1, "the limit is 67108864", fault.Bug},
		{"beyond numbers", nil, true, 1<<64 - 1, "a batch of 18446744073709551615 bytes", fault.Bug},
	} {
		for way, pair := range ways {
			t.Run(c.name+" "+way, func(t *testing.T) {
				host, file, err := pair()
				if err != nil {
					t.Fatal(err)
				}
				defer host.Close()
				host.Hurry(50 * time.Millisecond)
				written := make(chan struct{})
				go func() {
					defer close(written)
					for _, b := range c.write {
						_, _ = file.Write(b)
					}
					if !c.stay {
						_ = file.Close()
					}
				}()
				intake := host.Take(t.Context())
				got, _, err := intake.Body(3, c.size, &frame.Pool{})
				if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != c.code) {
					t.Errorf("error %v, want %q of class %s", err, c.want, c.code)
				}
				if got != nil {
					got.Release()
				}
				if err := intake.End(err == nil); err != nil {
					t.Error(err)
				}
				<-written // a flood ends when the host has closed its end
				if next := host.Take(t.Context()); (next != nil) != (c.want == "") {
					t.Errorf("the channel is given again: %v", next != nil)
				}
				if c.stay {
					_ = file.Close()
				}
			})
		}
	}
}

func TestBytesWithoutMessage(t *testing.T) {
	for way, pair := range ways {
		t.Run(way, func(t *testing.T) {
			host, file, err := pair()
			if err != nil {
				t.Fatal(err)
			}
			defer host.Close()
			defer file.Close()
			intake := host.Take(t.Context())
			if err := intake.Empty(); err != nil {
				t.Errorf("an empty channel: %v", err)
			}
			if _, err := file.Write(head(1, 1, 5)); err != nil {
				t.Fatal(err)
			}
			if err := intake.Empty(); fault.CodeOf(err) != fault.Bug || !strings.Contains(err.Error(), "no message has announced") {
				t.Errorf("bytes left: %v", err)
			}
		})
	}
}

// A plugin that has closed its end after its last byte has left nothing.
func TestClosedIsEmpty(t *testing.T) {
	for way, pair := range ways {
		t.Run(way, func(t *testing.T) {
			host, plugin := both(t, pair)
			plugin.Close()
			if err := host.Take(t.Context()).Empty(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The end of the read ends whoever waits, at either end, and nobody gets the half body that may be left.
func TestEndOfTheReadWakes(t *testing.T) {
	for way, pair := range ways {
		t.Run("host "+way, func(t *testing.T) {
			host, _ := both(t, pair)
			ctx, cancel := context.WithCancel(t.Context())
			intake := host.Take(ctx)
			failed := make(chan error, 1)
			go func() {
				_, _, err := intake.Body(1, 100, &frame.Pool{})
				failed <- err
			}()
			cancel()
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if err := intake.End(true); err != nil || host.Take(t.Context()) != nil {
				t.Errorf("given again, %v", err)
			}
		})
		t.Run("plugin "+way, func(t *testing.T) {
			allocator := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer allocator.AssertSize(t, 0)
			host, plugin := both(t, pair)
			ctx, cancel := context.WithCancel(t.Context())
			outlet := plugin.Take(ctx, host.Take(ctx).Number())
			pieces, _ := body(t, allocator, 0, 4<<20) // 32 MiB: more than any channel holds
			failed := make(chan error, 1)
			go func() { failed <- outlet.Send(1, pieces) }()
			cancel()
			if err := <-failed; fault.CodeOf(err) != fault.Cancelled {
				t.Errorf("error %v", err)
			}
			if outlet.Takes(1 << 20) {
				t.Error("takes another body after half a one")
			}
			outlet.End(false)
			if plugin.Take(t.Context(), 2) != nil {
				t.Error("given again")
			}
		})
		t.Run("host has closed "+way, func(t *testing.T) {
			allocator := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer allocator.AssertSize(t, 0)
			host, plugin := both(t, pair)
			intake := host.Take(t.Context())
			outlet := plugin.Take(t.Context(), intake.Number())
			if err := intake.End(false); err != nil {
				t.Fatal(err)
			}
			pieces, _ := body(t, allocator, 0, 4<<20)
			if err := outlet.Send(1, pieces); fault.CodeOf(err) != fault.Cancelled {
				t.Errorf("error %v", err)
			}
			outlet.End(false)
		})
	}
}

func TestOneReadAtATime(t *testing.T) {
	host, plugin := both(t, channel.Pair)
	first := host.Take(t.Context())
	if host.Take(t.Context()) != nil {
		t.Error("two reads have the host's end")
	}
	outlet := plugin.Take(t.Context(), first.Number())
	if plugin.Take(t.Context(), 2) != nil {
		t.Error("two reads have the plugin's end")
	}
	if plugin.Take(t.Context(), 0) != nil {
		t.Error("a read without number has it")
	}
	outlet.End(true)
	if plugin.Take(t.Context(), 2) == nil {
		t.Error("not given again")
	}
}

// A batch that the host may not have read yet is not given back: its memory may still be on its way.
func TestBodiesAreKeptUntilRead(t *testing.T) {
	allocator := memory.NewCheckedAllocator(memory.NewGoAllocator())
	host, plugin := both(t, channel.Pair)
	intake := host.Take(t.Context())
	outlet := plugin.Take(t.Context(), intake.Number())
	pieces, text := body(t, allocator, 0, 50_000)
	if err := outlet.Send(1, pieces); err != nil {
		t.Fatal(err)
	}
	outlet.End(false)
	if allocator.CurrentAlloc() == 0 {
		t.Error("given back while it is unread")
	}
	for range 3 { // what nobody holds becomes something else
		runtime.GC()
		for range 100_000 {
			junk = append([]byte(nil), "sixteen bytes of"...)
		}
	}
	got, _, err := intake.Body(1, uint64(len(text)), &frame.Pool{})
	if err != nil || !bytes.Equal(got.Bytes(), text) {
		t.Fatalf("read after the plugin's end: %v", err)
	}
	got.Release()
	outlet = plugin.Take(t.Context(), 2)
	outlet.End(true)
	allocator.AssertSize(t, 0)
}

var junk []byte

func TestChannelsThatAreNotThere(t *testing.T) {
	var host *channel.Receiver
	if i := host.Take(t.Context()); i.Number() != 0 || i.Empty() != nil || i.End(true) != nil || host.Close() != nil {
		t.Error("an absent channel does something")
	}
	if _, _, err := host.Take(t.Context()).Body(1, 5, &frame.Pool{}); fault.CodeOf(err) != fault.Bug {
		t.Errorf("a body on it: %v", err)
	}
	var plugin *channel.Sender
	o := plugin.Take(t.Context(), 1)
	o.End(true)
	plugin.Close()
	if o.Takes(1 << 20) {
		t.Error("takes a body")
	}
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for value, ok := range map[string]bool{"": true, "900": true, "two": false, "1": false, "-4": false} {
		t.Setenv("CHANNEL", value)
		if s, err := channel.Inherited("CHANNEL"); s != nil || (err == nil) != ok {
			t.Errorf("%q: %v, %v", value, s, err)
		}
	}
	if s, err := channel.Open(file); s != nil || err != nil {
		t.Errorf("a file as channel: %v, %v", s, err)
	}
}

// A plugin of any language writes plainly into what it is given.
func TestPlainWriter(t *testing.T) {
	for way, pair := range ways {
		t.Run(way, func(t *testing.T) {
			host, file, err := pair()
			if err != nil {
				t.Fatal(err)
			}
			defer host.Close()
			text := bytes.Repeat([]byte("0123456789"), 1_000_000)
			go func() {
				_, _ = io.Copy(file, io.MultiReader(bytes.NewReader(head(9, 1, uint32(len(text)))), bytes.NewReader(text)))
				_ = file.Close()
			}()
			got, _, err := host.Take(t.Context()).Body(9, uint64(len(text)), &frame.Pool{})
			if err != nil || !bytes.Equal(got.Bytes(), text) {
				t.Fatalf("read: %v", err)
			}
			got.Release()
		})
	}
}
