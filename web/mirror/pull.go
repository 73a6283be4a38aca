package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/disk"
	"github.com/ai-data-analyst/broker/web/mirror/layout"
	"github.com/ai-data-analyst/broker/web/mirror/shelf"
	"github.com/ai-data-analyst/broker/web/mirror/wrong"
)

// Pull makes the workspace a copy of one generation: manifest, missing parts, views; then it switches to it in one step.
// On error what was here stays in use, and what has come is kept for the next pull (Y2, Y4). The report is filled as far as
// the pull came; its Error is the error.
func (w *Workspace) Pull(ctx context.Context, from Source, o PullOptions) (PullReport, error) {
	started := time.Now()
	p := &pull{w: w, from: from, o: o.filled(), parts: w.parts(), docs: w.docs()}
	p.report = PullReport{DryRun: o.DryRun, Tables: []Pulled{}}
	err := p.run(ctx)
	if err = errors.Join(err, p.parts.Close(), p.docs.Close()); err != nil {
		p.report.Error = told(err)
	}
	p.report.Seconds = time.Since(started).Seconds()
	return p.report, err
}

func told(err error) *PullError {
	code := string(fault.CodeOf(err))
	var known interface{ Stable() string }
	if errors.As(err, &known) {
		code = known.Stable()
	}
	return &PullError{Code: code, Message: fault.TextOf(err), Help: fault.HelpOf(err)}
}

// pull is one pull under way.
type pull struct {
	w      *Workspace
	from   Source
	o      PullOptions
	parts  *shelf.Shelf
	docs   *shelf.Shelf
	mu     sync.Mutex // guards report while several parts come
	report PullReport

	pointer pointer
	used    api.Manifest // in use before; zero when none can be used
	whole   bool         // used is the whole of its generation
	keys    api.Keys
	next    held         // what is being pulled
	body    []byte       // its manifest; nil = the one in use
	m       api.Manifest // what of it is wanted
	plan    plan
	first   *asked
}

func (p *pull) run(ctx context.Context) error {
	if !p.o.DryRun {
		unlock, err := p.w.lock(ctx, p.o.Wait)
		if err != nil {
			return err
		}
		defer unlock()
	}
	p.o.Progress(Progress{Phase: "manifest"})
	asking, cancel := context.WithCancel(ctx)
	p.first = p.begin(asking)
	defer func() {
		cancel()
		<-p.first.done
	}()
	if done, err := p.glance(); done || err != nil {
		return err
	}
	if err := p.look(); err != nil {
		return err
	}
	if err := p.ask(ctx); err != nil {
		return err
	}
	if err := p.compare(); err != nil {
		return err
	}
	p.plan = p.missing()
	p.count()
	if p.o.DryRun {
		return nil
	}
	if err := p.room(); err != nil {
		return err
	}
	if err := p.fetch(ctx); err != nil {
		p.failed()
		return err
	}
	if err := errors.Join(p.parts.Sync(), p.docs.Sync()); err != nil { // before anything names them (G1)
		return wrong.OnDisk(err, "sync what came")
	}
	return p.take(ctx)
}

// look reads what is here. A state that cannot be read is no reason to stay with it: the pull then starts from what the
// shelf holds.
func (p *pull) look() error {
	if err := errors.Join(p.parts.Load(), p.docs.Load()); err != nil {
		return wrong.OnDisk(err, "read what was checked")
	}
	var err error
	if p.pointer, err = p.w.pointer(); err != nil {
		p.note("the list of what is here was damaged and is made anew")
		p.pointer = pointer{}
	}
	if err := p.w.load(keysFile, &p.keys); err != nil {
		p.keys = api.Keys{} // asked for again
	}
	if len(p.pointer.Held) == 0 {
		return nil
	}
	now := p.pointer.Held[0]
	p.report.From = now.Generation
	if p.used, _, err = p.w.read(now); err != nil {
		p.note("the manifest in use could not be believed any more and is fetched again: " + fault.TextOf(err))
		p.used, p.pointer.Held = api.Manifest{}, p.pointer.Held[1:]
		return nil
	}
	p.whole = now.Tables == nil
	return nil
}

func (p *pull) note(text string) { p.report.Notes = append(p.report.Notes, text) }

