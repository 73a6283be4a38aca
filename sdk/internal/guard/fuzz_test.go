package guard_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the seed corpus anew")

// FuzzRecord gives any bytes to the guard, as a message of one of the shapes.
func FuzzRecord(f *testing.F) {
	all := shapes()
	if *update {
		writeCorpus(f, all)
	}
	f.Fuzz(func(t *testing.T, which uint8, rows uint16, message []byte) {
		s := all[int(which)%len(all)]
		got, err := reader(t, s.columns).Record(aligned(message), int(rows))
		if err != nil {
			if strings.Contains(err.Error(), "cannot be read") {
				t.Fatal(err)
			}
			return
		}
		touch(got)
		got.Release()
	})
}

// writeCorpus writes a valid message of each shape into testdata, where go test finds it.
func writeCorpus(f *testing.F, all []shape) {
	dir := filepath.Join("testdata", "fuzz", "FuzzRecord")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		f.Fatal(err)
	}
	for i, s := range all {
		_, record := s.record(f)
		text := fmt.Sprintf("go test fuzz v1\nbyte('\\x%02x')\nuint16(%d)\n[]byte(%s)\n", i, record.NumRows(), strconv.Quote(string(encode(f, record))))
		record.Release()
		name := strings.NewReplacer(" ", "_", ",", "").Replace(s.name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			f.Fatal(err)
		}
	}
}
