package parquet

import (
	"github.com/ai-data-analyst/broker/host/internal/parquet/cast"
	"github.com/ai-data-analyst/broker/sdk"
)

type (
	// Misfit is one value that cannot be published as it is (D11, D13). Its row must not be written.
	Misfit = cast.Misfit
	// Casts converts columns of batches to the types that the operator asks for; nil converts nothing.
	Casts = cast.Casts
	// Uncastable says that a column cannot be converted to the type asked for.
	Uncastable = cast.Uncastable
)

// Castable says why values of type from cannot be converted to the type asked; nil when they can, or need not be.
func Castable(from, asked sdk.Type) error { return cast.Castable(from, asked, publishedType) }

// Ask returns the columns of a source as if the types asked for were theirs, and what makes them so. Names that columns do
// not have are left out. A conversion that does not exist is an *Uncastable.
func Ask(source []sdk.Column, asked map[string]sdk.Type) ([]sdk.Column, *Casts, error) {
	return cast.Ask(source, asked, publishedType)
}
