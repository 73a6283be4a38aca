// Package shop makes the nine tables of the demo shop: customers, products, campaigns, web sessions, leads, orders, order
// items, payments and support tickets, as Arrow batches and as CSV.
//
// Every row is a pure function of seed, table and row number, so the same seed gives the same bytes whatever the number
// of cores, and memory does not grow with the size. Tables, columns, ids and weights follow the reference system's
// generator; time runs forward here: nothing precedes what it depends on. It imports nothing of ours.
package shop

import (
	"fmt"
	"time"
)

// Size is a preset.
type Size struct {
	Name, Label string
	Customers   int64
	Products    int64
	Campaigns   int64
	Sessions    int64
	Leads       int64
	Orders      int64
	Tickets     int64
	Months      int // of 30 days
	MB          int // of the nine CSV files together, in 10^6 bytes, ±10 %
}

// Sizes are the presets: the reference's row counts, raised in proportion until the CSV files have the stated size.
var Sizes = []Size{
	{"xs", "Extra Small (demo/dev)", 500, 300, 100, 5_000, 500, 1_000, 300, 3, 1},
	{"s", "Small (testing)", 4_000, 800, 240, 80_000, 8_000, 16_000, 4_000, 12, 15},
	{"m", "Medium (realistic)", 40_000, 2_400, 640, 800_000, 80_000, 160_000, 40_000, 24, 150},
	{"l", "Large (stress test)", 400_000, 8_000, 1_600, 8_000_000, 800_000, 1_600_000, 400_000, 36, 1500},
}

// DefaultEnd is the first day after the last row, unless another is asked for.
var DefaultEnd = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// FindSize returns the preset called name.
func FindSize(name string) (Size, error) {
	for _, s := range Sizes {
		if s.Name == name {
			return s, nil
		}
	}
	return Size{}, fmt.Errorf("size %q is not one of xs, s, m, l", name)
}

// Shop is one set of tables.
type Shop struct {
	Size   Size
	Seed   uint64
	End    time.Time // midnight UTC, exclusive
	blocks int64     // families of customers with their orders, payments and tickets

	calendar  calendar
	people    []locale
	products  []product
	byCreated []int32 // product numbers by creation day
	knownBy   []int32 // how many products exist on each day
	running   running // campaigns of each day
	counted   counted
	tables    []Table
}

// familySize is how many customers share a block. Orders choose among the customers of their block, so that each block
// can be made alone.
const familySize = 250

// New returns the shop of a size, seed and end date. end is cut to its day.
func New(size Size, seed uint64, end time.Time) (*Shop, error) {
	end = end.UTC().Truncate(24 * time.Hour)
	if end.Year() < 1971 || end.Year() > 9999 {
		return nil, fmt.Errorf("end date %s is not between 1971 and 9999", end.Format(time.DateOnly))
	}
	s := &Shop{Size: size, Seed: seed, End: end, blocks: max(1, size.Customers/familySize)}
	s.calendar = newCalendar(end, size.Months*30)
	s.people = locales()
	s.products, s.byCreated, s.knownBy = makeProducts(s)
	s.running = findRunning(s)
	s.tables = []Table{customerTable(s), productTable(s), campaignTable(s), sessionTable(s), leadTable(s), orderTable(s), itemTable(s), paymentTable(s), ticketTable(s)}
	return s, nil
}

// Tables lists the nine tables in the order in which they depend on each other.
func (s *Shop) Tables() []Table { return s.tables }

// Table returns the table called name.
func (s *Shop) Table(name string) (Table, bool) {
	for _, t := range s.tables {
		if t.Name() == name {
			return t, true
		}
	}
	return nil, false
}

// share returns the half-open range of total rows that block b of blocks holds.
func share(total, b, blocks int64) (from, to int64) {
	return total * b / blocks, total * (b + 1) / blocks
}
