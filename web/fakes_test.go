package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
)

// world is a host of fakes: two tables, four people, one part a table.
type world struct {
	mu      sync.Mutex
	people  map[string]*person // by token
	parts   map[string]part    // by hash
	hub     map[chan v1.Event]bool
	changes []api.Change // newest first
	asked   []string     // look-ups that were made
	pushed  map[string]string
	query   func(context.Context, api.Query) (v1.Rows, error)
	oldest  int64
	docs    []api.Doc // those whose part is of a visible table
}

type person struct {
	caller sdk.Caller
	tables []string
	gone   bool
}

type part struct {
	table, path string
	size        int64
}

var everyTable = []string{"hr.salaries", "shop.orders"}

func newWorld(t *testing.T) *world {
	w := &world{people: map[string]*person{}, parts: map[string]part{}, hub: map[chan v1.Event]bool{}, pushed: map[string]string{}, oldest: 3}
	add := func(token string, role sdk.Role, scopes []sdk.Scope, tables ...string) {
		w.people[token] = &person{caller: sdk.Caller{User: sdk.User{ID: "u-" + token, Email: token + "@example.com", Role: role}, Scopes: scopes, TokenID: "t-" + token, Provider: "token"}, tables: tables}
	}
	both := []sdk.Scope{sdk.ScopeRead, sdk.ScopePush}
	add("ada", sdk.Admin, append(both, sdk.ScopeAdmin), everyTable...)
	add("bob", sdk.Standard, both, "shop.orders")
	add("eve", sdk.Standard, both)
	add("pusher", sdk.Standard, []sdk.Scope{sdk.ScopePush}, "shop.orders")
	for _, table := range everyTable {
		w.addPart(t, table, []byte("PAR1 "+table+strings.Repeat(" 0123456789", 2000)))
	}
	w.changes = []api.Change{{Generation: 7, PublishedAt: "2026-01-07T00:00:00Z", Tables: everyTable}, {Generation: 6, PublishedAt: "2026-01-06T00:00:00Z", Tables: []string{"hr.salaries"}}, {Generation: 5, PublishedAt: "2026-01-05T00:00:00Z", Tables: []string{"shop.orders"}}}
	return w
}

func (w *world) addPart(t *testing.T, table string, content []byte) string {
	path := filepath.Join(t.TempDir(), "part")
	if err := os.WriteFile(path, content, 0o400); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	w.parts[hash] = part{table, path, int64(len(content))}
	return hash
}

func (w *world) partOf(table string) (string, []byte) {
	for hash, p := range w.parts {
		if p.table == table {
			content, _ := os.ReadFile(p.path)
			return hash, content
		}
	}
	return "", nil
}

func (w *world) may(who sdk.Caller, table string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.people {
		if p.caller.User.ID == who.User.ID && !p.gone {
			return slices.Contains(p.tables, table)
		}
	}
	return false
}

func (w *world) visible(who sdk.Caller) []string {
	var names []string
	for _, name := range everyTable {
		if w.may(who, name) {
			names = append(names, name)
		}
	}
	return names
}

func (w *world) note(what string) {
	w.mu.Lock()
	w.asked = append(w.asked, what)
	w.mu.Unlock()
}

var absent = fault.New(fault.NotFound, "this text must not be seen: hr.salaries")

// Authenticate implements v1.Access, as do the next ones.
func (w *world) Authenticate(_ context.Context, secret string) (sdk.Caller, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.people[secret]
	if !ok || p.gone {
		return sdk.Caller{}, fault.New(fault.Auth, "why it was refused must not be seen")
	}
	return p.caller, nil
}

