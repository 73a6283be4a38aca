package shelf_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/ai-data-analyst/broker/web/mirror/shelf"
)

// Large files take another way to the disk: whatever their size, however they come and wherever an earlier try stopped, they
// are the bytes that were promised.
func TestY2_LargeFilesComeWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 9<<20+777)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	for name, c := range map[string]struct {
		size, there int
		from        func(io.Reader) io.Reader
	}{
		"whole blocks":            {8 << 20, 0, nil},
		"one byte more":           {8<<20 + 1, 0, nil},
		"odd":                     {len(text), 0, nil},
		"the smallest large":      {4 << 20, 0, nil},
		"one byte less":           {4<<20 - 1, 0, nil},
		"resumed at a block":      {len(text), 1 << 20, nil},
		"resumed within a block":  {len(text), 1<<20 + 13, nil},
		"in half reads":           {len(text), 0, iotest.HalfReader},
		"data and end at once":    {len(text), 0, iotest.DataErrReader},
		"resumed near the end":    {len(text), len(text) - 5, nil},
		"there whole, not named":  {len(text), len(text), nil},
		"longer than it shall be": {5 << 20, 6 << 20, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := &shelf.Shelf{Root: filepath.Join(dir, "parts"), Partial: filepath.Join(dir, "partial"), Record: filepath.Join(dir, "record")}
			want := text[:c.size]
			sum := hex.EncodeToString(func() []byte { h := sha256.Sum256(want); return h[:] }())
			if err := errors.Join(s.Load(), os.Mkdir(s.Partial, 0o755), os.WriteFile(filepath.Join(s.Partial, sum), text[:c.there], 0o644)); err != nil {
				t.Fatal(err)
			}
			position := int64(0)
			err := s.Take(t.Context(), sum, int64(c.size), func(_ context.Context, offset int64) (io.ReadCloser, error) {
				var r io.Reader = bytes.NewReader(want[offset:])
				if c.from != nil {
					r = c.from(r)
				}
				return io.NopCloser(r), nil
			}, func(at int64) { position = at })
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(s.Path(sum))
			if err != nil || !bytes.Equal(got, want) || position != int64(c.size) {
				t.Errorf("%d bytes at %d, %v", len(got), position, err)
			}
			if checked, _ := s.Has(sum, int64(c.size)); !checked {
				t.Error("not noted as checked")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A large file that breaks off keeps what came, and one with other bytes is not named.
func TestG5_LargeFilesThatAreWrong(t *testing.T) {
	dir := t.TempDir()
	s := &shelf.Shelf{Root: filepath.Join(dir, "parts"), Partial: filepath.Join(dir, "partial"), Record: filepath.Join(dir, "record")}
	if err := s.Load(); err != nil {
		t.Fatal(err)
	}
	text := bytes.Repeat([]byte("large"), 1<<20)
	h := sha256.Sum256(text)
	sum := hex.EncodeToString(h[:])
	take := func(came []byte) error {
		return s.Take(t.Context(), sum, int64(len(text)), func(_ context.Context, offset int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(came[offset:])), nil
		}, func(int64) {})
	}
	if err := take(text[:len(text)-4097]); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("broken off: %v", err)
	}
	if kept, err := os.ReadFile(filepath.Join(s.Partial, sum)); err != nil || !bytes.Equal(kept, text[:len(text)-4097]) {
		t.Errorf("kept %d bytes, %v", len(kept), err)
	}
	bad := bytes.Clone(text)
	bad[len(bad)-1] ^= 1
	if err := take(bad); !errors.Is(err, shelf.ErrMismatch) {
		t.Errorf("other bytes: %v", err)
	}
	if _, err := os.Stat(s.Path(sum)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("named: %v", err)
	}
	if err := take(text); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
