// Package columns carries DuckDB's results over into Arrow: vectors are copied as they lie where both agree, the rest
// value by value; what the closed list of types does not know goes as text, nested values as JSON.
//
// It executes nothing. Only the engine imports it.
package columns
