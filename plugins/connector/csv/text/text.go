// Package text turns the bytes of a file into UTF-8 text: it undoes gzip and Zstandard, found by their first bytes, and
// translates other encodings, always as a stream.
//
// Bytes that mean nothing in the file's encoding come out as bytes that are not UTF-8, so that the scanner finds them
// with their line; nothing is replaced silently (G7). Only the csv connector imports it.
package text

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// maxWindow bounds the memory that a Zstandard file can ask for.
const maxWindow = 128 << 20

// Open returns the text of file, whose encoding is one of Encodings. A byte order mark is taken off and decides by
// itself. Closing it does not close file.
func Open(file io.Reader, encoding string) (io.ReadCloser, error) {
	plain, err := decompress(file)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(plain, 4096)
	head, err := r.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, plain.Close())
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		encoding = "utf-8"
		_, err = r.Discard(3)
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		encoding = "utf-16le"
		_, err = r.Discard(2)
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		encoding = "utf-16be"
		_, err = r.Discard(2)
	case encoding == "utf-16" && len(head) >= 2 && head[0] == 0 && head[1] != 0:
		encoding = "utf-16be"
	default:
		err = nil
	}
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	decoded, err := decode(r, encoding)
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	return readCloser{decoded, plain}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// decompress returns what file holds. Several gzip members or Zstandard frames in a row are one text.
func decompress(file io.Reader) (io.ReadCloser, error) {
	source := &source{Reader: file}
	r := bufio.NewReaderSize(source, 4096)
	head, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		unpacked, err := gzip.NewReader(r)
		if err != nil {
			return nil, source.damaged("gzip", err)
		}
		return packed{unpacked, "gzip", source}, nil
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")), len(head) == 4 && head[0]&0xf0 == 0x50 && string(head[1:]) == "\x2a\x4d\x18":
		unpacked, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, source.damaged("Zstandard", err)
		}
		return packed{unpacked.IOReadCloser(), "Zstandard", source}, nil
	}
	return io.NopCloser(r), nil
}

// source remembers an error of the file itself, so that it is not taken for damaged data.
type source struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func (s *source) damaged(format string, err error) error {
	if s.err != nil {
		return s.err
	}
	return &fault.Fault{Code: fault.Data, What: "the " + format + " data is damaged or cut off (" + err.Error() + ")", Help: "Write the file anew.", Err: err}
}

type packed struct {
	io.ReadCloser
	format string
	source *source
}

// Read implements io.Reader.
func (p packed) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = p.source.damaged(p.format, err)
	}
	return n, err
}
