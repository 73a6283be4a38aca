package draft

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// refuse says why columns that arrive cannot be published, and what a person may decide.
func (d *Draft) refuse(arriving []sdk.Column, err error) error {
	var conflict *parquet.Conflict
	if !errors.As(err, &conflict) {
		return &fault.Fault{Code: fault.Data, What: fmt.Sprintf("the columns of %s cannot be published: %v", d.spec.Name, err), Scope: string(d.spec.Name), Err: err}
	}
	what, help := fmt.Sprintf("the columns of %s do not fit the published table: %s", d.spec.Name, conflict), ""
	for _, difference := range conflict.Differences {
		if at := d.spec.TypesAt[difference.Column]; at != "" {
			what += fmt.Sprintf("\n  %s asks for the type of %s", at, difference.Column)
			help = "A published column keeps its type. Put the type back, or give the table another name in data_description.md: it is published anew there."
			continue
		}
		if help == "" && d.couldAsk(arriving, difference.Column) {
			help = fmt.Sprintf("Write columns: {%s: {type: %s}} in data_description.md to convert what arrives, or give the table another name there: it is published anew.",
				difference.Column, difference.Published)
		}
	}
	if help == "" {
		help = "Publish the column under a second name, cast it at the source, or give the table another name in data_description.md: it is published anew there."
	}
	return (&fault.Fault{Code: fault.Data, What: what, Scope: string(d.spec.Name), Err: err}).WithHelp(help)
}

// couldAsk says whether the published type of a column could be asked for.
func (d *Draft) couldAsk(arriving []sdk.Column, name string) bool {
	i := slices.IndexFunc(arriving, func(c sdk.Column) bool { return c.Name == name })
	at := slices.IndexFunc(d.columns, func(c parquet.Column) bool { return c.Name == name })
	return i >= 0 && at >= 0 && len(d.columns[at].Children) == 0 && parquet.Castable(arriving[i].Type, d.columns[at].Type) == nil
}

// uncastable says where a conversion was asked for that does not exist.
func (d *Draft) uncastable(err error) error {
	what := fmt.Sprintf("table %s: %v", d.spec.Name, err)
	var none *parquet.Uncastable
	if errors.As(err, &none) && d.spec.TypesAt[none.Column] != "" {
		what = d.spec.TypesAt[none.Column] + ": " + what
	}
	return fault.New(fault.Config, what).WithScope(string(d.spec.Name)).WithHelp("Ask for another type, or take the type away: the column then has the source's.")
}
