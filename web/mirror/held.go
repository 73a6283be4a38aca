package mirror

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/layout"
	"github.com/ai-data-analyst/broker/web/mirror/wrong"
)

// Files of a workspace's state, below .analyst. Pointer is the one commit point: whatever it names is whole.
const (
	pointerFile = ".analyst/held.json"
	highestFile = ".analyst/highest" // never lowered
	keysFile    = ".analyst/keys.json"
	pulledFile  = ".analyst/pulled_at"
	settledFile = ".analyst/settled.json"
)

// pointer names the generations that are here, the one in use first, then by when they were pulled.
type pointer struct {
	Held []held `json:"held"`
}

// held is one generation that is here.
type held struct {
	Generation int64     `json:"generation"`
	Manifest   string    `json:"manifest"` // SHA-256 of the exact bytes
	Signature  string    `json:"signature"`
	ETag       string    `json:"etag"`
	PulledAt   time.Time `json:"pulled_at"`
	Tables     []string  `json:"tables"` // the ones that are here; nil = all
}

func (h held) file() string {
	return fmt.Sprintf(".analyst/generations/%d-%s.json", h.Generation, h.Manifest[:12])
}

// mark is the highest generation that was ever accepted, with its root (Y3).
type mark struct {
	Generation int64  `json:"generation"`
	Root       string `json:"root"`
}

func (w *Workspace) pointer() (pointer, error) {
	var p pointer
	if err := w.load(pointerFile, &p); err != nil {
		return p, err
	}
	for _, h := range p.Held {
		if !api.IsHash(h.Manifest) {
			return pointer{}, fault.New(fault.Data, pointerFile+" is damaged").WithHelp("Move it away and run: analyst pull")
		}
	}
	return p, nil
}

// Generations lists the generations that are here, newest first.
func (w *Workspace) Generations() ([]int64, error) {
	p, err := w.pointer()
	if err != nil {
		return nil, err
	}
	var all []int64
	for _, h := range p.Held {
		all = append(all, h.Generation)
	}
	slices.SortFunc(all, func(a, b int64) int { return int(max(-1, min(1, b-a))) })
	return slices.Compact(all), nil
}

// Manifest returns a generation that is here, 0 = the one in use, checked against the pinned key as if it had just come
// (G5). Its tables are those that are here; body is as signed. fault.NotFound when nothing was pulled yet,
// fault.StateExpired for a generation that is not at hand.
func (w *Workspace) Manifest(n int64) (m api.Manifest, body []byte, err error) {
	p, err := w.pointer()
	if err != nil {
		return m, nil, err
	}
	if len(p.Held) == 0 {
		return m, nil, fault.New(fault.NotFound, "nothing was pulled yet").WithHelp("Run: analyst pull")
	}
	at := 0
	if n != 0 {
		at = slices.IndexFunc(p.Held, func(h held) bool { return h.Generation == n })
	}
	if at < 0 {
		all, err := w.Generations()
		if err != nil {
			return m, nil, err
		}
		return m, nil, fault.Newf(fault.StateExpired, "generation %d is not here; here are %s", n, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(all)), ", "), "[]")).
			WithHelp("Run: analyst pull --generation " + strconv.FormatInt(n, 10))
	}
	return w.read(p.Held[at])
}

// read checks a manifest that is here, byte for byte.
func (w *Workspace) read(h held) (api.Manifest, []byte, error) {
	body, err := os.ReadFile(w.path(h.file()))
	if err != nil {
		return api.Manifest{}, nil, wrong.OnDisk(err, "read the manifest of generation "+strconv.FormatInt(h.Generation, 10))
	}
	sum := sha256.Sum256(body)
	if hex.EncodeToString(sum[:]) != h.Manifest {
		return api.Manifest{}, nil, wrong.New(wrong.HashMismatch, fault.Data, nil, "Run: analyst pull", "%s is damaged", h.file())
	}
	var keys api.Keys
	if err := w.load(keysFile, &keys); err != nil {
		return api.Manifest{}, nil, err
	}
	m, err := w.checked(keys, h.Signature, body)
	if err != nil {
		return api.Manifest{}, nil, err
	}
	if m.Generation != h.Generation {
		return api.Manifest{}, nil, wrong.New(wrong.HashMismatch, fault.Data, nil, "Run: analyst pull", "%s is damaged", pointerFile)
	}
	return cut(m, h.Tables), body, nil
}

// cut leaves the tables of these names; nil = all.
func cut(m api.Manifest, names []string) api.Manifest {
	if names == nil {
		return m
	}
	var tables []api.Table
	for _, t := range m.Tables {
		if slices.Contains(names, t.Name) {
			tables = append(tables, t)
		}
	}
	m.Tables = tables
	return m
}

// ETag is that of the manifest in use; "" when there is none.
func (w *Workspace) ETag() string {
	if p, err := w.pointer(); err == nil && len(p.Held) > 0 {
		return p.Held[0].ETag
	}
	return ""
}

// PulledAt is when a pull last ended well, with or without news; zero = never.
func (w *Workspace) PulledAt() (time.Time, error) {
	p, err := w.pointer()
	if err != nil || len(p.Held) == 0 {
		return time.Time{}, err
	}
	at := p.Held[0].PulledAt
	if text, err := os.ReadFile(w.path(pulledFile)); err == nil {
		if later, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(text))); err == nil && later.After(at) {
			return later, nil
		}
	}
	return at, nil
}

// checked believes a manifest only when it is signed by the pinned key or a follower of it, and made for this person by
// this instance (Y1, Y3).
func (w *Workspace) checked(keys api.Keys, signature string, body []byte) (api.Manifest, error) {
	config, err := w.Config()
	if err != nil {
		return api.Manifest{}, err
	}
	pinned, err := base64.StdEncoding.DecodeString(config.Key)
	if err != nil || len(pinned) != ed25519.PublicKeySize {
		return api.Manifest{}, fault.New(fault.Config, "the pinned key of the server cannot be read").WithHelp("Run: analyst login " + config.Server)
	}
	switch err := keys.Verify(pinned, signature, body); {
	case errors.Is(err, api.ErrKeyChanged):
		return api.Manifest{}, wrong.New(wrong.KeyChanged, fault.Data, err, `If you were told that the server has a new key, run "analyst login --repin" and compare the fingerprint; else do not.`,
			"the manifest is signed with another key than the one that you trust")
	case err != nil:
		return api.Manifest{}, wrong.New(wrong.Signature, fault.Data, err, "Nothing was changed. If it happens again, tell the administrator.", "the manifest does not bear a good signature")
	}
	m, err := api.DecodeManifest(body)
	if err != nil {
		return m, fault.Wrap(fault.Data, err, "the manifest breaks a rule, nothing was changed")
	}
	if m.Instance.ID != config.Instance.ID || (config.User != "" && m.User != config.User) {
		return m, wrong.New(wrong.Signature, fault.Data, nil, "If you signed in as somebody else, make a workspace of its own: analyst init DIR",
			"the manifest was made for another person or by another server")
	}
	return m, layout.Check(m)
}
