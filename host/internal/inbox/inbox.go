// Package inbox keeps what analysts push: notes and transcripts, one folder a person, one below it a machine.
//
// What it said it has is on disk (G3). A push never deletes and never overwrites: a file that has grown continues, by
// the hash of what was there; one that has changed is kept beside as a further revision. It reads no meaning in what it
// keeps, and knows no HTTP.
package inbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Limits of what a person may keep here (G16).
const (
	DefaultQuota = 1 << 30             // bytes of a person
	maxFile      = 256 << 20           // bytes of one file
	maxItems     = 1000                // of one offer
	maxRevisions = 50                  // of one file
	maxFiles     = 20_000              // of a person
	maxIdle      = 30 * 24 * time.Hour // after which a file that was begun and not finished goes
)

// What an answer says (see api.PushWant).
const (
	have    = "have"
	want    = "want"
	refused = "refused"
)

// Options are what an Inbox needs.
type Options struct {
	Dir   string           // absolute; made when missing
	Quota int64            // bytes of a person; 0 = DefaultQuota
	Now   func() time.Time // nil = time.Now
}

// Inbox takes pushes. It is safe for concurrent use by one process.
type Inbox struct {
	files *files
	quota int64
	now   func() time.Time

	mu     sync.Mutex
	people map[string]*person
}

// person is one person's push under way: one at a time, whatever the number of machines.
type person struct {
	mu    sync.Mutex
	known bool  // used, begun and count hold
	used  int64 // bytes of whole files: what the quota is about
	begun int64 // bytes of files that have not arrived whole
	count int
	sums  map[string]sum
}

// Open opens the folder. Close the Inbox.
func Open(o Options) (*Inbox, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of pushes: %w", err)
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of pushes: %w", err)
	}
	i := &Inbox{files: &files{root}, quota: o.Quota, now: o.Now, people: map[string]*person{}}
	if i.quota <= 0 {
		i.quota = DefaultQuota
	}
	if i.now == nil {
		i.now = time.Now
	}
	return i, nil
}

// Close gives the folder back.
func (i *Inbox) Close() error { return i.files.root.Close() }

// Offer says for each file whether it is there, or from which byte on it is wanted. A wrong machine is fault.Config; a
// file that cannot be taken is refused by itself.
func (i *Inbox) Offer(ctx context.Context, who sdk.Caller, offer api.PushOffer) (api.PushAnswer, error) {
	if err := checkMachine(who, offer.Machine); err != nil {
		return api.PushAnswer{}, err
	}
	if len(offer.Items) > maxItems {
		return api.PushAnswer{}, wrong("items", "at most %d items at once", maxItems)
	}
	p, leave, err := i.enter(who)
	if err != nil {
		return api.PushAnswer{}, err
	}
	defer leave()
	answer := api.PushAnswer{Items: make([]api.PushWant, 0, len(offer.Items)), Quota: i.quota}
	var promised int64 // bytes that this answer asks for
	for _, item := range offer.Items {
		if ctx.Err() != nil {
			return api.PushAnswer{}, fmt.Errorf("look at what is offered: %w", ctx.Err())
		}
		spot := spotOf(who, offer.Machine, item)
		one, err := i.offered(p, spot, item, promised)
		if err != nil {
			return api.PushAnswer{}, fmt.Errorf("look for %s: %w", item.Path, err)
		}
		if one.State == want {
			promised += item.Size - one.Offset
		}
		answer.Items = append(answer.Items, one)
	}
	answer.Used = p.used
	return answer, nil
}

func (i *Inbox) offered(p *person, at spot, item api.PushItem, promised int64) (api.PushWant, error) {
	if reason := checkItem(item); reason != "" {
		return api.PushWant{Path: item.Path, State: refused, Reason: reason}, nil
	}
	revisions, err := i.revisions(p, at)
	if err != nil {
		return api.PushWant{}, err
	}
	if there, err := i.holds(revisions, item); err != nil || there {
		return api.PushWant{Path: item.Path, State: have}, err
	}
	begun, err := i.files.size(at.partial)
	if err != nil {
		return api.PushWant{}, err
	}
	grown := grownFrom(revisions, item)
	if reason := i.room(p, revisions, item.Size-grown.size+promised, item.Size-begun); reason != "" {
		return api.PushWant{Path: item.Path, State: refused, Reason: reason}, nil
	}
	if begun == 0 && grown.size > 0 {
		if err := i.files.copy(grown.name, at.partial); err != nil {
			p.known = false
			return api.PushWant{}, err
		}
		begun = grown.size
		p.begun += begun
	}
	return api.PushWant{Path: item.Path, State: want, Offset: begun}, nil
}

// holds says whether a revision is the file, or begins with it: an older state of what is here.
func (i *Inbox) holds(revisions []revision, item api.PushItem) (bool, error) {
	for _, r := range revisions {
		if r.size == item.Size && r.sha256 == item.SHA256 {
			return true, nil
		}
		if r.size > item.Size {
			head, err := i.files.head(r.name, item.Size)
			if err != nil {
				return false, err
			}
			if head == item.SHA256 {
				return true, nil
			}
		}
	}
	return false, nil
}

// room says why a file cannot be taken that adds so many bytes to what is kept, and needs so many more until it is whole.
func (i *Inbox) room(p *person, revisions []revision, adds, needs int64) string {
	switch {
	case p.used+adds > i.quota:
		return fmt.Sprintf("over the quota of %d bytes", i.quota)
	case p.begun+needs > i.quota:
		return "too much was begun and not finished"
	case len(revisions) >= maxRevisions:
		return fmt.Sprintf("%d revisions of this file are kept already", maxRevisions)
	case p.count >= maxFiles:
		return fmt.Sprintf("%d files are kept already", maxFiles)
	}
	return ""
}

