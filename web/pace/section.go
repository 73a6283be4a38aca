package pace

import "io"

// Section is the rest of an open file up to n bytes, as a body of an answer: the server closes it when it has gone out
// or the client has left. Files of the system go out by sendfile.
func Section(file io.ReadCloser, n int64) io.ReadCloser {
	return &section{io.LimitedReader{R: file, N: n}, file}
}

type section struct {
	io.LimitedReader
	file io.Closer
}

// WriteTo implements io.WriterTo.
func (s *section) WriteTo(w io.Writer) (int64, error) {
	if direct, ok := w.(io.ReaderFrom); ok {
		return direct.ReadFrom(&s.LimitedReader)
	}
	return io.Copy(struct{ io.Writer }{w}, &s.LimitedReader)
}

// Close implements io.Closer.
func (s *section) Close() error { return s.file.Close() }
