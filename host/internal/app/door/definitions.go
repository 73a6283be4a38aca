package door

import (
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// Input is what catalog resolves, but for the sources.
func Input(d *config.Description, now time.Time) catalog.Input {
	return catalog.Input{Definitions: Definitions(d), Broken: Broken(d), Incomplete: d.Incomplete, Now: now, Castable: parquet.Castable}
}

// Definitions turns what data_description.md says into catalog's own words: the two rooms do not know each other.
func Definitions(d *config.Description) []catalog.Definition {
	all := make([]catalog.Definition, len(d.Tables))
	for i, t := range d.Tables {
		all[i] = definition(t)
	}
	return all
}

func definition(t config.TableDefinition) catalog.Definition {
	d := catalog.Definition{
		ID: t.ID, Name: t.Name, Folder: t.Folder, Source: t.Source, Stream: t.Stream, Description: t.Description, Strategy: sdk.SyncMode(t.Strategy),
		Key: t.PrimaryKey, WindowDays: t.WindowDays, PartitionBy: t.PartitionBy, Granularity: t.Granularity, MaxHistoryDays: t.MaxHistoryDays,
		ChunkDays: t.ChunkDays, ChunkLine: t.ChunkLine, Dataset: t.Dataset, MaxRejectRows: t.MaxRejectRows, MaxRejectPct: t.MaxRejectPct, Schema: t.Schema, File: t.File, Line: t.Line,
		Columns: map[string]catalog.Column{},
	}
	for _, k := range t.ForeignKeys {
		d.ForeignKeys = append(d.ForeignKeys, catalog.ForeignKey(k))
	}
	for _, f := range t.Filters {
		d.Filters = append(d.Filters, catalog.Filter(f))
	}
	for name, c := range t.Columns {
		d.Columns[name] = catalog.Column(c)
	}
	return d
}

// Broken turns the definitions that cannot be used into catalog's words.
func Broken(d *config.Description) []catalog.Broken {
	all := make([]catalog.Broken, len(d.Broken))
	for i, b := range d.Broken {
		all[i] = catalog.Broken(b)
	}
	return all
}
