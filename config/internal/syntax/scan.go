// Package syntax reads the HCL that instance.hcl may consist of: a strict subset without operators, conditions and loops,
// bounded in size and depth before the HCL library sees it, evaluated by its own small evaluator.
//
// It knows no block or attribute by name. Only package config's readers import it.
package syntax

import (
	"bytes"
	"fmt"
	"maps"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ai-data-analyst/broker/config/internal/diag"
)

// Limits of one file. Beyond the nesting HCL's parser overflows the stack, which nothing can recover from; on texts of
// many lines it takes the square of their length.
const (
	MaxBytes     = 1 << 20
	MaxNesting   = 64
	MaxTextLines = 1000
)

// File is one file of HCL.
type File struct {
	Name   string
	Body   *hclsyntax.Body // nil when nothing could be parsed
	Broken []Header        // top-level blocks that do not parse; the others are in Body
	Text   *diag.Text

	tokens hclsyntax.Tokens
	broken bool
}

// Header is the first line of a block.
type Header struct {
	Type   string
	Labels []string
	Pos    diag.Pos
	Errors diag.List
}

// Parse checks and parses one file. The text is normalised first: a byte order mark goes, CRLF becomes LF. Problems that
// lie within one top-level block are in Broken and leave the other blocks usable.
func Parse(name string, src []byte) (*File, diag.List) {
	src = bytes.ReplaceAll(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
	f := &File{Name: name, Text: &diag.Text{Bytes: src}}
	if problem, bad := checkBytes(name, src); bad {
		f.Text.Opaque = problem.Line == 0
		f.broken = true
		return f, diag.List{problem}
	}
	var lexed []byte
	var open diag.List
	f.tokens, lexed, open = lex(name, src)
	problems := open
	if problem, bad := checkTokens(f.tokens); bad {
		problems = append(problems, problem)
	}
	if len(problems) == 0 {
		if f.Body, problems = parse(name, src, hcl.InitialPos); len(problems) == 0 {
			return f, nil
		}
	}
	f.broken = true
	if f.split(lexed, open) {
		return f, nil
	}
	return f, problems
}

// maxRepairs bounds how many unclosed texts of a file are told apart, each at the cost of one more pass; of a file larger
// than maxRepaired only the first is.
const (
	maxRepairs  = 8
	maxRepaired = 128 << 10
)

// lex cuts the file into tokens. Texts that are not closed on their line are reported and blanked, so that one forgotten
// quote does not turn the rest of the file inside out.
func lex(name string, src []byte) (hclsyntax.Tokens, []byte, diag.List) {
	var problems diag.List
	for i := 0; ; i++ {
		tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
		from, to, ok := unclosed(tokens)
		if !ok || i == maxRepairs || i > 0 && len(src) > maxRepaired {
			return tokens, src, problems
		}
		pos := diag.Pos{File: name, Line: from.Line, Column: from.Column, Offset: from.Byte, Width: 1}
		problems = append(problems, diag.At(pos, diag.Error, "the text is not closed on its line", `put a double quote at its end; for several lines use <<EOT … EOT`))
		src = bytes.Clone(src)
		blank := src[from.Byte:to]
		for i := range blank {
			blank[i] = ' '
		}
		blank[0] = '0'
	}
}

// unclosed finds the first text that a line break cuts.
func unclosed(tokens hclsyntax.Tokens) (from hcl.Pos, to int, found bool) {
	var quotes []hcl.Pos
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOQuote:
			quotes = append(quotes, t.Range.Start)
		case hclsyntax.TokenCQuote:
			quotes = quotes[:max(0, len(quotes)-1)]
		case hclsyntax.TokenQuotedNewline:
			for _, quote := range quotes {
				if quote.Line == t.Range.Start.Line {
					return quote, t.Range.Start.Byte, true
				}
			}
		}
	}
	return hcl.Pos{}, 0, false
}

func parse(name string, src []byte, start hcl.Pos) (*hclsyntax.Body, diag.List) {
	parsed, problems := hclsyntax.ParseConfig(src, name, start)
	if parsed == nil {
		return nil, translate(problems)
	}
	body, _ := parsed.Body.(*hclsyntax.Body)
	return body, translate(problems)
}

// split parses each top-level block by itself, so that a broken one does not take the others with it. It says false when
// the blocks cannot be told apart.
func (f *File) split(src []byte, open diag.List) bool {
	body := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	var broken []Header
	for i := 0; i < len(f.tokens); {
		switch f.tokens[i].Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenComment, hclsyntax.TokenEOF:
			i++
			continue
		}
		header, end, ok := f.block(i)
		if !ok {
			return false
		}
		part := f.tokens[i:end]
		from, to := part[0].Range.Start, part[len(part)-1].Range.End.Byte
		header.Errors = open.Within(from.Byte, to)
		if problem, bad := checkTokens(part); bad {
			header.Errors = append(header.Errors, problem)
		}
		if len(header.Errors) == 0 {
			var one *hclsyntax.Body
			one, header.Errors = parse(f.Name, src[from.Byte:to], from)
			if len(header.Errors) == 0 && one != nil {
				body.Blocks = append(body.Blocks, one.Blocks...)
				maps.Copy(body.Attributes, one.Attributes)
			}
		}
		if len(header.Errors) > 0 {
			broken = append(broken, header)
		}
		i = end
	}
	f.Body, f.Broken = body, broken
	return len(broken) > 0
}

