package infer_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/infer"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
)

// cell returns text with something before it and the padding behind it, and where it lies.
func cell(text string) (t []byte, s, e int) {
	t = []byte("9" + text + strings.Repeat("9", scan.Padding))
	return t, 1, 1 + len(text)
}

// TestG7_Kinds says which kind a column of the given cells has.
func TestG7_Kinds(t *testing.T) {
	tests := []struct {
		cells string // separated by |
		want  infer.Kind
	}{
		{"", infer.Text},
		{"true|false|TRUE|False", infer.Bool}, {"true|0", infer.Text}, {"yes|no", infer.Text}, {"t|f", infer.Text},
		{"0|1", infer.Integer}, {"1|-1|9223372036854775807|-9223372036854775808", infer.Integer},
		{"9223372036854775808", infer.Decimal}, {"-9223372036854775809|1", infer.Decimal},
		{strings.Repeat("9", 38), infer.Decimal}, {strings.Repeat("9", 39), infer.Text}, {"18446744073709551616|1.5", infer.Text},
		{"007", infer.Text}, {"00", infer.Text}, {"1|01", infer.Text}, {"-01", infer.Text}, {"01.5", infer.Text},
		{"+5", infer.Text}, {"1e5", infer.Text}, {"1E5", infer.Text}, {" 5", infer.Text}, {"5 ", infer.Text}, {"1,5", infer.Text},
		{"1,000", infer.Text}, {"1'000", infer.Text}, {"1_000", infer.Text}, {"0x10", infer.Text}, {"$5", infer.Text}, {"5%", infer.Text},
		{"-", infer.Text}, {"--1", infer.Text}, {".", infer.Text}, {"1.2.3", infer.Text}, {"1.2.3.4.5.6.7", infer.Text},
		{"1.5", infer.Float}, {"0.5|1", infer.Float}, {"12.30|-0.0|-0", infer.Float}, {"0", infer.Integer}, {"0.0", infer.Float},
		{".5", infer.Text}, {"5.", infer.Text}, {"-.5", infer.Text}, {"123456789.", infer.Text}, {".123456789", infer.Text}, {"-.123456789", infer.Text},
		{"9007199254740992|0.5", infer.Float}, {"9007199254740993|0.5", infer.Text}, {"0.5|9007199254740993", infer.Text},
		{"0.30000000000000004", infer.Float}, {"0.12345678901234567", infer.Text}, {"0.1234567890123456789", infer.Text}, {"9007199254740993.0", infer.Text},
		{"0.10000000000000000000", infer.Float}, {"1.7976931348623157", infer.Float}, {"0." + strings.Repeat("0", 400) + "1", infer.Text},
		{"NaN", infer.Text}, {"Inf|-Inf", infer.Text}, {"1.5|NaN", infer.Text}, {"NA|1", infer.Text}, {"null", infer.Text},
		{"2024-02-29|0001-01-01|9999-12-31", infer.Date}, {"2023-02-29", infer.Text}, {"1900-02-29", infer.Text}, {"2000-02-29", infer.Date},
		{"0000-01-01", infer.Text}, {"2024-13-01", infer.Text}, {"2024-00-10", infer.Text}, {"2024-01-32", infer.Text}, {"2024-04-31", infer.Text},
		{"01/02/2024", infer.Text}, {"2024/01/02", infer.Text}, {"20240102", infer.Integer}, {"2024-1-2", infer.Text}, {"2024-01", infer.Text},
		{"2024-01-02 03:04:05", infer.Timestamp}, {"2024-01-02T03:04:05.123456|2024-01-02T03:04", infer.Timestamp},
		{"2024-01-02|2024-01-02 03:04:05", infer.Timestamp}, {"2024-01-02 03:04:05|2024-01-02", infer.Timestamp},
		{"2024-01-02T03:04:05Z|2024-01-02 03:04:05+02:00|2024-01-02T03:04:05.5-0330|2024-01-02T03:04+01", infer.Zoned},
		{"2024-01-02T03:04:05Z|2024-01-02T03:04:05", infer.Text}, {"2024-01-02T03:04:05Z|2024-01-02", infer.Text},
		{"2024-01-02T03:04:05.1234567", infer.Text}, {"2024-01-02T03:04:05.", infer.Text}, {"2024-01-02T24:00:00", infer.Text},
		{"2016-12-31T23:59:60Z", infer.Text}, {"2024-01-02T03:60:00", infer.Text}, {"2024-01-02T03:04:05 UTC", infer.Text}, {"2024-01-02 3:04", infer.Text},
		{"2024-01-02T03:04:05+19:00", infer.Text}, {"0001-01-01T00:00:00+01:00", infer.Text}, {"9999-12-31T23:59:59-01:00", infer.Text},
		{"2024-01-02x03:04:05", infer.Text}, {"2024-01-02T", infer.Text}, {"2024-01-02T03-04-05", infer.Text}, {"2024-01-02T03:04-05", infer.Zoned},
		{"2024-01-02|5", infer.Text}, {"true|2024-01-02", infer.Text}, {"5|x", infer.Text}, {"=1+1", infer.Text},
		{"1|9007199254740993|x", infer.Text}, {"9007199254740993|1", infer.Integer},
	}
	for _, test := range tests {
		var cells []string
		if test.cells != "" {
			cells = strings.Split(test.cells, "|")
		}
		for _, order := range [][]string{cells, reversed(cells)} {
			set := infer.Any
			for _, c := range order {
				text, s, e := cell(c)
				set &= infer.Fits(set.Best(), text, s, e)
			}
			if got := set.Best(); got != test.want {
				t.Errorf("%v: kind %v, want %v", order, got, test.want)
			}
		}
	}
}

