// Package outbox shares a person's notes and transcripts with their server, after consent and without the secrets in
// them. It shows what would leave before anything does; what is sent once is not sent again; nothing is deleted anywhere.
//
// Imported by the verbs.
package outbox

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/file"
	"github.com/ai-data-analyst/broker/web/analyst/redact"
	"github.com/ai-data-analyst/broker/web/api"
)

// Server takes what is sent.
type Server interface {
	Offer(ctx context.Context, offer api.PushOffer) (api.PushAnswer, error)
	SendChunk(ctx context.Context, machine string, item api.PushItem, offset int64, chunk []byte) (api.PushWant, error)
}

// Item is one file as it would leave: without secrets.
type Item struct {
	Path    string         // notes/… or sessions/…
	From    string         // slash-separated below the workspace
	Body    []byte         // redacted
	Removed map[string]int // kind → how many secrets were taken out
	Sent    bool           // the server has exactly this already
	offer   api.PushItem
}

// Outbox is that of one workspace.
type Outbox struct {
	Dir string // the workspace, absolute
	Now func() time.Time
}

// sent is what the server has of a file, redacted.
type sent struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Consented says whether the person has agreed that notes and transcripts leave.
func (o Outbox) Consented() (bool, error) {
	_, err := os.Stat(o.state("consent.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, fault.Wrap(fault.Config, err, "look for your consent")
}

// Consent records that the person has agreed.
func (o Outbox) Consent() error {
	return file.Save(o.state("consent.json"), map[string]any{"agreed_at": o.Now().UTC(), "to": "notes and redacted transcripts go to the server"})
}

// Items lists what would be sent, redacted: CLAUDE.local.md and user/sessions/*.jsonl.
func (o Outbox) Items() ([]Item, error) {
	known := map[string]sent{}
	if err := file.Load(o.state("pushed.json"), &known); err != nil {
		return nil, err
	}
	var items []Item
	redactor := redact.New()
	for from, path := range map[string]string{"CLAUDE.local.md": "notes/CLAUDE.local.md"} {
		text, err := os.ReadFile(filepath.Join(o.Dir, from))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fault.Wrap(fault.Config, err, "read "+from)
		}
		if len(text) == 0 {
			continue
		}
		body, removed := redactor.Text(text)
		items = append(items, item(path, from, body, removed, known[path]))
	}
	names, err := filepath.Glob(filepath.Join(o.Dir, "user", "sessions", "*.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("list transcripts: %w", err)
	}
	sort.Strings(names)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fault.Wrap(fault.Config, err, "read a transcript")
		}
		if len(text) == 0 {
			continue
		}
		body, removed := redactor.Lines(text)
		path := "sessions/" + filepath.Base(name)
		items = append(items, item(path, "user/"+path, body, removed, known[path]))
	}
	return items, nil
}

func item(path, from string, body []byte, removed map[string]int, known sent) Item {
	i := Item{Path: path, From: from, Body: body, Removed: removed, offer: api.PushItem{Path: path, Size: int64(len(body)), SHA256: sum(body)}}
	i.Sent = known.SHA256 == i.offer.SHA256 && known.Size == i.offer.Size
	if !i.Sent && known.Size > 0 && known.Size < i.offer.Size && sum(body[:known.Size]) == known.SHA256 {
		i.offer.Prefix, i.offer.PrefixSHA256 = known.Size, known.SHA256 // it has grown: only the rest travels
	}
	return i
}

func sum(body []byte) string {
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])
}

// Report says what a push did.
type Report struct {
	Sent    int            `json:"sent"`  // files
	Bytes   int64          `json:"bytes"` // sent
	Had     int            `json:"had"`   // files that the server had
	Refused []Refused      `json:"refused"`
	Removed map[string]int `json:"removed"` // secrets taken out, by kind
	Used    int64          `json:"used"`    // bytes of the quota, with what was just sent
	Quota   int64          `json:"quota"`
}

