package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const maxFile = 4 << 20 // of settings and state

// open starts a session with the settings of -c FILE. The caller closes it with the returned function.
func (c *call) open(ctx context.Context) (connector.Session, func() error, error) {
	settings, err := c.settings()
	if err != nil {
		return nil, nil, err
	}
	problems, err := c.connector.Validate(ctx, settings)
	if err != nil {
		return nil, nil, err
	}
	bad := false
	for _, p := range problems {
		bad = bad || !p.Warning
		fmt.Fprintf(c.err, "%s: %s %s\n", p.Path, p.Summary, p.Help)
	}
	if bad {
		return nil, nil, usage{errors.New("the settings are not valid")}
	}
	work, err := os.MkdirTemp("", "broker-plugin")
	if err != nil {
		return nil, nil, err
	}
	session, err := c.connector.Open(ctx, connector.Open{Settings: settings, RunID: "by-hand", WorkDir: work})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(work))
	}
	return session, func() error {
		return errors.Join(session.Close(context.WithoutCancel(ctx)), os.RemoveAll(work))
	}, nil
}

// settings reads -c FILE; without it there are none, which fits a connector that needs none.
func (c *call) settings() ([]byte, error) {
	if c.config == "" {
		return []byte("{}"), nil
	}
	text, err := readFile(c.config)
	if err != nil {
		return nil, usage{err}
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, usage{fmt.Errorf("%s: want one JSON object: %w", c.config, err)}
	}
	return text, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes, the limit is %d", path, info.Size(), maxFile)
	}
	return os.ReadFile(path)
}

// loadState reads the state of an earlier read.
func (c *call) loadState() (state sdk.Cursor, err error) {
	if c.state == "" {
		return state, nil
	}
	text, err := readFile(c.state)
	if err != nil {
		return state, usage{err}
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return state, usage{fmt.Errorf("%s: %w", c.state, err)}
	}
	return state, nil
}

// saveState writes state.json beside the rows.
func (c *call) saveState(state sdk.Cursor) error {
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.folder, "state.json"), append(text, '\n'), 0o600)
}

// rowFiles are the open <stream>.jsonl files of one read.
type rowFiles struct {
	dir   string
	files map[string]*rowFile
}

type rowFile struct {
	file *os.File
	*bufio.Writer
}

// of returns the file of a stream, made empty at its first use.
func (r *rowFiles) of(stream string) (*rowFile, error) {
	if f, ok := r.files[stream]; ok {
		return f, nil
	}
	if !sdk.ValidName(stream) {
		return nil, fault.Newf(fault.Bug, "stream %.80q: the name does not match %s", stream, sdk.NamePattern)
	}
	if err := os.MkdirAll(r.dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	file, err := os.Create(filepath.Join(r.dir, stream+".jsonl"))
	if err != nil {
		return nil, err
	}
	r.files[stream] = &rowFile{file: file, Writer: bufio.NewWriter(file)}
	return r.files[stream], nil
}

func (r *rowFiles) close() error {
	var all error
	for _, f := range r.files {
		all = errors.Join(all, f.Flush(), f.file.Close())
	}
	return all
}
