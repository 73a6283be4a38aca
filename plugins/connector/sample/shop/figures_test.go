package shop_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/plugins/connector/sample/shop"
)

var update = flag.Bool("update", false, "write the figures into docs/sample-data.md")

const page = "../../../../docs/sample-data.md"

// The page says what a run counts.
func TestFigures(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "<!-- figures:begin -->\n")
	old, after, closed := strings.Cut(rest, "<!-- figures:end -->")
	if !ok || !closed {
		t.Fatal("the page has no place for figures")
	}
	figures := count(t)
	if *update {
		if err := os.WriteFile(page, []byte(before+"<!-- figures:begin -->\n"+figures+"<!-- figures:end -->"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != figures {
		t.Errorf("docs/sample-data.md says\n%s\na run counts\n%s\nrun this test with -update", old, figures)
	}
}

func count(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| table |")
	for _, size := range shop.Sizes {
		fmt.Fprintf(&b, " %s rows | %s bytes |", size.Name, size.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", 2*len(shop.Sizes)) + "\n")
	lines, totals := map[string]string{}, ""
	var names []string
	for _, size := range shop.Sizes {
		rows, bytes := int64(0), int64(0)
		for _, table := range newShop(t, size.Name, 42).Tables() {
			n := counter(0)
			if err := table.WriteCSV(context.Background(), &n, nil); err != nil {
				t.Fatal(err)
			}
			if lines[table.Name()] == "" {
				names = append(names, table.Name())
			}
			lines[table.Name()] += fmt.Sprintf(" %s | %s |", grouped(table.Rows()), grouped(int64(n)))
			rows, bytes = rows+table.Rows(), bytes+int64(n)
		}
		totals += fmt.Sprintf(" %s | %s |", grouped(rows), grouped(bytes))
	}
	for _, name := range names {
		b.WriteString("| " + name + " |" + lines[name] + "\n")
	}
	b.WriteString("| all |" + totals + "\n")
	return b.String()
}

func grouped(n int64) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
