package infer_test

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/infer"
)

// FuzzKinds: whatever the text, a kind that claims to hold it gives it back.
func FuzzKinds(f *testing.F) {
	for _, seed := range []string{"", "0", "-0", "007", "1.50", "9223372036854775808", "true", "2024-02-30", "2024-01-02T03:04:05.6Z", "1e5", "0.1234567890123456789", "2024-01-02 03:04+05"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, s, e := cell(text)
		if v, ok := infer.ParseInteger(b, s, e); ok && strconv.FormatInt(v, 10) != text {
			t.Errorf("%q as an integer is %d", text, v)
		}
		if hi, lo, ok := infer.ParseDecimal(b, s, e); ok {
			v := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(hi), 64), new(big.Int).SetUint64(lo))
			if v.String() != text {
				t.Errorf("%q as a decimal is %s", text, v)
			}
		}
		if v, ok := infer.ParseFloat(b, s, e); ok {
			want, err := strconv.ParseFloat(text, 64)
			if err != nil || math.Float64bits(want) != math.Float64bits(v) || !givesBack(text, v) {
				t.Errorf("%q as a float is %v, strconv says %v, %v", text, v, want, err)
			}
		}
		if v, ok := infer.ParseBool(b, s, e); ok && strconv.FormatBool(v) != strings.ToLower(text) {
			t.Errorf("%q as a bool is %v", text, v)
		}
		if v, ok := infer.ParseDate(b, s, e); ok && time.Unix(int64(v)*86_400, 0).UTC().Format(time.DateOnly) != text {
			t.Errorf("%q as a date is %d", text, v)
		}
		if v, zoned, ok := infer.ParseTimestamp(b, s, e); ok && !zoned {
			back := time.UnixMicro(v).UTC().Format("2006-01-02T15:04:05.000000")
			if same := strings.Replace(text, " ", "T", 1); !strings.HasPrefix(back, strings.TrimRight(same, "0.:")) && !strings.HasPrefix(back, same) {
				t.Errorf("%q as a timestamp is %s", text, back)
			}
		}
	})
}
