package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/disk"
	"github.com/ai-data-analyst/broker/web/mirror/layout"
	"github.com/ai-data-analyst/broker/web/mirror/own"
	"github.com/ai-data-analyst/broker/web/mirror/shelf"
	"github.com/ai-data-analyst/broker/web/mirror/views"
	"github.com/ai-data-analyst/broker/web/mirror/wrong"
)

// settled says what the files beside the parts were made from: views, tables, documents. They follow the pointer; whatever
// stopped before this was written is made again from what is here.
type settled struct {
	Manifest string            `json:"manifest"` // "" = under way
	Only     []string          `json:"only"`
	Dir      string            `json:"dir"`
	Tables   map[string]string `json:"tables"` // folder → what it shows
	Docs     []string          `json:"docs"`
	Database disk.Stamp        `json:"database"` // zero = none was made
	Built    bool              `json:"built"`    // a database was wanted
}

// Settle makes the views and folders those of the generation in use, without a server: after a pull that was stopped, or
// when the workspace has moved; where nothing may be written they stay as they are, see Ready. It also refuses parts that were damaged since they were checked (G5). Cheap when there is
// nothing to do; while a pull runs it leaves that to the pull.
func (w *Workspace) Settle(ctx context.Context, b Builder) (notes []string, err error) {
	s := &settling{w: w, builder: b, parts: w.parts(), docs: w.docs(), now: time.Now().UTC()}
	defer func() { err = errors.Join(err, s.parts.Close(), s.docs.Close()) }()
	if done, err := s.look(); done || err != nil {
		return nil, err
	}
	unlock, err := w.lock(ctx, 0)
	var busy *Error
	if errors.As(err, &busy) && busy.Code == wrong.Locked {
		return nil, nil
	}
	if disk.IsReadOnly(err) { // everything is here and whole: it can be asked all the same
		return []string{"this workspace cannot be written to, so its views are made in memory"}, nil
	}
	if err != nil {
		return nil, err
	}
	defer unlock()
	if done, err := s.look(); done || err != nil { // another may have done it since
		return nil, err
	}
	defer s.discard()
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	err = s.finish(ctx)
	return s.notes, err
}

// look reads what is in use and whether everything follows it already.
func (s *settling) look() (done bool, err error) {
	p, err := s.w.pointer()
	if err != nil || len(p.Held) == 0 {
		return true, err
	}
	s.next = p.Held[0]
	if s.m, _, err = s.w.read(s.next); err != nil {
		return false, err
	}
	if err := errors.Join(s.parts.Load(), s.docs.Load()); err != nil {
		return false, wrong.OnDisk(err, "read what was checked")
	}
	return s.w.isSettled(s.next, s.builder), intact(s.parts, s.m)
}

// intact finds parts that are gone or were changed since they were checked.
func intact(parts *shelf.Shelf, m api.Manifest) error {
	for _, t := range m.Tables {
		for _, part := range t.Parts {
			checked, there := parts.Has(part.SHA256, part.Size)
			if checked {
				continue
			}
			if there && parts.Check(part.SHA256, part.Size) == nil {
				continue
			}
			return wrong.New(wrong.HashMismatch, fault.Data, nil, "Run: analyst pull", "%s: the file %s is gone or damaged", t.Name, parts.Path(part.SHA256))
		}
	}
	return nil
}

func (w *Workspace) isSettled(h held, b Builder) bool {
	var s settled
	if w.load(settledFile, &s) != nil || s.Manifest != h.Manifest || !slices.Equal(s.Only, h.Tables) || s.Dir != w.Dir {
		return false
	}
	if b == nil {
		return true // a database that is there is of this generation
	}
	_, err := os.Stat(w.Database())
	return err == nil && s.Built && s.Database != disk.Stamp{}
}

// Ready says whether the file of views is of the generation in use, for where the workspace lies now. Where it is not, because
// nobody may write here or another program has the file open, the same views can be made in memory.
func (w *Workspace) Ready(b Builder) bool {
	p, err := w.pointer()
	if err != nil || len(p.Held) == 0 || !w.isSettled(p.Held[0], b) {
		return false
	}
	_, err = os.Stat(w.Database())
	return err == nil
}

// Moved says whether the views name another place than where the workspace lies now: Settle mends that.
func (w *Workspace) Moved() (bool, error) {
	var s settled
	if err := w.load(settledFile, &s); err != nil {
		return false, err
	}
	return s.Dir != "" && s.Dir != w.Dir, nil
}

