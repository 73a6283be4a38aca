package object

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"

	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
)

// tries is how often reading goes on where the line broke, without a byte in between.
const tries = 3

// OpenPart opens an object for reading. Bytes are fetched as they are asked for: in order by one request, elsewhere by
// one for each place.
func (s *Store) OpenPart(ctx context.Context, below string) (depot.Reader, int64, error) {
	look, cancel := context.WithTimeout(ctx, patience(0))
	defer cancel()
	a, err := s.bucket.Attributes(look, s.key(below))
	if err != nil {
		return nil, 0, s.explain(err, "open", below)
	}
	return &reader{ctx: ctx, store: s, below: below, size: a.Size}, a.Size, nil
}

// reader reads an object. Not for concurrent use, but for ReadAt.
type reader struct {
	ctx   context.Context // of the one who opened it, as os.File has none
	store *Store
	below string
	size  int64 // -1 = as the first answer says
	at    int64
	body  *blob.Reader // nil = not asked for yet
	over  bool
}

// Read reads on. An object that ends before its size is an error.
func (r *reader) Read(p []byte) (int, error) {
	if r.over {
		return 0, fmt.Errorf("read %s: it is closed", r.below)
	}
	if r.size >= 0 && r.at >= r.size {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	for attempt := 1; ; attempt++ {
		n, err := r.readOn(p)
		r.at += int64(n)
		switch {
		case n > 0:
			return n, nil
		case errors.Is(err, io.EOF) && r.at == r.size:
			return 0, io.EOF
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
		}
		r.drop()
		if err != nil && (attempt == tries || !r.store.again(r.ctx, err)) {
			return 0, r.store.explain(err, "read", r.below)
		}
	}
}

func (r *reader) readOn(p []byte) (int, error) {
	if r.body == nil {
		body, err := r.store.bucket.NewRangeReader(r.ctx, r.store.key(r.below), r.at, -1, nil)
		if err != nil {
			return 0, err
		}
		r.body = body
		if r.size < 0 {
			r.size = body.Size()
		}
	}
	n, err := r.body.Read(p)
	if err != nil && n > 0 {
		r.drop() // the next Read goes on from here and meets the error, if it stays
	}
	return n, err
}

// ReadAt reads at a place, whatever Read and Seek do.
func (r *reader) ReadAt(p []byte, at int64) (int, error) {
	want := min(int64(len(p)), r.size-at)
	if at < 0 || want <= 0 {
		return 0, io.EOF
	}
	for attempt := 1; ; attempt++ {
		n, err := r.readRange(p[:want], at)
		if err == nil && want < int64(len(p)) {
			return n, io.EOF
		}
		if err == nil || attempt == tries || !r.store.again(r.ctx, err) {
			return n, r.store.explain(err, "read", r.below)
		}
	}
}

func (r *reader) readRange(p []byte, at int64) (int, error) {
	ctx, cancel := context.WithTimeout(r.ctx, patience(int64(len(p))))
	defer cancel()
	body, err := r.store.bucket.NewRangeReader(ctx, r.store.key(r.below), at, int64(len(p)), nil)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Seek moves to a place; nothing is fetched by that.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return r.at, fmt.Errorf("seek in %s: before its begin", r.below)
	}
	if offset != r.at {
		r.drop()
		r.at = offset
	}
	return r.at, nil
}

// drop ends the request under way.
func (r *reader) drop() {
	if r.body != nil {
		_ = r.body.Close() // what was read is used already
		r.body = nil
	}
}

// Close ends reading.
func (r *reader) Close() error {
	r.over = true
	r.drop()
	return nil
}