func (w *world) Authorize(_ context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error {
	w.note("authorize " + string(action) + " " + string(table))
	if action == sdk.ReadTable && !w.may(who, string(table)) {
		return absent
	}
	if action == sdk.Administer && (who.User.Role != sdk.Admin || !who.May(sdk.ScopeAdmin)) {
		return fault.New(fault.Permission, "this credential may not do that")
	}
	return nil
}

func (w *world) Tokens(_ context.Context, who sdk.Caller) ([]sdk.Token, error) {
	return []sdk.Token{{ID: who.TokenID, UserID: who.User.ID, Label: "here", Scopes: who.Scopes, Created: time.Unix(0, 0), Expires: time.Unix(1, 0)}}, nil
}

func (w *world) IssueToken(_ context.Context, who sdk.Caller, label string, days int, scopes []sdk.Scope) (sdk.Token, sdk.Secret, error) {
	return sdk.Token{ID: "new", UserID: who.User.ID, Label: label, Scopes: scopes}, "brk_new", nil
}

func (w *world) RevokeToken(_ context.Context, who sdk.Caller, id string) error {
	if id != who.TokenID {
		return absent
	}
	return nil
}

// Demo implements v1.SignIn, as do the next ones.
func (w *world) Demo() []string { return []string{"ada@example.com", "bob@example.com"} }

func (w *world) DemoCaller(_ context.Context, email string) (sdk.Caller, error) {
	for _, p := range w.people {
		if p.caller.User.Email == email && slices.Contains(w.Demo(), email) {
			return p.caller, nil
		}
	}
	return sdk.Caller{}, fault.New(fault.Auth, "nobody of the demo")
}

func (w *world) SignInDemo(ctx context.Context, email, label string) (sdk.Caller, sdk.Token, sdk.Secret, error) {
	who, err := w.DemoCaller(ctx, email)
	return who, sdk.Token{ID: "t-demo", Label: label}, "brk_demo", err
}

func (w *world) BeginCode(_ context.Context, who sdk.Caller, challenge string) (string, error) {
	return "code-" + who.User.ID, nil
}

func (w *world) FinishCode(_ context.Context, code, _, label string) (sdk.Caller, sdk.Token, sdk.Secret, error) {
	for _, p := range w.people {
		if code == "code-"+p.caller.User.ID {
			return p.caller, sdk.Token{ID: "t-code", Label: label}, "brk_code", nil
		}
	}
	return sdk.Caller{}, sdk.Token{}, "", fault.New(fault.Auth, "wrong code")
}

func (w *world) BeginDevice(context.Context) (string, string, error) {
	return "device", "ABCD-EFGH", nil
}

func (w *world) ApproveDevice(_ context.Context, who sdk.Caller, code string) error {
	if code != "ABCD-EFGH" {
		return absent
	}
	w.note("approved by " + who.User.Email)
	return nil
}

func (w *world) FinishDevice(_ context.Context, device, label string) (sdk.Caller, sdk.Token, sdk.Secret, error) {
	return sdk.Caller{}, sdk.Token{}, "", fault.New(fault.Transient, "nobody has decided")
}

// Document implements v1.Manifests, as do the next ones.
func (w *world) Count(ctx context.Context, who sdk.Caller) (int, error) {
	catalog, err := w.Catalog(ctx, who)
	return len(catalog.Tables), err
}

func (w *world) Granted(ctx context.Context, who sdk.Caller, generation int64) (api.Signed, error) {
	return w.Document(ctx, who, generation)
}

func (w *world) Document(_ context.Context, who sdk.Caller, generation int64) (api.Signed, error) {
	w.note("manifest")
	switch {
	case generation == 0:
		generation = 7
	case generation > 7:
		return api.Signed{}, absent
	case generation < w.oldest:
		return api.Signed{}, fault.New(fault.StateExpired, "gone")
	}
	docs := slices.DeleteFunc(slices.Clone(w.docs), func(d api.Doc) bool { return !w.may(who, w.parts[d.SHA256].table) })
	body, err := json.Marshal(map[string]any{"user": who.User.ID, "generation": generation, "tables": w.visible(who), "docs": docs})
	if err != nil {
		return api.Signed{}, err
	}
	sum := sha256.Sum256(body)
	return api.Signed{Body: body, Signature: "ed25519;key=k;sig", ETag: `"` + hex.EncodeToString(sum[:8]) + `"`, Generation: generation}, nil
}

func (w *world) Span(context.Context) (int64, int64, error) { return w.oldest, 7, nil }

func (w *world) Content(_ context.Context, who sdk.Caller, hash string) (api.Content, error) {
	w.note("content")
	p, ok := w.parts[hash]
	if !ok || !w.may(who, p.table) {
		return api.Content{}, absent
	}
	return api.Content{Size: p.size, Open: func(context.Context) (io.ReadSeekCloser, error) { return os.Open(p.path) }}, nil
}

func (w *world) Keys(context.Context) (api.Keys, error) { return api.Keys{Keys: []api.Key{}}, nil }

func (w *world) Certify(_ context.Context, who sdk.Caller, publicKey string) (api.Certificate, error) {
	if publicKey == "" {
		return api.Certificate{}, fault.New(fault.Config, "public_key is no key")
	}
	return api.Certificate{User: who.User.ID, PublicKey: publicKey}, nil
}

func (w *world) Catalog(_ context.Context, who sdk.Caller) (api.Catalog, error) {
	w.note("catalog")
	catalog := api.Catalog{Generation: 7, PublishedAt: "2026-01-07T00:00:00Z", Tables: []api.CatalogTable{}, Datasets: []api.Dataset{}}
	for _, name := range w.visible(who) {
		catalog.Tables = append(catalog.Tables, api.CatalogTable{Name: name, Description: "about " + name, PublishedAt: "2026-01-07T00:00:00Z", Generation: 7})
	}
	catalog.Total = len(catalog.Tables)
	return catalog, nil
}

func (w *world) Table(_ context.Context, who sdk.Caller, name sdk.TableName) (api.TableDetail, error) {
	w.note("table")
	if !w.may(who, string(name)) {
		return api.TableDetail{}, absent
	}
	return api.TableDetail{CatalogTable: api.CatalogTable{Name: string(name), Generation: 7}, Fields: []api.Column{{ID: 1, Name: "id", Type: "BIGINT"}, {ID: 2, Name: `e"mail`, Type: "VARCHAR", PII: true, Description: "where to write"}}}, nil
}

func (w *world) Changes(_ context.Context, who sdk.Caller, since int64) (api.Changes, error) {
	out := api.Changes{Generation: 7, Since: since, Complete: true, Generations: []api.Change{}}
	for _, change := range w.changes {
		kept := api.Change{Generation: change.Generation, PublishedAt: change.PublishedAt}
		for _, table := range change.Tables {
			if w.may(who, table) {
				kept.Tables = append(kept.Tables, table)
			}
		}
		if change.Generation > since && len(kept.Tables) > 0 {
			out.Generations = append(out.Generations, kept)
		}
	}
	return out, nil
}

func (w *world) Instance() api.Instance { return api.Instance{ID: "i", Name: "Acme <b>"} }

// Run implements v1.Queries.
func (w *world) Run(ctx context.Context, _ sdk.Caller, q api.Query) (v1.Rows, error) {
	w.note("query " + q.SQL)
	if w.query == nil {
		return nil, fault.New(fault.NotFound, "none").WithScope("engine")
	}
	return w.query(ctx, q)
}

// Offer implements v1.Inbox, as does Receive.
func (w *world) Offer(_ context.Context, _ sdk.Caller, offer api.PushOffer) (api.PushAnswer, error) {
	answer := api.PushAnswer{Items: []api.PushWant{}}
	for _, item := range offer.Items {
		answer.Items = append(answer.Items, api.PushWant{Path: item.Path, State: "want"})
	}
	return answer, nil
}

func (w *world) Receive(_ context.Context, who sdk.Caller, machine string, item api.PushItem, _ int64, chunk io.Reader) (api.PushWant, error) {
	content, err := io.ReadAll(chunk)
	w.mu.Lock()
	w.pushed[who.User.ID+"/"+machine+"/"+item.Path] = string(content)
	w.mu.Unlock()
	return api.PushWant{Path: item.Path, State: "have"}, err
}

// Subscribe implements v1.Events.
func (w *world) Subscribe(ctx context.Context) <-chan v1.Event {
	c := make(chan v1.Event, 10)
	w.mu.Lock()
	w.hub[c] = true
	w.mu.Unlock()
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.hub, c)
		close(c)
	})
	return c
}

