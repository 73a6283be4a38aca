package infer

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// All parsers take the cell t[s:e] of a text that has scan.Padding bytes behind it, and say whether the cell is of the
// kind's grammar and in its range.

const zeros = 0x3030303030303030 // eight times '0'

func word(t []byte, at int) uint64 { return binary.LittleEndian.Uint64(t[at:]) }

// digits returns the number that the first n of eight bytes write, n from 1 to 8, and whether all of them are digits.
func digits(w uint64, n int) (uint64, bool) {
	shift := uint(64-8*n) & 63
	x := w<<shift ^ zeros<<shift // what is missing in front reads as zeros
	ok := (x+0x7676767676767676|x)&0x8080808080808080 == 0
	x = x * (1 + 10<<8) >> 8 & 0x00ff00ff00ff00ff
	x = x * (1 + 100<<16) >> 16 & 0x0000ffff0000ffff
	return x * (1 + 10000<<32) >> 32, ok
}

// ParseInteger reads a plain whole number in the range of int64: no plus sign, no leading zeros, no "-0".
func ParseInteger(t []byte, s, e int) (int64, bool) {
	negative := t[s] == '-'
	if negative {
		s++
	}
	n := e - s
	if n < 1 || n > 19 || t[s] == '0' && (n > 1 || negative) {
		return 0, false
	}
	v, ok := natural(t, s, n)
	switch {
	case !ok:
		return 0, false
	case negative:
		return -int64(v), v <= 1<<63
	default:
		return int64(v), v < 1<<63
	}
}

// natural reads n digits, 1 to 19.
func natural(t []byte, s, n int) (uint64, bool) {
	if n <= 8 {
		return digits(word(t, s), n)
	}
	tail, ok := digits(word(t, s+n-8), 8)
	if n <= 16 {
		head, also := digits(word(t, s), n-8)
		return head*1e8 + tail, ok && also
	}
	middle, good := digits(word(t, s+n-16), 8)
	head, also := digits(word(t, s), n-16)
	return head*1e16 + middle*1e8 + tail, ok && also && good
}

// ParseDecimal reads a plain whole number of up to 38 digits, as the two halves of a two's complement.
func ParseDecimal(t []byte, s, e int) (hi int64, lo uint64, ok bool) {
	negative := t[s] == '-'
	if negative {
		s++
	}
	n := e - s
	if n < 1 || n > 38 || t[s] == '0' && (n > 1 || negative) {
		return 0, 0, false
	}
	var high, low uint64
	for s < e {
		part := min(e-s, 19)
		v, good := natural(t, s, part)
		if !good {
			return 0, 0, false
		}
		s += part
		scale := uint64(math.Pow10(part))
		carry, product := bits.Mul64(low, scale)
		var c uint64
		low, c = bits.Add64(product, v, 0)
		high = high*scale + carry + c
	}
	if negative {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	return int64(high), low, true
}

var powers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// ParseFloat reads a plain number: digits, or digits, a point and digits; no exponent, no leading zeros. It says no to
// a number whose digits a float64 would not give back.
func ParseFloat(t []byte, s, e int) (float64, bool) {
	start, negative := s, t[s] == '-'
	if negative {
		s++
	}
	n := e - s
	if n < 1 || t[s] == '0' && n > 1 && t[s+1] != '.' {
		return 0, false
	}
	if n > 8 {
		return longFloat(t, start, e)
	}
	w := word(t, s)
	points := w ^ 0x2e2e2e2e2e2e2e2e
	points = (points - 0x0101010101010101) &^ points & 0x8080808080808080
	point := bits.TrailingZeros64(points) >> 3
	fraction := 0
	if point < n {
		if point == 0 || point == n-1 {
			return 0, false
		}
		whole := uint64(1)<<(8*uint(point)) - 1
		w = w&whole | w>>8&^whole
		n--
		fraction = n - point
	}
	v, ok := digits(w, n)
	f := float64(v) / powers[fraction] // both are exact: rounded once, as strconv would
	if negative {
		f = -f
	}
	return f, ok
}

// longFloat is ParseFloat for any length.
func longFloat(t []byte, s, e int) (float64, bool) {
	i := s
	if t[i] == '-' {
		i++
	}
	var v uint64
	point, end := -1, e
	for ; i < e; i++ {
		switch c := t[i]; {
		case c-'0' <= 9:
		case c == '.' && point < 0 && t[i-1]-'0' <= 9 && i > s && i+1 < e:
			point = i
		default:
			return 0, false
		}
	}
	if point >= 0 {
		for t[end-1] == '0' {
			end-- // zeros at the end of a fraction say nothing
		}
		if end == point+1 {
			end = point
		}
	}
	significant := 0
	for _, c := range t[s:end] {
		if c == '.' || c == '-' || significant == 0 && c == '0' {
			continue
		}
		if significant++; significant > 17 {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	if point < 0 && v > maxExact {
		return 0, false
	}
	fraction := 0
	if point >= 0 {
		fraction = max(end-point-1, 0)
	}
	if significant <= 15 && fraction < len(powers) {
		f := float64(v) / powers[fraction]
		if t[s] == '-' {
			f = -f
		}
		return f, true
	}
	return sameDigits(t, s, end, v, significant)
}

// sameDigits reads a number of 16 or 17 digits, or far behind the point, and says whether a float64 gives them back.
func sameDigits(t []byte, s, e int, v uint64, significant int) (float64, bool) {
	f, err := strconv.ParseFloat(string(t[s:e]), 64)
	if err != nil || v != 0 && f == 0 {
		return 0, false
	}
	if v == 0 {
		return f, true
	}
	var room [32]byte
	back := strconv.AppendFloat(room[:0], math.Abs(f), 'e', significant-1, 64)
	var same uint64
	for _, c := range back {
		if c == 'e' {
			break
		}
		if c != '.' {
			same = same*10 + uint64(c-'0')
		}
	}
	return f, same == v
}

// ParseBool reads true and false, in lower, upper or title case; never 0 and 1, yes and no.
func ParseBool(t []byte, s, e int) (value, ok bool) {
	switch string(t[s:e]) {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}
