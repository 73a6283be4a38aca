package draft

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// rejects gathers the rows that were left out; they are published as <table>__rejected (G7).
type rejects struct {
	draft   *Draft
	table   *Draft // nil until needed
	builder *array.RecordBuilder
	rows    int64 // counted
	first   string
}

// rejectedColumns are the columns of every <table>__rejected.
func rejectedColumns() []sdk.Column {
	return []sdk.Column{
		{Name: "row_number", Type: sdk.Type{ID: sdk.Int64}, Doc: "which row of the run, from 1; NULL when the source itself left rows out"},
		{Name: "column_name", Type: sdk.Type{ID: sdk.String}, Doc: "column whose value does not fit"},
		{Name: "reason", Type: sdk.Type{ID: sdk.String}, Doc: "why it does not fit"},
		{Name: "value", Type: sdk.Type{ID: sdk.String}, Doc: "the value as text, shortened; NULL for NULL"},
	}
}

const rejectBatch = 4096

func (r *rejects) add(row int64, m parquet.Misfit, batch arrow.Record) error {
	value := batch.Column(batch.Schema().FieldIndices(m.Column)[0])
	return r.note(1, strconv.FormatInt(row, 10), m.Column, m.Reason, func(b *array.RecordBuilder) {
		b.Field(0).(*array.Int64Builder).Append(row)
		if value.IsNull(m.Row) {
			b.Field(3).AppendNull()
		} else {
			b.Field(3).(*array.StringBuilder).Append(valueText(value, m.Row))
		}
	})
}

// Reject counts rows that the source itself left out.
func (d *Draft) Reject(rows int64, column, reason string) error {
	err := d.rejects.note(rows, "left out by the source", column, fmt.Sprintf("%s (%d rows left out by the source)", reason, rows), func(b *array.RecordBuilder) {
		b.Field(0).AppendNull()
		b.Field(3).AppendNull()
	})
	if err != nil {
		return err
	}
	return d.rejects.check(false)
}

func (r *rejects) note(rows int64, where, column, reason string, fill func(b *array.RecordBuilder)) error {
	if err := r.open(); err != nil {
		return err
	}
	if r.first == "" {
		r.first = fmt.Sprintf("row %s, column %q: %s", where, column, reason)
	}
	r.rows += rows
	fill(r.builder)
	r.builder.Field(1).(*array.StringBuilder).Append(strings.ToValidUTF8(column, "\uFFFD"))
	r.builder.Field(2).(*array.StringBuilder).Append(strings.ToValidUTF8(reason, "\uFFFD"))
	if r.builder.Field(0).Len() >= rejectBatch {
		return r.flush()
	}
	return nil
}

// open makes the draft of the rejected rows.
func (r *rejects) open() error {
	if r.table != nil {
		return nil
	}
	options := r.draft.options
	spec := version.Spec{
		Name: options.Spec.Name.Rejected(), Source: options.Spec.Source, Stream: options.Spec.Stream, Strategy: options.Spec.Strategy,
		Description: "Rows of " + string(options.Spec.Name) + " that did not fit and were left out.",
		Mode:        version.Append, Policy: version.Evolve, MaxRejects: -1,
	}
	if options.Spec.Mode == version.Replace {
		spec.Mode = version.Replace
	}
	table, err := New(Options{
		FS: options.FS, Files: options.Files, Dir: options.Dir, RunID: options.RunID, Spec: spec,
		Base: options.RejectedBase, Parquet: options.Parquet, Observe: options.Observe,
	})
	if err != nil {
		return err
	}
	if err := table.Schema(rejectedColumns(), nil); err != nil {
		return err
	}
	schema, err := sdk.ArrowSchema(rejectedColumns())
	if err != nil {
		return err
	}
	r.table, r.builder = table, array.NewRecordBuilder(memory.DefaultAllocator, schema)
	return nil
}

func (r *rejects) flush() error {
	batch := r.builder.NewRecord()
	defer batch.Release()
	return r.table.Append(opAppend, batch)
}

// check fails the run when too many rows were rejected. A share can be told only at the end.
func (r *rejects) check(end bool) error {
	spec, rejected := r.draft.spec, r.rows+r.draft.options.RejectedBefore
	rows := r.draft.arrived + r.draft.options.RowsBefore
	limit := ""
	if spec.MaxRejects >= 0 && rejected > spec.MaxRejects && (spec.MaxRejects > 0 || spec.MaxRejectsP == 0) {
		limit = fmt.Sprintf("%d rows", spec.MaxRejects)
	}
	if end && spec.MaxRejectsP > 0 && float64(rejected)*100 > spec.MaxRejectsP*float64(rows) {
		limit = fmt.Sprintf("%g %%", spec.MaxRejectsP)
	}
	if limit == "" || rejected == 0 {
		return nil
	}
	return fault.Newf(fault.Data, "%d of %d rows of %s do not fit, above the limit of %s; the first: %s", rejected, rows, spec.Name, limit, r.first).
		WithScope(string(spec.Name)).WithHelp("Mend the source, or raise the table's limit of rejected rows.")
}

const maxValueText = 1000

// valueText returns a value as people read it, shortened.
func valueText(values arrow.Array, i int) string {
	text := plainText(values, i)
	if len(text) > maxValueText {
		text = strings.ToValidUTF8(text[:maxValueText], "") + fmt.Sprintf("… (%d bytes)", len(text))
	}
	return text
}

func plainText(values arrow.Array, i int) string {
	if values.IsNull(i) {
		return "NULL"
	}
	switch values := values.(type) {
	case *array.String:
		if v := values.Value(i); utf8.ValidString(v) {
			return v
		}
		return strconv.Quote(values.Value(i))
	case *array.Binary:
		v := values.Value(i)
		return "0x" + hex.EncodeToString(v[:min(len(v), maxValueText)])
	case *array.Decimal128:
		return decimalText(values.Value(i).BigInt().String(), int(values.DataType().(*arrow.Decimal128Type).Scale))
	case *array.Timestamp:
		return time.UnixMicro(int64(values.Value(i))).UTC().Format("2006-01-02 15:04:05.999999")
	case *array.Date32:
		return time.Unix(int64(values.Value(i))*86400, 0).UTC().Format(time.DateOnly)
	case *array.Time64:
		return strconv.FormatInt(int64(values.Value(i)), 10) + " µs"
	case *array.Float32:
		return strconv.FormatFloat(float64(values.Value(i)), 'g', -1, 32)
	case *array.Float64:
		return strconv.FormatFloat(values.Value(i), 'g', -1, 64)
	case *array.Struct:
		var parts []string
		for f, field := range values.DataType().(*arrow.StructType).Fields() {
			parts = append(parts, field.Name+": "+plainText(values.Field(f), i))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case *array.Map:
		return listText(values, i, func(j int) string { return plainText(values.Keys(), j) + ": " + plainText(values.Items(), j) })
	case *array.List:
		return listText(values, i, func(j int) string { return plainText(values.ListValues(), j) })
	}
	return values.ValueStr(i) // whole numbers and booleans
}

func decimalText(digits string, scale int) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if scale == 0 {
		return sign + digits
	}
	for len(digits) <= scale {
		digits = "0" + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

func listText(values array.ListLike, i int, item func(j int) string) string {
	from, to := values.ValueOffsets(i)
	var parts []string
	size := 0
	for j := int(from); j < int(to) && size <= maxValueText; j++ {
		parts = append(parts, item(j))
		size += len(parts[len(parts)-1])
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
