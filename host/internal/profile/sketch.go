package profile

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/zeebo/xxh3"

	"github.com/ai-data-analyst/broker/host/internal/profile/distinct"
	"github.com/ai-data-analyst/broker/host/internal/profile/values"
	"github.com/ai-data-analyst/broker/sdk"
)

// Limits of a sketch.
const (
	mostKeys   = 32 << 10 // different keys up to which repeats are counted exactly
	sampleRows = 5
)

// sketch is what is known of the rows of one part, or of several.
type sketch struct {
	rows     int64
	computed int64 // microseconds since 1970
	key      []string
	keys     *distinct.Set // hashes of keys; nil = there is no key, or it has other columns in some part
	columns  []*column
	byName   map[string]*column
	sample   []map[string]string
}

func newSketch(key []string) *sketch {
	s := &sketch{key: key, byName: map[string]*column{}}
	if len(key) > 0 {
		s.keys = &distinct.Set{Most: mostKeys}
	}
	return s
}

func (s *sketch) put(c *column) {
	s.columns = append(s.columns, c)
	s.byName[c.name] = c
}

// add counts a batch. Every batch of a part has the same columns; seed makes sketches of parts independent.
func (s *sketch) add(batch arrow.Record, table sdk.TableName, part int, buffers *scratch) {
	if len(s.columns) == 0 {
		for i, f := range batch.Schema().Fields() {
			seed := xxh3.HashString(string(table)) + uint64(part)<<16 + uint64(i)
			s.put(newColumn(f.Name, kindOfArrow(f.Type), seed))
		}
		for _, name := range s.key {
			if s.byName[name] == nil {
				s.keys = nil
			}
		}
	}
	s.show(batch)
	var keys []uint64
	for i, c := range s.columns {
		cells := batch.Column(i)
		c.add(cells, buffers)
		if s.keys == nil || !slices.Contains(s.key, c.name) {
			continue
		}
		hashes := buffers.hashes
		if cells.NullN() > 0 || c.values == nil {
			hashes = values.HashRows(cells)
		}
		if len(s.key) == 1 {
			s.keys.Add(hashes)
			continue
		}
		keys = joinAll(keys, hashes)
	}
	if keys != nil {
		s.keys.Add(keys)
	}
	s.rows += batch.NumRows()
}

// joinAll adds a column to the hashes of rows.
func joinAll(rows, column []uint64) []uint64 {
	if rows == nil {
		return slices.Clone(column)
	}
	for i, h := range column {
		rows[i] = values.Join(rows[i], h)
	}
	return rows
}

// show keeps the first rows as text.
func (s *sketch) show(batch arrow.Record) {
	for row := 0; row < int(batch.NumRows()) && len(s.sample) < sampleRows; row++ {
		shown := make(map[string]string, len(s.columns))
		for i, c := range s.columns {
			if cells := batch.Column(i); cells.IsValid(row) {
				shown[c.name] = values.Cell(cells, row)
			}
		}
		s.sample = append(s.sample, shown)
	}
}

// merge adds the sketch of the next part. Columns that only one of them has are NULL in the other.
func (s *sketch) merge(o *sketch) error {
	for _, c := range o.columns {
		if mine, ok := s.byName[c.name]; ok && mine.kind != c.kind {
			return mine.merge(c) // says what is wrong before anything has changed
		}
	}
	for _, c := range o.columns {
		mine, ok := s.byName[c.name]
		if !ok {
			mine = newColumn(c.name, c.kind, 0)
			mine.absent(s.rows)
			s.put(mine)
		}
		if err := mine.merge(c); err != nil {
			return err
		}
	}
	for _, c := range s.columns {
		if _, ok := o.byName[c.name]; !ok {
			c.absent(o.rows)
		}
	}
	if s.keys != nil && o.keys != nil && slices.Equal(s.key, o.key) {
		s.keys.Merge(o.keys)
	} else {
		s.keys = nil
	}
	s.rows, s.computed = s.rows+o.rows, max(s.computed, o.computed)
	for _, row := range o.sample {
		if len(s.sample) < sampleRows {
			s.sample = append(s.sample, row)
		}
	}
	return nil
}

// size is about how many bytes the sketch holds.
func (s *sketch) size() int64 {
	n := int64(1024)
	if s.keys != nil {
		n += s.keys.Size()
	}
	for _, c := range s.columns {
		n += c.size()
	}
	return n
}
