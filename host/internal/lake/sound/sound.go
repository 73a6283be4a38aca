// Package sound knows which parts of a lake are as they were written: it compares bytes with the hash in the part's name,
// at the first read in a process, when a file looks other than it did, and from time to time in the background (G5).
//
// What is found damaged is handed out to nobody until it is whole again. It repairs nothing by itself: a part is replaced
// when a run writes the same bytes again. Only host/internal/lake imports it.
package sound

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Parts are the parts of one lake. Safe for concurrent use.
type Parts struct {
	Files depot.Depot
	Book  *catalog.Catalog
	Now   func() time.Time
	Log   *slog.Logger
	// Look makes the first read of each part compare its bytes, and keeps in the book what is found. Without it only what
	// the book says is damaged is held back: a process that lives for one connection cannot read the whole lake for it.
	Look bool

	mu     sync.Mutex
	read   bool             // the book
	known  map[string]state // by path
	seated map[string]chan struct{}
}

// state is what is known of a part.
type state struct {
	stamp stamp // of the file that was read; zero = another process read it
	what  string
}

// stamp is what a file looks like that nobody has touched.
type stamp struct {
	size  int64
	mtime time.Time
}

// stampOf is zero for what is no file of a disk.
func stampOf(file depot.Reader) (stamp, error) {
	local, ok := file.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return stamp{}, nil
	}
	info, err := local.Stat()
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.Size(), info.ModTime()}, nil
}

