// Package demo writes the files of the demo instance: configuration, table descriptions, plugins and one real CSV file.
//
// It starts nothing and publishes nothing. Only host/internal/app imports it.
package demo

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// files holds instance.hcl and data_description.md as templates, and the data: airports.csv is a list of airports of the
// United States by its Department of Transportation, a work of the U.S. government and so in the public domain, as
// packed by npm's vega-datasets 3.2.1.
//
//go:embed files
var files embed.FS

// Plugins are the connectors of the demo.
var Plugins = []string{"broker-connector-csv", "broker-connector-sample"}

// engine answers queries. It is built only where a C++ compiler is; a demo without it pulls and queries locally.
const engine = "broker-service-duckdb"

// marker is the first line of a demo's instance.hcl: a folder without it is somebody's own.
const marker = "# A demo instance, written by \"broker demo\"."

// written is the time stamp of the CSV file: a young file would count as still growing.
var written = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Options say what to write where.
type Options struct {
	Dir     string
	From    string // folder with the plugins
	Size    string // "" = xs, or as it is
	Listen  string
	Windows bool // plugins end in .exe
}

// binary is the file of a plugin.
func (o Options) binary(name string) string {
	if o.Windows {
		name += ".exe"
	}
	return name
}

// Engine says whether the query engine lies beside the plugins; the template asks.
func (o Options) Engine() bool {
	info, err := os.Stat(filepath.Join(o.From, o.binary(engine)))
	return err == nil && info.Mode().IsRegular()
}

// Write makes the instance or brings it up to date: plugins are copied when they differ, other files are written when
// they are missing. A folder that holds something else is refused.
func Write(o Options) error {
	if err := mayWrite(o.Dir, o.Size); err != nil {
		return err
	}
	for _, folder := range []string{o.Dir, filepath.Join(o.Dir, "plugins.d"), filepath.Join(o.Dir, "files")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fault.Wrap(fault.Config, err, "make the demo's folder")
		}
	}
	plugins := Plugins
	if o.Engine() {
		plugins = append(slices.Clip(Plugins), engine)
	}
	for _, name := range plugins {
		name = o.binary(name)
		if err := copyPlugin(filepath.Join(o.From, name), filepath.Join(o.Dir, "plugins.d", name)); err != nil {
			return err
		}
	}
	if err := writeData(filepath.Join(o.Dir, "files", "airports.csv")); err != nil {
		return err
	}
	if o.Size == "" {
		o.Size = "xs"
	}
	for _, name := range []string{"data_description.md", "instance.hcl"} { // instance.hcl last: it marks a whole demo
		if err := writeTemplate(o, name); err != nil {
			return err
		}
	}
	return nil
}

// mayWrite refuses a folder that holds something else than a demo, or a demo cut short; and a demo of another size than
// was asked for.
func mayWrite(dir, size string) error {
	text, err := os.ReadFile(filepath.Join(dir, "instance.hcl"))
	if err == nil && strings.HasPrefix(string(text), marker) {
		if size != "" && !strings.Contains(string(text), fmt.Sprintf("size = %q", size)) {
			return fault.Newf(fault.Config, "%s holds a demo of another size", dir).WithHelp("Remove that folder, or give another with --dir.")
		}
		return nil
	}
	entries, listed := os.ReadDir(dir)
	if errors.Is(listed, fs.ErrNotExist) {
		return nil
	}
	if listed != nil {
		return fault.Wrap(fault.Config, listed, "read the demo's folder")
	}
	for _, e := range entries {
		if name := e.Name(); name != "plugins.d" && name != "files" && name != "data_description.md" {
			return fault.Newf(fault.Config, "%s holds %s, so it is no demo", dir, name).WithHelp("Give another folder with --dir.")
		}
	}
	return nil
}

// copyPlugin copies a binary unless the same bytes are there already.
func copyPlugin(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return &fault.Fault{Code: fault.Config, What: "read a plugin of the demo: " + err.Error(), Err: err,
			Help: `Build the plugins with "make build", or say where they are with --plugins.`}
	}
	if there, err := os.ReadFile(to); err == nil && string(there) == string(text) {
		return nil
	}
	if err := replace(to, text, 0o755); err != nil {
		return fault.Wrap(fault.Config, err, "copy a plugin of the demo")
	}
	return nil
}

func writeData(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	text, err := files.ReadFile("files/airports.csv")
	if err != nil {
		return err
	}
	if err := replace(path, text, 0o644); err != nil {
		return fault.Wrap(fault.Config, err, "write the demo's CSV file")
	}
	return os.Chtimes(path, written, written)
}

func writeTemplate(o Options, name string) error {
	path := filepath.Join(o.Dir, name)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	page, err := template.ParseFS(files, "files/"+name)
	if err != nil {
		return fmt.Errorf("read the demo's %s: %w", name, err)
	}
	var text strings.Builder
	if err := page.Execute(&text, o); err != nil {
		return fmt.Errorf("fill in the demo's %s: %w", name, err)
	}
	if err := replace(path, []byte(text.String()), 0o644); err != nil {
		return fault.Wrap(fault.Config, err, "write the demo's "+name)
	}
	return nil
}

// replace writes a whole file or nothing, with these rights whatever the umask is. renameio does not build on Windows.
func replace(path string, text []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), mode); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
