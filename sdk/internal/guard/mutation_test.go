package guard_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk"
)

// TestMutatedMessages changes valid messages at random: whatever passes can be read in every value (G8).
func TestMutatedMessages(t *testing.T) {
	const inputs = 240_000
	random := rand.New(rand.NewPCG(42, 42))
	passed := 0
	all := shapes()
	for _, s := range all {
		r, record := s.record(t)
		rows := int(record.NumRows())
		message := encode(t, record)
		record.Release()
		buffer := aligned(message)
		for range inputs / len(all) {
			b := buffer.Bytes()
			copy(b, message)
			mutate(b, random)
			got, err := r.Record(buffer, rows)
			if err != nil {
				if strings.Contains(err.Error(), "cannot be read") {
					t.Fatalf("%s: a panic had to be caught: %v", s.name, err)
				}
				continue
			}
			touch(got)
			got.Release()
			passed++
		}
	}
	if passed < inputs/100 {
		t.Errorf("only %d of %d inputs passed: the mutations are too rough to test what is behind the checks", passed, inputs)
	}
}

func mutate(b []byte, r *rand.Rand) {
	for range 1 + r.IntN(4) {
		at := r.IntN(len(b))
		switch r.IntN(4) {
		case 0:
			b[at] = byte(r.IntN(256))
		case 1:
			b[at] ^= 1 << r.IntN(8)
		case 2:
			if at+4 <= len(b) {
				binary.LittleEndian.PutUint32(b[at:], []uint32{0, 1, 0x7fffffff, 0x80000000, 0xffffffff, uint32(len(b))}[r.IntN(6)])
			}
		default:
			if at+8 <= len(b) {
				binary.LittleEndian.PutUint64(b[at&^7:], []uint64{0, 1, 1 << 62, 1 << 63, 1<<64 - 1, uint64(len(b))}[r.IntN(6)])
			}
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	for _, columns := range map[string][]sdk.Column{"flat": flat(), "nested": nested()} {
		r := reader(b, columns)
		record := fill(b, r.Schema(), 65_536, 1, 1)
		message := encode(b, record)
		record.Release()
		buffer := aligned(message)
		b.Run(fmt.Sprint(len(columns)), func(b *testing.B) {
			b.SetBytes(int64(len(message)))
			for range b.N {
				got, err := r.Record(buffer, 65_536)
				if err != nil {
					b.Fatal(err)
				}
				got.Release()
			}
		})
	}
}
