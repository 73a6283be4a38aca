//go:build unix

package main

import (
	"hash/crc32"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// message is an encoded protobuf message.
type message []byte

func (m message) with(field protowire.Number, value []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), value)
}

func (m message) withText(field protowire.Number, value string) message {
	return m.with(field, []byte(value))
}

func (m message) withNumber(field protowire.Number, value uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), value)
}

func text(field protowire.Number, value string) message { return message(nil).withText(field, value) }
func number(field protowire.Number, value uint64) message {
	return message(nil).withNumber(field, value)
}

// each calls f for every field of the message.
func (m message) each(f func(field protowire.Number, kind protowire.Type, value []byte)) {
	for rest := []byte(m); len(rest) > 0; {
		field, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return
		}
		size := protowire.ConsumeFieldValue(field, kind, rest[n:])
		if size < 0 {
			return
		}
		f(field, kind, rest[n:n+size])
		rest = rest[n+size:]
	}
}

// field returns the embedded message or bytes of a field.
func (m message) field(want protowire.Number) message {
	var found message
	m.each(func(field protowire.Number, kind protowire.Type, value []byte) {
		if field == want && kind == protowire.BytesType {
			found, _ = protowire.ConsumeBytes(value)
		}
	})
	return found
}

func (m message) integer(want protowire.Number) uint64 {
	var found uint64
	m.each(func(field protowire.Number, kind protowire.Type, value []byte) {
		if field == want && kind == protowire.VarintType {
			found, _ = protowire.ConsumeVarint(value)
		}
	})
	return found
}

func description(name string) message {
	return text(1, "connector").withText(2, name).withText(3, "1.0.0").withText(6, "A hostile plugin.").
		with(7, text(1, "token").withText(2, "string").withNumber(5, 1)).with(8, numbersStream())
}

func column(name, kind string) message {
	return text(1, name).with(2, text(1, kind)).withNumber(3, 1)
}

func numbersStream() message {
	return text(1, "numbers").with(3, column("id", "int64")).with(3, column("name", "string")).withText(4, "id")
}

// read is one Read call.
type read struct {
	stream  grpc.ServerStream
	attempt uint64
	number  uint64 // under which it may use the channel
	seq     uint64
	sent    uint64 // rows
}

// The members of FromPlugin.
const (
	fieldSchema     = 2
	fieldBatch      = 3
	fieldCheckpoint = 4
	fieldBoundary   = 5
	fieldStatus     = 6
	fieldDone       = 9
	fieldError      = 10
)

func (r *read) send(field protowire.Number, body message) error {
	r.seq++
	return r.stream.SendMsg(number(1, r.seq).with(field, body))
}

func (r *read) schema(epoch uint64, columns ...message) error {
	m := text(1, "numbers").withNumber(2, epoch)
	for _, c := range columns {
		m = m.with(3, c)
	}
	return r.send(fieldSchema, m)
}

// open sends what comes before the first row.
func (r *read) open() error {
	if err := r.schema(1, column("id", "int64"), column("name", "string")); err != nil {
		return err
	}
	return r.send(fieldBoundary, text(1, "numbers"))
}

// ipc sends rows as the bytes of a record-batch message, whatever they are.
func (r *read) ipc(epoch, rows uint64, body []byte) error {
	m := text(1, "numbers").withNumber(2, epoch).withNumber(3, 1).withNumber(4, rows)
	m = protowire.AppendFixed32(protowire.AppendTag(m, 5, protowire.Fixed32Type), crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	r.sent += rows
	return r.send(fieldBatch, m.with(6, body))
}

func (r *read) rows(n int) error { return r.ipc(1, uint64(n), numbered(int64(r.sent), n)) }

func (r *read) checkpoint(id uint64, state string) error {
	m := number(1, id).with(2, number(1, 1).withText(2, state))
	return r.send(fieldCheckpoint, m.with(3, text(1, "numbers").withNumber(2, r.sent)))
}

// finish ends the read well.
func (r *read) finish() error {
	if err := r.send(fieldBoundary, text(1, "numbers").withNumber(2, 1).withNumber(3, r.sent)); err != nil {
		return err
	}
	return r.send(fieldDone, message(nil).with(1, text(1, "numbers").withNumber(2, r.sent)))
}
