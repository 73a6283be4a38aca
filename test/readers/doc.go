// Package readers looks at one lake with readers that know nothing of broker: DuckDB over the published files, and
// ClickHouse over the Iceberg folders (.ci/readers). It holds only tests.
package readers
