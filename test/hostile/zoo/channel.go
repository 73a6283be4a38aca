//go:build unix

package main

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

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

// channelers break the rules of the channel.
func channelers() map[string]animal {
	body := []byte(strings.Repeat("garbage ", 500))
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
		"channel_length": onChannel(func(r *read, out *os.File) error {
			if err := r.announce(100, uint64(len(body)), body); err != nil {
				return err
			}
			if _, err := out.Write(append(r.head(len(body)+1), body...)); err != nil {
				return err
			}
			return r.finish()
		}),
		"channel_closed": onChannel(func(r *read, out *os.File) error {
			if err := r.announce(100, uint64(len(body)), body); err != nil {
				return err
			}
			if _, err := out.Write(append(r.head(len(body)), body[:100]...)); err != nil {
				return err
			}
			if err := out.Close(); err != nil {
				return err
			}
			return sleep(r.stream.Context())
		}),
		"channel_silent": onChannel(func(r *read, _ *os.File) error {
			if err := r.announce(100, uint64(len(body)), body); err != nil {
				return err
			}
			return sleep(r.stream.Context())
		}),
		"channel_crash": onChannel(func(r *read, out *os.File) error {
			if err := r.announce(100, uint64(len(body)), body); err != nil {
				return err
			}
			_, _ = out.Write(append(r.head(len(body)), body[:100]...))
			time.Sleep(50 * time.Millisecond) // the message is on its way
			os.Exit(3)
			return nil
		}),
		"channel_huge": onChannel(func(r *read, _ *os.File) error {
			if err := r.announce(100, 1<<34, body); err != nil {
				return err
			}
			return r.finish()
		}),
		"channel_flood": onChannel(func(r *read, out *os.File) error {
			filled := make(chan bool)
			go func() {
				_, _ = out.Write(body)
				close(filled)
				for {
					if _, err := out.Write(body); err != nil {
						return
					}
				}
			}()
			<-filled
			return r.finish()
		}),
	}
}
