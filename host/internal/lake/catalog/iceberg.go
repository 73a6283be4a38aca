package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// CatalogType says that this is a SQL catalog.
func (c *Catalog) CatalogType() icecatalog.Type { return icecatalog.SQL }

func split(identifier table.Identifier) (namespace, tbl string, err error) {
	if len(identifier) != 2 {
		return "", "", fmt.Errorf("%w: %q: want a namespace and a table", icecatalog.ErrNoSuchTable, strings.Join(identifier, "."))
	}
	if err := icecatalog.ValidateTableIdentifier(identifier); err != nil {
		return "", "", err
	}
	return identifier[0], identifier[1], nil
}

func oneLevel(namespace table.Identifier) (string, error) {
	if len(namespace) != 1 || namespace[0] == "" || strings.ContainsAny(namespace[0], "./\\\x00") {
		return "", fmt.Errorf("%w: %q: namespaces have one level", icecatalog.ErrNoSuchNamespace, strings.Join(namespace, "."))
	}
	return namespace[0], nil
}

// Location returns where the table's current metadata lies; "" when there is no such table.
func (c *Catalog) Location(ctx context.Context, namespace, tbl string) (string, error) {
	return c.location(ctx, c.DB, namespace, tbl)
}

func (c *Catalog) location(ctx context.Context, q querier, namespace, tbl string) (string, error) {
	var location sql.NullString
	err := c.row(ctx, q, `SELECT metadata_location FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`,
		name, namespace, tbl).Scan(&location)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up table %s.%s: %w", namespace, tbl, err)
	}
	return location.String, nil
}

func (c *Catalog) io(context.Context) (iceio.IO, error) { return c.IO, nil }

// LoadTable returns the table with its current metadata.
func (c *Catalog) LoadTable(ctx context.Context, identifier table.Identifier) (*table.Table, error) {
	namespace, tbl, err := split(identifier)
	if err != nil {
		return nil, err
	}
	location, err := c.Location(ctx, namespace, tbl)
	if err != nil {
		return nil, err
	}
	if location == "" {
		return nil, fmt.Errorf("%w: %s.%s", icecatalog.ErrNoSuchTable, namespace, tbl)
	}
	meta, err := c.Metadata(location)
	if err != nil {
		return nil, err
	}
	return table.New(identifier, meta, location, c.io, c), nil
}

// CheckTableExists says whether there is such a table.
func (c *Catalog) CheckTableExists(ctx context.Context, identifier table.Identifier) (bool, error) {
	namespace, tbl, err := split(identifier)
	if err != nil {
		return false, err
	}
	location, err := c.Location(ctx, namespace, tbl)
	return location != "", err
}

