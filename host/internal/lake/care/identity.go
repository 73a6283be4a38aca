package care

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/google/uuid"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// identity is the content of lake.json: which lake this is, and how it is laid out.
type identity struct {
	Format int    `json:"format"`
	ID     string `json:"id"`
}

const (
	identityFile = "lake.json"
	format       = 1
)

// identity reads lake.json; a zero ID when there is none.
func (k Keeper) identity() (identity, error) {
	var who identity
	content, err := k.Files.ReadFile(k.Files.URL(identityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return who, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &who)
	}
	if err == nil && who.ID == "" {
		err = errors.New("it names no lake")
	}
	if err != nil {
		return who, fault.Wrap(fault.Config, err, "read "+k.Files.URL(identityFile))
	}
	if who.Format > format {
		return who, fault.Newf(fault.Config, "the lake has format %d, this broker knows up to %d", who.Format, format).WithHelp("Use a newer broker; nothing was changed.")
	}
	return who, nil
}

// checkIdentity makes sure that the database belongs to this lake. A new lake and a new database are made for each
// other; a new database beside a lake with tables has lost its catalog.
func (k Keeper) checkIdentity(ctx context.Context, tables, adopt bool) error {
	lake, err := k.identity()
	if err != nil {
		return err
	}
	database, err := k.Catalog.Identity(ctx)
	if err != nil {
		help := "Apply the migrations of the lake."
		if tables {
			help = rebuildHelp
		}
		return &fault.Fault{Code: fault.Config, What: "the state database has no lake tables that can be read: " + err.Error(), Help: help, Err: err}
	}
	switch {
	case lake.ID != "" && lake.ID == database:
		return nil
	case tables && database == "":
		return fault.New(fault.Config, "the lake has tables, but the state database knows nothing of them").WithHelp(rebuildHelp)
	case tables:
		return fault.New(fault.Config, "the state database belongs to another lake").WithHelp(rebuildHelp)
	case lake.ID == "" && database != "":
		if known, err := k.Catalog.Tables(ctx); err != nil || len(known) > 0 {
			return errors.Join(fault.Newf(fault.Config, "the state database knows %d tables, but the lake at %s is empty", len(known), k.Files.URL("")).
				WithHelp("Restore the lake from a backup, or give data_dir (or lake.url) the right value."), err)
		}
	}
	if !adopt {
		return nil
	}
	return k.adopt(ctx, lake)
}

// adopt makes the database belong to this lake, which gets an identity if it has none.
func (k Keeper) adopt(ctx context.Context, lake identity) error {
	if lake.ID == "" {
		lake = identity{Format: format, ID: uuid.NewString()}
		content, err := json.Marshal(lake)
		if err != nil {
			return err
		}
		if err := k.Files.WriteFile(k.Files.URL(identityFile), content); err != nil {
			return fmt.Errorf("name the lake: %w", err)
		}
	}
	return k.Catalog.Adopt(ctx, lake.ID)
}
