package mirror

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/progress"
	"github.com/ai-data-analyst/broker/web/mirror/shelf"
	"github.com/ai-data-analyst/broker/web/mirror/wrong"
)

// plan is what has to come or to be hashed.
type plan struct {
	wants []want
	bytes int64 // to come
}

// want is a part or a document. there: one of its name and size is here and needs to be hashed first.
type want struct {
	shelf  *shelf.Shelf
	sha256 string
	size   int64
	owner  string // table, or path of the document
	there  bool
}

// fetched are the hashes that were not here, or damaged.
func (p plan) fetched() map[string]bool {
	all := map[string]bool{}
	for _, w := range p.wants {
		all[w.sha256] = !w.there
	}
	return all
}

func (p plan) empty() bool { return len(p.wants) == 0 }

// missing lists what is not here, each hash once.
func (p *pull) missing() plan {
	var all []want
	seen := map[string]bool{}
	add := func(s *shelf.Shelf, sum string, size int64, owner string) {
		if key := s.Root + sum; !seen[key] {
			seen[key] = true
			all = append(all, want{s, sum, size, owner, false})
		}
	}
	for _, t := range p.m.Tables {
		for _, part := range t.Parts {
			add(p.parts, part.SHA256, part.Size, t.Name)
		}
	}
	for _, d := range p.m.Docs {
		add(p.docs, d.SHA256, d.Size, d.Path)
	}
	checked := make([]bool, len(all))
	shelf.Each(len(all), func(i int) { checked[i], all[i].there = all[i].shelf.Has(all[i].sha256, all[i].size) })
	var out plan
	for i, w := range all {
		if checked[i] && !p.o.Verify {
			continue
		}
		out.wants = append(out.wants, w)
		if !w.there {
			out.bytes += w.size
		}
	}
	return out
}

// count fills the report: what comes, what is here already. Parts only; a part of two tables counts once.
func (p *pull) count() {
	coming, seen := map[string]bool{}, map[string]bool{}
	for _, want := range p.plan.wants {
		coming[want.sha256] = !want.there
	}
	for _, t := range p.m.Tables {
		for _, part := range t.Parts {
			if seen[part.SHA256] {
				continue
			}
			seen[part.SHA256] = true
			amount := &p.report.Reused
			if coming[part.SHA256] {
				amount = &p.report.Downloaded
			}
			amount.Parts++
			amount.Bytes += part.Size
		}
	}
}

// headroom is what a pull leaves free beside its parts, in bytes.
const headroom = 32 << 20

// room refuses to begin what the disk cannot hold (Y4). What came in an earlier try is here already.
func (p *pull) room() error {
	needed := p.plan.bytes
	for _, want := range p.plan.wants {
		if info, err := os.Stat(filepath.Join(want.shelf.Partial, want.sha256)); err == nil && !want.there {
			needed -= min(info.Size(), want.size)
		}
	}
	if needed <= 0 {
		return nil
	}
	free, err := p.o.Free(p.w.Dir)
	if err != nil {
		return wrong.OnDisk(err, "ask how much the disk still takes")
	}
	if free < needed+headroom {
		return wrong.New(wrong.DiskFull, fault.Data, nil, "Free some space, or pull fewer tables by name.", "the disk has %s free, this pull needs %s", progress.Size(free), progress.Size(needed+headroom))
	}
	return nil
}

// fetch gets everything, several at once. The first failure ends it; what has come stays.
func (p *pull) fetch(ctx context.Context) error {
	if p.plan.empty() {
		return nil
	}
	for _, dir := range []string{p.parts.Root, p.docs.Root} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return wrong.OnDisk(err, "make a folder for parts")
		}
	}
	tell := progress.New(p.o.Progress, len(p.plan.wants), p.plan.bytes)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.o.Jobs)
	for i := range p.plan.wants {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return fault.Wrap(fault.Cancelled, err, "pull")
			}
			if err := p.ensure(ctx, i, tell); err != nil {
				return err
			}
			tell.Done()
			return nil
		})
	}
	return group.Wait()
}

