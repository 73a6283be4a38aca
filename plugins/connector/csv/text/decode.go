package text

import (
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// notText stands for what means nothing in the file's encoding: a byte that UTF-8 never has.
const notText = 0xff

var charmaps = map[string]*charmap.Charmap{
	"latin-1": charmap.ISO8859_1, "iso-8859-1": charmap.ISO8859_1,
	"windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251, "windows-1252": charmap.Windows1252,
	"windows-1253": charmap.Windows1253, "windows-1254": charmap.Windows1254, "windows-1255": charmap.Windows1255,
	"windows-1256": charmap.Windows1256, "windows-1257": charmap.Windows1257, "windows-1258": charmap.Windows1258,
}

// Encodings lists the names that Open knows; they are compared in lower case.
func Encodings() []string {
	return append([]string{"utf-8", "utf-16", "utf-16le", "utf-16be"}, slices.Sorted(maps.Keys(charmaps))...)
}

// Known says whether Open knows an encoding.
func Known(encoding string) bool { return slices.Contains(Encodings(), strings.ToLower(encoding)) }

func decode(r io.Reader, encoding string) (io.Reader, error) {
	switch encoding = strings.ToLower(encoding); encoding {
	case "utf-8", "":
		return r, nil
	case "utf-16", "utf-16le":
		return &decoder{src: r, step: utf16Step(0, 1)}, nil
	case "utf-16be":
		return &decoder{src: r, step: utf16Step(1, 0)}, nil
	}
	table, ok := charmaps[encoding]
	if !ok {
		return nil, fault.Newf(fault.Config, "the encoding %.40q is not known", encoding).WithHelp("Use one of " + strings.Join(Encodings(), ", ") + ".")
	}
	return &decoder{src: r, step: charmapStep(table)}, nil
}

// step appends what in means to out and returns how many bytes of in are left for the next step; last says that no more
// will come.
type step func(out, in []byte, last bool) (decoded []byte, left int)

// decoder translates a stream piece by piece.
type decoder struct {
	src  io.Reader
	step step
	in   [32 << 10]byte
	held int // bytes at the front of in that were left over
	out  []byte
	next int // of out
	err  error
}

// Read implements io.Reader.
func (d *decoder) Read(p []byte) (int, error) {
	for d.next == len(d.out) {
		if d.err != nil {
			return 0, d.err
		}
		n, err := d.src.Read(d.in[d.held:])
		d.err = err
		n += d.held
		d.out, d.held = d.step(d.out[:0], d.in[:n], err == io.EOF)
		copy(d.in[:], d.in[n-d.held:n])
		d.next = 0
	}
	n := copy(p, d.out[d.next:])
	d.next += n
	return n, nil
}

func charmapStep(table *charmap.Charmap) step {
	var encoded [256]string
	for b := range encoded {
		encoded[b] = string(table.DecodeByte(byte(b)))
		if encoded[b] == string(utf8.RuneError) {
			encoded[b] = string([]byte{notText})
		}
	}
	return func(out, in []byte, _ bool) ([]byte, int) {
		for _, b := range in {
			if b < utf8.RuneSelf {
				out = append(out, b)
			} else {
				out = append(out, encoded[b]...)
			}
		}
		return out, 0
	}
}

// utf16Step reads pairs of bytes, of which low and high are the places of the lower and the higher one.
func utf16Step(low, high int) step {
	return func(out, in []byte, last bool) ([]byte, int) {
		unit := func(at int) rune { return rune(in[at+low]) | rune(in[at+high])<<8 }
		at := 0
		for at+2 <= len(in) {
			c := unit(at)
			at += 2
			if !utf16.IsSurrogate(c) {
				out = utf8.AppendRune(out, c)
				continue
			}
			if at+2 > len(in) && !last {
				return out, len(in) - at + 2
			}
			if at+2 <= len(in) {
				if pair := utf16.DecodeRune(c, unit(at)); pair != utf8.RuneError {
					out = utf8.AppendRune(out, pair)
					at += 2
					continue
				}
			}
			out = append(out, notText)
		}
		if left := len(in) - at; !last || left == 0 {
			return out, left
		}
		return append(out, notText), 0
	}
}
