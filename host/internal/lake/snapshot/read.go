package snapshot

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
)

// Properties of a snapshot's summary that tell how it came to be.
const (
	RunProperty       = "broker.run"
	CursorProperty    = "broker.cursor"      // on the root of a table set only
	CursorFile        = "broker.cursor-file" // in its place: where a large cursor lies
	WatermarkProperty = "broker.watermark"
	ContentProperty   = "broker.content" // digest of a replace
	EpochProperty     = "broker.epoch"
	DroppedProperty   = "broker.dropped" // "true": the table is in no generation from here on
	SeqProperty       = "broker.seq"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// Parts lists the live parts of a snapshot, older ones first.
func Parts(s *table.Snapshot, fio iceio.IO, places Places) ([]version.Part, error) {
	manifests, err := s.Manifests(fio)
	if err != nil {
		return nil, fmt.Errorf("read the manifest list: %w", err)
	}
	var parts []version.Part
	for _, m := range manifests {
		for e, err := range m.Entries(fio, true) {
			if err != nil {
				return nil, fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
			}
			part, err := partOf(e.DataFile(), places)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// Read describes a table as of one of its snapshots.
func Read(name sdk.TableName, meta table.Metadata, location string, s *table.Snapshot, fio iceio.IO, places Places) (version.Version, error) {
	v := version.Version{Table: name, ID: meta.TableUUID().String(), Snapshot: s.SnapshotID, LastID: meta.LastColumnID(), Location: meta.Location(), Metadata: location,
		Published: time.UnixMilli(s.TimestampMs).UTC().Format(time.RFC3339Nano)}
	schema := schemaOf(meta, s)
	var err error
	if v.Columns, err = Columns(schema); err != nil {
		return v, fmt.Errorf("read the schema of %s: %w", name, err)
	}
	v.Partition = partitionOf(meta.PartitionSpec(), schema)
	describe(&v, meta.Properties())
	if v.Parts, err = Parts(s, fio, places); err != nil {
		return v, fmt.Errorf("list the parts of %s: %w", name, err)
	}
	for _, p := range v.Parts {
		v.Rows += p.Rows
		v.Bytes += p.Bytes
	}
	if s.Summary == nil {
		return v, nil
	}
	props := s.Summary.Properties
	v.RunID, v.Content, v.Watermark = props[RunProperty], props[ContentProperty], props[WatermarkProperty]
	v.Dropped = props[DroppedProperty] != ""
	v.Seq, _ = strconv.ParseInt(props[SeqProperty], 10, 64) // absent where only the cursor moved
	if v.Cursor, err = LoadCursor(fio, props); err != nil {
		return v, fmt.Errorf("read the cursor of %s: %w", name, err)
	}
	return v, nil
}

func schemaOf(meta table.Metadata, s *table.Snapshot) *iceberg.Schema {
	if s.SchemaID != nil {
		for _, schema := range meta.Schemas() {
			if schema.ID == *s.SchemaID {
				return schema
			}
		}
	}
	return meta.CurrentSchema()
}