// attribute finds the end of a statement that begins at token i, as an attribute outside a block.
func (f *File) attribute(i int) (Header, int, bool) {
	h := Header{Type: "file", Pos: Place(f.tokens[i].Range)}
	for i++; i < len(f.tokens) && f.tokens[i].Type != hclsyntax.TokenNewline && f.tokens[i].Type != hclsyntax.TokenEOF; i++ {
		if f.tokens[i].Type == hclsyntax.TokenOBrace {
			return h, 0, false
		}
	}
	return h, i, true
}

// block finds the top-level block that begins at token i and the token after it. Only braces count: other brackets may be
// what is wrong with it.
func (f *File) block(i int) (Header, int, bool) {
	h := Header{Type: string(f.tokens[i].Bytes), Pos: Place(f.tokens[i].Range)}
	if f.tokens[i].Type != hclsyntax.TokenIdent || i+1 == len(f.tokens) {
		return h, 0, false
	}
	if f.tokens[i+1].Type == hclsyntax.TokenEqual {
		return f.attribute(i)
	}
	i++
	for ; i < len(f.tokens) && f.tokens[i].Type != hclsyntax.TokenOBrace; i++ {
		switch f.tokens[i].Type {
		case hclsyntax.TokenOQuote, hclsyntax.TokenCQuote:
		case hclsyntax.TokenQuotedLit, hclsyntax.TokenIdent:
			h.Labels = append(h.Labels, string(f.tokens[i].Bytes))
		default:
			return h, 0, false
		}
	}
	depth := 0
	for ; i < len(f.tokens); i++ {
		switch f.tokens[i].Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenTemplateInterp:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd:
			if depth--; depth == 0 {
				return h, i + 1, true
			}
		}
	}
	return h, 0, false
}

func checkBytes(name string, src []byte) (diag.Diagnostic, bool) {
	if len(src) > MaxBytes {
		return diag.At(diag.Pos{File: name}, diag.Error, fmt.Sprintf("the file has %d bytes; at most %d are read", len(src), MaxBytes), "split the configuration over several files in one folder"), true
	}
	pos := diag.Pos{File: name, Line: 1, Column: 1}
	for pos.Offset < len(src) {
		var r rune
		r, pos.Width = utf8.DecodeRune(src[pos.Offset:])
		switch {
		case r == utf8.RuneError && pos.Width <= 1:
			return diag.At(pos, diag.Error, fmt.Sprintf("the byte 0x%02x is not UTF-8", src[pos.Offset]), "save the file as UTF-8"), true
		case r == 0:
			return diag.At(pos, diag.Error, "a NUL byte cannot stand in the configuration", "remove it; the file may have been saved as UTF-16"), true
		case r == '\n':
			pos.Line, pos.Column = pos.Line+1, 0
		}
		pos.Offset, pos.Column = pos.Offset+pos.Width, pos.Column+1
	}
	return diag.Diagnostic{}, false
}

// checkTokens bounds what HCL's parser recurses on: brackets, templates in templates, unary and conditional operators,
// template directives.
func checkTokens(tokens hclsyntax.Tokens) (diag.Diagnostic, bool) {
	depth, lines := 0, 0
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOHeredoc:
			lines = 0
		case hclsyntax.TokenStringLit:
			if lines++; lines > MaxTextLines {
				return diag.At(Place(t.Range), diag.Error, fmt.Sprintf("the text has more than %d lines", MaxTextLines), "check that its end marker stands alone on a line, or keep the text in a file and write file(\"path\")"), true
			}
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp:
			depth++
			if depth > MaxNesting {
				return diag.At(Place(t.Range), diag.Error, fmt.Sprintf("brackets are nested deeper than %d", MaxNesting), "check for brackets that are never closed"), true
			}
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenQuestion, hclsyntax.TokenBang:
			return operator(t), true
		case hclsyntax.TokenTemplateControl:
			return diag.At(Place(t.Range), diag.Error, "template directives (%{…}) are not supported", "write %%{ for the text itself, or write the value out"), true
		case hclsyntax.TokenMinus:
			if i+1 == len(tokens) || tokens[i+1].Type != hclsyntax.TokenNumberLit {
				return operator(t), true
			}
		}
	}
	return diag.Diagnostic{}, false
}

func operator(t hclsyntax.Token) diag.Diagnostic {
	return diag.At(Place(t.Range), diag.Error, fmt.Sprintf("the operator %q is not supported", t.Bytes), "write the value out; texts stand in double quotes")
}

// Place converts a range of HCL.
func Place(r hcl.Range) diag.Pos {
	return diag.Pos{File: r.Filename, Line: r.Start.Line, Column: r.Start.Column, Offset: r.Start.Byte, Width: max(0, r.End.Byte-r.Start.Byte)}
}

// translate converts HCL's own problems. Their texts never hold values; their help is HCL's detail.
func translate(problems hcl.Diagnostics) diag.List {
	var out diag.List
	for _, p := range problems {
		severity := diag.Error
		if p.Severity == hcl.DiagWarning {
			severity = diag.Warning
		}
		d := diag.Diagnostic{Severity: severity, Summary: p.Summary, Help: p.Detail}
		if p.Subject != nil {
			d = diag.At(Place(*p.Subject), severity, sentence(p.Summary), p.Detail)
			if p.Summary == "Attribute redefined" {
				d.Detail, d.Help = p.Detail, "remove one of them"
			}
		}
		out = append(out, d)
	}
	return out
}

func sentence(s string) string {
	if s == "" {
		return "the file cannot be read as HCL"
	}
	return string(bytes.ToLower([]byte(s[:1]))) + s[1:]
}
