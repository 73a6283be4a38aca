package snapshot

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
)

const (
	manyManifests      = 24    // above so many, the small ones are written together
	entriesPerManifest = 5_000 // a rewritten manifest holds at most so many entries
)

// Builder builds snapshots of one lake.
type Builder struct {
	IO     iceio.WriteFileIO
	Places Places
	Now    func() time.Time
}

// Files is what a snapshot does to the files of a table.
type Files struct {
	Add     []version.Part // not in the table yet, but for a Replace
	Remove  []string       // paths
	Replace bool           // everything that is not in Add goes
}

// Build writes the manifests and the manifest list of the snapshot that follows the table's current one, and returns it.
// Its summary holds props beside Iceberg's own figures. Nothing is visible yet.
func (b Builder) Build(staged Staged, files Files, props map[string]string) (*table.Snapshot, error) {
	meta := staged.Base
	s := &build{Builder: b, meta: meta, next: staged.next, id: newID(meta), stem: uuid.NewString(), figures: map[string]int64{}, bySpec: map[int][]entry{}}
	if err := s.collect(files); err != nil {
		return nil, err
	}
	if err := s.writeManifests(); err != nil {
		return nil, err
	}
	list, err := s.writeList()
	if err != nil {
		return nil, err
	}
	schema := s.next.CurrentSchema().ID
	at := b.Now().UnixMilli()
	if last := meta.LastUpdatedMillis(); at <= last {
		at = last + 1
	}
	return &table.Snapshot{SnapshotID: s.id, ParentSnapshotID: s.parentID(), SequenceNumber: meta.LastSequenceNumber() + 1,
		TimestampMs: at, ManifestList: list, SchemaID: &schema, Summary: s.summary(props)}, nil
}

func newID(meta table.Metadata) int64 {
	for {
		u := uuid.New()
		var id int64
		for i := range 8 {
			id = id<<8 | int64(u[i]^u[i+8])
		}
		if id &= 1<<63 - 1; id > 0 && meta.SnapshotByID(id) == nil {
			return id
		}
	}
}

type entry struct {
	status iceberg.ManifestEntryStatus
	entry  iceberg.ManifestEntry
}

type build struct {
	Builder
	meta    table.Metadata
	next    *table.MetadataBuilder
	id      int64
	stem    string
	count   int
	kept    []iceberg.ManifestFile
	written []iceberg.ManifestFile
	bySpec  map[int][]entry // entries of the manifests to be written, by partition spec
	figures map[string]int64
}

func (s *build) parentID() *int64 {
	parent := s.meta.CurrentSnapshot()
	if parent == nil {
		return nil
	}
	id := parent.SnapshotID
	return &id
}

// collect sorts the parent's manifests into those that stay as they are and those whose entries are written anew, and
// adds the new parts.
func (s *build) collect(files Files) error {
	add := make(map[string]version.Part, len(files.Add))
	for _, part := range files.Add {
		if _, twice := add[s.Places.URL(part.Path)]; twice {
			return fmt.Errorf("part %s is added twice", part.Path)
		}
		add[s.Places.URL(part.Path)] = part
	}
	remove := make(map[string]bool, len(files.Remove))
	for _, p := range files.Remove {
		remove[s.Places.URL(p)] = true
	}
	if parent := s.meta.CurrentSnapshot(); parent != nil {
		manifests, err := parent.Manifests(s.IO)
		if err != nil {
			return fmt.Errorf("read the manifests of the current snapshot: %w", err)
		}
		for _, m := range manifests {
			if err := s.parentManifest(m, len(manifests), files, add, remove); err != nil {
				return err
			}
		}
	}
	if len(remove) > 0 && !files.Replace {
		return fmt.Errorf("parts to be removed are not in the table: %s", strings.Join(slices.Sorted(maps.Keys(remove)), ", "))
	}
	spec, err := s.next.CurrentSpec()
	if err != nil {
		return err
	}
	for _, part := range files.Add {
		if _, isNew := add[s.Places.URL(part.Path)]; !isNew {
			continue
		}
		df, err := dataFile(part, *spec, s.Places)
		if err != nil {
			return err
		}
		s.add(iceberg.EntryStatusADDED, iceberg.NewManifestEntry(iceberg.EntryStatusADDED, &s.id, nil, nil, df))
	}
	return nil
}

func (s *build) add(status iceberg.ManifestEntryStatus, e iceberg.ManifestEntry) {
	df := e.DataFile()
	s.bySpec[int(df.SpecID())] = append(s.bySpec[int(df.SpecID())], entry{status, e})
	switch status {
	case iceberg.EntryStatusADDED:
		s.figures["added-data-files"]++
		s.figures["added-records"] += df.Count()
		s.figures["added-files-size"] += df.FileSizeBytes()
	case iceberg.EntryStatusDELETED:
		s.figures["deleted-data-files"]++
		s.figures["deleted-records"] += df.Count()
		s.figures["removed-files-size"] += df.FileSizeBytes()
	}
}

