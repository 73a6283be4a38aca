package share

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/ai-data-analyst/broker/host/internal/catalog"
)

// Limits of what is read beside the configuration.
const (
	maxText    = 1 << 20 // bytes of one file
	maxMetrics = 2_000   // files
)

// shelf is the folder of the configuration. It gathers what cannot be read; no link leads out of it.
type shelf struct {
	root *os.Root
	errs []error
}

func openShelf(dir string) (*shelf, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of the configuration: %w", err)
	}
	return &shelf{root: root}, nil
}

// close returns everything that could not be read.
func (s *shelf) close() error { return errors.Join(append(s.errs, s.root.Close())...) }

// text returns a text file; "" when there is none.
func (s *shelf) text(path string) string {
	content, err := s.read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.errs = append(s.errs, fmt.Errorf("read %s: %w", path, err))
	}
	return content
}

func (s *shelf) read(path string) (text string, err error) {
	info, err := s.root.Lstat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is no regular file")
	}
	file, err := s.root.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	content, err := io.ReadAll(io.LimitReader(file, maxText+1))
	switch {
	case err != nil:
		return "", err
	case len(content) > maxText:
		return "", fmt.Errorf("it is larger than %d bytes", maxText)
	case !utf8.Valid(content):
		return "", errors.New("it is not UTF-8 text")
	}
	return strings.TrimPrefix(string(content), "\ufeff"), nil
}

// metrics are the files metrics/<category>/<name>.yml, in order of name.
func (s *shelf) metrics() []catalog.Metric {
	var found []catalog.Metric
	for _, folder := range s.list("metrics") {
		if !folder.IsDir() {
			continue
		}
		for _, file := range s.list("metrics/" + folder.Name()) {
			name, isYAML := strings.CutSuffix(file.Name(), ".yml")
			if !isYAML || file.IsDir() {
				continue
			}
			if len(found) == maxMetrics {
				s.errs = append(s.errs, fmt.Errorf("metrics: there are more than %d files", maxMetrics))
				return found
			}
			if text := s.text("metrics/" + folder.Name() + "/" + file.Name()); text != "" {
				found = append(found, catalog.Metric{Category: folder.Name(), Name: name, Text: text})
			}
		}
	}
	return found
}

func (s *shelf) list(dir string) []fs.DirEntry {
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.errs = append(s.errs, fmt.Errorf("list %s: %w", dir, err))
	}
	return entries
}