// ask fetches the manifest and believes it only when it should (G5, Y3).
func (p *pull) ask(ctx context.Context) error {
	etag := ""
	if p.o.Generation == 0 && p.used.Format != 0 {
		etag = p.pointer.Held[0].ETag
	}
	answer, err := p.answer(ctx, etag)
	if fault.CodeOf(err) == fault.StateExpired && p.o.Generation > 0 && p.again() {
		p.note(fmt.Sprintf("the server no longer has generation %d; the copy that is here is used", p.o.Generation))
		return nil
	}
	if err != nil {
		return err
	}
	if answer.NotModified {
		if etag == "" {
			return fault.New(fault.Bug, "the server says that nothing changed, though nothing is here")
		}
		return p.reuse(0)
	}
	if p.m, err = p.believe(ctx, answer); err != nil {
		return err
	}
	if p.o.Generation > 0 && p.m.Generation != p.o.Generation {
		return wrong.New(wrong.Rollback, fault.Data, nil, "", "the server answers with generation %d instead of %d", p.m.Generation, p.o.Generation)
	}
	sum := sha256.Sum256(answer.Body)
	p.body = answer.Body
	p.next = held{Generation: p.m.Generation, Manifest: hex.EncodeToString(sum[:]), Signature: answer.Signature, ETag: answer.ETag}
	return p.forward()
}

// believe checks a manifest; the chain of keys is asked for when the one that is here does not lead to the signer's.
func (p *pull) believe(ctx context.Context, answer Answer) (api.Manifest, error) {
	m, err := p.w.checked(p.keys, answer.Signature, answer.Body)
	var known *Error
	if !errors.As(err, &known) || known.Code != wrong.KeyChanged {
		return m, err
	}
	if p.keys, err = p.from.Keys(ctx); err != nil {
		return m, err
	}
	return p.w.checked(p.keys, answer.Signature, answer.Body)
}

// again uses a generation that is here still, though the server has let it go.
func (p *pull) again() bool {
	at := slices.IndexFunc(p.pointer.Held, func(h held) bool { return h.Generation == p.o.Generation })
	return at >= 0 && p.reuse(at) == nil
}

// reuse takes a manifest that is here.
func (p *pull) reuse(at int) error {
	p.next = p.pointer.Held[at]
	tables := p.next.Tables
	p.next.Tables = nil
	if at == 0 && p.whole {
		p.m = p.used
		return nil
	}
	var err error
	if p.m, _, err = p.w.read(p.next); err != nil {
		return err
	}
	if at > 0 && tables != nil && p.o.Tables == nil {
		p.o.Tables = tables
	}
	return nil
}

// forward refuses a way back in time, and another past than the one that was seen (Y3).
func (p *pull) forward() error {
	var high mark
	if err := p.w.load(highestFile, &high); err != nil {
		return err
	}
	if p.o.AllowRollback {
		return nil
	}
	const help = "If the server was restored from a backup, its administrator knows. Then: analyst pull --allow-rollback"
	n, prev := p.m.Generation, p.m.Prev
	switch {
	case n < high.Generation && p.o.Generation == 0:
		return wrong.New(wrong.Rollback, fault.Data, nil, help, "the server shows generation %d, but generation %d was here already", n, high.Generation)
	case n == high.Generation && high.Root != "" && p.m.Root != high.Root,
		n == high.Generation+1 && high.Root != "" && prev != nil && *prev != high.Root:
		return wrong.New(wrong.Rollback, fault.Data, nil, help, "the server shows another past of generation %d than the one that was here", high.Generation)
	}
	return nil
}

