package table_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/plugins/connector/sample/shop/table"
)

func TestCells(t *testing.T) {
	first := time.Date(2023, 12, 30, 0, 0, 0, 0, time.UTC)
	days := table.NewDays(first.Unix()/86_400, 400)
	for want, got := range map[string][]byte{
		",":                    table.Null(nil),
		"a b,":                 table.String(nil, "a b"),
		"C-000007,":            table.ID(nil, "C-", 7, 6),
		"C-123456,":            table.ID(nil, "C-", 123_456, 6),
		"C-1234567,":           table.ID(nil, "C-", 1_234_567, 6), // wider than its width
		"P-00100,":             table.ID(nil, "P-", 100, 5),
		"0":                    table.Padded(nil, 0, 0),
		"0,":                   table.Int(nil, 0),
		"10,":                  table.Int(nil, 10),
		"901,":                 table.Int(nil, 901),
		"0.00,":                table.Cents(nil, 0),
		"0.07,":                table.Cents(nil, 7),
		"1.00,":                table.Cents(nil, 100),
		"1234567.89,":          table.Cents(nil, 123_456_789),
		"2023-12-30,":          days.Date(nil, first.Unix()/86_400),
		"2024-02-29 23:59:59,": days.Moment(nil, time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC).Unix()),
		"2024-03-01 00:00:00,": days.Moment(nil, time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC).Unix()),
	} {
		if string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// rows declares a table of numbers, in blocks that do not fit the batches; every third amount is NULL.
func rows(count int) *table.Spec[int] {
	all := make([]int, count)
	for i := range all {
		all[i] = i
	}
	days := table.NewDays(19_000, int64(count)+1)
	return &table.Spec[int]{
		Title: "numbers", About: "Numbers.", Count: func() int64 { return int64(count) }, Blocks: slices.Chunk(all, 7),
		Columns: []table.Column{{Name: "id"}, {Name: "amount", Kind: table.Money}, {Name: "day", Kind: table.Date}, {Name: "at", Kind: table.Moment}, {Name: "n", Kind: table.Integer}},
		Line: func(b []byte, r *int) []byte {
			n := int64(*r)
			b = table.ID(b, "N-", n, 3)
			if n%3 == 0 {
				b = table.Null(b)
			} else {
				b = table.Cents(b, n*101)
			}
			b = days.Date(b, 19_000+n)
			b = days.Moment(b, (19_000+n)*86_400+n*61)
			return table.Int(b, n*n)
		},
	}
}

func TestBatchesReadTheTextBack(t *testing.T) {
	for _, count := range []int{0, 1, 6, 7, 10, 40} {
		at := 0
		for batch, err := range rows(count).Batches(context.Background(), 10) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range int(batch.NumRows()) {
				var got []string
				for c := range int(batch.NumCols()) {
					got = append(got, batch.Column(c).ValueStr(i))
				}
				moment := time.Unix(int64(19_000+at)*86_400+int64(at)*61, 0).UTC()
				amount := fmt.Sprintf("%d.%02d", at*101/100, at*101%100)
				if at%3 == 0 {
					amount = "(null)"
				}
				want := []string{fmt.Sprintf("N-%03d", at), amount, moment.Format(time.DateOnly), moment.Format("2006-01-02 15:04:05Z"), fmt.Sprint(at * at)}
				want[3], got[3] = want[3][:19], got[3][:19]
				if !slices.Equal(trimmed(got), trimmed(want)) {
					t.Fatalf("row %d: %q, want %q", at, got, want)
				}
				at++
			}
			if full := at%10 == 0; !full && at != count {
				t.Errorf("a batch of %d rows in the middle", batch.NumRows())
			}
			batch.Release()
		}
		if at != count {
			t.Errorf("%d rows in batches, want %d", at, count)
		}
	}
}

// trimmed drops trailing zeros of amounts, which Arrow does not print.
func trimmed(cells []string) []string {
	cells = slices.Clone(cells)
	var n float64
	if _, err := fmt.Sscan(cells[1], &n); err == nil {
		cells[1] = fmt.Sprint(n)
	}
	return cells
}

func TestCSVHasHeaderAndLineEnds(t *testing.T) {
	var b bytes.Buffer
	var reported int64
	if err := rows(2).WriteCSV(context.Background(), &b, func(n int64) { reported = n }); err != nil {
		t.Fatal(err)
	}
	want := "id,amount,day,at,n\r\nN-000,,2022-01-08,2022-01-08 00:00:00,0\r\nN-001,1.01,2022-01-09,2022-01-09 00:01:01,1\r\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
	if reported != 2 {
		t.Errorf("%d rows reported", reported)
	}
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestFullDiskIsReported(t *testing.T) {
	if err := rows(20_000).WriteCSV(context.Background(), full{}, nil); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}
