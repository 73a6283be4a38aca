package scan_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
)

const null = "<NULL>"

var comma = scan.Dialect{Delimiter: ',', Quote: '"'}

type result struct {
	Rows  [][]string
	Lines []int
	Bad   []string
}

// all reads text to its end; cells that are NULL read as null.
func all(t testing.TB, text io.Reader, dialect scan.Dialect) result {
	t.Helper()
	var got result
	reader := scan.NewReader(text, dialect)
	for {
		block, err := reader.Next(0)
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		for r := range block.Rows {
			row := make([]string, block.Width)
			for i, c := range block.Row(r) {
				row[i] = string(block.Value(c, dialect.Quote))
				if c.Null() {
					row[i] = null
				}
			}
			got.Rows = append(got.Rows, row)
			got.Lines = append(got.Lines, block.Line(r))
		}
		for _, bad := range block.Bad {
			got.Bad = append(got.Bad, fmt.Sprintf("%d %s", bad.Line, bad.Reason))
		}
	}
}

// TestD19_Cells holds the corner cases of RFC 4180 and of files in the wild.
func TestD19_Cells(t *testing.T) {
	semicolon, pad := comma, comma
	semicolon.Delimiter = ';'
	pad.Pad = true
	tests := []struct {
		name, text string
		dialect    scan.Dialect
		want       [][]string
		bad        []string
	}{
		{"empty file", "", comma, nil, nil},
		{"only blank lines", "\n\r\n\n", comma, nil, nil},
		{"header only", "a,b", comma, [][]string{{"a", "b"}}, nil},
		{"last line with newline", "a,b\n1,2\n", comma, [][]string{{"a", "b"}, {"1", "2"}}, nil},
		{"last line without newline", "a,b\n1,2", comma, [][]string{{"a", "b"}, {"1", "2"}}, nil},
		{"last line ends in a delimiter", "a,b\n1,", comma, [][]string{{"a", "b"}, {"1", null}}, nil},
		{"CRLF", "a,b\r\n1,2\r\n", comma, [][]string{{"a", "b"}, {"1", "2"}}, nil},
		{"CRLF after a quote", "a,\"b\"\r\n1,\"2\"\r\n", comma, [][]string{{"a", "b"}, {"1", "2"}}, nil},
		{"CRLF after an empty cell", "a,b\r\n1,\r\n", comma, [][]string{{"a", "b"}, {"1", null}}, nil},
		{"CRLF mixed with LF", "a,b\r\n1,2\n3,4\r\n", comma, [][]string{{"a", "b"}, {"1", "2"}, {"3", "4"}}, nil},
		{"CR alone ends lines", "a,b\r1,2\r3,4", comma, [][]string{{"a", "b"}, {"1", "2"}, {"3", "4"}}, nil},
		{"CR inside a cell of a file with LF", "a,b\n1\r2,3\n", comma, [][]string{{"a", "b"}, {"1\r2", "3"}}, nil},
		{"quoted newlines", "a,b\n\"1\n2\",\"3\r\n4\"\n5,6\n", comma, [][]string{{"a", "b"}, {"1\n2", "3\r\n4"}, {"5", "6"}}, nil},
		{"quoted delimiter", "a,b\n\"1,2\",3\n", comma, [][]string{{"a", "b"}, {"1,2", "3"}}, nil},
		{"doubled quotes", "a,b\n\"1 \"\"ha\"\" \"\"ha\"\"\",\"\"\"\"\n", comma, [][]string{{"a", "b"}, {`1 "ha" "ha"`, `"`}}, nil},
		{"quoted empty is no NULL", "a,b\n\"\",\n", comma, [][]string{{"a", "b"}, {"", null}}, nil},
		{"quoted empty first and last", "\"\",a,\"\"\n", comma, [][]string{{"", "a", ""}}, nil},
		{"quote inside an unquoted cell is text", "a,b\n5\" pipe,say \"hi\"\n", comma, [][]string{{"a", "b"}, {`5" pipe`, `say "hi"`}}, nil},
		{"a space before a quote makes it text", "a,b\n1, \"2\"\n", comma, [][]string{{"a", "b"}, {"1", ` "2"`}}, nil},
		{"cells are not trimmed", " a , b\n 1 ,\t2\n", comma, [][]string{{" a ", " b"}, {" 1 ", "\t2"}}, nil},
		{"JSON in a cell", "k,v\n1,\"{\"\"type\"\": \"\"Point\"\", \"\"at\"\": [102.0, 0.5]}\"\n", comma,
			[][]string{{"k", "v"}, {"1", `{"type": "Point", "at": [102.0, 0.5]}`}}, nil},
		{"UTF-8", "a,b\nʤ,😀\n", comma, [][]string{{"a", "b"}, {"ʤ", "😀"}}, nil},
		{"all empty", "a,b,c\n,,\n", comma, [][]string{{"a", "b", "c"}, {null, null, null}}, nil},
		{"one column: a blank line is NULL", "a\n1\n\n2\n", comma, [][]string{{"a"}, {"1"}, {null}, {"2"}}, nil},
		{"blank lines are no rows", "\na,b\n\n1,2\n\n", comma, [][]string{{"a", "b"}, {"1", "2"}}, nil},
		{"semicolon", "a;b\n1,5;2\n", semicolon, [][]string{{"a", "b"}, {"1,5", "2"}}, nil},
		{"no quoting", "a,b\n\"1,2\"\n", scan.Dialect{Delimiter: ','}, [][]string{{"a", "b"}, {`"1`, `2"`}}, nil},
		{"single quotes", "a,b\n'1,2','it''s'\n", scan.Dialect{Delimiter: ',', Quote: '\''}, [][]string{{"a", "b"}, {"1,2", "it's"}}, nil},
		{"formula", "a,b\n=cmd|' /C calc'!A0,1\n", comma, [][]string{{"a", "b"}, {"=cmd|' /C calc'!A0", "1"}}, nil},

		{"short row", "a,b\n1,2\n3\n4,5\n", comma, [][]string{{"a", "b"}, {"1", "2"}, {"4", "5"}}, []string{"3 ragged_row"}},
		{"long row", "a,b\n1,2,3\n4,5\n", comma, [][]string{{"a", "b"}, {"4", "5"}}, []string{"2 ragged_row"}},
		{"short row padded", "a,b\n1\n4,5\n", pad, [][]string{{"a", "b"}, {"1", null}, {"4", "5"}}, nil},
		{"empty surplus cut", "a,b\n1,2,,\n", pad, [][]string{{"a", "b"}, {"1", "2"}}, nil},
		{"surplus values are not cut", "a,b\n1,2,3\n4,5\n", pad, [][]string{{"a", "b"}, {"4", "5"}}, []string{"2 ragged_row"}},
		{"open quote", "a,b\n1,2\n3,\"4\n5,6\n", comma, [][]string{{"a", "b"}, {"1", "2"}}, []string{"3 open_quote"}},
		{"open quote at the very end", "a,b\n1,\"", comma, [][]string{{"a", "b"}}, []string{"2 open_quote"}},
		{"text after a quote", "a,b\n\"1\"x,2\n3,4\n", comma, [][]string{{"a", "b"}, {"3", "4"}}, []string{"2 bad_quote"}},
		{"NUL byte", "a,b\n1,\x002\n3,4\n", comma, [][]string{{"a", "b"}, {"3", "4"}}, []string{"2 nul_byte"}},
		{"bad UTF-8", "a,b\n1,2\n3,\xff\n5,6\n", comma, [][]string{{"a", "b"}, {"1", "2"}, {"5", "6"}}, []string{"3 bad_encoding"}},
		{"several in order of lines", "a,b\n1\n2,\x00\n\"3\n\",\xff\n4,5\n6,\"", comma, [][]string{{"a", "b"}, {"4", "5"}},
			[]string{"2 ragged_row", "3 nul_byte", "4 bad_encoding", "7 open_quote"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, text := range map[string]io.Reader{
				"whole": strings.NewReader(test.text), "bytewise": iotest.OneByteReader(strings.NewReader(test.text)),
			} {
				got := all(t, text, test.dialect)
				if diff := cmp.Diff(test.want, got.Rows); diff != "" {
					t.Errorf("%s: rows (-want +got):\n%s", name, diff)
				}
				if diff := cmp.Diff(test.bad, got.Bad); diff != "" {
					t.Errorf("%s: bad rows (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

// TestLines checks the line on which rows begin, across quoted newlines and blocks.
func TestLines(t *testing.T) {
	got := all(t, strings.NewReader("a,b\n\n\"1\n1\n\",2\n3,4\r\n5\n6,7\n"), comma)
	if diff := cmp.Diff([]int{1, 3, 6, 8}, got.Lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"7 ragged_row"}, got.Bad); diff != "" {
		t.Errorf("bad (-want +got):\n%s", diff)
	}
	rows := 100_000
	got = all(t, strings.NewReader(strings.Repeat("some,\"quoted\ntext\",here\n", rows)), comma)
	if len(got.Lines) != rows || got.Lines[rows-1] != 2*rows-1 {
		t.Errorf("%d rows, the last on line %d", len(got.Lines), got.Lines[len(got.Lines)-1])
	}
}

// TestD19_Giants: rows and cells beyond the caps are named and left out, and what follows is read.
func TestD19_Giants(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name, row, bad string
	}{
		{"cell at the cap", long(scan.MaxField) + ",2", ""},
		{"cell over the cap", long(scan.MaxField+1) + ",2", "2 long_field"},
		{"quoted cell over the cap", `"` + long(scan.MaxField+1) + `",2`, "2 long_field"},
		{"row over the cap", long(scan.MaxRow) + ",2", "2 long_row"},
		{"row far over the cap", long(3*scan.MaxRow) + ",2", "2 long_row"},
		{"quoted row far over the cap", `1,"` + strings.Repeat("x,\"\"\n", scan.MaxRow) + `"`, "2 long_row"},
	}
	for _, test := range tests {
		got := all(t, strings.NewReader("a,b\n"+test.row+"\n3,4\n"), comma)
		if bad := strings.Join(got.Bad, " "); bad != test.bad {
			t.Errorf("%s: bad rows %q, want %q", test.name, bad, test.bad)
		}
		if last := got.Rows[len(got.Rows)-1]; !cmp.Equal(last, []string{"3", "4"}) {
			t.Errorf("%s: the last row is not 3,4", test.name)
		}
	}
}

func TestTooManyColumns(t *testing.T) {
	got := all(t, strings.NewReader(strings.Repeat(",", scan.MaxCells)+"\n"), comma)
	if diff := cmp.Diff([]string{"1 too_many_columns"}, got.Bad); diff != "" {
		t.Errorf("bad (-want +got):\n%s", diff)
	}
}

func TestReadErrorIsNotTheEnd(t *testing.T) {
	broken := errors.New("disk on fire")
	reader := scan.NewReader(io.MultiReader(strings.NewReader("a,b\n1,"), iotest.ErrReader(broken)), comma)
	if _, err := reader.Next(0); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Next(0); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestLimit(t *testing.T) {
	reader := scan.NewReader(strings.NewReader("a,b\n1,2\n3,4\n5,6\n"), comma)
	for _, want := range []int{1, 2, 1} {
		block, err := reader.Next(min(want, 2))
		if err != nil || block.Rows != want {
			t.Fatalf("%d rows, %v, want %d", block.Rows, err, want)
		}
	}
	if _, err := reader.Next(2); !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want EOF", err)
	}
}

// compare checks text against encoding/csv where both find it valid.
func compare(t testing.TB, text string) {
	want, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(want) == 0 || len(want[0]) == 1 || strings.ContainsRune(text, 0) || strings.Contains(text, "\r") && !strings.Contains(text, "\n") {
		return
	}
	got := all(t, strings.NewReader(text), comma)
	if len(got.Bad) > 0 {
		if !strings.Contains(got.Bad[0], "bad_encoding") {
			t.Errorf("bad rows %v in %q", got.Bad, text)
		}
		return
	}
	for _, row := range got.Rows {
		for i, cell := range row {
			if cell == null {
				row[i] = ""
			}
			row[i] = strings.ReplaceAll(row[i], "\r\n", "\n") // as encoding/csv does inside quotes
		}
	}
	if diff := cmp.Diff(want, got.Rows); diff != "" {
		t.Errorf("%q (-encoding/csv +scan):\n%s", text, diff)
	}
}

// TestLikeEncodingCSV compares random tables with encoding/csv.
func TestLikeEncodingCSV(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "bc", "1234567890", "", ",", "\n", "\r\n", `""`, "é", strings.Repeat("long ", 30)}
	for range 3_000 {
		var text strings.Builder
		width := 2 + random.IntN(5)
		for range 1 + random.IntN(40) {
			for c := range width {
				if c > 0 {
					text.WriteByte(',')
				}
				if random.IntN(3) > 0 {
					text.WriteString(pieces[random.IntN(4)])
					continue
				}
				text.WriteByte('"')
				for range random.IntN(4) {
					text.WriteString(pieces[random.IntN(len(pieces))])
				}
				text.WriteByte('"')
			}
			text.WriteString([]string{"\n", "\r\n"}[random.IntN(2)])
		}
		compare(t, text.String())
	}
}

// FuzzScan: no text panics, and what encoding/csv also finds valid reads the same.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "\"a\"\"\",b\r\n\"\n\",\n", "a\rb\rc", "\"", "a,\"b\"x,c\n", ",\n\x00,\n", "\xff\xfe"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		compare(t, text)
		whole, bytewise := all(t, strings.NewReader(text), comma), all(t, iotest.OneByteReader(strings.NewReader(text)), comma)
		if diff := cmp.Diff(whole, bytewise); diff != "" {
			t.Errorf("%q read whole and byte by byte:\n%s", text, diff)
		}
	})
}