// compare says what happens to each table, and narrows the manifest to what is wanted.
func (p *pull) compare() error {
	p.report.Generation = p.m.Generation
	before := map[string]api.Table{}
	for _, t := range p.used.Tables {
		before[t.Name] = t
	}
	if err := p.choose(before); err != nil {
		return err
	}
	p.m = cut(p.m, p.next.Tables)
	for _, t := range p.m.Tables {
		status := "new"
		if old, ok := before[t.Name]; ok {
			if status = "updated"; layout.ContentOf(old) == layout.ContentOf(t) {
				status = "unchanged"
			}
		}
		delete(before, t.Name)
		p.report.Tables = append(p.report.Tables, Pulled{Name: t.Name, Status: status, Rows: t.Rows, Bytes: t.Bytes})
	}
	for name, t := range before {
		p.report.Tables = append(p.report.Tables, Pulled{Name: name, Status: "removed", Rows: t.Rows, Bytes: t.Bytes})
		if p.o.Generation > 0 {
			p.note(fmt.Sprintf("%s is not in generation %d", name, p.m.Generation))
			continue
		}
		p.note(name + " is no longer among your tables: its files and its view are removed") // Y7
	}
	slices.SortFunc(p.report.Tables, func(a, b Pulled) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(p.report.Notes)
	return nil
}

// choose decides which tables will be here: all, or those that are asked for beside those that are here and did not
// change; the copy is always one generation (interface.md §9).
func (p *pull) choose(before map[string]api.Table) error {
	if len(p.o.Tables) == 0 {
		return nil
	}
	names := []string{}
	for _, asked := range p.o.Tables {
		t, ok := p.m.Find(asked)
		if !ok {
			return fault.Newf(fault.NotFound, "there is no table %q in generation %d", asked, p.m.Generation).WithHelp("analyst ls lists what there is.")
		}
		names = append(names, t.Name)
	}
	var behind []string
	for name, old := range before {
		t, there := p.m.Find(name)
		if slices.Contains(names, name) || !there || t.Name != name {
			continue
		}
		if layout.ContentOf(old) != layout.ContentOf(t) {
			behind = append(behind, name)
		}
		names = append(names, name)
	}
	if len(behind) > 0 {
		slices.Sort(behind)
		return fault.Newf(fault.Config, "generation %d changed other tables that are here too: %s", p.m.Generation, strings.Join(behind, ", ")).
			WithHelp("The copy is always one generation: name them too, or run analyst pull without names.")
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) < len(p.m.Tables) {
		p.next.Tables = names
	}
	return nil
}

// take switches to what has come: views are built beside, the pointer moves, then the rest follows it.
func (p *pull) take(ctx context.Context) error {
	now := p.o.Now().UTC()
	same := len(p.pointer.Held) > 0 && p.next.Manifest == p.pointer.Held[0].Manifest && slices.Equal(p.next.Tables, p.pointer.Held[0].Tables)
	if same && p.plan.empty() && p.w.isSettled(p.pointer.Held[0], p.o.Builder) {
		return p.done(now)
	}
	p.o.Progress(Progress{Phase: "views", Bytes: p.plan.bytes, TotalBytes: p.plan.bytes, Parts: len(p.plan.wants), TotalParts: len(p.plan.wants)})
	s := &settling{w: p.w, next: p.next, m: p.m, builder: p.o.Builder, parts: p.parts, docs: p.docs, now: now}
	s.renewed = p.plan.fetched()
	defer s.discard()
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if err := p.commit(now); err != nil {
		return err
	}
	err := s.finish(ctx)
	for _, note := range s.notes {
		p.note(note)
	}
	if err != nil {
		return err
	}
	if err := p.tidy(); err != nil { // what is open elsewhere goes with a later pull
		p.note("some old files could not be removed yet: " + err.Error())
	}
	return p.done(now)
}

// commit is the one step from the old generation to the new one: the rename of the pointer. Everything that it names is on
// the disk before.
func (p *pull) commit(now time.Time) error {
	p.next.PulledAt = now
	if p.body != nil {
		if err := wrong.OnDisk(disk.Write(p.w.path(p.next.file()), p.body, 0o444), "keep the manifest"); err != nil {
			return err
		}
		if err := p.w.save(keysFile, p.keys); err != nil {
			return err
		}
	}
	var high mark
	if err := p.w.load(highestFile, &high); err != nil {
		return err
	}
	if n := p.m.Generation; n > high.Generation || (n == high.Generation && high.Root != p.m.Root) {
		if err := p.w.save(highestFile, mark{n, p.m.Root}); err != nil {
			return err
		}
	}
	kept := []held{p.next}
	for _, h := range p.pointer.Held {
		if h.Generation != p.next.Generation && len(kept) < p.o.Keep {
			kept = append(kept, h)
		}
	}
	p.pointer.Held = kept
	return p.w.save(pointerFile, p.pointer)
}

// tidy lets go of what no generation that is kept names: parts, documents, manifests, pieces.
func (p *pull) tidy() error {
	parts, docs, files := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, d := range p.m.Docs {
		docs[d.SHA256] = true
	}
	for _, h := range p.pointer.Held {
		m, _, err := p.w.read(h)
		if err != nil {
			return nil //nolint:nilerr // what cannot be read names parts that nobody knows: nothing is let go this time
		}
		files[p.w.path(h.file())] = true
		for _, t := range m.Tables {
			for _, part := range t.Parts {
				parts[part.SHA256] = true
			}
		}
	}
	return errors.Join(p.parts.Keep(parts), p.docs.Keep(docs), os.RemoveAll(p.w.path(".analyst/partial")),
		layout.RemoveOthers(p.w.path(".analyst/generations"), files))
}
