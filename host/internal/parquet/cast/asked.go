package cast

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ai-data-analyst/broker/sdk"
)

// Published says as what a type that arrives is published.
type Published func(sdk.Type) sdk.Type

// Misfit is one value that cannot be published as it is (D11, D13). Its row must not be written.
type Misfit struct {
	Row    int // in the batch
	Column string
	Reason string
}

// Casts converts columns of batches to the types that the operator asks for; nil converts nothing.
type Casts struct{ byName map[string]*Cast }

// Uncastable says that a column cannot be converted to the type asked for.
type Uncastable struct {
	Column string
	Reason string
}

// Error implements error.
func (u *Uncastable) Error() string { return fmt.Sprintf("column %q: %s", u.Column, u.Reason) }

// Castable says why values of type from cannot be converted to the type asked; nil when they can, or need not be.
func Castable(from, asked sdk.Type, published Published) error {
	_, err := castOf(from, asked, published)
	return err
}

// Ask returns the columns of a source as they are when the types asked for are theirs, and what makes them so: a change of
// them is a change of type like one of the source's. Names that columns do not have are left out. A conversion that does
// not exist is an *Uncastable.
func Ask(source []sdk.Column, asked map[string]sdk.Type, published Published) ([]sdk.Column, *Casts, error) {
	if len(asked) == 0 {
		return source, nil, nil
	}
	columns, casts := make([]sdk.Column, len(source)), &Casts{byName: map[string]*Cast{}}
	for i, c := range source {
		columns[i] = c
		to, ok := asked[c.Name]
		if !ok {
			continue
		}
		made, err := castOf(c.Type, to, published)
		if err != nil {
			return nil, nil, &Uncastable{Column: c.Name, Reason: err.Error()}
		}
		if columns[i].Type = to; made != nil {
			casts.byName[c.Name] = made
		}
	}
	if len(casts.byName) == 0 {
		casts = nil
	}
	return columns, casts, nil
}

// castOf returns nil where the values are what is asked for already.
func castOf(from, asked sdk.Type, published Published) (*Cast, error) {
	to := published(asked)
	if published(from).Equal(to) && (asked.Logical == "" || asked.Logical == from.Logical) && (to.ID != sdk.Int64 && asked.ID != sdk.Uint64 || Within(from.ID, asked.ID)) {
		return nil, nil
	}
	return newCast(from, asked, to)
}

// Apply returns batch with the columns converted that are to be; the others are batch's own, untouched. The caller
// releases the record. Rows of misfits hold nothing that may be published.
func (c *Casts) Apply(batch arrow.Record) (arrow.Record, []Misfit, error) {
	if c == nil {
		batch.Retain()
		return batch, nil, nil
	}
	fields := append([]arrow.Field(nil), batch.Schema().Fields()...)
	columns := append([]arrow.Array(nil), batch.Columns()...)
	var misfits []Misfit
	for i, f := range fields {
		wanted := c.byName[f.Name]
		if wanted == nil {
			continue
		}
		converted, bad, err := wanted.Apply(columns[i])
		if err != nil {
			return nil, nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		defer converted.Release()
		columns[i], fields[i].Type = converted, converted.DataType()
		for _, b := range bad {
			misfits = append(misfits, Misfit{Row: b.Row, Column: f.Name, Reason: b.Reason})
		}
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), columns, batch.NumRows()), misfits, nil
}
