// Package clienttest is a small broker for tests of what talks to one: it signs and serves manifests, parts and keys by the
// contract, and misbehaves where a test wants it to.
package clienttest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/web/api"
)

// Token is the one that the server takes.
const Token = "brk_test-token"

// Server is a broker on loopback.
type Server struct {
	*httptest.Server
	// Before sees each request first; true = it has answered. Set by Nasty.
	before func(w http.ResponseWriter, r *http.Request) bool

	mu      sync.Mutex
	keys    []ed25519.PrivateKey // oldest first
	blobs   map[string][]byte
	history map[int64]api.Manifest
	current int64
	oldest  int64
	seen    []string
}

// New starts a server with one key and an empty generation 0.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{blobs: map[string][]byte{}, history: map[int64]api.Manifest{}, oldest: 1}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	s.NewKey()
	return s
}

// Nasty lets a test answer in the server's place: true = answered. nil = behave.
func (s *Server) Nasty(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// NewKey makes a key that the one before signs; manifests are signed with it from now on.
func (s *Server) NewKey() {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err) // the system has no randomness
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, key)
}

// ForgetKeys leaves only the newest key, as a server that was set up anew.
func (s *Server) ForgetKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = s.keys[len(s.keys)-1:]
}

// Key is the public key that signs now.
func (s *Server) Key() ed25519.PublicKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, _ := s.keys[len(s.keys)-1].Public().(ed25519.PublicKey) // always of this type
	return key
}

// Instance is the one that every manifest names.
func (s *Server) Instance() api.Instance { return api.Instance{ID: "instance-1", Name: "Acme"} }

// User is the person that every manifest is for.
const User = "user-1"

// Blob keeps bytes and returns them as a part of so many rows.
func (s *Server) Blob(content []byte, rows int64) api.Part {
	sum := sha256.Sum256(content)
	name := hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[name] = content
	return api.Part{SHA256: name, Size: int64(len(content)), Rows: rows}
}

// Doc keeps a document.
func (s *Server) Doc(path, content string) api.Doc {
	p := s.Blob([]byte(content), 0)
	return api.Doc{Path: path, SHA256: p.SHA256, Size: p.Size}
}

// Table is one with a column id over these parts.
func Table(name string, generation int64, parts ...api.Part) api.Table {
	namespace, short, _ := strings.Cut(name, ".")
	t := api.Table{ID: "id-" + name, Name: name, Namespace: namespace, Table: short, Strategy: "replace", PrimaryKey: []string{"id"},
		Generation: generation, PublishedAt: "2026-03-01T00:00:00Z", SchemaHash: strings.Repeat("a", 64),
		Columns: []api.Column{{ID: 1, Name: "id", Type: "BIGINT"}}, Parts: slices.Clone(parts)}
	for _, p := range parts {
		t.Rows += p.Rows
		t.Bytes += p.Size
	}
	return t
}

// Publish makes the next generation.
func (s *Server) Publish(docs []api.Doc, tables ...api.Table) api.Manifest {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current++
	m := s.make(s.current, docs, tables)
	s.history[s.current] = m
	return m
}

func (s *Server) make(n int64, docs []api.Doc, tables []api.Table) api.Manifest {
	tables = slices.Clone(tables)
	slices.SortFunc(tables, func(a, b api.Table) int { return strings.Compare(a.Name, b.Name) })
	m := api.Manifest{Format: api.Format, Instance: s.Instance(), User: User, Generation: n, PublishedAt: "2026-03-01T00:00:00Z",
		Oldest: min(s.oldest, n), Root: rootOf(n), Tables: tables, Docs: docs, PartHosts: []string{}}
	if n > 1 {
		prev := rootOf(n - 1)
		m.Prev = &prev
	}
	return m
}

func rootOf(n int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "generation %d", n))
	return hex.EncodeToString(sum[:])
}

