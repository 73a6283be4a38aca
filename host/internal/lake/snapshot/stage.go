package snapshot

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
)

// Properties of a table that say what broker made it from.
const (
	sourceProperty   = "broker.source"
	streamProperty   = "broker.stream"
	strategyProperty = "broker.strategy"
	keyProperty      = "broker.key" // names, with commas between
	piiProperty      = "broker.pii" // names, with commas between
)

// MaxMetadataFiles is how many earlier metadata files of a table are kept.
const MaxMetadataFiles = 10

// Staged is a table's metadata made ready for a snapshot.
type Staged struct {
	Base    table.Metadata // as it lies in the lake; for a new table its first, unwritten metadata
	Updates []table.Update // of schema, partitioning, properties

	next *table.MetadataBuilder // Base with Updates applied; never built, for iceberg-go would ask the machine's clock
}

// Stage makes the metadata fit for a change: schema, partitioning, properties. base is nil for a new table, which will
// lie at location.
func Stage(base table.Metadata, location string, change version.Change) (Staged, error) {
	key := change.Spec.Key
	schema, err := Schema(change.Columns, key)
	if err != nil {
		return Staged{}, err
	}
	props, err := properties(change.Spec, schema)
	if err != nil {
		return Staged{}, err
	}
	spec, err := partitionSpec(change.Spec.Partition, schema)
	if err != nil {
		return Staged{}, err
	}
	if base == nil {
		meta, err := first(schema, spec, location, props)
		if err != nil {
			return Staged{}, err
		}
		return stage(meta, nil)
	}
	updates := schemaUpdates(base, schema)
	if !samePartitioning(base, change.Spec.Partition) {
		updates = append(updates, table.NewAddPartitionSpecUpdate(spec, false), table.NewSetDefaultSpecUpdate(-1))
	}
	if changed := changedProperties(base.Properties(), props); len(changed) > 0 {
		updates = append(updates, table.NewSetPropertiesUpdate(changed))
	}
	return stage(base, updates)
}

func stage(base table.Metadata, updates []table.Update) (Staged, error) {
	next, err := table.MetadataBuilderFromBase(base, "")
	if err != nil {
		return Staged{}, err
	}
	for _, u := range updates {
		if err := u.Apply(next); err != nil {
			return Staged{}, err
		}
	}
	return Staged{Base: base, Updates: updates, next: next}, nil
}

func schemaUpdates(base table.Metadata, schema *iceberg.Schema) []table.Update {
	if base.CurrentSchema().Equals(schema) {
		return nil
	}
	for _, old := range base.Schemas() {
		if old.Equals(schema) {
			return []table.Update{table.NewSetCurrentSchemaUpdate(old.ID)}
		}
	}
	return []table.Update{table.NewAddSchemaUpdate(schema), table.NewSetCurrentSchemaUpdate(-1)}
}

func samePartitioning(base table.Metadata, want *version.Partition) bool {
	have := partitionOf(base.PartitionSpec(), base.CurrentSchema())
	if have == nil || want == nil {
		return have == nil && want == nil
	}
	return *have == *want
}

// first makes the metadata of a new table with the field ids of its parts; iceberg-go's own constructor would number
// them afresh.
func first(schema *iceberg.Schema, spec *iceberg.PartitionSpec, location string, props iceberg.Properties) (table.Metadata, error) {
	b, err := table.NewMetadataBuilder(2)
	if err != nil {
		return nil, err
	}
	unsorted := table.UnsortedSortOrder
	for _, step := range []func() error{
		func() error { return b.SetUUID(uuid.New()) },
		func() error { return b.AddSchema(schema) },
		func() error { return b.SetCurrentSchemaID(-1) },
		func() error { return b.AddSortOrder(&unsorted) },
		func() error { return b.SetDefaultSortOrderID(-1) },
		func() error { return b.AddPartitionSpec(spec, true) },
		func() error { return b.SetDefaultSpecID(-1) },
		func() error { return b.SetLoc(location) },
		func() error { return b.SetProperties(props) },
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("make the table's first metadata: %w", err)
		}
	}
	return b.Build()
}

// properties are those of a table. Expiry is the lake's own: gc.enabled keeps other engines from removing files that
// older generations need.
func properties(spec version.Spec, schema *iceberg.Schema) (iceberg.Properties, error) {
	mapping, err := json.Marshal(schema.NameMapping())
	if err != nil {
		return nil, fmt.Errorf("map names to field ids: %w", err)
	}
	pii := []string{}
	for column, yes := range spec.PII {
		if yes {
			pii = append(pii, column)
		}
	}
	slices.Sort(pii)
	return iceberg.Properties{
		table.DefaultNameMappingKey:          string(mapping),
		table.MetadataPreviousVersionsMaxKey: fmt.Sprint(MaxMetadataFiles),
		"write.format.default":               "parquet",
		"gc.enabled":                         "false",
		"comment":                            spec.Description,
		sourceProperty:                       spec.Source,
		streamProperty:                       spec.Stream,
		strategyProperty:                     string(spec.Strategy),
		keyProperty:                          strings.Join(spec.Key, ","),
		piiProperty:                          strings.Join(pii, ","),
	}, nil
}

func changedProperties(have, want iceberg.Properties) iceberg.Properties {
	changed := iceberg.Properties{}
	for k, v := range want {
		if old, ok := have[k]; !ok || old != v {
			changed[k] = v
		}
	}
	return changed
}

// describe fills what the properties of a table say into v.
func describe(v *version.Version, props iceberg.Properties) {
	v.Props = maps.Clone(map[string]string(props))
	v.Source, v.Stream, v.Strategy = props[sourceProperty], props[streamProperty], sdk.SyncMode(props[strategyProperty])
	v.Description = props["comment"]
	v.Key = names(props[keyProperty])
	for _, column := range names(props[piiProperty]) {
		if v.PII == nil {
			v.PII = map[string]bool{}
		}
		v.PII[column] = true
	}
}

func names(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
