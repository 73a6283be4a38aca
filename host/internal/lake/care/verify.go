package care

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/snapshot"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Finding is something that is not as it should be.
type Finding struct {
	Table sdk.TableName
	Path  string // below the lake's folder; "" = the table as a whole
	What  string
}

// Verify checks every generation that is kept: metadata and manifests can be read, every part is there with its size,
// and figures agree. With full it reads every part and compares its bytes with its name (G5).
func (k Keeper) Verify(ctx context.Context, full bool) ([]Finding, error) {
	tables, err := k.Catalog.Tables(ctx)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		more, err := k.verifyTable(ctx, sdk.TableName(name), tables[name], full)
		if err != nil {
			return findings, err
		}
		findings = append(findings, more...)
	}
	return findings, nil
}

func (k Keeper) verifyTable(ctx context.Context, name sdk.TableName, location string, full bool) ([]Finding, error) {
	meta, err := k.Catalog.Metadata(location)
	if err != nil {
		return []Finding{{Table: name, Path: location, What: "metadata cannot be read: " + err.Error()}}, nil //nolint:nilerr // it is the finding
	}
	heads, err := k.Catalog.HeadsOfTable(ctx, name)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	seen := map[string]bool{}
	for i, h := range heads {
		if meta.SnapshotByID(h.Snapshot) == nil {
			if i == 0 && !h.Dropped {
				findings = append(findings, Finding{Table: name, What: fmt.Sprintf("generation %d, the newest of the table, has no snapshot", h.Seq)})
			}
			continue // expired
		}
		more, err := k.verifyVersion(ctx, h, seen, full)
		if err != nil {
			return nil, err
		}
		findings = append(findings, more...)
	}
	if current := meta.CurrentSnapshot(); current != nil && (len(heads) == 0 || heads[0].Snapshot != current.SnapshotID) {
		parts, err := snapshot.Parts(current, k.Files, k.Files)
		if err != nil {
			return append(findings, Finding{Table: name, What: "the newest snapshot cannot be read: " + err.Error()}), nil //nolint:nilerr // it is the finding
		}
		more, err := k.verifyParts(ctx, name, parts, seen, full)
		return append(findings, more...), err
	}
	return findings, nil
}

func (k Keeper) verifyVersion(ctx context.Context, h catalog.Head, seen map[string]bool, full bool) ([]Finding, error) {
	v, err := k.Publisher.At(ctx, h)
	if err != nil {
		return []Finding{{Table: h.Table, What: fmt.Sprintf("generation %d cannot be read: %v", h.Seq, err)}}, nil
	}
	var findings []Finding
	if v.Rows != h.Rows || len(v.Parts) != h.Parts || v.Bytes != h.Bytes {
		findings = append(findings, Finding{Table: h.Table, What: fmt.Sprintf("generation %d has %d rows in %d parts, published were %d in %d", h.Seq, v.Rows, len(v.Parts), h.Rows, h.Parts)})
	}
	more, err := k.verifyParts(ctx, h.Table, v.Parts, seen, full)
	return append(findings, more...), err
}

// Parts are the parts that some kept generation names, or the newest snapshot of a table, by path. What cannot be listed
// is in the error; the rest is returned all the same.
func (k Keeper) Parts(ctx context.Context) (map[string]version.Part, error) {
	tables, err := k.Catalog.Tables(ctx)
	if err != nil {
		return nil, err
	}
	parts := map[string]version.Part{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if err := k.partsOf(ctx, sdk.TableName(name), parts); err != nil {
			errs = append(errs, fmt.Errorf("list the parts of %s: %w", name, err))
		}
	}
	return parts, errors.Join(errs...)
}

func (k Keeper) partsOf(ctx context.Context, name sdk.TableName, parts map[string]version.Part) error {
	current, err := k.Publisher.Current(ctx, name)
	if err != nil {
		return err
	}
	heads, err := k.Catalog.HeadsOfTable(ctx, name)
	if err != nil {
		return err
	}
	versions := []version.Version{current}
	for _, h := range heads {
		v, err := k.Publisher.At(ctx, h)
		if fault.CodeOf(err) == fault.NotFound {
			continue // expired
		}
		if err != nil {
			return err
		}
		versions = append(versions, v)
	}
	for _, v := range versions {
		for _, part := range v.Parts {
			part.Stats = nil
			parts[part.Path] = part
		}
	}
	return nil
}

func (k Keeper) verifyParts(ctx context.Context, name sdk.TableName, parts []version.Part, seen map[string]bool, full bool) ([]Finding, error) {
	var findings []Finding
	for _, part := range parts {
		if seen[part.Path] {
			continue
		}
		seen[part.Path] = true
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if what := k.verifyPart(ctx, part, full); what != "" {
			findings = append(findings, Finding{Table: name, Path: part.Path, What: what})
		}
	}
	return findings, nil
}

func (k Keeper) verifyPart(ctx context.Context, part version.Part, full bool) string {
	info, err := k.Files.Stat(k.Files.URL(part.Path))
	if err != nil {
		return "the part cannot be found: " + err.Error()
	}
	if !info.Mode().IsRegular() {
		return "the part is not a regular file"
	}
	if info.Size() != part.Bytes {
		return fmt.Sprintf("the part has %d bytes, written were %d", info.Size(), part.Bytes)
	}
	if !full {
		return ""
	}
	sum, err := k.hash(ctx, part.Path)
	if err != nil {
		return "the part cannot be read: " + err.Error()
	}
	if sum != part.SHA256 {
		return "the part's bytes have changed: their hash is " + sum
	}
	return ""
}

func (k Keeper) hash(ctx context.Context, path string) (string, error) {
	f, _, err := k.Files.OpenPart(ctx, path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
