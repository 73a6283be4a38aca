package mirror

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/ai-data-analyst/broker/web/mirror/glance"
	"github.com/ai-data-analyst/broker/web/mirror/wrong"
)

// glanceFile holds what a pull with nothing new looks at.
const glanceFile = ".analyst/glance"

// asked is the question for a manifest, under way while what is here is read.
type asked struct {
	etag   string
	held   []held // what is here, as far as it can be read
	done   chan struct{}
	answer Answer
	err    error
}

// begin asks for the manifest. What is here is looked at while the server thinks: most pulls bring nothing, and people wait
// for them.
func (p *pull) begin(ctx context.Context) *asked {
	a := &asked{done: make(chan struct{})}
	if pointer, err := p.w.pointer(); err == nil && len(pointer.Held) > 0 { // look tells about one that cannot be read
		a.held = pointer.Held
		if p.o.Generation == 0 {
			a.etag = a.held[0].ETag
		}
	}
	go func() {
		defer close(a.done)
		a.answer, a.err = p.from.Manifest(ctx, p.o.Generation, a.etag)
	}()
	return a
}

// unchanged waits for the answer and says whether there is one, of nothing new. What else it is the long way tells.
func (a *asked) unchanged() bool {
	<-a.done
	return a.err == nil && a.answer.NotModified
}

// answer is that of the question under way, if it was the right one: a manifest that is here and cannot be believed is asked
// for anew.
func (p *pull) answer(ctx context.Context, etag string) (Answer, error) {
	<-p.first.done
	if p.first.etag == etag {
		return p.first.answer, p.first.err
	}
	return p.from.Manifest(ctx, p.o.Generation, etag)
}

// glance says whether the pull is over: the server has nothing new, and everything stands here as it was left. All else
// takes the long way, which finds out why.
func (p *pull) glance() (done bool, err error) {
	if p.o.Generation > 0 || p.o.DryRun || p.o.Verify || len(p.o.Tables) > 0 || len(p.first.held) == 0 {
		return false, nil
	}
	h := p.first.held[0]
	n, ok := glance.Read(p.w.path(glanceFile))
	if !ok || h.Tables != nil || h.ETag == "" || n.Basis != p.basis(h) || !p.w.isSettled(h, p.o.Builder) || !n.Untouched() {
		return false, nil
	}
	if !p.first.unchanged() {
		return false, nil
	}
	p.report.From, p.report.Generation = h.Generation, h.Generation
	p.report.Tables, p.report.Reused = n.Tables, n.Reused
	return true, p.told(p.o.Now().UTC())
}

// basis names all that a note rests on: the manifest as it lies here, byte for byte, its signature, the keys that lead to it,
// whose copy it is, and where. "" when something of it is not there.
func (p *pull) basis(h held) string {
	c, err := p.w.Config()
	if err != nil {
		return ""
	}
	return glance.Basis([]string{p.w.Dir, c.Key, c.Instance.ID, c.User, h.Signature, h.Manifest}, p.w.path(h.file()), p.w.path(keysFile))
}

// done ends a pull that went the long way: it leaves a note for the next one.
func (p *pull) done(now time.Time) error {
	n := glance.Note{Basis: p.basis(p.next), Reused: p.report.Reused, Tables: []Pulled{}}
	n.Reused.Parts += p.report.Downloaded.Parts
	n.Reused.Bytes += p.report.Downloaded.Bytes
	parts, docs := map[string]bool{}, map[string]bool{}
	for _, t := range p.m.Tables {
		n.Tables = append(n.Tables, Pulled{Name: t.Name, Status: "unchanged", Rows: t.Rows, Bytes: t.Bytes})
		for _, part := range t.Parts {
			parts[part.SHA256] = true
		}
	}
	for _, d := range p.m.Docs {
		docs[d.SHA256] = true
	}
	whole, err := n.Put(p.parts.Root, p.parts.Suffix, parts, p.parts.Stamp)
	if whole && err == nil {
		whole, err = n.Put(p.docs.Root, p.docs.Suffix, docs, p.docs.Stamp)
	}
	if err != nil {
		return err
	}
	if whole && p.next.Tables == nil && n.Basis != "" {
		err = glance.Write(p.w.path(glanceFile), n)
	} else if err = os.Remove(p.w.path(glanceFile)); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return wrong.OnDisk(err, "note what was looked at")
	}
	return p.told(now)
}

// told says when the pull ended.
func (p *pull) told(now time.Time) error {
	n := len(p.plan.wants)
	p.o.Progress(Progress{Phase: "done", Bytes: p.plan.bytes, TotalBytes: p.plan.bytes, Parts: n, TotalParts: n})
	return wrong.OnDisk(os.WriteFile(p.w.path(pulledFile), []byte(now.Format(time.RFC3339Nano)), 0o644), "note the time") // a hint, so not synced
}
