package infer

import "encoding/binary"

const (
	secondsOfDay = 86_400
	microseconds = 1_000_000
)

var daysOf = [...]uint8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// The first and last microsecond of the years 1 to 9999.
const (
	firstMicros = -719_162 * secondsOfDay * microseconds
	lastMicros  = (2_932_896+1)*secondsOfDay*microseconds - 1
)

// ParseDate reads YYYY-MM-DD as days since 1970-01-01. No other order of day and month is ever guessed.
func ParseDate(t []byte, s, e int) (int32, bool) {
	if e-s != 10 {
		return 0, false
	}
	return day(t, s)
}

// day reads the date at t[s:s+10].
func day(t []byte, s int) (int32, bool) {
	if t[s+4] != '-' || t[s+7] != '-' {
		return 0, false
	}
	w := word(t, s)
	w = w&0xffffffff | w>>8&0xffff00000000 | uint64(binary.LittleEndian.Uint16(t[s+8:]))<<48
	v, ok := digits(w, 8)
	if !ok {
		return 0, false
	}
	y, m, d := uint32(v)/10_000, uint32(v)/100%100, uint32(v)%100
	if m < 1 || m > 12 || d < 1 || y < 1 || d > uint32(daysOf[m]) && (m != 2 || d != 29 || !leap(y)) {
		return 0, false
	}
	return days(y, m, d), true
}

func leap(y uint32) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

// days counts from 1970-01-01. Years begin in March here, so that the leap day is the last.
func days(y, m, d uint32) int32 {
	if m <= 2 {
		y--
		m += 12
	}
	return int32(y*365+y/4-y/100+y/400+(153*(m-3)+2)/5+d-1) - 719_468
}

// ParseTimestamp reads YYYY-MM-DD, or YYYY-MM-DD, T or a space, HH:MM, or HH:MM:SS with up to six digits of fraction,
// and perhaps Z or an offset (+HH, +HHMM, +HH:MM), as microseconds since 1970-01-01. zoned says that there was one, and
// that the result is in UTC.
func ParseTimestamp(t []byte, s, e int) (micros int64, zoned, ok bool) {
	if e-s < 10 {
		return 0, false, false
	}
	date, ok := day(t, s)
	micros = int64(date) * secondsOfDay * microseconds
	if !ok || e-s == 10 {
		return micros, false, ok
	}
	if t[s+10] != ' ' && t[s+10] != 'T' || e-s < 16 {
		return 0, false, false
	}
	clock, at, ok := clockTime(t, s+11, e)
	if !ok {
		return 0, false, false
	}
	micros += clock
	if at == e {
		return micros, false, true
	}
	offset, ok := zone(t, at, e)
	micros -= offset * microseconds
	return micros, true, ok && micros >= firstMicros && micros <= lastMicros
}

// clockTime reads the time of day at t[s:], and returns where it ends.
func clockTime(t []byte, s, e int) (micros int64, end int, ok bool) {
	if e-s >= 8 && t[s+5] == ':' {
		w := word(t, s)
		if t[s+2] != ':' {
			return 0, 0, false
		}
		w = w&0xffff | w>>8&0xffff0000 | w>>16&0xffff00000000
		v, ok := digits(w, 6)
		hour, minute, second := v/10_000, v/100%100, v%100
		if !ok || hour > 23 || minute > 59 || second > 59 {
			return 0, 0, false
		}
		micros = int64(hour*3600+minute*60+second) * microseconds
		return fraction(t, micros, s+8, e)
	}
	hour, ok := two(t, s, 23)
	minute, also := two(t, s+3, 59)
	return (hour*3600 + minute*60) * microseconds, s + 5, ok && also && t[s+2] == ':'
}

// fraction adds the fraction of a second at t[s:], if there is one.
func fraction(t []byte, micros int64, s, e int) (int64, int, bool) {
	if s == e || t[s] != '.' {
		return micros, s, true
	}
	at := s + 1
	unit := int64(microseconds)
	for at < e && t[at]-'0' <= 9 {
		unit /= 10
		micros += unit * int64(t[at]-'0')
		at++
	}
	return micros, at, at > s+1 && at <= s+7
}

// zone reads Z or an offset that fills t[s:e], in seconds east of UTC.
func zone(t []byte, s, e int) (seconds int64, ok bool) {
	if t[s] == 'Z' {
		return 0, e-s == 1
	}
	if t[s] != '+' && t[s] != '-' {
		return 0, false
	}
	hours, ok := two(t, s+1, 18)
	var minutes int64
	also := true
	switch {
	case e-s == 3:
	case e-s == 5:
		minutes, also = two(t, s+3, 59)
	case e-s == 6 && t[s+3] == ':':
		minutes, also = two(t, s+4, 59)
	default:
		return 0, false
	}
	seconds = hours*3600 + minutes*60
	if t[s] == '-' {
		seconds = -seconds
	}
	return seconds, ok && also
}

// two reads two digits of at most limit.
func two(t []byte, s int, limit int64) (int64, bool) {
	tens, units := t[s]-'0', t[s+1]-'0'
	v := int64(tens)*10 + int64(units)
	return v, tens <= 9 && units <= 9 && v <= limit
}
