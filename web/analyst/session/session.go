// Package session keeps account of an assistant's sessions in a workspace: which there were, which are private, and copies
// of their transcripts in user/sessions. A session of which any moment was private is never copied.
//
// Nothing leaves the laptop from here: outbox sends, after consent. Imported by the verbs.
package session

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/file"
)

// Book is the account of one workspace.
type Book struct {
	Dir string // the workspace, absolute
	Now func() time.Time
}

// record is one session. Ended is zero while it runs, or when its end was never told.
type record struct {
	ID         string    `json:"id"`
	Transcript string    `json:"transcript"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended,omitzero"`
	Private    bool      `json:"private"`
}

// hours are the times in which sessions are private; the last one is open while To is zero.
type hours struct {
	Private []span `json:"private"`
}

type span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"`
}

// Collected says what Collect did, in sessions.
type Collected struct{ New, Grown, Private, Missing int }

// maxTranscript bounds a transcript that is copied, in bytes.
const maxTranscript = 256 << 20

// isID says whether a text can be the id of a session: at most 64 letters, digits and dashes, no dash first.
func isID(text string) bool {
	if text == "" || len(text) > 64 || text[0] == '-' {
		return false
	}
	for _, c := range []byte(text) {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// Begin notes that a session runs. A session that is resumed keeps its beginning.
func (b Book) Begin(session, transcript string) error {
	return b.change(session, transcript, func(r *record) { r.Ended = time.Time{} })
}

// End notes that a session is over.
func (b Book) End(session, transcript string) error {
	return b.change(session, transcript, func(r *record) { r.Ended = b.Now().UTC() })
}

func (b Book) change(session, transcript string, edit func(*record)) error {
	if !isID(session) {
		return fault.Newf(fault.Data, "%.80q is no id of a session", session)
	}
	r, err := b.read(session)
	if err != nil {
		return err
	}
	if r.ID == "" {
		r = record{ID: session, Started: b.Now().UTC()}
	}
	if transcript != "" {
		r.Transcript = transcript
	}
	if r.Private, err = b.touchesPrivate(r); err != nil {
		return err
	}
	edit(&r)
	return file.Save(b.path("sessions", session+".json"), r)
}

// touchesPrivate says whether any moment of a session up to now was private.
func (b Book) touchesPrivate(r record) (bool, error) {
	if r.Private {
		return true, nil
	}
	var h hours
	if err := file.Load(b.path("private.json"), &h); err != nil {
		return false, err
	}
	end := r.Ended
	if end.IsZero() {
		end = b.Now()
	}
	for _, s := range h.Private {
		if s.From.Before(end) && (s.To.IsZero() || s.To.After(r.Started)) {
			return true, nil
		}
	}
	return false, nil
}

// Private says whether sessions are private now.
func (b Book) Private() (bool, error) {
	var h hours
	err := file.Load(b.path("private.json"), &h)
	n := len(h.Private)
	return n > 0 && h.Private[n-1].To.IsZero(), err
}

// SetPrivate begins or ends a private time. A session that runs across it is private as a whole.
func (b Book) SetPrivate(on bool) error {
	var h hours
	if err := file.Load(b.path("private.json"), &h); err != nil {
		return err
	}
	n := len(h.Private)
	switch open := n > 0 && h.Private[n-1].To.IsZero(); {
	case on && !open:
		h.Private = append(h.Private, span{From: b.Now().UTC()})
	case !on && open:
		h.Private[n-1].To = b.Now().UTC()
	default:
		return nil
	}
	return file.Save(b.path("private.json"), h)
}

// Collect copies the transcripts of known sessions into user/sessions, as far as they are written: those that are new
// and those that have grown. One whose file is gone is counted as missing; an earlier copy stays.
func (b Book) Collect() (Collected, error) {
	var done Collected
	entries, err := os.ReadDir(b.path("sessions"))
	if errors.Is(err, fs.ErrNotExist) {
		return done, nil
	}
	if err != nil {
		return done, fault.Wrap(fault.Config, err, "list the sessions")
	}
	var errs []error
	for _, e := range entries {
		session, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !isID(session) {
			continue
		}
		if err := b.collect(session, &done); err != nil {
			errs = append(errs, err)
		}
	}
	return done, errors.Join(errs...)
}

func (b Book) collect(session string, done *Collected) error {
	r, err := b.read(session)
	if err != nil {
		return err
	}
	private, err := b.touchesPrivate(r)
	if err != nil {
		return err
	}
	if private {
		done.Private++
		return nil
	}
	text, err := transcript(r.Transcript)
	if errors.Is(err, fs.ErrNotExist) {
		done.Missing++
		return nil
	}
	if err != nil || len(text) == 0 {
		return err
	}
	return b.keep(session, text, done)
}

// keep writes a copy, or a further one beside it when the beginning is not what it was.
func (b Book) keep(session string, text []byte, done *Collected) error {
	for n := 1; ; n++ {
		name := session + ".jsonl"
		if n > 1 {
			name = fmt.Sprintf("%s.%d.jsonl", session, n)
		}
		path := filepath.Join(b.Dir, "user", "sessions", name)
		old, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			done.New++
			return file.Replace(path, text, 0o600) // transcripts are their person's
		case err != nil:
			return fault.Wrap(fault.Config, err, "read the copy of a transcript")
		case bytes.HasPrefix(old, text):
			return nil
		case bytes.HasPrefix(text, old):
			done.Grown++
			return file.Replace(path, text, 0o600) // transcripts are their person's
		}
	}
}

// transcript reads the whole lines of a transcript.
func transcript(path string) ([]byte, error) {
	if !filepath.IsAbs(path) || filepath.Ext(path) != ".jsonl" {
		return nil, fault.Newf(fault.Data, "%.200q is no place of a transcript", path)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fault.Wrap(fault.NotFound, err, "look at a transcript")
	}
	if !info.Mode().IsRegular() || info.Size() > maxTranscript {
		return nil, fault.Newf(fault.Data, "%s is no plain file of at most %d MB", path, maxTranscript>>20)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "read a transcript")
	}
	return text[:bytes.LastIndexByte(text, '\n')+1], nil
}

// read returns the record of a session; a zero one where there is none.
func (b Book) read(session string) (record, error) {
	var r record
	return r, file.Load(b.path("sessions", session+".json"), &r)
}

func (b Book) path(name ...string) string {
	return filepath.Join(append([]string{b.Dir, ".analyst"}, name...)...)
}
