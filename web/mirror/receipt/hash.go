package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
	"strconv"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/types"
)

// Hasher hashes a result: the columns with their types, then the rows, each value marked as NULL or text and preceded by
// its length, so that no two results read alike. Unless the statement orders them, rows are hashed one by one and the
// hashes sorted, on disk where they are many. Floating-point numbers count with 12 significant digits, within nested values
// too: parallel sums differ in the last ones.
type Hasher struct {
	columns []api.TypedName
	nested  []*types.Type // of columns that are; nil for others
	header  []byte
	whole   hash.Hash // of the rows in their order; nil when nothing orders them
	hashes  sorter
	buffer  []byte
	count   int64
}

// NewHasher begins a result.
func NewHasher(columns []api.TypedName, ordered bool) *Hasher {
	h := &Hasher{columns: columns, nested: make([]*types.Type, len(columns))}
	for i, c := range columns {
		h.header = text(text(h.header, c.Name), c.Type)
		if t, err := types.Parse(c.Type); err == nil && t.Kind != types.Leaf {
			h.nested[i] = &t
		}
	}
	if ordered {
		h.whole = sha256.New()
		h.whole.Write(h.header)
	}
	return h
}

// Add takes a row.
func (h *Hasher) Add(row []*string) error {
	h.buffer = h.buffer[:0]
	for i, v := range row {
		if v == nil {
			h.buffer = append(h.buffer, 0)
			continue
		}
		h.buffer = text(append(h.buffer, 1), h.canonical(i, *v))
	}
	h.count++
	if h.whole != nil {
		h.whole.Write(binary.AppendUvarint(nil, uint64(len(h.buffer))))
		h.whole.Write(h.buffer)
	}
	return h.hashes.add(sha256.Sum256(h.buffer))
}

func (h *Hasher) canonical(column int, value string) string {
	if h.nested[column] == nil {
		return rounded(h.columns[column].Type, value)
	}
	out, err := h.nested[column].JSON([]byte(value), func(spelling, leaf string) []byte { return types.Quote(rounded(spelling, leaf)) })
	if err != nil {
		return value
	}
	return string(out)
}

// digits of a double that count (interface.md §9).
const digits = 12

func rounded(typ, value string) string {
	if typ != "DOUBLE" && typ != "FLOAT" {
		return value
	}
	f, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil:
		return value
	case math.IsNaN(f):
		return "NaN" // of either sign
	case f == 0:
		return "0" // of either sign
	}
	return strconv.FormatFloat(f, 'g', digits, 64)
}

func text(to []byte, value string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(value))), value...)
}

// Result is what came, once all rows were taken. It can be asked for once.
func (h *Hasher) Result() (Result, error) {
	sorted := sha256.New()
	sorted.Write(h.header)
	if err := h.hashes.each(func(row [sha256.Size]byte) { sorted.Write(row[:]) }); err != nil {
		return Result{}, err
	}
	r := Result{Rows: h.count, Columns: []string{}, SHA256: hex.EncodeToString(sorted.Sum(nil))}
	if h.whole != nil {
		r.RowsSHA256, r.SHA256 = r.SHA256, hex.EncodeToString(h.whole.Sum(nil))
	}
	for _, c := range h.columns {
		r.Columns = append(r.Columns, c.Name+" "+c.Type)
	}
	return r, nil
}

// Close gives back what many rows took on disk.
func (h *Hasher) Close() error { return h.hashes.close() }

func before(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) }