// grownFrom is the revision that a file says it has grown from; none for one that is not here.
func grownFrom(revisions []revision, item api.PushItem) revision {
	for _, r := range revisions {
		if item.Prefix > 0 && r.size == item.Prefix && r.sha256 == item.PrefixSHA256 {
			return r
		}
	}
	return revision{}
}

// Receive takes one stretch of a file and answers where the next one begins, or that the file is there. Bytes that it
// counts are on disk. A stretch that does not continue what is there is not taken: the answer says where to go on.
// fault.Data means that the whole did not have its hash; it begins anew.
func (i *Inbox) Receive(_ context.Context, who sdk.Caller, machine string, item api.PushItem, offset int64, chunk io.Reader) (api.PushWant, error) {
	if err := checkMachine(who, machine); err != nil {
		return api.PushWant{}, err
	}
	if reason := checkItem(item); reason != "" {
		return api.PushWant{}, wrong("path", "%s", reason)
	}
	if offset < 0 || offset > item.Size {
		return api.PushWant{}, wrong("offset", "offset must lie in the file")
	}
	content, err := io.ReadAll(io.LimitReader(chunk, api.PushChunk+1))
	if err != nil {
		return api.PushWant{}, fmt.Errorf("read a chunk: %w", err)
	}
	if len(content) > api.PushChunk || int64(len(content)) > item.Size-offset {
		return api.PushWant{}, wrong("size", "the chunk has more bytes than the file or a chunk may have")
	}
	p, leave, err := i.enter(who)
	if err != nil {
		return api.PushWant{}, err
	}
	defer leave()
	return i.received(p, spotOf(who, machine, item), item, offset, content)
}

func (i *Inbox) received(p *person, at spot, item api.PushItem, offset int64, content []byte) (api.PushWant, error) {
	revisions, err := i.revisions(p, at)
	if err != nil {
		return api.PushWant{}, err
	}
	if there, err := i.holds(revisions, item); err != nil || there {
		return api.PushWant{Path: item.Path, State: have}, err
	}
	begun, err := i.files.size(at.partial)
	if err != nil {
		return api.PushWant{}, err
	}
	if offset != begun {
		return api.PushWant{Path: item.Path, State: want, Offset: begun}, nil
	}
	if reason := i.room(p, revisions, item.Size-longest(revisions, begun), int64(len(content))); reason != "" {
		return api.PushWant{Path: item.Path, State: refused, Reason: reason}, nil
	}
	if len(content) > 0 || item.Size == 0 {
		if err := i.files.write(at.partial, offset, bytes.NewReader(content)); err != nil {
			p.known = false // what is there is counted anew
			return api.PushWant{}, err
		}
		p.begun += int64(len(content))
	}
	begun += int64(len(content))
	if begun < item.Size {
		return api.PushWant{Path: item.Path, State: want, Offset: begun}, nil
	}
	return i.finish(p, at, item, revisions)
}

// longest is the size of the longest revision that so many bytes may begin with.
func longest(revisions []revision, begun int64) (size int64) {
	for _, r := range revisions {
		if r.size <= begun {
			size = max(size, r.size)
		}
	}
	return size
}

// finish gives a whole file its name: that of the longest revision which it continues, else one of its own.
func (i *Inbox) finish(p *person, at spot, item api.PushItem, revisions []revision) (api.PushWant, error) {
	heads, err := i.files.heads(at.partial, revisions)
	if err != nil {
		return api.PushWant{}, err
	}
	if heads.whole != item.SHA256 {
		if err := i.forget(p, at); err != nil {
			return api.PushWant{}, err
		}
		return api.PushWant{}, fault.New(fault.Data, "the file as it arrived does not have the hash that was announced").WithHelp("Offer it again.")
	}
	target, grown := at.name(len(revisions)+1), revision{}
	for _, r := range revisions {
		if heads.at[r.size] == r.sha256 && r.size < item.Size && r.size >= grown.size {
			target, grown = r.name, r
		}
	}
	if p.used+item.Size-grown.size > i.quota {
		return api.PushWant{Path: item.Path, State: refused, Reason: fmt.Sprintf("over the quota of %d bytes", i.quota)}, i.forget(p, at)
	}
	p.known = false // until the file has its name
	if err := i.files.publish(at.partial, target); err != nil {
		return api.PushWant{}, err
	}
	p.known = true
	if grown.name == "" {
		p.count++
	}
	p.used += item.Size - grown.size
	p.begun -= item.Size
	delete(p.sums, target)
	return api.PushWant{Path: item.Path, State: have}, nil
}

// forget removes what has arrived of a file.
func (i *Inbox) forget(p *person, at spot) error {
	p.known = false // counted anew
	if err := i.files.root.Remove(at.partial); err != nil {
		return fmt.Errorf("remove what has arrived of a file: %w", err)
	}
	return nil
}

// enter waits for the person's turn and knows how much is kept.
func (i *Inbox) enter(who sdk.Caller) (*person, func(), error) {
	i.mu.Lock()
	p, ok := i.people[who.User.ID]
	if !ok {
		p = &person{sums: map[string]sum{}}
		i.people[who.User.ID] = p
	}
	i.mu.Unlock()
	p.mu.Lock()
	if !p.known {
		if err := i.files.count(p, who.User.ID, i.now().Add(-maxIdle)); err != nil {
			p.mu.Unlock()
			return nil, nil, err
		}
		p.known = true
	}
	return p, p.mu.Unlock, nil
}
