package page

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"sync"
	"time"
)

//go:embed templates/*.html
var templates embed.FS

// Set is the templates of one room of pages, with the frame and its pieces: "csrf" (takes .Frame.Token), "cmd" and "snip"
// (take the text to copy), "say" (the same for text that is no command). A template writes what stands in the main part of
// its page, and is given .Frame and .Data.
type Set struct{ pristine *template.Template }

// Parse reads all *.html of a folder, each named as its file. It panics on a template that is wrong, so at start.
func Parse(files fs.FS) *Set {
	return &Set{template.Must(frame().ParseFS(files, "*.html"))}
}

// frame is the templates of this room.
func frame() *template.Template {
	return template.Must(template.New("").Funcs(funcs(time.Now)).ParseFS(templates, "templates/*.html"))
}

// Names lists the templates of the set.
func (s *Set) Names() []string {
	var names []string
	for _, t := range s.pristine.Templates() {
		names = append(names, t.Name())
	}
	return names
}

// setsOf is the sets of a host, with its clock.
type setsOf struct {
	mu   sync.Mutex
	made map[*Set]*template.Template
}

// of returns the set with the clock of the host. The pristine one is never executed, since html/template clones no set that
// was.
func (s *setsOf) of(set *Set, now func() time.Time) (*template.Template, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if made, ok := s.made[set]; ok {
		return made, nil
	}
	made, err := set.pristine.Clone()
	if err != nil {
		return nil, fmt.Errorf("prepare templates: %w", err)
	}
	if s.made == nil {
		s.made = map[*Set]*template.Template{}
	}
	s.made[set] = made.Funcs(funcs(now))
	return made, nil
}

// write executes one template of a set.
func (h *Host) write(out io.Writer, set *Set, name string, data any) error {
	t, err := h.sets.of(set, h.Now)
	if err != nil {
		return err
	}
	if err := t.ExecuteTemplate(out, name, data); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// Below is a folder of embedded files. It panics where there is none, so at start.
func Below(files fs.FS, folder string) fs.FS {
	sub, err := fs.Sub(files, folder)
	if err != nil {
		panic("pages: " + err.Error())
	}
	return sub
}