// settling makes everything that follows from one manifest.
type settling struct {
	w           *Workspace
	next        held
	m           api.Manifest
	builder     Builder
	parts, docs *shelf.Shelf
	now         time.Time
	renewed     map[string]bool // hashes of parts that came in this pull
	notes       []string

	before settled
	script string
}

// fresh is where the new database is built; DuckDB names a database by the file's name up to the first dot.
func (s *settling) fresh() string { return s.w.Database() + ".new" }

// prepare makes what can fail beside what is in use: above all the database.
func (s *settling) prepare(ctx context.Context) error {
	if err := s.w.load(settledFile, &s.before); err != nil {
		s.before = settled{}
	}
	statements, notes := views.Statements(s.m, s.parts.Path, nil)
	s.notes = append(s.notes, notes...)
	s.script = fmt.Sprintf("-- Views of generation %d, made by analyst pull. Open with: duckdb -init init.sql\n", s.m.Generation) + views.Script(statements)
	if err := os.MkdirAll(filepath.Dir(s.fresh()), 0o755); err != nil {
		return wrong.OnDisk(err, "make the folder of the database")
	}
	s.discard()
	if s.builder == nil {
		return nil
	}
	if err := s.builder.Build(ctx, s.fresh(), statements); err != nil {
		return wrong.OnDisk(fmt.Errorf("build the views: %w", err), "build the views of the new generation")
	}
	return nil
}

func (s *settling) discard() {
	os.Remove(s.fresh())
	os.Remove(s.fresh() + ".wal")
}

// finish brings what people see in line with the pointer.
func (s *settling) finish(ctx context.Context) error {
	under := s.before
	under.Manifest = ""
	for _, d := range s.m.Docs {
		under.Docs = append(under.Docs, d.Path)
	}
	slices.Sort(under.Docs)
	under.Docs = slices.Compact(under.Docs)
	if err := s.w.save(settledFile, under); err != nil {
		return err
	}
	after := settled{Manifest: s.next.Manifest, Only: s.next.Tables, Dir: s.w.Dir, Built: s.builder != nil}
	l := layout.Layout{Server: s.w.path("server"), Parts: s.parts, Docs: s.docs, Renewed: s.renewed}
	var err error
	if after.Tables, err = l.Tables(s.m.Tables, s.before.Tables); err != nil {
		return wrong.OnDisk(err, "lay out server/tables")
	}
	for _, d := range s.m.Docs {
		after.Docs = append(after.Docs, d.Path)
	}
	switch err := l.Documents(s.m.Docs, under.Docs); {
	case errors.Is(err, shelf.ErrMismatch), errors.Is(err, fs.ErrNotExist):
		return wrong.New(wrong.HashMismatch, fault.Data, err, "Run: analyst pull", "a document is gone or damaged: %v", err)
	case err != nil:
		return wrong.OnDisk(err, "lay out server/docs")
	}
	body, err := os.ReadFile(s.w.path(s.next.file()))
	if err == nil {
		err = errors.Join(disk.Write(s.w.path("server/manifest.json"), body, 0o444), disk.Write(s.w.Script(), []byte(s.script), 0o644))
	}
	if err != nil {
		return wrong.OnDisk(err, "write server/manifest.json and init.sql")
	}
	if after.Database, err = s.database(ctx); err != nil {
		return err
	}
	return s.w.save(settledFile, after)
}

// database puts the new file of views in place of the old one, in one rename: who has the old one open keeps it. What is
// not ours in it is kept under another name first (Y6).
func (s *settling) database(ctx context.Context) (disk.Stamp, error) {
	inspector, _ := s.builder.(Inspector)
	note, err := own.Keep(ctx, s.w.Database(), s.before.Database, inspector, s.now)
	if err != nil {
		return disk.Stamp{}, wrong.OnDisk(err, "keep your own tables of analytics.duckdb")
	}
	if note != "" {
		s.notes = append(s.notes, note)
	}
	if s.builder == nil {
		if err := os.Remove(s.w.Database()); err == nil {
			s.notes = append(s.notes, "no engine is here to make analytics.duckdb, so the old one is removed; init.sql holds the views")
		}
		return disk.Stamp{}, nil
	}
	if err := disk.Move(s.fresh(), s.w.Database()); err != nil {
		s.notes = append(s.notes, "analytics.duckdb is open elsewhere and stays as it was; close it and pull again")
		return disk.Stamp{}, nil //nolint:nilerr // some systems do not replace open files: the next pull or query tries again
	}
	stamp, err := disk.Look(s.w.Database())
	return stamp, wrong.OnDisk(err, "look at analytics.duckdb")
}
