// Package copies keeps local copies of parts whose lake lies in an object store, for an engine that reads files: fetched
// when they are asked for, checked against their hash, bounded in size, the least used gone first. It is part of the room
// app.
package copies

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// fetchesAtOnce is how many parts of one query are fetched at the same time.
const fetchesAtOnce = 4

// ErrRoom says that parts do not fit beside those that are in use.
var ErrRoom = errors.New("there is no room for the copies")

// Copies are the copies in one folder, which nobody else uses. Safe for concurrent use.
type Copies struct {
	dir  string
	most int64 // bytes
	open func(context.Context, lake.Part) (io.ReadSeekCloser, int64, error)

	mu    sync.Mutex
	total int64
	byKey map[string]*copied
	idle  *list.List // of *copied in use by nobody, the least used in front
}

// copied is one part. Who fetches it closes ready; err is known then.
type copied struct {
	part  lake.Part
	users int
	seat  *list.Element // in idle; nil while it is used
	ready chan struct{}
	err   error
}

// Open uses a folder, making it when it is not there. What an earlier process left in it is used again when its hash is
// right; open opens a part where it lies.
func Open(dir string, most int64, open func(context.Context, lake.Part) (io.ReadSeekCloser, int64, error)) (*Copies, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Config, err, "make the folder of copies")
	}
	c := &Copies{dir: dir, most: most, open: open, byKey: map[string]*copied{}, idle: list.New()}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "list the folder of copies")
	}
	for _, e := range entries {
		info, err := e.Info()
		name, isPart := strings.CutSuffix(e.Name(), ".parquet")
		if err == nil && isPart && info.Mode().IsRegular() && c.total+info.Size() <= most {
			one := &copied{part: lake.Part{SHA256: name, Bytes: info.Size()}} // not ready: it is checked when it is asked for
			c.byKey[name], one.seat = one, c.idle.PushBack(one)
			c.total += info.Size()
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return nil, fault.Wrap(fault.Config, err, "clear the folder of copies")
		}
	}
	return c, nil
}

// Hold returns files with the bytes of the parts, in their order, which stay until release. ErrRoom when all of them
// together are more than may be kept, or others hold too much; fault.Data for a part whose bytes are not those that were
// published.
func (c *Copies) Hold(ctx context.Context, parts []lake.Part) (files []string, release func(), err error) {
	held, err := c.take(parts)
	if err != nil {
		return nil, nil, err
	}
	var once sync.Once
	release = func() { once.Do(func() { c.give(held) }) }
	group, fetching := errgroup.WithContext(ctx)
	group.SetLimit(fetchesAtOnce)
	for _, one := range held {
		group.Go(func() error { return c.bring(fetching, one) })
	}
	if err := group.Wait(); err != nil {
		release()
		return nil, nil, err
	}
	for _, part := range parts {
		files = append(files, c.file(part))
	}
	return files, release, nil
}

func (c *Copies) file(part lake.Part) string { return filepath.Join(c.dir, part.SHA256+".parquet") }

// take marks the parts as used, each once, after making room for those that are not there.
func (c *Copies) take(parts []lake.Part) (held []*copied, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[string]bool{}
	for _, part := range parts {
		if seen[part.SHA256] {
			continue
		}
		seen[part.SHA256] = true
		one := c.byKey[part.SHA256]
		if one == nil {
			one = &copied{part: part}
			c.byKey[part.SHA256] = one
			c.total += part.Bytes
		}
		one.users++
		if one.seat != nil {
			c.idle.Remove(one.seat)
			one.seat = nil
		}
		c.total += part.Bytes - one.part.Bytes // of what an earlier process left, the size of the file was counted
		one.part = part
		held = append(held, one)
	}
	if err := c.shrink(); err != nil {
		c.back(held)
		return nil, errors.Join(err, c.shrink())
	}
	return held, nil
}

// shrink removes what nobody uses until the rest fits.
func (c *Copies) shrink() error {
	for c.total > c.most {
		front := c.idle.Front()
		if front == nil {
			return ErrRoom
		}
		if err := c.drop(c.idle.Remove(front).(*copied)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Copies) drop(one *copied) error {
	delete(c.byKey, one.part.SHA256)
	c.total -= one.part.Bytes
	if err := os.Remove(c.file(one.part)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove a copy: %w", err)
	}
	return nil
}

func (c *Copies) give(held []*copied) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.back(held)
}

// back returns parts; the caller holds mu. One that was never brought leaves no trace.
func (c *Copies) back(held []*copied) {
	for _, one := range held {
		if one.users--; one.users > 0 {
			continue
		}
		if one.ready == nil || one.err != nil {
			_ = c.drop(one) // there is no such file, or one that is in nobody's way
			continue
		}
		one.seat = c.idle.PushBack(one)
	}
}

// bring returns when the copy is there and whole. One of those who want it fetches it; when that one gives up, the next.
func (c *Copies) bring(ctx context.Context, one *copied) error {
	for {
		c.mu.Lock()
		ready, mine := one.ready, one.ready == nil
		if mine {
			ready = make(chan struct{})
			one.ready, one.err = ready, nil
		}
		c.mu.Unlock()
		if mine {
			err := c.fetch(ctx, one.part)
			c.mu.Lock()
			if one.err = err; err != nil {
				one.ready = nil
			}
			c.mu.Unlock()
			close(ready)
			return err
		}
		select {
		case <-ready:
		case <-ctx.Done():
			return fault.Wrap(fault.Cancelled, ctx.Err(), "wait for a part")
		}
		c.mu.Lock()
		done := one.ready == ready && one.err == nil
		c.mu.Unlock()
		if done {
			return nil
		}
	}
}

// fetch makes the file of a part, unless it is there with the right bytes.
func (c *Copies) fetch(ctx context.Context, part lake.Part) (err error) {
	if there, err := os.Open(c.file(part)); err == nil {
		sum, n, err := sumOf(ctx, there, io.Discard, part.Bytes)
		if closing := there.Close(); err != nil || closing != nil {
			return errors.Join(err, closing)
		}
		if n == part.Bytes && sum == part.SHA256 {
			return nil
		}
	}
	from, _, err := c.open(ctx, part)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	temp, err := os.CreateTemp(c.dir, "fetching-*")
	if err != nil {
		return fault.Wrap(fault.Transient, err, "copy a part")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreAbsent(os.Remove(temp.Name())))
		}
	}()
	sum, n, err := sumOf(ctx, from, temp, part.Bytes)
	if err := errors.Join(err, temp.Close()); err != nil {
		return fault.Wrap(fault.Transient, err, "copy a part")
	}
	if n != part.Bytes || sum != part.SHA256 {
		return fault.Newf(fault.Data, "part %s is damaged: its bytes do not have the hash in its name", part.Path).WithHelp(`Run "broker lake verify --full".`)
	}
	if err := os.Rename(temp.Name(), c.file(part)); err != nil {
		return fault.Wrap(fault.Transient, err, "copy a part")
	}
	return nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// sumOf copies at most one byte more than size and returns the hash.
func sumOf(ctx context.Context, from io.Reader, to io.Writer, size int64) (sum string, n int64, err error) {
	hash := sha256.New()
	n, err = io.Copy(io.MultiWriter(hash, to), &until{ctx, io.LimitReader(from, size+1)})
	return hex.EncodeToString(hash.Sum(nil)), n, err
}

// until reads as long as ctx lasts.
type until struct {
	ctx  context.Context
	from io.Reader
}

// Read implements io.Reader.
func (u *until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.from.Read(p)
}
