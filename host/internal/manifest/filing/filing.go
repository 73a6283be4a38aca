// Package filing lists documents as a manifest does: by path, with the hash of their bytes. Most documents are of one table
// and the same for all who see it, so what follows from one alone is worked out once.
package filing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/ai-data-analyst/broker/web/api"
)

// Document is one document. Body is shared and never changed.
type Document struct {
	Path string // docs/…
	Body []byte
}

// Filed are documents in order of path. It does not change.
type Filed struct {
	Documents []Document
	Bodies    map[[32]byte][]byte // by hash
	Rev       string              // differs whenever a document does
	JSON      []byte              // array of api.Doc
	Omitted   []string            // paths that some laptop could not keep
}

// Cabinet remembers what follows from one document. The zero value is empty. Safe for concurrent use.
type Cabinet struct {
	mu    sync.RWMutex
	cards map[string]*card // by path: of the body that was filed last
}

// maxCards is how many documents are remembered before the cabinet begins anew.
const maxCards = 50_000

// card is what follows from one document.
type card struct {
	body   []byte
	wrong  bool // some laptop could not keep it
	folded string
	sum    [32]byte
	line   string
	json   []byte
}

// is says whether a card is of these very bytes: not of equal ones, which would have to be read.
func (k *card) is(body []byte) bool {
	return k != nil && len(k.body) == len(body) && unsafe.SliceData(k.body) == unsafe.SliceData(body)
}

func newCard(d Document) (*card, error) {
	k := &card{body: d.Body, wrong: api.CheckDocPath(d.Path) != nil, folded: strings.ToLower(d.Path)}
	if k.wrong {
		return k, nil
	}
	k.sum = sha256.Sum256(d.Body)
	k.line = fmt.Sprintf("%s\t%x\t%d\n", d.Path, k.sum, len(d.Body))
	var err error
	k.json, err = json.Marshal(api.Doc{Path: d.Path, SHA256: hex.EncodeToString(k.sum[:]), Size: int64(len(d.Body))})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", d.Path, err)
	}
	return k, nil
}

// File lists documents. One that some laptop could not keep is left out, and named.
func (c *Cabinet) File(documents []Document) (Filed, error) {
	slices.SortFunc(documents, func(a, b Document) int { return strings.Compare(a.Path, b.Path) })
	cards, err := c.draw(documents)
	if err != nil {
		return Filed{}, err
	}
	out := Filed{Documents: make([]Document, 0, len(documents)), Bodies: make(map[[32]byte][]byte, len(documents)), JSON: []byte{'['}}
	taken := make(map[string]bool, len(documents)) // some systems know no difference between A and a
	rev := sha256.New()
	for i, d := range documents {
		k := cards[i]
		if k.wrong || taken[k.folded] {
			out.Omitted = append(out.Omitted, d.Path)
			continue
		}
		taken[k.folded] = true
		if len(out.Documents) > 0 {
			out.JSON = append(out.JSON, ',')
		}
		out.JSON = append(out.JSON, k.json...)
		out.Bodies[k.sum] = d.Body
		out.Documents = append(out.Documents, d)
		rev.Write([]byte(k.line)) // never fails
	}
	out.JSON = append(out.JSON, ']')
	out.Rev = hex.EncodeToString(rev.Sum(nil))
	return out, nil
}

// draw finds or makes the card of each document.
func (c *Cabinet) draw(documents []Document) ([]*card, error) {
	cards := make([]*card, len(documents))
	c.mu.RLock()
	for i, d := range documents {
		if k := c.cards[d.Path]; k.is(d.Body) {
			cards[i] = k
		}
	}
	c.mu.RUnlock()
	made := map[string]*card{}
	for i, d := range documents {
		if cards[i] != nil {
			continue
		}
		k, err := newCard(d)
		if err != nil {
			return nil, err
		}
		cards[i], made[d.Path] = k, k
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cards == nil || len(c.cards)+len(made) > maxCards {
		c.cards = make(map[string]*card, len(documents))
	}
	for path, k := range made {
		c.cards[path] = k
	}
	return cards, nil
}