// CreateTable creates an empty table with fresh field ids. The lake itself never uses it: Publish makes tables with the
// ids that their parts have.
func (c *Catalog) CreateTable(ctx context.Context, identifier table.Identifier, schema *iceberg.Schema, opts ...icecatalog.CreateTableOpt) (*table.Table, error) {
	namespace, tbl, err := split(identifier)
	if err != nil {
		return nil, err
	}
	exists, err := c.CheckNamespaceExists(ctx, table.Identifier{namespace})
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, fmt.Errorf("%w: %s", icecatalog.ErrNoSuchNamespace, namespace)
	}
	config := icecatalog.NewCreateTableCfg()
	for _, opt := range opts {
		opt(&config)
	}
	location := config.Location
	if location == "" {
		location = c.Root + "/" + namespace + "/" + tbl
	}
	meta, err := table.NewMetadata(schema, config.PartitionSpec, config.SortOrder, location, config.Properties)
	if err != nil {
		return nil, err
	}
	err = c.write(ctx, func(u *unit) error {
		_, err := c.move(ctx, u, namespace, tbl, "", meta)
		if errors.Is(err, ErrConflict) {
			return fmt.Errorf("%w: %s.%s", icecatalog.ErrTableAlreadyExists, namespace, tbl)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.LoadTable(ctx, identifier)
}

// CommitTable validates and applies updates to one table.
func (c *Catalog) CommitTable(ctx context.Context, identifier table.Identifier, requirements []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	err := c.CommitTransaction(ctx, []table.TableCommit{{Identifier: identifier, Requirements: requirements, Updates: updates}})
	if err != nil {
		return nil, "", err
	}
	loaded, err := c.LoadTable(ctx, identifier)
	if err != nil {
		return nil, "", err
	}
	return loaded.Metadata(), loaded.MetadataLocation(), nil
}

// CommitTransaction validates and applies updates to several tables: all or nothing. It is the door for maintenance
// and other Iceberg writers; it makes no generation.
func (c *Catalog) CommitTransaction(ctx context.Context, commits []table.TableCommit) error {
	if len(commits) == 0 {
		return icecatalog.ErrEmptyCommitList
	}
	return c.write(ctx, func(u *unit) error {
		for _, commit := range commits {
			if err := c.apply(ctx, u, commit); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Catalog) apply(ctx context.Context, u *unit, commit table.TableCommit) error {
	namespace, tbl, err := split(commit.Identifier)
	if err != nil {
		return fmt.Errorf("%w: %w", icecatalog.ErrMissingIdentifier, err)
	}
	from, err := c.location(ctx, u, namespace, tbl)
	if err != nil {
		return err
	}
	if from == "" {
		return fmt.Errorf("%w: %s.%s", icecatalog.ErrNoSuchTable, namespace, tbl)
	}
	base, err := c.Metadata(from)
	if err != nil {
		return err
	}
	for _, r := range commit.Requirements {
		if err := r.Validate(base); err != nil {
			return fmt.Errorf("%s.%s: %w: %w", namespace, tbl, ErrConflict, err)
		}
	}
	if len(commit.Updates) == 0 {
		return nil
	}
	meta, err := table.UpdateTableMetadata(base, commit.Updates, from)
	if err != nil {
		return fmt.Errorf("update %s.%s: %w", namespace, tbl, err)
	}
	_, err = c.move(ctx, u, namespace, tbl, from, meta)
	return err
}

// ListTables lists the tables of a namespace, by name.
func (c *Catalog) ListTables(ctx context.Context, namespace table.Identifier) iter.Seq2[table.Identifier, error] {
	return func(yield func(table.Identifier, error) bool) {
		ns, err := oneLevel(namespace)
		var found []table.Identifier
		if err == nil {
			found, err = c.list(ctx, ns)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for _, identifier := range found {
			if !yield(identifier, nil) {
				return
			}
		}
	}
}

func (c *Catalog) list(ctx context.Context, namespace string) ([]table.Identifier, error) {
	exists, err := c.CheckNamespaceExists(ctx, table.Identifier{namespace})
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, fmt.Errorf("%w: %s", icecatalog.ErrNoSuchNamespace, namespace)
	}
	var found []table.Identifier
	err = c.each(ctx, c.DB, func(rows *sql.Rows) error {
		var tbl string
		err := rows.Scan(&tbl)
		found = append(found, table.Identifier{namespace, tbl})
		return err
	}, `SELECT table_name FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? ORDER BY table_name`, name, namespace)
	return found, err
}

// Tables lists every table with the location of its metadata.
func (c *Catalog) Tables(ctx context.Context) (map[string]string, error) { return c.tables(ctx, c.DB) }

func (c *Catalog) tables(ctx context.Context, q querier) (map[string]string, error) {
	found := make(map[string]string)
	err := c.each(ctx, q, func(rows *sql.Rows) error {
		var namespace, tbl, location string
		err := rows.Scan(&namespace, &tbl, &location)
		found[namespace+"."+tbl] = location
		return err
	}, `SELECT table_namespace, table_name, metadata_location FROM iceberg_tables WHERE catalog_name = ? AND metadata_location IS NOT NULL`, name)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return found, nil
}

// DropTable forgets a table. Its files and generations stay.
func (c *Catalog) DropTable(ctx context.Context, identifier table.Identifier) error {
	namespace, tbl, err := split(identifier)
	if err != nil {
		return err
	}
	return c.write(ctx, func(u *unit) error {
		n, err := c.exec(ctx, u, `DELETE FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`, name, namespace, tbl)
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: %s.%s", icecatalog.ErrNoSuchTable, namespace, tbl)
		}
		return err
	})
}

// RenameTable gives a table another name. Its files stay where they are.
func (c *Catalog) RenameTable(ctx context.Context, from, to table.Identifier) (*table.Table, error) {
	oldNamespace, oldName, err := split(from)
	if err != nil {
		return nil, err
	}
	newNamespace, newName, err := split(to)
	if err != nil {
		return nil, err
	}
	err = c.write(ctx, func(u *unit) error { return c.rename(ctx, u, oldNamespace, oldName, newNamespace, newName) })
	if err != nil {
		return nil, err
	}
	return c.LoadTable(ctx, to)
}

func (c *Catalog) rename(ctx context.Context, u *unit, oldNamespace, oldName, newNamespace, newName string) error {
	exists, err := c.namespaceExists(ctx, u, newNamespace)
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("%w: %s", icecatalog.ErrNoSuchNamespace, newNamespace)
	}
	taken, err := c.location(ctx, u, newNamespace, newName)
	if err != nil {
		return err
	}
	if taken != "" {
		return fmt.Errorf("%w: %s.%s", icecatalog.ErrTableAlreadyExists, newNamespace, newName)
	}
	n, err := c.exec(ctx, u, `UPDATE iceberg_tables SET table_namespace = ?, table_name = ? WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`,
		newNamespace, newName, name, oldNamespace, oldName)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%w: %s.%s", icecatalog.ErrNoSuchTable, oldNamespace, oldName)
	}
	_, err = c.exec(ctx, u, `UPDATE heads SET namespace = ?, name = ? WHERE namespace = ? AND name = ?`, newNamespace, newName, oldNamespace, oldName)
	return err
}

// exists marks a namespace that has no properties of its own, as other JDBC catalogs do.
const existsProperty = "exists"

func (c *Catalog) namespaceExists(ctx context.Context, q querier, namespace string) (bool, error) {
	var n int
	err := c.row(ctx, q, `SELECT (SELECT count(*) FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?)
		+ (SELECT count(*) FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?)`, name, namespace, name, namespace).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look up namespace %s: %w", namespace, err)
	}
	return n > 0, nil
}

// CheckNamespaceExists says whether there is such a namespace.
func (c *Catalog) CheckNamespaceExists(ctx context.Context, namespace table.Identifier) (bool, error) {
	ns, err := oneLevel(namespace)
	if err != nil {
		return false, err
	}
	return c.namespaceExists(ctx, c.DB, ns)
}

// ListNamespaces lists the namespaces; below a parent there are none.
func (c *Catalog) ListNamespaces(ctx context.Context, parent table.Identifier) ([]table.Identifier, error) {
	if len(parent) > 0 {
		exists, err := c.CheckNamespaceExists(ctx, parent)
		if err == nil && !exists {
			err = fmt.Errorf("%w: %s", icecatalog.ErrNoSuchNamespace, strings.Join(parent, "."))
		}
		return nil, err
	}
	var found []table.Identifier
	err := c.each(ctx, c.DB, func(rows *sql.Rows) error {
		var ns string
		err := rows.Scan(&ns)
		found = append(found, table.Identifier{ns})
		return err
	}, `SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?
		UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ? ORDER BY 1`, name, name)
	return found, err
}

// CreateNamespace creates a namespace with properties.
func (c *Catalog) CreateNamespace(ctx context.Context, namespace table.Identifier, props iceberg.Properties) error {
	ns, err := oneLevel(namespace)
	if err != nil {
		return err
	}
	return c.write(ctx, func(u *unit) error {
		exists, err := c.namespaceExists(ctx, u, ns)
		if err != nil {
			return err
		}
		if exists {
			return fmt.Errorf("%w: %s", icecatalog.ErrNamespaceAlreadyExists, ns)
		}
		all := maps.Clone(props)
		if all == nil {
			all = iceberg.Properties{}
		}
		all[existsProperty] = "true"
		return c.setProperties(ctx, u, ns, all)
	})
}

func (c *Catalog) setProperties(ctx context.Context, u *unit, namespace string, props iceberg.Properties) error {
	for _, key := range slices.Sorted(maps.Keys(props)) {
		_, err := c.exec(ctx, u, `INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value) VALUES (?, ?, ?, ?)
			ON CONFLICT (catalog_name, namespace, property_key) DO UPDATE SET property_value = excluded.property_value`, name, namespace, key, props[key])
		if err != nil {
			return fmt.Errorf("set property %s of namespace %s: %w", key, namespace, err)
		}
	}
	return nil
}

// DropNamespace removes a namespace that has no tables.
func (c *Catalog) DropNamespace(ctx context.Context, namespace table.Identifier) error {
	ns, err := oneLevel(namespace)
	if err != nil {
		return err
	}
	return c.write(ctx, func(u *unit) error {
		var tables int
		err := c.row(ctx, u, `SELECT count(*) FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?`, name, ns).Scan(&tables)
		if err != nil {
			return err
		}
		if tables > 0 {
			return fmt.Errorf("%w: %s", icecatalog.ErrNamespaceNotEmpty, ns)
		}
		n, err := c.exec(ctx, u, `DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?`, name, ns)
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: %s", icecatalog.ErrNoSuchNamespace, ns)
		}
		return err
	})
}

