package cast

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// Reasons of texts that are not what they are to be.
const (
	beyond    = "number is too large"
	notWhole  = "not a whole number"
	notNumber = "not a number"
	notDate   = "not a date: YYYY-MM-DD"
	notTime   = "not a time: HH:MM:SS"
	notStamp  = "not a timestamp: YYYY-MM-DD HH:MM:SS"
	tooFine   = "finer than microseconds"
)

func parseBool(text string) (bool, string) {
	switch {
	case len(text) == 4 && strings.EqualFold(text, "true"): // by length: ſ folds to s
		return true, ""
	case len(text) == 5 && strings.EqualFold(text, "false"):
		return false, ""
	}
	return false, "not true or false"
}

// parseWhole reads an optional sign and digits. Leading zeros do not change a number.
func parseWhole(text string) (int64, string) {
	digits, negative := unsigned(text)
	if !isDigits(digits) {
		return 0, notWhole
	}
	v, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case err != nil || v > 1<<63 || v == 1<<63 && !negative:
		return 0, beyond
	case negative:
		return -int64(v), "" // of 2^63 itself -int64 is the lowest int64
	}
	return int64(v), ""
}

func unsigned(text string) (digits string, negative bool) {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		return text[1:], text[0] == '-'
	}
	return text, false
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// parse reads a sign, digits, a point and digits: "12", "12.", ".5". Digits behind the scale must be zeros.
func (d decimals) parse(text string) (decimal128.Num, string) {
	digits, negative := unsigned(text)
	before, behind, _ := strings.Cut(digits, ".")
	if before == "" && behind == "" || before != "" && !isDigits(before) || behind != "" && !isDigits(behind) {
		return decimal128.Num{}, notNumber
	}
	if len(behind) > int(d.scale) {
		if strings.Trim(behind[d.scale:], "0") != "" {
			return decimal128.Num{}, d.finer()
		}
		behind = behind[:d.scale]
	}
	before = strings.TrimLeft(before, "0")
	if len(before) > int(d.precision-d.scale) {
		return decimal128.Num{}, d.outside
	}
	hi, lo := uint64(0), uint64(0) // at most 38 digits: below 2^127
	for i := range len(before) + int(d.scale) {
		digit := byte('0')
		switch at := i - len(before); {
		case at < 0:
			digit = before[i]
		case at < len(behind):
			digit = behind[at]
		}
		carry, low := bits.Mul64(lo, 10)
		low, up := bits.Add64(low, uint64(digit-'0'), 0)
		hi, lo = hi*10+carry+up, low
	}
	v := decimal128.New(int64(hi), lo)
	if negative {
		v = v.Negate()
	}
	return d.fit(v)
}

// parseFloat reads a decimal number with an optional exponent, and NaN, Infinity and -Infinity: what toString writes. A
// number takes the nearest value; one that is too large or so small that it would become zero does not fit.
func parseFloat(text string) (float64, string) {
	switch text {
	case "NaN":
		return math.NaN(), ""
	case "Infinity", "+Infinity":
		return math.Inf(1), ""
	case "-Infinity":
		return math.Inf(-1), ""
	}
	mantissa, _ := unsigned(text)
	if at := strings.IndexAny(mantissa, "eE"); at >= 0 {
		exponent, _ := unsigned(mantissa[at+1:])
		if !isDigits(exponent) {
			return 0, notNumber
		}
		mantissa = mantissa[:at]
	}
	before, behind, _ := strings.Cut(mantissa, ".")
	if before == "" && behind == "" || before != "" && !isDigits(before) || behind != "" && !isDigits(behind) {
		return 0, notNumber
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, "number is outside of float64"
	}
	if v == 0 && strings.Trim(mantissa, "0.") != "" {
		return 0, "number is too small for float64"
	}
	return v, ""
}

// pair reads two digits at i.
func pair(text string, i int) (int, bool) {
	a, b := text[i]-'0', text[i+1]-'0'
	return int(a)*10 + int(b), a < 10 && b < 10
}

