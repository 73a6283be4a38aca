package api_test

import (
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web/api"
)

func TestY1_NamesBecomeFiles(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, want := range map[string]bool{
		"shop.orders": true, "a.b": true, long + "." + long: true, "shop.orders_2": true, "shop": false, "shop.": false, ".orders": false, "Shop.orders": false,
		"shop.or-ders": false, "shop.orders.x": false, "1shop.orders": false, "_a.b": false, "shop./etc": false, "../x.y": false, "shop.or ders": false, long + "a.b": false,
		"con.orders": false, "shop.lpt1": false, "shop.com": true, "shop.com10": true, "shop.aux": false, "shöp.orders": false, "shop.a\x00": false, "": false,
	} {
		if err := api.CheckTableName(name); (err == nil) != want {
			t.Errorf("table %q: %v", name, err)
		}
	}
	for path, want := range map[string]bool{
		"docs/schema.yml": true, "docs/tables/shop.orders.md": true, "docs/a/b/c/d": true, "docs/a/b/c/d/e": false, "docs": false, "docs/": false, "docs/..": false,
		"docs/../x": false, "/docs/x": false, "docs//x": false, "docs/.hidden": false, "docs/con.md": false, "docs/NUL": false, "docs/a.": false, "docs/a b": false,
		`docs\x`: false, "docs/" + strings.Repeat("a", 101): false, "docs/COM1.txt": false, "server/x": false, "docs/a:b": false,
	} {
		if err := api.CheckDocPath(path); (err == nil) != want {
			t.Errorf("document %q: %v", path, err)
		}
	}
	hash := strings.Repeat("0a", 32)
	for text, want := range map[string]bool{hash: true, strings.ToUpper(hash): false, hash[1:]: false, hash + "0": false, strings.Repeat("g", 64): false, "0a!" + hash[3:]: false} {
		if api.IsHash(text) != want {
			t.Errorf("hash %q", text)
		}
	}
}
