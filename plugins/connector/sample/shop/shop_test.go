package shop_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/plugins/connector/sample/shop"
)

func newShop(t testing.TB, size string, seed uint64) *shop.Shop {
	t.Helper()
	preset, err := shop.FindSize(size)
	if err != nil {
		t.Fatal(err)
	}
	s, err := shop.New(preset, seed, shop.DefaultEnd)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rows is a table read back from its CSV.
type rows struct {
	column map[string]int
	cells  [][]string
}

func (r rows) get(i int, column string) string {
	at, ok := r.column[column]
	if !ok {
		panic("no column " + column)
	}
	return r.cells[i][at]
}

func (r rows) number(i int, column string) float64 {
	n, err := strconv.ParseFloat(r.get(i, column), 64)
	if err != nil {
		panic(err)
	}
	return n
}

func load(t testing.TB, s *shop.Shop, name string) rows {
	t.Helper()
	table, ok := s.Table(name)
	if !ok {
		t.Fatalf("no table %s", name)
	}
	var b bytes.Buffer
	if err := table.WriteCSV(context.Background(), &b, nil); err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	r := rows{column: map[string]int{}, cells: all[1:]}
	for i, c := range all[0] {
		r.column[c] = i
	}
	if int64(len(r.cells)) != table.Rows() {
		t.Errorf("%s: %d rows written, %d promised", name, len(r.cells), table.Rows())
	}
	return r
}

// index maps a column's values to row numbers and fails on a value that stands twice.
func (r rows) index(t testing.TB, column string) map[string]int {
	t.Helper()
	at := make(map[string]int, len(r.cells))
	for i := range r.cells {
		v := r.get(i, column)
		if _, twice := at[v]; twice || v == "" {
			t.Fatalf("%s %q stands twice or is empty", column, v)
		}
		at[v] = i
	}
	return at
}

func TestSizesAreTrue(t *testing.T) {
	for _, size := range shop.Sizes {
		if size.MB > 200 && testing.Short() {
			continue
		}
		s := newShop(t, size.Name, 42)
		total := int64(0)
		for _, table := range s.Tables() {
			n := counter(0)
			if err := table.WriteCSV(context.Background(), &n, nil); err != nil {
				t.Fatal(err)
			}
			total += int64(n)
		}
		if mb := float64(total) / 1e6; math.Abs(mb/float64(size.MB)-1) > 0.10 {
			t.Errorf("%s: %.1f MB, want %d ± 10 %%", size.Name, mb, size.MB)
		}
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

func TestSameSeedSameBytes(t *testing.T) {
	sum := func(seed uint64) string {
		h := sha256.New()
		for _, table := range newShop(t, "s", seed).Tables() {
			if err := table.WriteCSV(context.Background(), h, nil); err != nil {
				t.Fatal(err)
			}
		}
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	if a, b := sum(42), sum(42); a != b {
		t.Error("one seed gives two texts")
	}
	if sum(42) == sum(43) {
		t.Error("two seeds give one text")
	}
}

// The batches hold what the CSV holds, wherever they are cut.
func TestBatchesEqualCSV(t *testing.T) {
	s := newShop(t, "xs", 7)
	for _, table := range s.Tables() {
		want, at := load(t, s, table.Name()), 0
		for batch, err := range table.Batches(context.Background(), 333) {
			if err != nil {
				t.Fatal(err)
			}
			if batch.NumRows() > 333 || !batch.Schema().Equal(table.Schema()) {
				t.Errorf("%s: batch of %d rows, schema %v", table.Name(), batch.NumRows(), batch.Schema())
			}
			for i := range int(batch.NumRows()) {
				for c := range int(batch.NumCols()) {
					got := ""
					if !batch.Column(c).IsNull(i) {
						got = batch.Column(c).ValueStr(i)
					}
					if w := want.cells[at][c]; !sameValue(got, w) {
						t.Fatalf("%s row %d %s: %q in the batch, %q in the CSV", table.Name(), at, batch.ColumnName(c), got, w)
					}
				}
				at++
			}
			batch.Release()
		}
		if at != len(want.cells) {
			t.Errorf("%s: %d rows in batches, %d in CSV", table.Name(), at, len(want.cells))
		}
	}
}

func sameValue(batch, text string) bool {
	if batch == text {
		return true
	}
	if a, err := strconv.ParseFloat(batch, 64); err == nil {
		b, err := strconv.ParseFloat(text, 64)
		return err == nil && a == b
	}
	return len(batch) >= len(text) && text != "" && batch[:len(text)] == text
}

func TestForeignKeysAreWhole(t *testing.T) {
	s := newShop(t, "s", 1)
	keys := map[string]map[string]int{}
	for _, table := range s.Tables() {
		keys[table.Name()] = load(t, s, table.Name()).index(t, table.Key())
	}
	for _, link := range [][3]string{{"web_sessions", "customer_id", "customers"}, {"web_sessions", "campaign_id", "campaigns"}, {"web_leads", "customer_id", "customers"},
		{"web_leads", "campaign_id", "campaigns"}, {"orders", "customer_id", "customers"}, {"order_items", "order_id", "orders"}, {"order_items", "product_id", "products"},
		{"payments", "order_id", "orders"}, {"payments", "customer_id", "customers"}, {"support_tickets", "customer_id", "customers"}, {"support_tickets", "order_id", "orders"}} {
		r := load(t, s, link[0])
		for i := range r.cells {
			v := r.get(i, link[1])
			if _, ok := keys[link[2]][v]; !ok && v != "" {
				t.Fatalf("%s.%s %q is not in %s", link[0], link[1], v, link[2])
			}
		}
	}
}

func TestAddressesAreASCIIAndUnique(t *testing.T) {
	r := load(t, newShop(t, "s", 3), "customers")
	accented := 0
	for address := range r.index(t, "email") {
		for _, c := range address {
			if c > 126 || c <= ' ' {
				t.Fatalf("address %q", address)
			}
		}
	}
	for i := range r.cells {
		for _, c := range r.get(i, "first_name") + r.get(i, "last_name") {
			if c > 126 {
				accented++
				break
			}
		}
	}
	if accented < len(r.cells)/5 {
		t.Errorf("only %d of %d names have letters beyond ASCII", accented, len(r.cells))
	}
}

func TestFifthOfCustomersBringsFourFifths(t *testing.T) {
	r := load(t, newShop(t, "m", 42), "orders")
	by, total := map[string]float64{}, 0.0
	for i := range r.cells {
		v := r.number(i, "total_amount")
		by[r.get(i, "customer_id")] += v
		total += v
	}
	var sums []float64
	for _, v := range by {
		sums = append(sums, v)
	}
	sort.Sort(sort.Reverse(sort.Float64Slice(sums)))
	top := 0.0
	for _, v := range sums[:min(len(sums), int(newShop(t, "m", 42).Size.Customers/5))] {
		top += v
	}
	if share := top / total; share < .75 || share > .85 {
		t.Errorf("the top 20 %% of customers bring %.1f %% of the revenue", 100*share)
	}
}

func TestSeasons(t *testing.T) {
	for table, column := range map[string]string{"web_sessions": "started_at", "orders": "created_at"} {
		r := load(t, newShop(t, "m", 42), table)
		months := map[string]int{}
		for i := range r.cells {
			months[r.get(i, column)[:7]]++
		}
		ratio := float64(months["2025-10"]+months["2025-11"]+months["2025-12"]) / float64(months["2025-01"]+months["2025-02"]+months["2025-03"])
		if ratio < 1.7 || ratio > 2.4 {
			t.Errorf("%s: fourth quarter / first quarter of 2025 = %.2f", table, ratio)
		}
	}
}

func TestSearchClicksBest(t *testing.T) {
	r := load(t, newShop(t, "m", 42), "campaigns")
	shown, clicked := map[string]float64{}, map[string]float64{}
	for i := range r.cells {
		shown[r.get(i, "channel")] += r.number(i, "impressions")
		clicked[r.get(i, "channel")] += r.number(i, "clicks")
	}
	for channel := range shown {
		if channel != "paid_search" && clicked[channel]/shown[channel] >= clicked["paid_search"]/shown["paid_search"] {
			t.Errorf("%s clicks better than paid_search", channel)
		}
	}
}

func TestEndIsSettable(t *testing.T) {
	preset, err := shop.FindSize("xs")
	if err != nil {
		t.Fatal(err)
	}
	s, err := shop.New(preset, 42, time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	r := load(t, s, "orders")
	for i := range r.cells {
		if at := r.get(i, "created_at"); at >= "2024-02-29" || at < "2023-12-01" {
			t.Fatalf("order at %s", at)
		}
	}
	if _, err := shop.New(preset, 42, time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil {
		t.Error("an end before 1971 is accepted")
	}
	if _, err := shop.FindSize("xxl"); err == nil {
		t.Error("size xxl is accepted")
	}
}

func TestCancelledWriteStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	table, _ := newShop(t, "xs", 1).Table("orders")
	if err := table.WriteCSV(ctx, io.Discard, nil); err == nil {
		t.Error("no error")
	}
	for _, err := range table.Batches(ctx, 100) {
		if err == nil {
			t.Error("a batch after the end")
		}
	}
}

// One pass over the orders gives what reading each table alone gives.
func TestOnePassEqualsFour(t *testing.T) {
	s := newShop(t, "xs", 5)
	var together, alone [4]bytes.Buffer
	var rows [4]int64
	place := func(i int) shop.File {
		return shop.File{Writer: &together[i], Progress: func(n int64) { rows[i] = n }}
	}
	if err := s.WriteOrders(context.Background(), shop.OrderFiles{Orders: place(0), Items: place(1), Payments: place(2), Tickets: place(3)}); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"orders", "order_items", "payments", "support_tickets"} {
		table, _ := s.Table(name)
		if err := table.WriteCSV(context.Background(), &alone[i], nil); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(together[i].Bytes(), alone[i].Bytes()) {
			t.Errorf("%s: %d bytes in one pass, %d alone, or different ones", name, together[i].Len(), alone[i].Len())
		}
		if rows[i] != table.Rows() {
			t.Errorf("%s: %d rows reported, %d promised", name, rows[i], table.Rows())
		}
	}
}

func TestOnePassStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	none := shop.File{Writer: io.Discard}
	if err := newShop(t, "xs", 1).WriteOrders(ctx, shop.OrderFiles{Orders: none, Items: none, Payments: none, Tickets: none}); err == nil {
		t.Error("no error")
	}
}

// BenchmarkCSV makes the nine tables of size m, as a folder of files has them.
func BenchmarkCSV(b *testing.B) {
	total := int64(0)
	for b.Loop() {
		s, bytes, rows := newShop(b, "m", 42), counter(0), map[string]int64{}
		file := func(name string) shop.File {
			return shop.File{Writer: &bytes, Progress: func(n int64) { rows[name] = n }}
		}
		for _, table := range s.Tables()[:5] {
			to := file(table.Name())
			if err := table.WriteCSV(context.Background(), to, to.Progress); err != nil {
				b.Fatal(err)
			}
		}
		to := shop.OrderFiles{Orders: file("orders"), Items: file("order_items"), Payments: file("payments"), Tickets: file("support_tickets")}
		if err := s.WriteOrders(context.Background(), to); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(bytes))
		for _, n := range rows {
			total += n
		}
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkBatches makes the batches of a table of size m.
func BenchmarkBatches(b *testing.B) {
	for _, name := range []string{"web_sessions", "payments"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				table, _ := newShop(b, "m", 42).Table(name)
				for batch, err := range table.Batches(context.Background(), 65_536) {
					if err != nil {
						b.Fatal(err)
					}
					batch.Release()
				}
			}
		})
	}
}