// parentManifest decides on one manifest of the parent. What it finds is taken out of add and remove.
func (s *build) parentManifest(m iceberg.ManifestFile, among int, files Files, add map[string]version.Part, remove map[string]bool) error {
	if !files.Replace && len(remove) == 0 && among <= manyManifests {
		if m.HasAddedFiles() || m.HasExistingFiles() {
			s.kept = append(s.kept, m)
		}
		return nil // nothing of it goes: no need to read it
	}
	var entries []iceberg.ManifestEntry
	for e, err := range m.Entries(s.IO, true) {
		if err != nil {
			return fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil
	}
	gone := make([]bool, len(entries))
	any := false
	for i, e := range entries {
		location := e.DataFile().FilePath()
		_, again := add[location]
		if again && !files.Replace {
			return fmt.Errorf("part %s is in the table already", location)
		}
		delete(add, location)
		gone[i] = files.Replace && !again || remove[location]
		delete(remove, location)
		any = any || gone[i]
	}
	if !any && among <= manyManifests {
		s.kept = append(s.kept, m)
		return nil
	}
	for i, e := range entries {
		status := iceberg.EntryStatusEXISTING
		if gone[i] {
			status = iceberg.EntryStatusDELETED
		}
		s.add(status, e)
	}
	return nil
}

func (s *build) writeManifests() error {
	for _, id := range slices.Sorted(maps.Keys(s.bySpec)) {
		spec, err := s.next.GetSpecByID(id)
		if err != nil {
			return fmt.Errorf("partition spec %d: %w", id, err)
		}
		for chunk := range slices.Chunk(s.bySpec[id], entriesPerManifest) {
			m, err := s.writeManifest(*spec, chunk)
			if err != nil {
				return fmt.Errorf("write a manifest: %w", err)
			}
			s.written = append(s.written, m)
		}
	}
	return nil
}

// counter counts the bytes that pass.
type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}

func (s *build) location(file string) string { return s.meta.Location() + "/metadata/" + file }

func (s *build) writeManifest(spec iceberg.PartitionSpec, entries []entry) (iceberg.ManifestFile, error) {
	location := s.location(fmt.Sprintf("%s-m%d.avro", s.stem, s.count))
	s.count++
	out, err := s.IO.Create(location)
	if err != nil {
		return nil, err
	}
	counted := &counter{Writer: out}
	m, err := s.fillManifest(counted, location, spec, entries)
	return m, errors.Join(err, out.Close())
}

func (s *build) fillManifest(out *counter, location string, spec iceberg.PartitionSpec, entries []entry) (iceberg.ManifestFile, error) {
	w, err := iceberg.NewManifestWriter(2, out, spec, s.next.CurrentSchema(), s.id)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch e.status {
		case iceberg.EntryStatusADDED:
			err = w.Add(e.entry)
		case iceberg.EntryStatusDELETED:
			err = w.Delete(e.entry)
		default:
			err = w.Existing(e.entry)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return w.ToManifestFile(location, out.n)
}

func (s *build) writeList() (string, error) {
	location := s.location(fmt.Sprintf("snap-%d-%s.avro", s.id, s.stem))
	out, err := s.IO.Create(location)
	if err != nil {
		return "", fmt.Errorf("write the manifest list: %w", err)
	}
	sequence := s.meta.LastSequenceNumber() + 1
	err = iceberg.WriteManifestList(2, out, s.id, s.parentID(), &sequence, 0, append(s.kept, s.written...))
	if err := errors.Join(err, out.Close()); err != nil {
		return "", fmt.Errorf("write the manifest list: %w", err)
	}
	return location, nil
}

func (s *build) summary(props map[string]string) *table.Summary {
	operation := table.OpAppend
	switch {
	case s.figures["deleted-data-files"] > 0 && s.figures["added-data-files"] == 0:
		operation = table.OpDelete
	case s.figures["deleted-data-files"] > 0:
		operation = table.OpOverwrite
	}
	all := iceberg.Properties{"total-delete-files": "0", "total-position-deletes": "0", "total-equality-deletes": "0"}
	var before iceberg.Properties
	if parent := s.meta.CurrentSnapshot(); parent != nil && parent.Summary != nil {
		before = parent.Summary.Properties
	}
	for total, change := range map[string][2]string{
		"total-data-files": {"added-data-files", "deleted-data-files"},
		"total-records":    {"added-records", "deleted-records"},
		"total-files-size": {"added-files-size", "removed-files-size"},
	} {
		n, _ := strconv.ParseInt(before[total], 10, 64) // absent before the first snapshot
		all[total] = strconv.FormatInt(n+s.figures[change[0]]-s.figures[change[1]], 10)
	}
	for k, n := range s.figures {
		all[k] = strconv.FormatInt(n, 10)
	}
	maps.Copy(all, props)
	return &table.Summary{Operation: operation, Properties: all}
}
