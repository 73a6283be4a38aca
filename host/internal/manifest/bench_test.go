package manifest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ai-data-analyst/broker/sdk"
)

// large is a house with many tables of many parts; ada sees them all, 50 analysts too.
func large(b *testing.B, tables, parts int) *house {
	h := newHouse(b)
	all := map[sdk.TableName][]string{}
	var names []sdk.TableName
	for i := range tables {
		name := sdk.TableName(fmt.Sprintf("big.t%04d", i))
		names = append(names, name)
		for j := range parts {
			all[name] = append(all[name], fmt.Sprint(i, " ", j))
		}
	}
	h.lake.publish(all)
	h.grants.set("ada", names...)
	for i := range 50 {
		h.grants.set(fmt.Sprint("analyst", i), names...)
	}
	return h
}

func BenchmarkManifest(b *testing.B) {
	for _, size := range []struct{ tables, parts int }{{50, 20}, {1000, 1}, {1000, 1000}} {
		b.Run(fmt.Sprintf("%dx%d/unchanged", size.tables, size.parts), func(b *testing.B) {
			h := large(b, size.tables, size.parts)
			h.ask(b, "ada")
			for b.Loop() {
				h.ask(b, "ada")
			}
		})
		b.Run(fmt.Sprintf("%dx%d/after a publication", size.tables, size.parts), func(b *testing.B) {
			h := large(b, size.tables, size.parts)
			h.ask(b, "ada")
			i := 0
			for b.Loop() {
				i++
				h.lake.publish(map[sdk.TableName][]string{"big.t0007": {fmt.Sprint("new ", i)}})
				h.ask(b, "ada")
			}
		})
		b.Run(fmt.Sprintf("%dx%d/a new process", size.tables, size.parts), func(b *testing.B) {
			h := large(b, size.tables, size.parts)
			for b.Loop() {
				h.open()
				h.ask(b, "ada")
			}
		})
	}
}

func (h *house) ask(b *testing.B, user string) {
	if _, err := h.Document(context.Background(), caller(user), 0); err != nil {
		b.Fatal(err)
	}
}