// parseDate reads YYYY-MM-DD of the years 1 to 9999.
func parseDate(text string) (arrow.Date32, string) {
	if len(text) != 10 || text[4] != '-' || text[7] != '-' {
		return 0, notDate
	}
	century, ok1 := pair(text, 0)
	rest, ok2 := pair(text, 2)
	month, ok3 := pair(text, 5)
	day, ok4 := pair(text, 8)
	year := century*100 + rest
	if !ok1 || !ok2 || !ok3 || !ok4 || year == 0 || month == 0 || month > 12 || day == 0 {
		return 0, notDate
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if date.Day() != day {
		return 0, "there is no such day"
	}
	return arrow.Date32(date.Unix() / 86_400), "" // whole days, before 1970 too
}

// parseTime reads HH:MM, HH:MM:SS and HH:MM:SS.fraction.
func parseTime(text string) (arrow.Time64, string) {
	if len(text) < 5 || text[2] != ':' {
		return 0, notTime
	}
	hour, ok1 := pair(text, 0)
	minute, ok2 := pair(text, 3)
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, notTime
	}
	second, micros := 0, 0
	if rest := text[5:]; rest != "" {
		if len(rest) < 3 || rest[0] != ':' {
			return 0, notTime
		}
		s, ok := pair(rest, 1)
		if !ok || s > 59 {
			return 0, notTime
		}
		fraction, reason := parseFraction(rest[3:])
		if reason != "" {
			return 0, reason
		}
		second, micros = s, fraction
	}
	return arrow.Time64(((hour*60+minute)*60+second)*1_000_000 + micros), ""
}

// parseFraction reads "" or a point and digits, of which those behind the sixth are zeros.
func parseFraction(text string) (int, string) {
	if text == "" {
		return 0, ""
	}
	if text[0] != '.' || !isDigits(text[1:]) {
		return 0, notTime
	}
	micros := 0
	for i := range max(6, len(text)-1) {
		switch {
		case i >= 6 && text[i+1] != '0':
			return 0, tooFine
		case i >= 6:
		case i+1 < len(text):
			micros = micros*10 + int(text[i+1]-'0')
		default:
			micros *= 10
		}
	}
	return micros, ""
}

// stamps returns how texts are read as timestamps: a date, T or a space, a time. With a zone a text may end in Z or in
// an offset, +HH:MM; one that does not counts in UTC. Without a zone it may not.
func stamps(zone string) func(text string) (arrow.Timestamp, string) {
	return func(text string) (arrow.Timestamp, string) {
		if len(text) < 16 || text[10] != 'T' && text[10] != ' ' {
			return 0, notStamp
		}
		date, reason := parseDate(text[:10])
		if reason != "" {
			return 0, reason
		}
		clock, shift, ok := offset(text[11:])
		if !ok {
			return 0, notStamp
		}
		if zone == "" && len(clock) != len(text)-11 {
			return 0, "timestamp has a zone; ask for timestamp(UTC)"
		}
		micros, reason := parseTime(clock)
		if reason == notTime {
			reason = notStamp
		}
		return arrow.Timestamp(int64(date)*dayMicros + int64(micros) - shift), reason
	}
}

// offset cuts Z or an offset from the end of a time; shift is the offset in microseconds.
func offset(text string) (clock string, shift int64, ok bool) {
	if clock, ok := strings.CutSuffix(text, "Z"); ok {
		return clock, 0, true
	}
	at := strings.LastIndexAny(text, "+-")
	if at < 0 {
		return text, 0, true
	}
	zone := text[at+1:]
	if len(zone) != 5 || zone[2] != ':' {
		return "", 0, false
	}
	hours, ok1 := pair(zone, 0)
	minutes, ok2 := pair(zone, 3)
	shift = int64(hours*60+minutes) * 60_000_000
	if text[at] == '-' {
		shift = -shift
	}
	return text[:at], shift, ok1 && ok2 && hours < 24 && minutes < 60
}