func reversed(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[len(in)-1-i] = s
	}
	return out
}

// TestG7_Floats: a float has exactly the value that strconv gives it, and its digits come back.
func TestG7_Floats(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	accepted := 0
	for range 200_000 {
		text := strconv.FormatUint(random.Uint64()>>random.IntN(64), 10) + "." + strconv.FormatUint(random.Uint64()>>random.IntN(64), 10)
		switch random.IntN(4) {
		case 0:
			text = "-" + text
		case 1:
			text = strconv.FormatFloat(random.NormFloat64()*math.Pow10(random.IntN(12)-6), 'f', -1, 64)
		case 2:
			text = strconv.FormatFloat(random.Float64()*1e4, 'f', random.IntN(9), 64)
		}
		b, s, e := cell(text)
		got, ok := infer.ParseFloat(b, s, e)
		want, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		if ok != givesBack(text, want) {
			t.Fatalf("%s: accepted %v, but as a float64 it reads %v", text, ok, want)
		}
		if ok && math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("%s: %v, strconv says %v", text, got, want)
		}
		if ok {
			accepted++
		}
	}
	if accepted < 50_000 {
		t.Errorf("only %d numbers were accepted", accepted)
	}
}

// givesBack says, by other means than the parser's, whether f writes text's digits, at most 17.
func givesBack(text string, f float64) bool {
	whole, fraction, ok := strings.Cut(text, ".")
	if ok {
		fraction = strings.TrimRight(fraction, "0")
	}
	if len(strings.TrimLeft(strings.TrimLeft(whole, "-")+fraction, "0")) > 17 {
		return false
	}
	if !ok && math.Abs(f) > 1<<53 {
		return false
	}
	wanted, _ := new(big.Rat).SetString(text)
	near, _ := new(big.Rat).SetString(new(big.Float).SetFloat64(f).Text('f', len(fraction)))
	return wanted.Cmp(near) == 0
}

func TestG7_Integers(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		text := strconv.FormatUint(random.Uint64()>>random.IntN(64), 10)
		if random.IntN(2) == 0 {
			text = "-" + text
		}
		if random.IntN(4) == 0 {
			i := random.IntN(len(text))
			text = text[:i] + string(rune(random.IntN(128))) + text[i+1:]
		}
		b, s, e := cell(text)
		got, ok := infer.ParseInteger(b, s, e)
		want, err := strconv.ParseInt(text, 10, 64)
		plain := err == nil && strconv.FormatInt(want, 10) == text
		if ok != plain || ok && got != want {
			t.Fatalf("%q: %d %v, strconv says %d %v", text, got, ok, want, err)
		}
	}
}

