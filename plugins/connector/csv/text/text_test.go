package text_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/text"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func readAll(t testing.TB, file io.Reader, encoding string) (string, error) {
	t.Helper()
	r, err := text.Open(file, encoding)
	if err != nil {
		return "", err
	}
	got, err := io.ReadAll(r)
	return string(got), errors.Join(err, r.Close())
}

// long has characters of all lengths, so that some lie across the ends of buffers.
var long = strings.Repeat("aé€😀 line\r\n", 20_000)

// TestStreams: text longer than any buffer comes through, however it arrives.
func TestStreams(t *testing.T) {
	encode := func(low, high int) string {
		units := utf16.Encode([]rune(long))
		b := make([]byte, 2*len(units))
		for i, u := range units {
			b[2*i+low], b[2*i+high] = byte(u), byte(u>>8)
		}
		return string(b)
	}
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, long); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	skippable := "\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"
	tests := []struct{ name, in, encoding string }{
		{"utf-8", long, "utf-8"}, {"utf-16le", encode(0, 1), "utf-16le"}, {"utf-16be", encode(1, 0), "utf-16be"},
		{"utf-16 with a mark", "\xff\xfe" + encode(0, 1), "utf-8"}, {"big endian with a mark", "\xfe\xff" + encode(1, 0), "latin-1"},
		{"utf-8 with a mark", "\xef\xbb\xbf" + long, "windows-1252"}, {"Zstandard", packed.String(), "utf-8"}, {"Zstandard, skippable frame first", skippable + packed.String(), "utf-8"},
	}
	for _, test := range tests {
		for name, file := range map[string]io.Reader{
			"whole": strings.NewReader(test.in), "halves": iotest.HalfReader(strings.NewReader(test.in)), "with EOF": iotest.DataErrReader(strings.NewReader(test.in)),
		} {
			got, err := readAll(t, file, test.encoding)
			if err != nil || got != long {
				t.Errorf("%s, %s: %d bytes instead of %d, %v", test.name, name, len(got), len(long), err)
			}
		}
	}
}

func TestShortFiles(t *testing.T) {
	for _, in := range []string{"", "a", "ab", "abc", "\x1f", "(\xb5", "\xef\xbb"} {
		if got, err := readAll(t, strings.NewReader(in), "utf-8"); err != nil || got != in {
			t.Errorf("%q reads as %q, %v", in, got, err)
		}
	}
}

// TestCharmaps: each byte of each encoding is its character, or not text; none is replaced.
func TestCharmaps(t *testing.T) {
	tables := map[string]*charmap.Charmap{
		"latin-1": charmap.ISO8859_1, "windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251, "windows-1252": charmap.Windows1252,
		"windows-1253": charmap.Windows1253, "windows-1254": charmap.Windows1254, "windows-1255": charmap.Windows1255, "windows-1256": charmap.Windows1256,
		"windows-1257": charmap.Windows1257, "windows-1258": charmap.Windows1258,
	}
	for name, table := range tables {
		for b := range 256 {
			got, err := readAll(t, bytes.NewReader([]byte{'x', byte(b)}), name)
			want := "x" + string(table.DecodeByte(byte(b)))
			if table.DecodeByte(byte(b)) == utf8.RuneError {
				want = "x\xff"
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: byte %#x: %v\n%s", name, b, err, diff)
			}
		}
		if !text.Known(strings.ToUpper(name)) {
			t.Errorf("%s is not known in capitals", name)
		}
	}
	if _, err := readAll(t, strings.NewReader("x"), "ebcdic"); fault.CodeOf(err) != fault.Config {
		t.Errorf("an unknown encoding gives %v", err)
	}
}

// TestG6_BrokenDiskIsNotDamagedData: an error of the file stays one, also inside packed text.
func TestG6_BrokenDiskIsNotDamagedData(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, head := range []string{"", "a,b\n", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "\x28\xb5\x2f\xfd"} {
		if _, err := readAll(t, io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken)), "utf-8"); !errors.Is(err, broken) {
			t.Errorf("after %q: %v", head, err)
		}
	}
	if _, err := readAll(t, strings.NewReader("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03xxxx"), "utf-8"); fault.CodeOf(err) != fault.Data {
		t.Errorf("damaged gzip: %v", err)
	}
}
