// Package source is the csv connector as the host sees it: its settings, its streams, and when a file is read.
//
// What is in a file is for package read, which files there are for package files. Only the connector's main imports it.
package source

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/files"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/text"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

// Settings of a source, as docs/connectors/csv.md explains them.
type Settings struct {
	Path      string   `cfg:"path" doc:"A file, a folder (its *.csv, *.csv.gz and *.csv.zst) or a glob. Each file is one stream." required:"true" format:"path"`
	Header    bool     `cfg:"header" doc:"The first row names the columns; without it they are c1, c2, …" default:"true"`
	Delimiter string   `cfg:"delimiter" doc:"One ASCII character between cells, or tab." default:","`
	Quote     string   `cfg:"quote" doc:"One ASCII character around cells that hold delimiters or line ends, or none." default:"\""`
	Encoding  string   `cfg:"encoding" doc:"utf-8, utf-16, latin-1 or windows-1250 … windows-1258; a byte order mark decides by itself." default:"utf-8"`
	Nulls     []string `cfg:"nulls" doc:"Unquoted cells that mean NULL, besides the empty one, e.g. NA."`
	Ragged    string   `cfg:"ragged" doc:"Rows with too few or too many cells: fail, pad (fill up with NULL) or reject (leave out and count)." default:"fail" oneof:"fail,pad,reject"`
}

// Plugin returns the connector. sleep waits, unless the context ends first.
func Plugin(sleep func(context.Context, time.Duration) error) connector.Author {
	return connector.Plugin[Settings, *source]{
		Name: "csv", Version: "0.1.0", Doc: "CSV files: a file, a folder or a glob; types found, gzip and Zstandard, any delimiter.",
		Validate: validate,
		Open: func(_ context.Context, rt connector.Runtime, s Settings) (*source, error) {
			return open(rt, s, sleep)
		},
		Close:    func(s *source) error { return s.root.Close() },
		Check:    func(ctx context.Context, s *source) error { return s.check(ctx) },
		Discover: func(_ context.Context, s *source) ([]connector.Stream[*source], error) { return s.streams() },
	}
}

// Sleep waits for d, or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dialect returns what delimiter and quote mean, or which of them means nothing.
func (s Settings) dialect() (scan.Dialect, []connector.Problem) {
	var problems []connector.Problem
	d := scan.Dialect{}
	wrong := func(path, summary, help string) {
		problems = append(problems, connector.Problem{Path: path, Summary: summary, Help: help})
	}
	switch c := s.Delimiter; {
	case c == "tab" || c == `\t`:
		d.Delimiter = '\t'
	case len(c) != 1 || !separates(c[0]):
		wrong("delimiter", fmt.Sprintf("is %q, not one ASCII character", c), `Use "," or ";" or "|" or "tab".`)
	default:
		d.Delimiter = c[0]
	}
	switch c := s.Quote; {
	case c == "" || c == "none":
	case len(c) != 1 || !separates(c[0]):
		wrong("quote", fmt.Sprintf("is %q, not one ASCII character", c), `Use "\"" or "'" or "none".`)
	case c[0] == d.Delimiter:
		wrong("quote", "is the same as delimiter", "Choose another one.")
	default:
		d.Quote = c[0]
	}
	return d, problems
}

func separates(c byte) bool { return c != 0 && c != '\n' && c != '\r' && c < 0x80 }

func validate(s Settings) []connector.Problem {
	_, problems := s.dialect()
	if s.Path == "" {
		problems = append(problems, connector.Problem{Path: "path", Summary: "is empty", Help: "Name a file, a folder or a glob."})
	}
	if !text.Known(s.Encoding) {
		problems = append(problems, connector.Problem{
			Path: "encoding", Summary: fmt.Sprintf("is %q, which is not known", s.Encoding), Help: "Use one of " + strings.Join(text.Encodings(), ", ") + ".",
		})
	}
	return problems
}

// source is one configured source.
type source struct {
	settings Settings
	dialect  scan.Dialect
	root     *files.Root
	clock    files.Clock
	log      connector.Logger
}

func open(rt connector.Runtime, settings Settings, sleep func(context.Context, time.Duration) error) (*source, error) {
	root, err := files.Open(settings.Path)
	if err != nil {
		return nil, err
	}
	dialect, _ := settings.dialect()
	settings.Encoding = strings.ToLower(settings.Encoding)
	return &source{settings: settings, dialect: dialect, root: root, clock: files.Clock{Now: rt.Now, Sleep: sleep}, log: rt.Log}, nil
}

// check looks at every file, and reads the first rows of each.
func (s *source) check(ctx context.Context) error {
	list, err := s.root.List()
	if err != nil {
		return err
	}
	for _, f := range list {
		if err := s.read(ctx, f, connector.Query{Mode: sdk.FullRefresh, MaxRows: 1}, nowhere{}); err != nil {
			return err
		}
	}
	return nil
}

// nowhere takes rows and drops them.
type nowhere struct{}

func (nowhere) Schema(context.Context, []sdk.Column, []string) error   { return nil }
func (nowhere) AppendRecord(context.Context, arrow.Record) error       { return nil }
func (nowhere) Issue(context.Context, connector.Issue) error           { return nil }
func (nowhere) Progress(context.Context, uint64, uint64) error         { return nil }
func (nowhere) SetState(version uint32, state any, human string) error { return nil }
func (nowhere) Warn(ctx context.Context, code, message string) error   { return nil }

// streams lists the files. One that cannot be read is listed too: reading it says why.
func (s *source) streams() ([]connector.Stream[*source], error) {
	list, err := s.root.List()
	if err != nil {
		return nil, err
	}
	streams := make([]connector.Stream[*source], len(list))
	for i, f := range list {
		reader := func(ctx context.Context, s *source, q connector.Query, records *connector.Records) error {
			return s.read(ctx, f, q, records)
		}
		streams[i] = connector.Dynamic(f.Stream, nil, reader,
			connector.Doc("The rows of "+f.Name+"."), connector.Modes(sdk.FullRefresh, sdk.Incremental))
	}
	return streams, nil
}