// ensure hashes what is here, and fetches what is not, or is damaged.
func (p *pull) ensure(ctx context.Context, i int, tell *progress.Meter) error {
	w := &p.plan.wants[i]
	if !w.there {
		return p.get(ctx, i, tell)
	}
	err := w.shelf.Check(w.sha256, w.size)
	if err == nil {
		return nil
	}
	if !errors.Is(err, shelf.ErrMismatch) && !errors.Is(err, os.ErrNotExist) {
		return wrong.OnDisk(err, "check "+w.owner)
	}
	tell.More(w.size)
	p.damaged(w)
	return p.get(ctx, i, tell)
}

// damaged moves a part from what is reused to what is fetched.
func (p *pull) damaged(w *want) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.there = false
	p.note(w.owner + " had a damaged file, which is fetched again")
	if w.shelf != p.parts {
		return
	}
	p.report.Reused.Parts--
	p.report.Reused.Bytes -= w.size
	p.report.Downloaded.Parts++
	p.report.Downloaded.Bytes += w.size
}

const (
	tries   = 3
	enough  = 4 << 20 // bytes that an attempt must bring to count as none that failed
	tryWait = 500 * time.Millisecond
)

// get fetches one file; three attempts that bring next to nothing are a failure (Y2).
func (p *pull) get(ctx context.Context, i int, tell *progress.Meter) error {
	w := p.plan.wants[i]
	for failures := 0; ; {
		begun, position := int64(-1), int64(0)
		err := w.shelf.Take(ctx, w.sha256, w.size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			return p.from.Part(ctx, w.sha256, w.size, offset, p.m.PartHosts)
		}, func(at int64) {
			if position = at; begun < 0 {
				begun = at
			}
			tell.At(i, at)
		})
		if err == nil {
			return nil
		}
		if position-begun < enough {
			failures++
		}
		wait, again := mayPass(err)
		if !again || failures >= tries || ctx.Err() != nil {
			return named(err, w)
		}
		if err := p.o.Pause(ctx, max(wait, time.Duration(failures)*tryWait)); err != nil {
			return fault.Wrap(fault.Cancelled, err, "pull "+w.owner)
		}
	}
}

// patience is the longest wait that a server may ask for.
const patience = 30 * time.Second

// mayPass says whether another attempt makes sense, and how long to wait before it.
func mayPass(err error) (time.Duration, bool) {
	if errors.Is(err, shelf.ErrMismatch) || errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, true
	}
	f, ok := fault.As(err)
	if !ok {
		return 0, false
	}
	var known interface{ Stable() string }
	if errors.As(err, &known) && (known.Stable() == wrong.HashMismatch || known.Stable() == wrong.ShortBody) {
		return 0, true
	}
	return f.RetryAfter, (f.Code == fault.Transient || f.Code == fault.RateLimited) && f.RetryAfter <= patience
}

// named says whose file it was that failed.
func named(err error, w want) error {
	var known *fault.Fault
	switch {
	case errors.Is(err, shelf.ErrMismatch):
		return wrong.New(wrong.HashMismatch, fault.Data, err, "What was here before stays in use. If it happens again, tell the administrator.",
			"%s: part %s does not have the bytes that the manifest promises", w.owner, w.sha256)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return wrong.New(wrong.ShortBody, fault.Data, err, "What was here before stays in use.", "%s: part %s ends early", w.owner, w.sha256)
	case errors.As(err, &known):
		f := *known
		f.What = w.owner + ": " + known.What
		return &f
	}
	return wrong.OnDisk(err, "keep a part of "+w.owner)
}

// failed marks the tables of what did not come.
func (p *pull) failed() {
	missing := map[string]bool{}
	for _, t := range p.m.Tables {
		for _, part := range t.Parts {
			if checked, _ := p.parts.Has(part.SHA256, part.Size); !checked {
				missing[t.Name] = true
			}
		}
	}
	for i, t := range p.report.Tables {
		if missing[t.Name] && t.Status != "removed" {
			p.report.Tables[i].Status = "failed"
		}
	}
}
