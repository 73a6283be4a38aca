package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/catalog/register"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// mostFile is how large data_description.md may become: what config reads.
const mostFile = 1 << 20

func (r *Registry) path() string { return filepath.Join(r.options.Config().Dir, file) }

// read returns the text of data_description.md; nil when there is none.
func (r *Registry) read() ([]byte, error) {
	text, err := os.ReadFile(r.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, fault.Wrap(fault.Config, err, "read "+file)
}

// Register writes definitions into data_description.md and returns the version that it has then. Everything that the
// definitions would break is found before a byte is written. fault.Data when the file has changed since it was looked at,
// fault.Config for a definition that cannot be used, fault.NotFound for no source.
func (r *Registry) Register(ctx context.Context, who sdk.Caller, wanted api.Registration) (string, error) {
	version, err := r.register(ctx, wanted)
	if r.options.Note != nil {
		var names []string
		for _, t := range wanted.Tables {
			names = append(names, cmp.Or(t.Folder, "main")+"."+t.Name)
		}
		r.options.Note(ctx, who, "tables.register", strings.Join(names, ", "), err)
	}
	return version, err
}

func (r *Registry) register(ctx context.Context, wanted api.Registration) (string, error) {
	if _, err := r.source(wanted.Source); err != nil {
		return "", err
	}
	if len(wanted.Tables) == 0 {
		return "", &fault.Fault{Code: fault.Config, Path: "tables", What: "no table is named"}
	}
	offer, err := r.Discover(ctx, wanted.Source)
	if err != nil {
		return "", err
	}
	if err := r.know(ctx, &offer, wanted); err != nil {
		return "", err
	}
	tables, err := definitions(offer, wanted)
	if err != nil {
		return "", err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	text, err := r.read()
	if err != nil {
		return "", err
	}
	if register.Version(text) != wanted.Version {
		return "", fault.New(fault.Data, file+" has changed since you looked at it; nothing was written").
			WithHelp("Look again: somebody else may have registered the same tables.")
	}
	after := register.Append(text, tables)
	if err := r.try(after); err != nil {
		return "", err
	}
	if err := replace(r.path(), after); err != nil {
		return "", err
	}
	return register.Version(after), nil
}

// know asks for the columns of the wanted streams that tell them only once they are read.
func (r *Registry) know(ctx context.Context, offer *api.Discovery, wanted api.Registration) error {
	for _, t := range wanted.Tables {
		at := slices.IndexFunc(offer.Streams, func(s api.Stream) bool { return s.Name == t.Stream })
		if at < 0 || len(offer.Streams[at].Columns) > 0 || len(t.PrimaryKey)+len(t.PII) == 0 {
			continue
		}
		first, err := r.Preview(ctx, wanted.Source, t.Stream, 1)
		if err != nil {
			return err
		}
		offer.Streams[at].Columns = first.Columns
	}
	return nil
}

// definitions are what is to be written, held against what the source offers.
func definitions(offer api.Discovery, wanted api.Registration) ([]register.Table, error) {
	var tables []register.Table
	for i, t := range wanted.Tables {
		at := slices.IndexFunc(offer.Streams, func(s api.Stream) bool { return s.Name == t.Stream })
		bad := func(member, format string, args ...any) error {
			return &fault.Fault{Code: fault.Config, Path: fmt.Sprintf("tables[%d].%s", i, member), What: fmt.Sprintf(format, args...)}
		}
		if at < 0 {
			return nil, bad("stream", "the source %s has no stream %.120q", wanted.Source, t.Stream)
		}
		stream := offer.Streams[at]
		if stream.Registered {
			return nil, bad("stream", "the stream %s is registered already, as %s", t.Stream, stream.Table)
		}
		has := func(name string) bool {
			return len(stream.Columns) == 0 || slices.ContainsFunc(stream.Columns, func(c api.TypedName) bool { return c.Name == name })
		}
		for _, column := range append(slices.Clone(t.PrimaryKey), t.PII...) {
			if !has(column) {
				return nil, bad("columns", "the stream %s has no column %.120q", t.Stream, column)
			}
		}
		tables = append(tables, register.Table{ID: t.Stream, Source: wanted.Source, Folder: t.Folder, Name: t.Name, Description: t.Description,
			Strategy: cmp.Or(t.Strategy, string(sdk.FullRefresh)), PrimaryKey: t.PrimaryKey, PII: t.PII})
	}
	return tables, nil
}

// try reads the text as config would and returns the first error that was not there before.
func (r *Registry) try(text []byte) error {
	if len(text) > mostFile {
		return fault.Newf(fault.Config, "%s would have more than %d bytes", file, mostFile)
	}
	dir, err := os.MkdirTemp("", "register")
	if err != nil {
		return fmt.Errorf("try the definitions: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
		return fmt.Errorf("try the definitions: %w", err)
	}
	if others := filepath.Join(r.options.Config().Dir, "datasets"); exists(others) {
		if err := os.Symlink(others, filepath.Join(dir, "datasets")); err != nil {
			return fmt.Errorf("try the definitions: %w", err)
		}
	}
	known := map[string]bool{}
	_, before := r.options.Describe(r.options.Config().Dir)
	for _, d := range before {
		known[d.Summary] = true
	}
	_, after := r.options.Describe(dir)
	for _, d := range after {
		if d.Severity == config.Error && !known[d.Summary] {
			return &fault.Fault{Code: fault.Config, Path: "tables", What: d.Summary, Help: d.Help}
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// replace puts a text in the place of a file, whole or not at all, with the mode that it had.
func replace(path string, text []byte) (err error) {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".data_description-*")
	if err != nil {
		return fault.Wrap(fault.Config, err, "write "+file)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fault.Wrap(fault.Config, err, "write "+file), os.Remove(temporary.Name()))
		}
	}()
	_, err = temporary.Write(text)
	for _, step := range []func() error{func() error { return temporary.Chmod(mode) }, temporary.Sync} {
		if err == nil {
			err = step()
		}
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename last (G3).
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	err = folder.Sync()
	return errors.Join(err, folder.Close())
}