func TestG7_Decimals(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 50_000 {
		var text strings.Builder
		if random.IntN(2) == 0 {
			text.WriteByte('-')
		}
		text.WriteByte(byte('1' + random.IntN(9)))
		for range random.IntN(40) {
			text.WriteByte(byte('0' + random.IntN(10)))
		}
		b, s, e := cell(text.String())
		hi, lo, ok := infer.ParseDecimal(b, s, e)
		if digits := len(strings.TrimPrefix(text.String(), "-")); ok != (digits <= 38) {
			t.Fatalf("%s: accepted %v with %d digits", text.String(), ok, digits)
		}
		got := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(hi), 64), new(big.Int).SetUint64(lo))
		if ok && got.String() != text.String() {
			t.Fatalf("%s: %s", text.String(), got)
		}
	}
}

// TestD11_Times compares dates and timestamps with package time, at all days of 1 to 9999 and at random instants.
func TestD11_Times(t *testing.T) {
	for at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() <= 9999; at = at.AddDate(0, 0, 1) {
		text := at.AppendFormat([]byte("9"), time.DateOnly)
		text = append(text, make([]byte, scan.Padding)...)
		got, ok := infer.ParseDate(text, 1, 11)
		if !ok || int64(got) != at.Unix()/86_400 {
			t.Fatalf("%s: %d %v, want %d", at.Format(time.DateOnly), got, ok, at.Unix()/86_400)
		}
	}
	random := rand.New(rand.NewPCG(9, 10))
	zones := []string{"", "", "Z07:00", "Z0700", "-07"}
	for range 50_000 {
		layout := "2006-01-02T15:04:05" + []string{"", ".0", ".000", ".000000"}[random.IntN(4)] + zones[random.IntN(5)]
		in := time.FixedZone("", (random.IntN(36)-18)*3600)
		if strings.Contains(layout, ":00") || strings.Contains(layout, "Z0700") {
			in = time.FixedZone("", (random.IntN(36*60)-18*60)*60)
		}
		text := time.UnixMicro(random.Int64N(4e15) - 2e15).In(in).Format(layout)
		want, err := time.Parse(layout, text)
		if err != nil {
			t.Fatal(err)
		}
		b, s, e := cell(text)
		got, zoned, ok := infer.ParseTimestamp(b, s, e)
		if !ok || got != want.UnixMicro() || zoned != (strings.Contains(layout, "07")) {
			t.Fatalf("%s: %d %v %v, want %d", text, got, zoned, ok, want.UnixMicro())
		}
	}
}

func TestKindNames(t *testing.T) {
	for k := infer.Text; k <= infer.Zoned; k++ {
		if back, ok := infer.Parse(k.String()); !ok || back != k {
			t.Errorf("%v reads back as %v, %v", k, back, ok)
		}
	}
	if _, ok := infer.Parse("binary"); ok {
		t.Error("binary is no kind")
	}
}

// TestColumns: the kinds of a whole text, in blocks, with a contradiction at its end.
func TestColumns(t *testing.T) {
	var text strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&text, "%d,%d.5,x,,2024-01-01\n", i, i)
	}
	text.WriteString("12345678901234567890,1,y,,2024-01-01 10:00:00\n")
	reader := scan.NewReader(strings.NewReader(text.String()), scan.Dialect{Delimiter: ',', Quote: '"'})
	columns := infer.NewColumns(5)
	for {
		block, err := reader.Next(0)
		if err != nil {
			break
		}
		columns.Add(block)
	}
	want := []infer.Kind{infer.Decimal, infer.Float, infer.Text, infer.Text, infer.Timestamp}
	for i, set := range columns {
		if set.Best() != want[i] {
			t.Errorf("column %d: %v, want %v", i, set.Best(), want[i])
		}
	}
}
