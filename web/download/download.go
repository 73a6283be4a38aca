// Package download hands out the analyst's program: a list, the files with their SHA-256, and one-liners for shells that
// check the hash before anything runs.
//
// The files are what an administrator put into one folder; nothing else of it is shown.
package download

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	texttemplate "text/template"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/pace"
)

// file is the grammar of what is handed out: analyst-linux-amd64, analyst-lite-windows-arm64.exe.
var file = regexp.MustCompile(`^analyst(-lite)?(-[a-z0-9]+){0,3}(\.exe|\.tar\.gz|\.zip)?$`)

//go:embed install.sh
var installShell string

//go:embed install.ps1
var installPowerShell string

var page = template.Must(template.New("list").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>analyst</title><meta name="viewport" content="width=device-width"></head><body>
<h1>The analyst's program</h1>
{{if .Files}}<p>Linux and macOS:</p>
<pre>curl -fsSL {{.URL}}/download/install.sh | sh</pre>
<p>Windows (PowerShell):</p>
<pre>irm {{.URL}}/download/install.ps1 | iex</pre>
<table><thead><tr><th>File</th><th>Bytes</th><th>SHA-256</th></tr></thead><tbody>
{{range .Files}}<tr><td><a href="/download/{{.Name}}">{{.Name}}</a></td><td>{{.Size}}</td><td><code>{{.Sum}}</code></td></tr>
{{end}}</tbody></table>
<p><a href="/download/SHA256SUMS">SHA256SUMS</a></p>{{else}}<p>This server hands out no programs. Ask an administrator for "analyst".</p>{{end}}
</body></html>
`))

// shelf is the folder with the hashes that were computed of it.
type shelf struct {
	files fs.FS // nil = none
	url   string

	mu   sync.Mutex
	sums map[string]item // by name
}

type item struct {
	Name, Sum string
	Size      int64
	changed   time.Time
}

// Mount puts the doors below /download. files may be nil; url is the server's own, for the one-liners.
func Mount(app *fiber.App, files fs.FS, url string) {
	s := &shelf{files: files, url: url, sums: map[string]item{}}
	app.Get("/download", func(c *fiber.Ctx) error { return c.Redirect("/download/", fiber.StatusMovedPermanently) })
	app.Get("/download/", s.list)
	app.Get("/download/SHA256SUMS", s.hashes)
	app.Get("/download/install.sh", s.script(installShell, "text/x-shellscript; charset=utf-8"))
	app.Get("/download/install.ps1", s.script(installPowerShell, "text/plain; charset=utf-8"))
	app.Get("/download/:file", s.file)
}

// list is the page.
func (s *shelf) list(c *fiber.Ctx) error {
	items, err := s.items()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := page.Execute(&out, map[string]any{"Files": items, "URL": s.url}); err != nil {
		return fmt.Errorf("write the list of programs: %w", err)
	}
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	return c.Send(out.Bytes())
}

// hashes is the list that sha256sum -c reads.
func (s *shelf) hashes(c *fiber.Ctx) error {
	items, err := s.items()
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, i := range items {
		fmt.Fprintf(&out, "%s  %s\n", i.Sum, i.Name)
	}
	c.Set(fiber.HeaderContentType, "text/plain; charset=utf-8")
	return c.SendString(out.String())
}

// script is an installer that knows where it came from.
func (s *shelf) script(text, media string) fiber.Handler {
	script := texttemplate.Must(texttemplate.New("install").Delims("[[", "]]").Parse(text))
	return func(c *fiber.Ctx) error {
		var out bytes.Buffer
		if err := script.Execute(&out, s.url); err != nil {
			return fmt.Errorf("write the installer: %w", err)
		}
		c.Set(fiber.HeaderContentType, media)
		return c.Send(out.Bytes())
	}
}

// file sends a program.
func (s *shelf) file(c *fiber.Ctx) error {
	name := c.Params("file")
	if s.files == nil || !file.MatchString(name) {
		return fiber.ErrNotFound
	}
	opened, err := s.files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fiber.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("open a program: %w", err)
	}
	info, err := opened.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return errors.Join(fiber.ErrNotFound, opened.Close())
	}
	c.Set(fiber.HeaderContentType, "application/octet-stream")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	c.Response().SetBodyStream(pace.Section(opened, info.Size()), int(info.Size()))
	return nil
}

// items are the programs in name order. A hash is computed again only when size or time of a file has changed.
func (s *shelf) items() ([]item, error) {
	if s.files == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(s.files, ".")
	if err != nil {
		return nil, fmt.Errorf("list the programs: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []item
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || !file.MatchString(entry.Name()) {
			continue
		}
		known, ok := s.sums[entry.Name()]
		if !ok || known.Size != info.Size() || !known.changed.Equal(info.ModTime()) {
			if known, err = s.hash(info); err != nil {
				return nil, err
			}
			s.sums[entry.Name()] = known
		}
		items = append(items, known)
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.Name, b.Name) })
	return items, nil
}

func (s *shelf) hash(info fs.FileInfo) (item, error) {
	opened, err := s.files.Open(info.Name())
	if err != nil {
		return item{}, fmt.Errorf("open a program: %w", err)
	}
	defer opened.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, opened); err != nil {
		return item{}, fmt.Errorf("read a program: %w", err)
	}
	return item{info.Name(), hex.EncodeToString(sum.Sum(nil)), info.Size(), info.ModTime()}, nil
}
