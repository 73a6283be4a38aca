package manifest_test

import (
	"database/sql"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // what spells

	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/sdk"
)

// Types are spelled as DuckDB itself spells them: what is written makes a column, and DESCRIBE gives the same text back.
func TestSpellingIsDuckDBs(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	child := func(name string, typ sdk.Type) sdk.Column { return sdk.Column{Name: name, Type: typ} }
	text, price := sdk.Type{ID: sdk.String}, sdk.Type{ID: sdk.Decimal, Precision: 18, Scale: 4}
	list := func(of sdk.Type) sdk.Type {
		return sdk.Type{ID: sdk.List, Children: []sdk.Column{child("element", of)}}
	}
	maps := func(of sdk.Type) sdk.Type {
		return sdk.Type{ID: sdk.Map, Children: []sdk.Column{child("key", text), child("value", of)}}
	}
	structs := func(children ...sdk.Column) sdk.Type { return sdk.Type{ID: sdk.Struct, Children: children} }
	types := []sdk.Type{
		price, {ID: sdk.Decimal, Precision: 38}, {ID: sdk.Decimal, Precision: 1, Scale: 1}, {ID: sdk.Decimal, Precision: 20},
		{ID: sdk.Timestamp}, {ID: sdk.Timestamp, Zone: "UTC"}, {ID: sdk.String, Logical: "json"}, {ID: sdk.String, Logical: "uuid"}, {ID: sdk.Binary, Logical: "html"},
		list(text), list(list(price)), maps(price), maps(list(sdk.Type{ID: sdk.Timestamp, Zone: "UTC"})),
		structs(child("a", text)), everyKeyword(t, db), structs(child("a", text), child("order", price), child("select", list(text))),
		list(structs(child("x", maps(structs(child("deep", list(sdk.Type{ID: sdk.Date}))))))), structs(child(`odd "name", with) signs`, text), child("UPPER", text)),
	}
	for _, id := range []sdk.TypeID{sdk.Bool, sdk.Int8, sdk.Int16, sdk.Int32, sdk.Int64, sdk.Uint8, sdk.Uint16, sdk.Uint32, sdk.Uint64, sdk.Float32, sdk.Float64,
		sdk.String, sdk.Binary, sdk.Date, sdk.Time} {
		types = append(types, sdk.Type{ID: id}, list(sdk.Type{ID: id}))
	}
	for _, typ := range types {
		spelled, err := manifest.Spell(typ)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		if _, err := db.Exec(`CREATE OR REPLACE TABLE spelled (c ` + spelled + `)`); err != nil {
			t.Errorf("%s: %v", spelled, err)
			continue
		}
		var name, described string
		var null, key, preset, extra any
		if err := db.QueryRow(`DESCRIBE spelled`).Scan(&name, &described, &null, &key, &preset, &extra); err != nil {
			t.Fatal(err)
		}
		if described != spelled {
			t.Errorf("%s is spelled %s, DuckDB writes %s", typ, spelled, described)
		}
	}
	for _, typ := range []sdk.Type{{ID: "decimal256"}, {ID: sdk.List}, {ID: sdk.Struct}, {ID: sdk.Map, Children: []sdk.Column{child("key", text)}}} {
		if spelled, err := manifest.Spell(typ); err == nil {
			t.Errorf("%s is spelled %s", typ, spelled)
		}
	}
}

// everyKeyword is a struct with a field for each word of DuckDB's.
func everyKeyword(t *testing.T, db *sql.DB) sdk.Type {
	t.Helper()
	rows, err := db.Query(`SELECT DISTINCT keyword_name FROM duckdb_keywords()`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := sdk.Type{ID: sdk.Struct}
	for rows.Next() {
		var word string
		if err := rows.Scan(&word); err != nil {
			t.Fatal(err)
		}
		all.Children = append(all.Children, sdk.Column{Name: word, Type: sdk.Type{ID: sdk.Bool}})
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
