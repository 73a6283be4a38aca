package gate

import (
	"context"
	"path/filepath"

	"github.com/ai-data-analyst/broker/sdk"
)

// Grow makes the tree that a command would be served from. fell removes it.
func (g *Gate) Grow(ctx context.Context, name string, who sdk.Caller, c Command) (dir string, tables []sdk.TableName, fell func() error, err error) {
	t, err := forest{dir: filepath.Join(g.Dir, "trees"), cache: filepath.Join(g.Dir, "parts"), now: g.Now}.plant(ctx, name)
	if err != nil {
		return "", nil, nil, err
	}
	signed, err := g.Manifests.Document(ctx, who, c.Generation)
	if err != nil {
		return "", nil, t.fell, err
	}
	tables, err = t.grow(ctx, g.Manifests, who, signed, c.root())
	return filepath.Join(t.dir, c.root()), tables, t.fell, err
}

// Abandon makes a tree as a process leaves it that dies: its lock is let go.
func (g *Gate) Abandon(ctx context.Context, name string) (dir string, err error) {
	t, err := forest{dir: filepath.Join(g.Dir, "trees"), cache: filepath.Join(g.Dir, "parts"), now: g.Now}.plant(ctx, name)
	if err != nil {
		return "", err
	}
	return t.dir, t.lock.Unlock()
}

// Watch is how look is asked while rsync runs.
func (g *Gate) Watch(look func(context.Context) error) func(context.Context) error {
	return g.watch(look)
}
