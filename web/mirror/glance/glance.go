// Package glance keeps, in one small file, what a pull that brings nothing has to look at: every file of the generation in
// use as it stood when it was checked, and the report's lines. Reading it is far cheaper than the manifest and the record
// from which it was made.
//
// A note is a shortcut, never the truth: one that is damaged, or of another state, is no note, and whoever asked goes the
// long way. Imported by mirror.
package glance

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/disk"
	"github.com/ai-data-analyst/broker/web/mirror/progress"
)

// Note is what was looked at, and when it is true.
type Note struct {
	Basis   string            `json:"basis"` // of what it is true: equal texts mean the same state
	Tables  []progress.Pulled `json:"tables"`
	Reused  progress.Amount   `json:"reused"`
	Shelves []Shelf           `json:"shelves"`
}

// Basis names a state: what is said of it, and files by the hashes of what is in them. "" when one is not there.
func Basis(said []string, files ...string) string {
	h := sha256.New()
	for _, text := range said {
		fmt.Fprintf(h, "%q ", text)
	}
	for _, path := range files {
		body, err := os.ReadFile(path)
		if err != nil {
			return ""
		}
		sum := sha256.Sum256(body)
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Shelf is a folder of files by their hash, <root>/<aa>/<sha256><suffix>, and those of them that must be there.
type Shelf struct {
	Root   string `json:"root"`
	Suffix string `json:"suffix"`
	Files  int    `json:"files"`
	stamps []byte // size bytes for each file
}

// size of a file's record: its hash and its stamp, big endian.
const size = sha256.Size + 3*8

// Put lists files of a folder with what stamp knows of them; whole is false when it does not know one.
func (n *Note) Put(root, suffix string, sums map[string]bool, stamp func(sum string) (disk.Stamp, bool)) (whole bool, err error) {
	s := Shelf{Root: root, Suffix: suffix}
	for _, sum := range slices.Sorted(maps.Keys(sums)) { // by folder
		at, ok := stamp(sum)
		if !ok {
			return false, nil
		}
		if err := s.add(sum, at); err != nil {
			return false, err
		}
	}
	n.Shelves = append(n.Shelves, s)
	return true, nil
}

func (s *Shelf) add(sum string, at disk.Stamp) error {
	raw, err := hex.DecodeString(sum)
	if err != nil || len(raw) != sha256.Size {
		return fault.Newf(fault.Bug, "%q is no hash", sum)
	}
	s.stamps = append(s.stamps, raw...)
	s.stamps = binary.BigEndian.AppendUint64(s.stamps, uint64(at.Size))
	s.stamps = binary.BigEndian.AppendUint64(s.stamps, uint64(at.Time))
	s.stamps = binary.BigEndian.AppendUint64(s.stamps, at.Inode)
	s.Files++
	return nil
}

// Write keeps a note. It is not synced: one that a crash leaves torn does not bear its hash.
func Write(path string, n Note) error {
	head, err := json.Marshal(n)
	if err != nil {
		return fault.Wrap(fault.Bug, err, "write down what was looked at")
	}
	text := append(head, '\n')
	for _, s := range n.Shelves {
		text = append(text, s.stamps...)
	}
	sum := sha256.Sum256(text)
	return os.WriteFile(path, append(text, sum[:]...), 0o644)
}

// Read returns the note that is there. Any reason not to believe it is the same: there is none.
func Read(path string) (n Note, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil || len(text) < sha256.Size {
		return n, false
	}
	text, sum := text[:len(text)-sha256.Size], text[len(text)-sha256.Size:]
	if is := sha256.Sum256(text); !bytes.Equal(is[:], sum) {
		return n, false
	}
	head, stamps, cut := bytes.Cut(text, []byte{'\n'})
	if !cut || json.Unmarshal(head, &n) != nil {
		return Note{}, false
	}
	for i := range n.Shelves {
		s := &n.Shelves[i]
		if s.Files < 0 || s.Files > len(stamps)/size {
			return Note{}, false
		}
		s.stamps, stamps = stamps[:s.Files*size], stamps[s.Files*size:]
	}
	return n, len(stamps) == 0
}

// Untouched says whether every file is there as it stood (G5): size, time of change and inode. One that a person or the
// disk changed since is not.
func (n Note) Untouched() bool {
	for _, s := range n.Shelves {
		if s.Files > 0 && !s.untouched() {
			return false
		}
	}
	return true
}

// stride is how many files one goroutine looks at before another takes over: the disk's answers are waited for, not worked for.
const stride = 512

func (s Shelf) untouched() bool {
	folder, err := disk.OpenFolder(s.Root)
	if err != nil {
		return false
	}
	defer folder.Close()
	var looking sync.WaitGroup
	var touched atomic.Bool
	for from := 0; from < s.Files; from += stride {
		stamps := s.stamps[from*size : min(from+stride, s.Files)*size]
		looking.Go(func() {
			for ; len(stamps) > 0 && !touched.Load(); stamps = stamps[size:] {
				if now, err := folder.Look(s.name(stamps)); err != nil || now != stamp(stamps) {
					touched.Store(true)
				}
			}
		})
	}
	looking.Wait()
	return !touched.Load()
}

// name is that of a record's file below the root.
func (s Shelf) name(record []byte) string {
	var digits [3 + 2*sha256.Size + 16]byte
	hex.Encode(digits[3:], record[:sha256.Size])
	digits[0], digits[1], digits[2] = digits[3], digits[4], '/'
	return string(append(digits[:3+2*sha256.Size], s.Suffix...))
}

func stamp(record []byte) disk.Stamp {
	figures := record[sha256.Size:]
	return disk.Stamp{Size: int64(binary.BigEndian.Uint64(figures)), Time: int64(binary.BigEndian.Uint64(figures[8:])), Inode: binary.BigEndian.Uint64(figures[16:])}
}
