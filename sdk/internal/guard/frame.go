package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxMetaBytes caps the flatbuffer of a message: 4,096 columns need about 256 KiB.
const maxMetaBytes = 4 << 20

// Numbers of Arrow's format: a message's versions and header type, and the slots of its tables.
const (
	versionV4, versionV5 = 3, 4
	headerRecordBatch    = 3

	slotVersion, slotHeaderType, slotHeader, slotBodyLength = 0, 1, 2, 3
	slotLength, slotNodes, slotBuffers, slotCompression     = 0, 1, 2, 3
	slotVariadic                                            = 4
)

// frame splits an encapsulated message: continuation mark, length, flatbuffer, body.
func frame(message []byte) (meta, body []byte, err error) {
	if len(message) < 8 {
		return nil, nil, fmt.Errorf("truncated at byte %d", len(message))
	}
	if binary.LittleEndian.Uint32(message) != 0xffffffff {
		return nil, nil, errors.New("no continuation mark at its start")
	}
	size := int64(int32(binary.LittleEndian.Uint32(message[4:])))
	if size <= 0 || size > maxMetaBytes || size%8 != 0 {
		return nil, nil, fmt.Errorf("metadata length %d", size)
	}
	if size > int64(len(message)-8) {
		return nil, nil, fmt.Errorf("truncated at byte %d", len(message))
	}
	return message[8 : 8+size], message[8+size:], nil
}

// batchMeta is the flatbuffer of a record batch: rows, field nodes {length, nulls} and buffers {offset, length}.
type batchMeta struct {
	rows    int64
	nodes   []byte // 16 bytes each
	buffers []byte // 16 bytes each
}

func readMeta(meta []byte, body int) (batchMeta, error) {
	root, err := tableAt(meta, 0, 0)
	if err != nil {
		return batchMeta{}, err
	}
	version, err := root.scalar(slotVersion, 2)
	if err != nil || version != versionV4 && version != versionV5 {
		return batchMeta{}, fmt.Errorf("metadata version %d", version)
	}
	kind, err := root.scalar(slotHeaderType, 1)
	if err != nil || kind != headerRecordBatch {
		return batchMeta{}, fmt.Errorf("message type %d: only record batches travel", kind)
	}
	length, err := root.scalar(slotBodyLength, 8)
	if err != nil || length != int64(body) {
		return batchMeta{}, fmt.Errorf("body length %d, %d bytes follow", length, body)
	}
	batch, err := root.table(slotHeader)
	if err != nil {
		return batchMeta{}, err
	}
	return readBatch(batch)
}

func readBatch(batch table) (m batchMeta, err error) {
	if compressed, err := batch.field(slotCompression, 4); err != nil || compressed != 0 {
		return m, errors.New("compressed bodies are not allowed")
	}
	if views, err := batch.vector(slotVariadic, 8); err != nil || len(views) != 0 {
		return m, errors.New("view types are not allowed")
	}
	if m.rows, err = batch.scalar(slotLength, 8); err != nil {
		return m, err
	}
	if m.rows < 0 {
		return m, fmt.Errorf("%d rows", m.rows)
	}
	if m.nodes, err = batch.vector(slotNodes, 16); err != nil {
		return m, err
	}
	m.buffers, err = batch.vector(slotBuffers, 16)
	return m, err
}

var errMeta = errors.New("malformed metadata")

// table is a flatbuffer table whose extent was checked.
type table struct {
	bytes        []byte
	at, size     int // of its inline data
	vtable, vlen int
}

// tableAt follows the offset stored at position from, relative to base.
func tableAt(bytes []byte, from, base int) (t table, err error) {
	if from < 0 || from > len(bytes)-4 {
		return t, errMeta
	}
	at := base + int(binary.LittleEndian.Uint32(bytes[from:]))
	if at < 0 || at > len(bytes)-4 {
		return t, errMeta
	}
	vtable := at - int(int32(binary.LittleEndian.Uint32(bytes[at:])))
	if vtable < 0 || vtable > len(bytes)-4 {
		return t, errMeta
	}
	vlen := int(binary.LittleEndian.Uint16(bytes[vtable:]))
	size := int(binary.LittleEndian.Uint16(bytes[vtable+2:]))
	if vlen < 4 || vlen%2 != 0 || vlen > len(bytes)-vtable || size < 4 || size > len(bytes)-at {
		return t, errMeta
	}
	return table{bytes: bytes, at: at, size: size, vtable: vtable, vlen: vlen}, nil
}

// field returns the position of a slot's inline value of the given width, 0 when it is absent.
func (t table) field(slot, width int) (int, error) {
	entry := 4 + 2*slot
	if entry+2 > t.vlen {
		return 0, nil
	}
	offset := int(binary.LittleEndian.Uint16(t.bytes[t.vtable+entry:]))
	if offset == 0 {
		return 0, nil
	}
	if offset < 4 || offset > t.size-width {
		return 0, errMeta
	}
	return t.at + offset, nil
}

func (t table) scalar(slot, width int) (int64, error) {
	at, err := t.field(slot, width)
	if err != nil || at == 0 {
		return 0, err
	}
	switch width {
	case 1:
		return int64(t.bytes[at]), nil
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(t.bytes[at:]))), nil
	default:
		return int64(binary.LittleEndian.Uint64(t.bytes[at:])), nil
	}
}

func (t table) table(slot int) (table, error) {
	at, err := t.field(slot, 4)
	if err != nil || at == 0 {
		return table{}, errMeta
	}
	return tableAt(t.bytes, at, at)
}

// vector returns the bytes of a slot's vector whose elements have the given width.
func (t table) vector(slot, width int) ([]byte, error) {
	at, err := t.field(slot, 4)
	if err != nil || at == 0 {
		return nil, err
	}
	start := at + int(binary.LittleEndian.Uint32(t.bytes[at:]))
	if start < 0 || start > len(t.bytes)-4 {
		return nil, errMeta
	}
	count := int(binary.LittleEndian.Uint32(t.bytes[start:]))
	if count < 0 || count > (len(t.bytes)-start-4)/width {
		return nil, errMeta
	}
	return t.bytes[start+4 : start+4+count*width], nil
}
