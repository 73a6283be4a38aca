package table

import "time"

const daySeconds = 86_400

// pairs holds the two digits of each number below 100.
const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

// Null appends an empty cell.
func Null(b []byte) []byte { return append(b, ',') }

// String appends a text cell.
func String(b []byte, text string) []byte { return append(append(b, text...), ',') }

// ID appends the prefix and the number with leading zeros up to the width.
func ID(b []byte, prefix string, n int64, width int) []byte {
	return append(Padded(append(b, prefix...), n, width), ',')
}

// Padded appends the number, not below 0, with leading zeros up to the width. It ends no cell.
func Padded(b []byte, n int64, width int) []byte {
	var digits [20]byte
	at := before(&digits, len(digits), n)
	for len(digits)-at < width {
		at--
		digits[at] = '0'
	}
	return append(b, digits[at:]...)
}

// before puts the number's digits in front of a place and returns where they begin.
func before(digits *[20]byte, at int, n int64) int {
	for n >= 100 {
		pair := n % 100
		n /= 100
		at -= 2
		digits[at], digits[at+1] = pairs[2*pair], pairs[2*pair+1]
	}
	if n >= 10 {
		at -= 2
		digits[at], digits[at+1] = pairs[2*n], pairs[2*n+1]
		return at
	}
	at--
	digits[at] = byte('0' + n)
	return at
}

// Int appends a number, not below 0.
func Int(b []byte, n int64) []byte {
	if n < 10 {
		return append(b, byte('0'+n), ',')
	}
	return append(Padded(b, n, 0), ',')
}

// Cents appends an amount of money, not below 0.
func Cents(b []byte, cents int64) []byte {
	var digits [20]byte
	pair := cents % 100
	digits[16], digits[17], digits[18], digits[19] = '.', pairs[2*pair], pairs[2*pair+1], ','
	return append(b, digits[before(&digits, 16, cents/100):]...)
}

// Days holds the texts of successive days, which are written far more often than there are days.
type Days struct {
	first int64 // days since 1970-01-01
	texts []byte
}

// NewDays returns the texts of count days from the given one, in days since 1970-01-01.
func NewDays(first, count int64) Days {
	d := Days{first: first}
	for day := first; day < first+count; day++ {
		d.texts = time.Unix(day*daySeconds, 0).UTC().AppendFormat(d.texts, time.DateOnly)
	}
	return d
}

func (d *Days) text(day int64) []byte {
	at := (day - d.first) * int64(len(time.DateOnly))
	return d.texts[at : at+int64(len(time.DateOnly))]
}

// Date appends a date in days since 1970-01-01.
func (d *Days) Date(b []byte, day int64) []byte { return append(append(b, d.text(day)...), ',') }

// Moment appends a time in seconds since 1970-01-01.
func (d *Days) Moment(b []byte, seconds int64) []byte {
	day := seconds / daySeconds
	second := uint32(seconds - day*daySeconds)
	h, m, s := 2*(second/3600), 2*(second/60%60), 2*(second%60)
	b = append(b, d.text(day)...)
	return append(b, ' ', pairs[h], pairs[h+1], ':', pairs[m], pairs[m+1], ':', pairs[s], pairs[s+1], ',')
}
