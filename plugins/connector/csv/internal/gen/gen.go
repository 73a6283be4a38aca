// Package gen writes the table "orders" on which reading CSV is measured: twenty columns of numbers, times and texts,
// the same bytes for the same number of rows.
//
// Tests, benchmarks and the command orders below it use it; nothing else does.
package gen

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// Header is the first line of the table.
const Header = "order_id,customer_id,product_id,parent_id,created_at,shipped_at,due_date,unit_price,discount,total," +
	"is_gift,status,channel,country,segment,product_name,sku,email,uuid,note\n"

var (
	statuses  = []string{"new", "paid", "shipped", "delivered", "returned", "cancelled"}
	channels  = []string{"web", "app", "store"}
	countries = []string{"CZ", "DE", "AT", "PL", "SK", "HU", "FR", "IT", "ES", "NL", "BE", "DK"}
	segments  = []string{"consumer", "b2b", "education", "public"}
	notes     = []string{"please ring twice", "leave it with the neighbour", "gift wrap", "call before delivery", "no hurry, really"}
)

// Orders writes so many rows, header first.
func Orders(w io.Writer, rows int) error {
	out := bufio.NewWriterSize(w, 1<<20)
	if _, err := out.WriteString(Header); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(20, 26))
	at := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	var line []byte
	for i := range rows {
		line = appendRow(line[:0], random, i, at)
		at = at.Add(time.Duration(random.IntN(20)) * time.Second)
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

func appendRow(b []byte, random *rand.Rand, i int, at time.Time) []byte {
	number := func(n int) { b = append(strconv.AppendInt(b, int64(n), 10), ',') }
	text := func(s string) { b = append(append(b, s...), ',') }
	pick := func(list []string) { text(list[random.IntN(len(list))]) }
	number(1_000_000 + i)
	number(1 + random.IntN(500_000))
	product := random.IntN(300)
	number(product + 1)
	if random.IntN(10) < 6 {
		text("")
	} else {
		number(1_000_000 + random.IntN(i+1))
	}
	b = append(at.AppendFormat(b, "2006-01-02 15:04:05"), ',')
	if random.IntN(10) > 0 {
		b = at.Add(time.Duration(random.IntN(400_000))*time.Second).AppendFormat(b, "2006-01-02 15:04:05")
	}
	b = append(b, ',')
	b = append(at.AddDate(0, 0, random.IntN(30)).AppendFormat(b, time.DateOnly), ',')
	cents := 100 + random.IntN(100_000)
	b = append(strconv.AppendFloat(b, float64(cents)/100, 'f', 2, 64), ',')
	if random.IntN(2) == 0 {
		b = strconv.AppendFloat(b, float64(random.IntN(1000))/1000, 'f', 3, 64)
	}
	b = append(b, ',')
	b = append(strconv.AppendFloat(b, float64(cents*(1+random.IntN(9)))/100, 'f', 2, 64), ',')
	text(strconv.FormatBool(random.IntN(8) == 0))
	pick(statuses)
	pick(channels)
	pick(countries)
	pick(segments)
	text("Product number " + strconv.Itoa(product))
	b = fmt.Appendf(b, "SKU-%05d,", random.IntN(90_000))
	b = fmt.Appendf(b, "customer%d@example.com,", random.IntN(500_000))
	hi, lo := random.Uint64(), random.Uint64()
	b = fmt.Appendf(b, "%08x-%04x-%04x-%04x-%012x,", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
	return append(appendNote(b, random), '\n')
}

func appendNote(b []byte, random *rand.Rand) []byte {
	switch random.IntN(20) {
	case 0:
		return append(append(append(b, `"said ""`...), notes[random.IntN(len(notes))]...), `"", twice"`...)
	case 1, 2, 3, 4:
		return append(b, notes[random.IntN(4)]...)
	case 5:
		return append(append(append(b, '"'), notes[4]...), '"')
	}
	return b
}
