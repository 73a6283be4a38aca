// Package receipt keeps where an answer came from: the statement, the generation with its parts, and a hash of the rows,
// signed by the laptop, so that a colleague can run it again and compare (interface.md §9).
//
// It runs no SQL itself: the caller hands in a way to ask. Imported by the analyst's program.
package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

// Receipt is one answer's. Signature is over the JSON of all the rest, without line ends or indentation.
type Receipt struct {
	Format         int              `json:"format"` // 1
	ID             string           `json:"id"`     // ULID
	SQL            string           `json:"sql"`
	Params         []duck.Param     `json:"params"`
	Generation     int64            `json:"generation"`
	ManifestSHA256 string           `json:"manifest_sha256"`
	Engine         Engine           `json:"engine"`
	Tables         []Table          `json:"tables"`
	Columns        []string         `json:"columns"` // name and type, for people who compare
	Limit          int64            `json:"limit"`   // rows that were asked for at most; 0 = all
	Ordered        bool             `json:"ordered"`
	Deterministic  bool             `json:"deterministic"`
	Rows           int64            `json:"rows"`
	ResultSHA256   string           `json:"result_sha256"`
	RowsSHA256     string           `json:"rows_sha256,omitempty"` // of an ordered result: the hash of its rows in any order
	At             time.Time        `json:"at"`
	User           string           `json:"user"`
	Key            string           `json:"key"`                   // base64: the public key of the laptop
	Certificate    *api.Certificate `json:"certificate,omitempty"` // whose key it is, by the server
	Signature      string           `json:"signature,omitempty"`   // base64
}

// Engine says what ran the statement.
type Engine struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Table is a table that the statement could read, at its version: the hash over its parts' hashes.
type Table struct {
	Name        string `json:"name"`
	PartsSHA256 string `json:"parts_sha256"`
}

// format is the version of the receipt that this code writes and reads.
const format = 1

// TablesOf are the tables of a manifest that a statement names; all of them when it can reach some without naming them.
func TablesOf(m api.Manifest, sql string) []Table {
	names := make([]string, len(m.Tables))
	for i, t := range m.Tables {
		names[i] = t.Name
	}
	named, sure := ask.Named(sql, names)
	if !sure {
		named = names
	}
	tables := []Table{}
	for _, t := range m.Tables { // sorted by name
		if slices.Contains(named, t.Name) {
			tables = append(tables, Table{t.Name, partsHash(t)})
		}
	}
	return tables
}

func partsHash(t api.Table) string {
	h := sha256.New()
	for _, p := range t.Parts {
		h.Write([]byte(p.SHA256 + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// NewID is a new name: it sorts by time.
func NewID(now time.Time) string {
	return strings.ToLower(ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String())
}

// Of fills in what came.
func (r *Receipt) Of(result Result) {
	r.Rows, r.Columns, r.ResultSHA256, r.RowsSHA256 = result.Rows, result.Columns, result.SHA256, result.RowsSHA256
}

// Sign fills in key and signature.
func (r *Receipt) Sign(key ed25519.PrivateKey) error {
	public, _ := key.Public().(ed25519.PublicKey) // always of this type
	r.Format, r.Key, r.Signature = format, base64.StdEncoding.EncodeToString(public), ""
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the receipt: %w", err)
	}
	r.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, body))
	return nil
}

// Verify checks that nothing of the receipt was changed since its key signed it. Whose key that is, the certificate says.
func (r Receipt) Verify() error {
	key, err := base64.StdEncoding.DecodeString(r.Key)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return damaged("its key cannot be read", err)
	}
	signature, err := base64.StdEncoding.DecodeString(r.Signature)
	if err != nil {
		return damaged("its signature cannot be read", err)
	}
	r.Signature = ""
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the receipt: %w", err)
	}
	if !ed25519.Verify(key, body, signature) {
		return damaged("its signature does not fit: it was changed", nil)
	}
	return nil
}

// damaged is the error of a receipt that proves nothing: exit 2.
func damaged(what string, err error) error {
	return &fault.Fault{Code: fault.Config, What: "the receipt is damaged: " + what, Help: "Ask for the file as it was written.", Err: err}
}

// isID says whether a text is an id of a receipt: 26 digits and small letters.
func isID(text string) bool {
	return len(text) == 26 && strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// Save keeps a receipt in a folder.
func Save(dir string, r Receipt) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the receipt: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.Wrap(fault.Config, err, "make the folder of receipts")
	}
	temp := filepath.Join(dir, "."+r.ID+".tmp")
	if err := os.WriteFile(temp, append(text, '\n'), 0o644); err != nil {
		return fault.Wrap(fault.Config, errors.Join(err, os.Remove(temp)), "write the receipt")
	}
	return fault.Wrap(fault.Config, os.Rename(temp, filepath.Join(dir, r.ID+".json")), "write the receipt")
}

// Load reads a receipt by its id in dir, by the unique beginning of one, or from a file.
func Load(dir, name string) (Receipt, error) {
	path := name
	if !strings.ContainsAny(name, `/\.`) {
		found, err := filepath.Glob(filepath.Join(dir, name+"*.json"))
		if err != nil || strings.ContainsAny(name, "*?[") {
			return Receipt{}, fault.Newf(fault.Config, "%.40q is no receipt", name)
		}
		if len(found) > 1 {
			return Receipt{}, fault.Newf(fault.Config, "%d receipts begin with %.40q", len(found), name).WithHelp("Give more of the id: analyst receipt list")
		}
		if len(found) == 1 {
			path = found[0]
		} else if _, err := os.Stat(path); err != nil {
			return Receipt{}, fault.Newf(fault.Config, "there is no receipt %.40q here", name).WithHelp("Those that are: analyst receipt list")
		}
	}
	text, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Receipt{}, fault.Newf(fault.Config, "there is no receipt %s", path).WithHelp("Those that are: analyst receipt list")
	}
	if err != nil {
		return Receipt{}, fault.Wrap(fault.Config, err, "read the receipt")
	}
	var r Receipt
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // nothing stands in a receipt that is not signed
	if err := decoder.Decode(&r); err != nil {
		return Receipt{}, damaged("it cannot be read", err)
	}
	if decoder.More() {
		return Receipt{}, damaged("it goes on after its end", nil)
	}
	if r.Format != format || !isID(r.ID) || !api.IsHash(r.ResultSHA256) || r.SQL == "" {
		return Receipt{}, damaged("it is not of a format that this program reads", nil)
	}
	return r, nil
}

// longest is how long a receipt may be: its statement is at most 1 MB, its tables some hundred bytes each.
const longest = 64 << 20

func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(file, longest+1))
	if err == nil && len(text) > longest {
		err = fault.New(fault.Config, "it is longer than any receipt")
	}
	return text, err
}

// List reads the receipts of a folder, the newest first. One that cannot be read is left out and counted.
func List(dir string) (receipts []Receipt, unreadable int, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, 0, fmt.Errorf("list the receipts: %w", err)
	}
	sort.Sort(sort.Reverse(sort.StringSlice(names)))
	for _, name := range names {
		r, err := Load(dir, name)
		if err != nil {
			unreadable++
			continue
		}
		receipts = append(receipts, r)
	}
	return receipts, unreadable, nil
}
