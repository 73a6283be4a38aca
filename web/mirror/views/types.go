package views

import (
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/web/api"
)

// plain are the types without children that tables are published with, in DuckDB's spelling.
var plain = []string{"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
	"FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "TIME", "UUID", "JSON", "INTERVAL"}

// unknownType returns the first column whose type is not one that we know: such text is not put into SQL (G15).
func unknownType(t api.Table) (column, typ string) {
	for _, c := range t.Columns {
		if !known(c.Type) {
			return c.Name, c.Type
		}
	}
	return "", ""
}

// known reads a type by its grammar: a plain one, DECIMAL(p,s), T[], MAP(K, V), STRUCT("name" T, …).
func known(typ string) bool {
	p := &types{rest: typ}
	return len(typ) < 100_000 && p.typ(0) && p.rest == ""
}

// types reads types from the left.
type types struct{ rest string }

const maxNested = 50

func (p *types) typ(depth int) bool {
	if depth > maxNested || !p.base(depth) {
		return false
	}
	for p.take("[") {
		p.number() // a fixed size, or none
		if !p.take("]") {
			return false
		}
	}
	return true
}

func (p *types) base(depth int) bool {
	switch {
	case p.take("DECIMAL("):
		return p.number() && p.take(",") && p.number() && p.take(")")
	case p.take("MAP("):
		return p.typ(depth+1) && p.take(",") && p.typ(depth+1) && p.take(")")
	case p.take("STRUCT("):
		for p.name() && p.typ(depth+1) {
			if p.take(")") {
				return true
			}
			if !p.take(",") {
				return false
			}
		}
		return false
	}
	return slices.ContainsFunc(plain, p.take)
}

// take reads a token, and the blanks after it.
func (p *types) take(token string) bool {
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = strings.TrimLeft(rest, " ")
	}
	return ok
}

func (p *types) number() bool {
	rest := strings.TrimLeft(p.rest, "0123456789")
	digits := len(p.rest) - len(rest)
	p.rest = strings.TrimLeft(rest, " ")
	return digits > 0 && digits < 10
}

// name reads the name of a field: quoted, or a plain word.
func (p *types) name() bool {
	if !strings.HasPrefix(p.rest, `"`) {
		rest := strings.TrimLeft(p.rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
		found := len(rest) < len(p.rest) && strings.HasPrefix(rest, " ")
		p.rest = strings.TrimLeft(rest, " ")
		return found
	}
	for at := 1; at < len(p.rest); at++ {
		if p.rest[at] != '"' {
			continue
		}
		if strings.HasPrefix(p.rest[at:], `""`) {
			at++
			continue
		}
		p.rest = strings.TrimLeft(p.rest[at+1:], " ")
		return true
	}
	return false
}