// Refused is a file that the server did not take.
type Refused struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// maxOffer is the most files of one offer (web/api, PushOffer).
const maxOffer = 1000

// Push sends what the server does not have. What was acknowledged before an error is remembered.
func (o Outbox) Push(ctx context.Context, server Server, items []Item) (Report, error) {
	report := Report{Refused: []Refused{}, Removed: map[string]int{}}
	machine, err := o.machine()
	if err != nil {
		return report, err
	}
	known := map[string]sent{}
	if err := file.Load(o.state("pushed.json"), &known); err != nil {
		return report, err
	}
	for len(items) > 0 {
		batch := items[:min(len(items), maxOffer)]
		items = items[len(batch):]
		if err := o.batch(ctx, server, machine, batch, known, &report); err != nil {
			return report, errors.Join(err, file.Save(o.state("pushed.json"), known))
		}
	}
	return report, file.Save(o.state("pushed.json"), known)
}

func (o Outbox) batch(ctx context.Context, server Server, machine string, batch []Item, known map[string]sent, report *Report) error {
	offer := api.PushOffer{Machine: machine}
	byPath := map[string]Item{}
	for _, i := range batch {
		offer.Items = append(offer.Items, i.offer)
		byPath[i.Path] = i
		for kind, n := range i.Removed {
			report.Removed[kind] += n
		}
	}
	answer, err := server.Offer(ctx, offer)
	if err != nil {
		return err
	}
	report.Used, report.Quota = answer.Used, answer.Quota
	for _, want := range answer.Items {
		i, ok := byPath[want.Path]
		if !ok {
			return fault.Newf(fault.Bug, "the server answers about %.100q, which was not offered", want.Path)
		}
		switch want.State {
		case "have":
			report.Had++
		case "want":
			if err := send(ctx, server, machine, i, want, report); err != nil {
				return err
			}
		default:
			report.Refused = append(report.Refused, Refused{i.Path, want.Reason})
			continue
		}
		known[i.Path] = sent{i.offer.Size, i.offer.SHA256}
	}
	return nil
}

// send sends a file from where the server wants it, in chunks.
func send(ctx context.Context, server Server, machine string, i Item, want api.PushWant, report *Report) error {
	for want.State == "want" {
		if want.Offset < 0 || want.Offset >= i.offer.Size {
			return fault.Newf(fault.Bug, "the server wants %s from byte %d of %d", i.Path, want.Offset, i.offer.Size)
		}
		chunk := i.Body[want.Offset:min(want.Offset+api.PushChunk, i.offer.Size)]
		next, err := server.SendChunk(ctx, machine, i.offer, want.Offset, chunk)
		if err != nil {
			return fmt.Errorf("send %s: %w", i.Path, err)
		}
		if next.State == "want" && next.Offset <= want.Offset {
			return fault.Newf(fault.Transient, "the server does not come forward with %s", i.Path)
		}
		report.Bytes += int64(len(chunk))
		report.Used += int64(len(chunk))
		want = next
	}
	if want.State != "have" {
		return fault.Newf(fault.Data, "the server did not take %s: %s", i.Path, want.Reason)
	}
	report.Sent++
	return nil
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// machine is the name under which this workspace sends: the machine's own with random letters, made once.
func (o Outbox) machine() (string, error) {
	var m struct {
		Name string `json:"name"`
	}
	if err := file.Load(o.state("machine.json"), &m); err != nil {
		return "", err
	}
	if m.Name != "" {
		return m.Name, nil
	}
	host, err := os.Hostname()
	if err != nil {
		host = "laptop"
	}
	host = strings.Trim(notName.ReplaceAllString(strings.ToLower(host), "-"), "-")
	m.Name = strings.Trim(host[:min(len(host), 30)]+"-"+strings.ToLower(rand.Text()[:6]), "-")
	return m.Name, file.Save(o.state("machine.json"), m)
}

func (o Outbox) state(name string) string { return filepath.Join(o.Dir, ".analyst", name) }
