package snapshot

import (
	"fmt"
	"path"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// Places turns paths below the lake's folder into locations and back.
type Places interface {
	URL(path string) string
	Path(location string) (string, error)
}

var transforms = map[string]iceberg.Transform{
	"day": iceberg.DayTransform{}, "month": iceberg.MonthTransform{}, "year": iceberg.YearTransform{},
}

// partitionSpec returns the partitioning of a table over its schema.
func partitionSpec(p *version.Partition, schema *iceberg.Schema) (*iceberg.PartitionSpec, error) {
	if p == nil {
		spec := iceberg.NewPartitionSpec()
		return &spec, nil
	}
	transform, ok := transforms[p.Granularity]
	if !ok {
		return nil, fmt.Errorf("partition by %s: want day, month or year", p.Granularity)
	}
	if f, ok := schema.FindFieldByName(p.Column); ok && !transform.CanTransform(f.Type) {
		return nil, fmt.Errorf("partition by %s of %s: it is a %s", p.Granularity, p.Column, f.Type)
	}
	spec, err := iceberg.NewPartitionSpecOpts(iceberg.AddPartitionFieldByName(p.Column, p.Column+"_"+p.Granularity, transform, schema, nil))
	if err != nil {
		return nil, fmt.Errorf("partition by %s of %s: %w", p.Granularity, p.Column, err)
	}
	return &spec, nil
}

// partitionOf is the inverse of partitionSpec.
func partitionOf(spec iceberg.PartitionSpec, schema *iceberg.Schema) *version.Partition {
	for _, f := range spec.Fields() {
		for granularity, transform := range transforms {
			column, ok := schema.FindColumnName(f.SourceID())
			if ok && transform.String() == f.Transform.String() {
				return &version.Partition{Column: column, Granularity: granularity}
			}
		}
	}
	return nil
}

// dataFile describes a part from the figures of its writer; no file is read.
func dataFile(part version.Part, spec iceberg.PartitionSpec, places Places) (iceberg.DataFile, error) {
	values, logical := map[int]any{}, map[int]string{}
	for _, f := range spec.Fields() {
		values[f.FieldID] = nil
		if part.Partition != nil {
			values[f.FieldID] = *part.Partition
		}
		if _, day := f.Transform.(iceberg.DayTransform); day {
			logical[f.FieldID] = "date"
		}
	}
	b, err := iceberg.NewDataFileBuilder(spec, iceberg.EntryContentData, places.URL(part.Path), iceberg.ParquetFile, values, logical, nil, part.Rows, part.Bytes)
	if err != nil {
		return nil, fmt.Errorf("describe part %s: %w", part.Path, err)
	}
	sizes, counts, nulls, nans := map[int]int64{}, map[int]int64{}, map[int]int64{}, map[int]int64{}
	lower, upper := map[int][]byte{}, map[int][]byte{}
	for _, s := range part.Stats {
		sizes[s.ID], counts[s.ID], nulls[s.ID], nans[s.ID] = s.Bytes, s.Values, s.Nulls, s.NaNs
		if s.Lower != nil {
			lower[s.ID] = s.Lower
		}
		if s.Upper != nil {
			upper[s.ID] = s.Upper
		}
	}
	b.ColumnSizes(sizes).ValueCounts(counts).NullValueCounts(nulls).NaNValueCounts(nans).LowerBoundValues(lower).UpperBoundValues(upper)
	if len(part.Splits) > 0 {
		b.SplitOffsets(part.Splits)
	}
	return b.Build(), nil
}

// partOf is the inverse of dataFile.
func partOf(df iceberg.DataFile, places Places) (version.Part, error) {
	p, err := places.Path(df.FilePath())
	if err != nil {
		return version.Part{}, err
	}
	part := version.Part{Path: p, SHA256: strings.TrimSuffix(path.Base(p), ".parquet"), Bytes: df.FileSizeBytes(), Rows: df.Count(), Splits: df.SplitOffsets()}
	for _, v := range df.Partition() {
		part.Partition = number(v)
	}
	counts, nulls, nans, sizes := df.ValueCounts(), df.NullValueCounts(), df.NaNValueCounts(), df.ColumnSizes()
	lower, upper := df.LowerBoundValues(), df.UpperBoundValues()
	for _, id := range sortedKeys(counts) {
		part.Stats = append(part.Stats, parquet.Stats{ID: id, Values: counts[id], Nulls: nulls[id], NaNs: nans[id], Bytes: sizes[id], Lower: lower[id], Upper: upper[id]})
	}
	return part, nil
}

// number reads a partition value, which iceberg-go gives as an int32 or as a date.
func number(v any) *int32 {
	var n int32
	switch v := v.(type) {
	case int32:
		n = v
	case iceberg.Date:
		n = int32(v)
	case int:
		n = int32(v)
	case int64:
		n = int32(v)
	default:
		return nil
	}
	return &n
}

// Identifier is a table's name as iceberg-go has it.
func Identifier(name sdk.TableName) table.Identifier {
	return table.Identifier{name.Namespace(), name.Table()}
}
