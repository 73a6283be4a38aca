// Package mine keeps what people take to their machines: tables of their grant, one by one or by dataset. It is part of the
// room app.
package mine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Keeper keeps choices; of who never chose there is none.
type Keeper interface {
	FindChoice(ctx context.Context, userID string) ([]string, bool, error)
	SaveChoice(ctx context.Context, userID string, tables []string, now time.Time) error
	DropChoice(ctx context.Context, userID string) error
}

// Catalog says what a caller may read.
type Catalog interface {
	Catalog(ctx context.Context, who sdk.Caller) (api.Catalog, error)
}

// Choices are what people take.
type Choices struct {
	Keeper  Keeper
	Catalog Catalog
	Now     func() time.Time
}

// The modes of api.Subscriptions.
const (
	all      = "all"
	explicit = "explicit"
)

// Wanted returns which tables a person takes, of those that are granted, and a digest that differs whenever that answer
// could; "" for everything.
func (c Choices) Wanted(ctx context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error) {
	tables, chosen, err := c.Keeper.FindChoice(ctx, who.User.ID)
	if err != nil || !chosen {
		return func(sdk.TableName) bool { return true }, "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(tables, "\n")))
	return func(name sdk.TableName) bool {
		_, found := slices.BinarySearch(tables, string(name))
		return found
	}, hex.EncodeToString(sum[:]), nil
}

// Subscriptions are what a person takes. What is no longer granted is not named.
func (c Choices) Subscriptions(ctx context.Context, who sdk.Caller) (api.Subscriptions, error) {
	tables, chosen, err := c.Keeper.FindChoice(ctx, who.User.ID)
	if err != nil {
		return api.Subscriptions{}, err
	}
	granted, err := c.granted(ctx, who)
	if err != nil {
		return api.Subscriptions{}, err
	}
	if !chosen {
		return api.Subscriptions{Mode: all, Tables: granted}, nil
	}
	return api.Subscriptions{Mode: explicit, Tables: both(tables, granted)}, nil
}

// both are the members of two sorted lists; never nil.
func both(a, b []string) []string {
	out := []string{}
	for _, name := range a {
		if _, found := slices.BinarySearch(b, name); found {
			out = append(out, name)
		}
	}
	return out
}

// granted are the published tables that a person may read, sorted.
func (c Choices) granted(ctx context.Context, who sdk.Caller) ([]string, error) {
	catalog, err := c.Catalog.Catalog(ctx, who)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(catalog.Tables))
	for i, t := range catalog.Tables {
		names[i] = t.Name
	}
	slices.Sort(names)
	return names, nil
}

// Subscribe keeps what a person takes. fault.Config with Path mode or tables for a wrong one; a table that is not granted
// and one that does not exist are told alike. What was taken and is not granted at the moment stays taken.
func (c Choices) Subscribe(ctx context.Context, who sdk.Caller, wanted api.Subscriptions) error {
	switch wanted.Mode {
	case all:
		return c.Keeper.DropChoice(ctx, who.User.ID)
	case explicit:
	default:
		return &fault.Fault{Code: fault.Config, Path: "mode", What: fmt.Sprintf("the mode %.40q is neither all nor explicit", wanted.Mode)}
	}
	granted, err := c.granted(ctx, who)
	if err != nil {
		return err
	}
	before, _, err := c.Keeper.FindChoice(ctx, who.User.ID)
	if err != nil {
		return err
	}
	tables := slices.Clone(wanted.Tables)
	for _, name := range tables {
		if _, found := slices.BinarySearch(granted, name); !found {
			return &fault.Fault{Code: fault.Config, Path: "tables", What: fmt.Sprintf("there is no table %.130q for you", name)}
		}
	}
	for _, name := range before {
		if _, found := slices.BinarySearch(granted, name); !found {
			tables = append(tables, name)
		}
	}
	slices.Sort(tables)
	return c.Keeper.SaveChoice(ctx, who.User.ID, slices.Compact(tables), c.Now())
}

// Datasets are those with a table of the person's grant. One is taken when all its granted tables are.
func (c Choices) Datasets(ctx context.Context, who sdk.Caller) (api.DatasetChoices, error) {
	catalog, err := c.Catalog.Catalog(ctx, who)
	if err != nil {
		return api.DatasetChoices{}, err
	}
	takes, _, err := c.Wanted(ctx, who)
	if err != nil {
		return api.DatasetChoices{}, err
	}
	out := api.DatasetChoices{Datasets: []api.DatasetChoice{}}
	for _, d := range catalog.Datasets {
		taken := !slices.ContainsFunc(d.Tables, func(name string) bool { return !takes(sdk.TableName(name)) })
		out.Datasets = append(out.Datasets, api.DatasetChoice{Dataset: d, Taken: taken})
	}
	return out, nil
}

// Take takes a dataset with all that it requires, or leaves it together with all that requires it: no dataset is ever there
// without what it needs. fault.NotFound for a dataset that there is not.
func (c Choices) Take(ctx context.Context, who sdk.Caller, dataset string, take bool) error {
	catalog, err := c.Catalog.Catalog(ctx, who)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(catalog.Datasets, func(d api.Dataset) bool { return d.Name == dataset }) {
		return fault.Newf(fault.NotFound, "there is no dataset %.60q for you", dataset)
	}
	now, err := c.Subscriptions(ctx, who)
	if err != nil {
		return err
	}
	moved := reach(catalog.Datasets, dataset, take)
	tables := now.Tables
	if take {
		tables = append(tables, moved...)
	} else {
		tables = slices.DeleteFunc(tables, func(name string) bool { return slices.Contains(moved, name) })
	}
	if take && now.Mode == all {
		return nil
	}
	if err := c.Subscribe(ctx, who, api.Subscriptions{Mode: explicit, Tables: tables}); err != nil {
		return fmt.Errorf("take the dataset %s: %w", dataset, err)
	}
	return nil
}

// reach are the tables of a dataset and of those that it requires (take), or of those that require it (leave). A table that
// another dataset has too goes with it: who leaves one of them is shown that in the list.
func reach(datasets []api.Dataset, name string, take bool) []string {
	names := []string{name}
	for i := 0; i < len(names); i++ {
		for _, d := range datasets {
			next := []string(nil)
			if take && d.Name == names[i] {
				next = d.Requires
			}
			if !take && slices.Contains(d.Requires, names[i]) {
				next = []string{d.Name}
			}
			for _, n := range next {
				if !slices.Contains(names, n) {
					names = append(names, n)
				}
			}
		}
	}
	var tables []string
	for _, d := range datasets {
		if slices.Contains(names, d.Name) {
			tables = append(tables, d.Tables...)
		}
	}
	return tables
}
