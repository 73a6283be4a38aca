package receipt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sort"
	"strconv"

	"github.com/ai-data-analyst/broker/web/api"
)

// Hasher hashes a result: the columns with their types, then the rows, each value marked as NULL or text and preceded by
// its length, so that no two results read alike. Unless the statement orders them, rows are hashed one by one and the
// hashes sorted. Floating-point numbers count with 12 significant digits: parallel sums differ in the last ones.
type Hasher struct {
	columns []api.TypedName
	ordered bool
	whole   hash.Hash
	rows    [][sha256.Size]byte
	buffer  []byte
	count   int64
}

// NewHasher begins a result.
func NewHasher(columns []api.TypedName, ordered bool) *Hasher {
	h := &Hasher{columns: columns, ordered: ordered, whole: sha256.New()}
	for _, c := range columns {
		h.buffer = text(text(h.buffer, c.Name), c.Type)
	}
	h.whole.Write(h.buffer)
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
	if h.ordered {
		h.whole.Write(binary.AppendUvarint(nil, uint64(len(h.buffer))))
		h.whole.Write(h.buffer)
		return nil
	}
	h.rows = append(h.rows, sha256.Sum256(h.buffer))
	return nil
}

// digits of a double that count (interface.md §9).
const digits = 12

func (h *Hasher) canonical(column int, value string) string {
	switch h.columns[column].Type {
	case "DOUBLE", "FLOAT":
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return value
		}
		if f == 0 {
			f = 0 // -0 is 0
		}
		return strconv.FormatFloat(f, 'g', digits, 64)
	}
	return value
}

func text(to []byte, value string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(value))), value...)
}

// Rows is how many rows were taken.
func (h *Hasher) Rows() int64 { return h.count }

// Sum is the hash in hex.
func (h *Hasher) Sum() string {
	sort.Slice(h.rows, func(i, j int) bool { return string(h.rows[i][:]) < string(h.rows[j][:]) })
	for _, r := range h.rows {
		h.whole.Write(r[:])
	}
	h.rows = nil
	return hex.EncodeToString(h.whole.Sum(nil))
}
