package receipt

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// most is how many hashes are in memory at once: 32 MB.
const most = 1 << 20

// sorter sorts hashes of any number: what is more than fits lies sorted in a file, run by run.
type sorter struct {
	rows  [][sha256.Size]byte
	limit int // for tests; 0 = most
	spill *os.File
	runs  []int64 // where each begins, in bytes
	end   int64
}

func (s *sorter) add(row [sha256.Size]byte) error {
	limit := s.limit
	if limit == 0 {
		limit = most
	}
	if len(s.rows) == limit {
		if err := s.write(); err != nil {
			return err
		}
	}
	s.rows = append(s.rows, row)
	return nil
}

// write puts the rows in memory to the file.
func (s *sorter) write() (err error) {
	if s.spill == nil {
		if s.spill, err = os.CreateTemp("", "analyst-receipt-"); err != nil {
			return fault.Wrap(fault.Config, err, "hash many rows")
		}
	}
	slices.SortFunc(s.rows, before)
	out := bufio.NewWriterSize(s.spill, 1<<20)
	for _, row := range s.rows {
		out.Write(row[:]) //nolint:errcheck // Flush says it
	}
	if err := out.Flush(); err != nil {
		return fault.Wrap(fault.Config, err, "hash many rows")
	}
	s.runs = append(s.runs, s.end)
	s.end += int64(len(s.rows)) * sha256.Size
	s.rows = s.rows[:0]
	return nil
}

// run is one sorted sequence, its next hash in head.
type run struct {
	head [sha256.Size]byte
	from io.Reader
}

// each calls do with every hash, sorted.
func (s *sorter) each(do func([sha256.Size]byte)) error {
	if s.spill == nil {
		slices.SortFunc(s.rows, before)
		for _, row := range s.rows {
			do(row)
		}
		return nil
	}
	if err := s.write(); err != nil {
		return err
	}
	var runs []*run
	for i, from := range s.runs {
		to := s.end
		if i+1 < len(s.runs) {
			to = s.runs[i+1]
		}
		runs = append(runs, &run{from: bufio.NewReaderSize(io.NewSectionReader(s.spill, from, to-from), 64<<10)})
	}
	return merge(runs, do)
}

// merge takes the least of all heads again and again.
func merge(runs []*run, do func([sha256.Size]byte)) error {
	var live []*run
	next := func(r *run) error {
		_, err := io.ReadFull(r.from, r.head[:])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.Wrap(fault.Config, err, "hash many rows")
		}
		at, _ := slices.BinarySearchFunc(live, r, func(a, b *run) int { return before(a.head, b.head) })
		live = slices.Insert(live, at, r)
		return nil
	}
	for _, r := range runs {
		if err := next(r); err != nil {
			return err
		}
	}
	for len(live) > 0 {
		least := live[0]
		live = live[1:]
		do(least.head)
		if err := next(least); err != nil {
			return err
		}
	}
	return nil
}

func (s *sorter) close() error {
	if s.spill == nil {
		return nil
	}
	name := s.spill.Name()
	err := errors.Join(s.spill.Close(), os.Remove(name))
	s.spill = nil
	return fault.Wrap(fault.Config, err, "clear away hashes of rows")
}