// Open opens a part. fault.Data for one whose bytes are not those that were published.
func (p *Parts) Open(ctx context.Context, part version.Part) (depot.Reader, error) {
	file, size, err := p.Files.OpenPart(ctx, part.Path)
	if err != nil {
		return nil, err
	}
	if size != part.Bytes {
		what := fmt.Sprintf("the part has %d bytes, published were %d", size, part.Bytes)
		return nil, errors.Join(damaged(part.Path, what), p.note(ctx, part, state{what: what}), file.Close())
	}
	if err := p.vet(ctx, part, file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Damaged says what is known to be wrong with a part, without reading it; "" = nothing.
func (p *Parts) Damaged(ctx context.Context, path string) (string, error) {
	if err := p.load(ctx); err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[path].what, nil
}

// Wrong are the parts that are known to be damaged, with what is wrong with them.
func (p *Parts) Wrong(ctx context.Context) (map[string]string, error) {
	if err := p.load(ctx); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	wrong := map[string]string{}
	for path, s := range p.known {
		if s.what != "" {
			wrong[path] = s.what
		}
	}
	return wrong, nil
}

// load reads the book once.
func (p *Parts) load(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.read {
		return nil
	}
	checks, err := p.Book.Checks(ctx, true)
	if err != nil {
		return err
	}
	if p.known == nil {
		p.known = map[string]state{}
	}
	for _, c := range checks {
		if _, ok := p.known[c.Path]; !ok {
			p.known[c.Path] = state{what: c.What}
		}
	}
	p.read = true
	return nil
}

// vet says whether the bytes of an open part may be handed out.
func (p *Parts) vet(ctx context.Context, part version.Part, file depot.Reader) error {
	if err := p.load(ctx); err != nil {
		return err
	}
	now, err := stampOf(file)
	if err != nil {
		return fmt.Errorf("look at part %s: %w", part.Path, err)
	}
	for {
		p.mu.Lock()
		s, ok := p.known[part.Path]
		switch {
		case !p.Look || now == stamp{}: // nothing to go by, or a store that hashes what it keeps
			ok = true
		default:
			ok = ok && s.stamp == now
		}
		busy := p.seated[part.Path]
		if !ok && busy == nil {
			leave := p.sit(part.Path)
			p.mu.Unlock()
			defer leave()
			return p.compare(ctx, part, file, 0)
		}
		p.mu.Unlock()
		if ok && s.what == "" {
			return nil
		}
		if ok {
			return damaged(part.Path, s.what)
		}
		select {
		case <-busy: // somebody else has read it, or given up
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sit makes the caller, who holds mu, the one who reads a part.
func (p *Parts) sit(path string) (leave func()) {
	if p.seated == nil {
		p.seated = map[string]chan struct{}{}
	}
	seat := make(chan struct{})
	p.seated[path] = seat
	return func() {
		p.mu.Lock()
		delete(p.seated, path)
		p.mu.Unlock()
		close(seat)
	}
}

func damaged(path, what string) error {
	return fault.Newf(fault.Data, "part %s is damaged: %s", path, what).WithScope(string(tableOf(path))).
		WithHelp(`Run "broker lake verify --full"; the next run that delivers the table in full writes the part again.`)
}

// tableOf is the table of a part: <namespace>/<table>/data/<hash>.parquet.
func tableOf(path string) sdk.TableName {
	fields := strings.SplitN(path, "/", 3)
	if len(fields) < 3 {
		return ""
	}
	return sdk.TableName(fields[0] + "." + fields[1])
}

// compare reads a part whole, at most rate bytes a second (0 = as fast as it goes), and notes what it found. An error that
// says nothing about the bytes is returned and not noted.
func (p *Parts) compare(ctx context.Context, part version.Part, file depot.Reader, rate int64) error {
	looked, err := stampOf(file)
	if err != nil {
		return fmt.Errorf("look at part %s: %w", part.Path, err)
	}
	s := state{stamp: looked}
	sum := sha256.New()
	_, err = io.Copy(sum, &slow{ctx: ctx, from: io.NewSectionReader(file, 0, part.Bytes), rate: rate, begun: time.Now()})
	switch {
	case errors.Is(err, syscall.EIO):
		s.what = "the part cannot be read: " + err.Error()
	case err != nil:
		return fmt.Errorf("read part %s: %w", part.Path, err)
	default:
		if got := hex.EncodeToString(sum.Sum(nil)); got != part.SHA256 {
			s.what = "the part's bytes have changed: their hash is " + got
		}
	}
	if err := p.note(ctx, part, s); err != nil {
		return err
	}
	if s.what != "" {
		return damaged(part.Path, s.what)
	}
	return nil
}

// note keeps what was found, in the book too when it is news.
func (p *Parts) note(ctx context.Context, part version.Part, s state) error {
	if err := p.load(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	before := p.known[part.Path]
	p.known[part.Path] = s
	p.mu.Unlock()
	if before.what == s.what {
		return nil
	}
	if s.what != "" {
		p.Log.Error("a part of a table is damaged and is handed out to nobody", "table", tableOf(part.Path), "part", part.Path, "reason", s.what)
	} else {
		p.Log.Info("a damaged part is whole again", "table", tableOf(part.Path), "part", part.Path)
	}
	if !p.Look {
		return nil
	}
	return p.Book.Checked(ctx, catalog.Check{Path: part.Path, Table: tableOf(part.Path), At: p.Now(), What: s.what})
}

// Scrub compares the parts that list names and that were not compared since every ago, or are known to be damaged: the
// longest unseen first, at most rate bytes a second; 0 = as fast as it goes. It returns how many it read. list is asked
// again about a part that cannot be found: it may have expired meanwhile.
func (p *Parts) Scrub(ctx context.Context, list func(context.Context) (map[string]version.Part, error), rate int64, every time.Duration) (int, error) {
	parts, unlisted := list(ctx) // what can be listed is compared, whatever cannot
	checks, err := p.Book.Checks(ctx, false)
	if err != nil {
		return 0, errors.Join(unlisted, err)
	}
	seen := map[string]catalog.Check{}
	var gone []string
	for _, c := range checks {
		if seen[c.Path] = c; parts[c.Path].Path == "" {
			gone = append(gone, c.Path)
		}
	}
	if unlisted == nil {
		if err := p.forget(ctx, gone); err != nil {
			return 0, err
		}
	}
	due := slices.SortedFunc(maps.Values(parts), func(a, b version.Part) int {
		return cmpCheck(seen[a.Path], seen[b.Path], a.Path, b.Path)
	})
	n, now := 0, p.Now()
	errs := []error{unlisted}
	for _, part := range due {
		c, ok := seen[part.Path]
		if ok && c.What == "" && now.Sub(c.At) < every {
			continue
		}
		if err := ctx.Err(); err != nil {
			return n, errors.Join(append(errs, err)...)
		}
		if err := p.scrub(ctx, part, list, rate); err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	return n, errors.Join(errs...)
}

func cmpCheck(a, b catalog.Check, pathA, pathB string) int {
	if d := a.At.Compare(b.At); d != 0 { // never is before all times
		return d
	}
	return strings.Compare(pathA, pathB)
}

// scrub compares one part. Damage is no error here: it is noted.
func (p *Parts) scrub(ctx context.Context, part version.Part, list func(context.Context) (map[string]version.Part, error), rate int64) error {
	file, size, err := p.Files.OpenPart(ctx, part.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if still, err := list(ctx); err != nil || still[part.Path].Path == "" {
			return err
		}
		err = p.note(ctx, part, state{what: "the part cannot be found"})
	case err != nil && (!p.Files.Near() || passing(err)):
		return fmt.Errorf("open part %s: %w", part.Path, err)
	case err != nil:
		err = p.note(ctx, part, state{what: "the part cannot be opened: " + err.Error()})
	case size != part.Bytes:
		err = errors.Join(p.note(ctx, part, state{what: fmt.Sprintf("the part has %d bytes, published were %d", size, part.Bytes)}), file.Close())
	default:
		if err = p.compare(ctx, part, file, rate); fault.CodeOf(err) == fault.Data {
			err = nil
		}
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return err
	}
	what, err := p.Damaged(ctx, part.Path)
	if err != nil {
		return err
	}
	return p.Book.Checked(ctx, catalog.Check{Path: part.Path, Table: tableOf(part.Path), At: p.Now(), What: what})
}

// passing says whether an error is of this process or this moment, not of the file.
func passing(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// forget drops what is known of parts that are gone.
func (p *Parts) forget(ctx context.Context, paths []string) error {
	p.mu.Lock()
	for _, path := range paths {
		delete(p.known, path)
	}
	p.mu.Unlock()
	return p.Book.Unchecked(ctx, paths...)
}

// slow reads at most rate bytes a second on average.
type slow struct {
	ctx   context.Context
	from  io.Reader
	rate  int64
	begun time.Time
	read  int64
}

// Read implements io.Reader.
func (s *slow) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if s.rate > 0 {
		due := time.Duration(float64(s.read) / float64(s.rate) * float64(time.Second))
		if wait := due - time.Since(s.begun); wait > 0 {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-s.ctx.Done():
				return 0, s.ctx.Err()
			}
		}
	}
	n, err := s.from.Read(b)
	s.read += int64(n)
	return n, err
}
