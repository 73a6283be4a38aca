//go:build unix

package main

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"runtime"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// channel is the descriptor on which bodies of batches may travel.
func channel() *os.File {
	number, err := strconv.Atoi(os.Getenv("BROKER_PLUGIN_CHANNEL"))
	if err != nil {
		print("no channel\n")
		os.Exit(7)
	}
	return os.NewFile(uintptr(number), "channel")
}

// announce sends the message of rows whose body comes on the channel.
func (r *read) announce(rows, size uint64, body []byte) error {
	m := text(1, "numbers").withNumber(2, 1).withNumber(3, 1).withNumber(4, rows)
	m = protowire.AppendFixed32(protowire.AppendTag(m, 5, protowire.Fixed32Type), crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	r.sent += rows
	return r.send(fieldBatch, m.withNumber(7, size))
}

// head is what stands before a body.
func (r *read) head(length int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, r.seq)
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, uint32(r.number)), uint32(length))
}

// beside sends rows in order over the channel.
func (r *read) beside(out *os.File, n int) error {
	body := numbered(int64(r.sent), n)
	if err := r.announce(uint64(n), uint64(len(body)), body); err != nil {
		return err
	}
	_, err := out.Write(append(r.head(len(body)), body...))
	return err
}

// onChannel is an animal that sends 100 rows over gRPC, 100 over the channel, and then does as it likes.
func onChannel(then func(r *read, out *os.File) error) animal {
	return opened(func(r *read) error {
		out := channel()
		defer runtime.KeepAlive(out) // or it would be closed as forgotten
		if err := r.beside(out, 100); err != nil {
			return err
		}
		return then(r, out)
	})
}

// garbage is what a body may hold as well.
var garbage = []byte(strings.Repeat("garbage ", 500))

// announced is onChannel with another batch announced, of so many bytes, whose body is left to then.
func announced(size int, then func(r *read, out *os.File) error) animal {
	return onChannel(func(r *read, out *os.File) error {
		if err := r.announce(100, uint64(size), garbage); err != nil {
			return err
		}
		return then(r, out)
	})
}

// channelers break the rules of the channel.
func channelers() map[string]animal {
	return map[string]animal{
		"channel_plain": {read: func(r *read) error {
			if err := r.open(); err != nil {
				return err
			}
			for out := channel(); r.sent < 20_000; {
				if err := r.beside(out, 1_000); err != nil {
					return err
				}
			}
			return r.finish()
		}},
		"channel_length": announced(len(garbage), func(r *read, out *os.File) error {
			if _, err := out.Write(append(r.head(len(garbage)+1), garbage...)); err != nil {
				return err
			}
			return r.finish()
		}),
		"channel_closed": announced(len(garbage), func(r *read, out *os.File) error {
			if _, err := out.Write(append(r.head(len(garbage)), garbage[:100]...)); err != nil {
				return err
			}
			if err := out.Close(); err != nil {
				return err
			}
			return sleep(r.stream.Context())
		}),
		"channel_silent": announced(len(garbage), func(r *read, _ *os.File) error { return sleep(r.stream.Context()) }),
		"channel_crash": announced(len(garbage), func(r *read, out *os.File) error {
			_, _ = out.Write(append(r.head(len(garbage)), garbage[:100]...))
			return exit(3, "")(r)
		}),
		"channel_huge": announced(1<<34, func(r *read, _ *os.File) error { return r.finish() }),
		"channel_flood": onChannel(func(r *read, out *os.File) error {
			begun := make(chan bool)
			go func() {
				_, err := out.Write(garbage)
				close(begun)
				for err == nil {
					_, err = out.Write(garbage)
				}
			}()
			<-begun
			return r.finish()
		}),
	}
}