// Change alters the current manifest in place, as a change of grant or documents does.
func (s *Server) Change(f func(m *api.Manifest)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.history[s.current]
	f(&m)
	s.history[s.current] = m
}

// Rewind makes an older generation the current one, as a server restored from a backup or an attacker's replay.
func (s *Server) Rewind(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = n
}

// Expire makes generations before n gone.
func (s *Server) Expire(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest = n
}

// Seen returns the paths that were asked since the last call.
func (s *Server) Seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// Signed is a manifest as it goes over the wire.
func (s *Server) Signed(m api.Manifest) api.Signed {
	body, err := json.Marshal(m)
	if err != nil {
		panic(err) // plain types
	}
	sum := sha256.Sum256(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	return api.Signed{Body: body, Signature: api.Sign(s.keys[len(s.keys)-1], body), ETag: `"` + hex.EncodeToString(sum[:8]) + `"`, Generation: m.Generation}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	before := s.before
	s.seen = append(s.seen, strings.TrimPrefix(r.URL.Path, api.Prefix))
	s.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	path := strings.TrimPrefix(r.URL.Path, api.Prefix)
	switch {
	case path == "/login":
		JSON(w, http.StatusOK, api.LoginOptions{Instance: s.Instance(), Methods: []string{"token"}, Now: time.Now().UTC().Format(time.RFC3339)})
	case path == "/keys":
		JSON(w, http.StatusOK, s.published())
	case r.Header.Get("Authorization") != "Bearer "+Token:
		Refuse(w, http.StatusUnauthorized, api.CodeAuth)
	case path == "/manifest":
		s.manifest(w, r)
	case strings.HasPrefix(path, "/parts/"):
		s.part(w, r, strings.TrimPrefix(path, "/parts/"))
	default:
		Refuse(w, http.StatusNotFound, api.CodeNotFound)
	}
}

func (s *Server) published() api.Keys {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys api.Keys
	for i, private := range s.keys {
		public, _ := private.Public().(ed25519.PublicKey) // always of this type
		key := api.Key{ID: api.KeyID(public), PublicKey: base64.StdEncoding.EncodeToString(public)}
		if i > 0 {
			before, _ := s.keys[i-1].Public().(ed25519.PublicKey)
			key.SignedBy, key.Signature = api.KeyID(before), base64.StdEncoding.EncodeToString(ed25519.Sign(s.keys[i-1], public))
		}
		keys.Keys = append([]api.Key{key}, keys.Keys...)
	}
	return keys
}

func (s *Server) manifest(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n, oldest, current := s.current, s.oldest, s.current
	if text := r.URL.Query().Get("generation"); text != "" {
		n, _ = strconv.ParseInt(text, 10, 64)
	}
	m, ok := s.history[n]
	s.mu.Unlock()
	switch {
	case n < oldest && n > 0:
		w.Header().Set("Content-Type", api.ProblemType)
		w.WriteHeader(http.StatusGone)
		write(w, api.Problem{Title: "gone", Status: http.StatusGone, Code: api.CodeExpired, Oldest: oldest, Current: current})
		return
	case !ok:
		Refuse(w, http.StatusNotFound, api.CodeNotFound)
		return
	}
	signed := s.Signed(m)
	w.Header().Set("ETag", signed.ETag)
	if r.Header.Get("If-None-Match") == signed.ETag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set(api.SignatureHeader, signed.Signature)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(signed.Body) // the client may be gone
}

func (s *Server) part(w http.ResponseWriter, r *http.Request, sum string) {
	s.mu.Lock()
	content, ok := s.blobs[sum]
	s.mu.Unlock()
	if !ok {
		Refuse(w, http.StatusNotFound, api.CodeNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"`+sum+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// JSON answers with a document.
func JSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	write(w, v)
}

// Refuse answers with a problem document.
func Refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", api.ProblemType)
	w.WriteHeader(status)
	write(w, api.Problem{Title: http.StatusText(status), Status: status, Code: code})
}

func write(w http.ResponseWriter, v any) {
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