func (w *world) publish(e v1.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.hub {
		c <- e
	}
}

func (w *world) listeners() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.hub)
}

// rows is a result of fakes.
type rows struct {
	columns   []api.TypedName
	batches   [][][]any
	err       error // after the batches; nil = io.EOF
	arrow     io.Reader
	truncated bool
	closed    func()
}

func (r *rows) Columns() []api.TypedName { return r.columns }
func (r *rows) Arrow() io.Reader         { return r.arrow }
func (r *rows) Truncated() bool          { return r.truncated }
func (r *rows) Generation() int64        { return 7 }
func (r *rows) Next() ([][]any, error) {
	if len(r.batches) == 0 {
		if r.err != nil {
			return nil, r.err
		}
		return nil, io.EOF
	}
	batch := r.batches[0]
	r.batches = r.batches[1:]
	return batch, nil
}
func (r *rows) Close() error {
	if r.closed != nil {
		r.closed()
	}
	return nil
}

// server is a running server of a world.
type server struct {
	*world
	address string
	url     string
}

func serve(t *testing.T, change func(*web.Options)) *server {
	t.Helper()
	w := newWorld(t)
	options := web.Options{Listen: "127.0.0.1:0", Health: health(func() string { return "" }), Log: slog.New(slog.DiscardHandler),
		API: v1.Host{Access: w, SignIn: w, Manifests: w, Queries: w, Inbox: w, Events: w, Version: "test"}}
	if change != nil {
		change(&options)
	}
	s, err := web.New(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return &server{w, s.Address(), "http://" + s.Address()}
}

// call sends one request; headers are "Name: value". The body is read whole.
func (s *server) call(t *testing.T, method, path, token, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	client := http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer, string(content)
}

// raw sends bytes and reads until the server closes the connection or a whole answer has come.
func (s *server) raw(t *testing.T, request string) (first string, rest string, closed bool) {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		return "", "", true
	}
	all, err := io.ReadAll(c)
	closed = err == nil
	first, rest, _ = strings.Cut(string(all), "\r\n")
	return first, rest, closed
}

// until waits for a condition, generously.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
