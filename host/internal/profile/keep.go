package profile

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"github.com/ai-data-analyst/broker/host/internal/profile/distinct"
	"github.com/ai-data-analyst/broker/host/internal/profile/figures"
)

// A sketch on disk is magic, the XXH3 of what follows, and a zstd frame of the gob of stored. Another version of broker
// that writes other figures has another magic: what it does not know counts as absent.
const (
	magic     = "brkprof1"
	suffix    = ".bin"
	mostBytes = 256 << 20 // of a sketch before it is packed
)

// stored is a sketch as it lies on disk.
type stored struct {
	Rows, Computed int64
	Key            []string
	Keys           *distinct.Stored
	Columns        []storedColumn
	Sample         []map[string]string
}

type storedColumn struct {
	Name        string
	Kind        kind
	Rows, Nulls int64
	Values      *distinct.StoredCounter
	Numbers     *figures.Numbers
	Lengths     lengths
	Trues       int64
	Span        span
}

func (s *sketch) store() stored {
	out := stored{Rows: s.rows, Computed: s.computed, Key: s.key, Sample: s.sample}
	if s.keys != nil {
		keys := s.keys.Store()
		out.Keys = &keys
	}
	for _, c := range s.columns {
		kept := storedColumn{Name: c.name, Kind: c.kind, Rows: c.rows, Nulls: c.nulls, Numbers: c.numbers, Lengths: c.lengths, Trues: c.trues, Span: c.span}
		if c.values != nil {
			cells := c.values.Store()
			kept.Values = &cells
		}
		out.Columns = append(out.Columns, kept)
	}
	return out
}

func restore(in stored) *sketch {
	s := newSketch(nil)
	s.rows, s.computed, s.key, s.sample = in.Rows, in.Computed, in.Key, in.Sample
	if in.Keys != nil {
		s.keys = distinct.Restore(mostKeys, *in.Keys)
	}
	for _, kept := range in.Columns {
		c := &column{name: kept.Name, kind: kept.Kind, rows: kept.Rows, nulls: kept.Nulls, numbers: kept.Numbers, lengths: kept.Lengths, trues: kept.Trues, span: kept.Span}
		if kept.Values != nil {
			c.values = distinct.RestoreCounter(*kept.Values)
		}
		s.put(c)
	}
	return s
}

func encode(s *sketch) ([]byte, error) {
	var plain bytes.Buffer
	if err := gob.NewEncoder(&plain).Encode(s.store()); err != nil {
		return nil, fmt.Errorf("encode a sketch: %w", err)
	}
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("pack a sketch: %w", err)
	}
	packed := packer.EncodeAll(plain.Bytes(), nil)
	body := binary.LittleEndian.AppendUint64([]byte(magic), xxh3.Hash(packed))
	return append(body, packed...), packer.Close()
}

func decode(body []byte) (*sketch, error) {
	packed, ok := bytes.CutPrefix(body, []byte(magic))
	if !ok || len(packed) < 8 || binary.LittleEndian.Uint64(packed) != xxh3.Hash(packed[8:]) {
		return nil, errors.New("it is not whole, or of another version")
	}
	unpacker, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostBytes))
	if err != nil {
		return nil, err
	}
	defer unpacker.Close()
	plain, err := unpacker.DecodeAll(packed[8:], nil)
	if err != nil {
		return nil, err
	}
	var in stored
	if err := gob.NewDecoder(bytes.NewReader(plain)).Decode(&in); err != nil {
		return nil, err
	}
	return restore(in), nil
}

// path is where the sketch of a part lies.
func (p *Profiles) path(sha256 string) string { return filepath.Join(p.options.Dir, sha256+suffix) }

// isHash says whether a name may be that of a part: it becomes a path.
func isHash(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}

// keep writes a sketch. Nothing is synced: one that a crash tears is not whole and counts as absent. Others than the owner
// must not read it: it has values.
func (p *Profiles) keep(sha256 string, s *sketch) error {
	if !isHash(sha256) {
		return fmt.Errorf("%q is no hash of a part", sha256)
	}
	body, err := encode(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.options.Dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of sketches: %w", err)
	}
	file, err := os.CreateTemp(p.options.Dir, "."+sha256+"-*.tmp") // 0600
	if err != nil {
		return fmt.Errorf("begin a sketch: %w", err)
	}
	_, err = file.Write(body)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), p.path(sha256))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write a sketch: %w", err), os.Remove(file.Name()))
	}
	return nil
}

// find reads a sketch; nil when there is none.
func (p *Profiles) find(sha256 string) *sketch {
	if !isHash(sha256) {
		return nil
	}
	body, err := os.ReadFile(p.path(sha256))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var s *sketch
	if err == nil {
		s, err = decode(body)
	}
	if err != nil {
		p.options.Log.Warn("the statistics of a part cannot be read; the profile of its table is incomplete", "part", sha256, "error", err)
		return nil
	}
	return s
}

// grace is how long a sketch without a part stays: its run may be under way, or its version held.
const grace = 24 * time.Hour

// Sweep removes the sketches of parts that are gone. It returns how many went.
func (p *Profiles) Sweep(isThere func(sha256 string) bool) (int, error) {
	entries, err := os.ReadDir(p.options.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("list the sketches: %w", err)
	}
	gone := 0
	var errs []error
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && p.options.Now().Sub(info.ModTime()) < grace {
			continue
		}
		hash, whole := strings.CutSuffix(entry.Name(), suffix)
		if err == nil && whole && isThere(hash) {
			continue
		}
		if err == nil && (whole || strings.HasSuffix(entry.Name(), ".tmp")) {
			err = os.Remove(filepath.Join(p.options.Dir, entry.Name()))
			gone++
		}
		errs = append(errs, err)
	}
	return gone, errors.Join(errs...)
}