// LoadNamespaceProperties returns the properties of a namespace.
func (c *Catalog) LoadNamespaceProperties(ctx context.Context, namespace table.Identifier) (iceberg.Properties, error) {
	ns, err := oneLevel(namespace)
	if err != nil {
		return nil, err
	}
	return c.properties(ctx, c.DB, ns)
}

func (c *Catalog) properties(ctx context.Context, q querier, namespace string) (iceberg.Properties, error) {
	props := iceberg.Properties{}
	err := c.each(ctx, q, func(rows *sql.Rows) error {
		var key string
		var value sql.NullString
		err := rows.Scan(&key, &value)
		props[key] = value.String
		return err
	}, `SELECT property_key, property_value FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?`, name, namespace)
	if err != nil || len(props) > 0 {
		return props, err
	}
	exists, err := c.namespaceExists(ctx, q, namespace)
	if err == nil && !exists {
		err = fmt.Errorf("%w: %s", icecatalog.ErrNoSuchNamespace, namespace)
	}
	return props, err
}

// UpdateNamespaceProperties removes and sets properties of a namespace.
func (c *Catalog) UpdateNamespaceProperties(ctx context.Context, namespace table.Identifier, removals []string, updates iceberg.Properties) (icecatalog.PropertiesUpdateSummary, error) {
	var summary icecatalog.PropertiesUpdateSummary
	ns, err := oneLevel(namespace)
	if err != nil {
		return summary, err
	}
	for _, key := range removals {
		if _, both := updates[key]; both {
			return summary, fmt.Errorf("property %s cannot be removed and set at once", key)
		}
	}
	err = c.write(ctx, func(u *unit) error {
		summary = icecatalog.PropertiesUpdateSummary{}
		current, err := c.properties(ctx, u, ns)
		if err != nil {
			return err
		}
		for _, key := range removals {
			if _, ok := current[key]; !ok || key == existsProperty {
				summary.Missing = append(summary.Missing, key)
				continue
			}
			if _, err := c.exec(ctx, u, `DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ? AND property_key = ?`, name, ns, key); err != nil {
				return err
			}
			summary.Removed = append(summary.Removed, key)
		}
		for _, key := range slices.Sorted(maps.Keys(updates)) {
			if current[key] != updates[key] {
				summary.Updated = append(summary.Updated, key)
			}
		}
		return c.setProperties(ctx, u, ns, updates)
	})
	return summary, err
}
