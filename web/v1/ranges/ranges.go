// Package ranges reads the Range and If-None-Match headers of RFC 9110.
package ranges

import (
	"fmt"
	"strings"

	"github.com/ai-data-analyst/broker/web/v1/input"
)

// Max is how many ranges one request may name (A3).
const Max = 8

// Range is what to send of a content.
type Range struct {
	Partial    bool // else the whole is to be sent
	From, Size int64
}

// Parse reads a Range header: what is malformed is ignored (RFC 9110 §14.2), what lies beyond the end is refused.
func Parse(header string, size int64) (Range, error) {
	unit, list, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return Range{}, nil
	}
	ranges := strings.Split(list, ",")
	if len(ranges) > Max {
		return Range{}, fmt.Errorf("at most %d ranges are answered", Max)
	}
	var one Range
	fits := false
	for _, text := range ranges {
		r, valid, inside := readRange(strings.TrimSpace(text), size)
		if !valid {
			return Range{}, nil
		}
		if inside {
			one, fits = r, true
		}
	}
	switch {
	case !fits:
		return Range{}, fmt.Errorf("the content has %d bytes", size)
	case len(ranges) > 1:
		return Range{}, nil
	default:
		return one, nil
	}
}

// readRange reads "from-to", "from-" or "-last"; inside says that some byte of it exists.
func readRange(text string, size int64) (r Range, valid, inside bool) {
	first, last, ok := strings.Cut(text, "-")
	if !ok {
		return r, false, false
	}
	if first == "" {
		n, err := input.Whole(last)
		if err != nil {
			return r, false, false
		}
		n = min(n, size)
		return Range{true, size - n, n}, true, n > 0
	}
	from, err := input.Whole(first)
	if err != nil {
		return r, false, false
	}
	to := size - 1
	if last != "" {
		end, err := input.Whole(last)
		if err != nil || end < from {
			return r, false, false
		}
		to = min(to, end)
	}
	return Range{true, from, to - from + 1}, true, from < size
}

// Matches says whether a list of entity tags names etag, or is "*". Weak comparison, as If-None-Match asks for.
func Matches(headers [][]byte, etag string) bool {
	for _, header := range headers {
		for tag := range strings.SplitSeq(string(header), ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}
	return false
}
