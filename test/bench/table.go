package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

var (
	statuses  = []string{"new", "paid", "packed", "shipped", "delivered", "returned", "cancelled"}
	channels  = []string{"web", "app", "phone"}
	countries = []string{"CZ", "DE", "US", "GB", "FR", "AT", "PL", "NL", "SK", "ES", "IT", "SE"}
	sizes     = []string{"XS", "S", "M", "L", "XL"}
	words     = []string{"please", "deliver", "after", "noon", "ring", "twice", "gift", "wrap", "leave", "at", "the", "door", "thanks", "fragile"}
)

// generate writes the bench's table: four integers (one with 60 % NULL), two timestamps (one with 10 %), a date, two
// floats (one with 50 %), a decimal, a flag, four texts of few values, a name of 300, a SKU of 90,000, an address of
// 500,000, a UUID, and a note of which 70 % are NULL and some are quoted. The same rows for the same number.
func generate(path string, rows int) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<20)
	fmt.Fprintln(out, "order_id,customer_id,quantity,coupon_id,created_at,shipped_at,due,price,rating,amount,gift,status,channel,country,size,product,sku,email,uuid,note")
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 0, 512)
	for i := range rows {
		b = row(b[:0], random, i)
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	past := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // a young file would count as still growing
	if err := file.Close(); err != nil {
		return err
	}
	return os.Chtimes(path, past, past)
}

func row(b []byte, r *rand.Rand, i int) []byte {
	number := func(n int64) { b = append(strconv.AppendInt(b, n, 10), ',') }
	text := func(s string) { b = append(append(b, s...), ',') }
	number(int64(i + 1))
	number(r.Int64N(1_000_000))
	number(1 + r.Int64N(20))
	if r.IntN(10) < 4 {
		b = strconv.AppendInt(b, r.Int64N(5000), 10)
	}
	b = append(b, ',')
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(730*86_400)) * time.Second)
	b = append(at.AppendFormat(b, "2006-01-02 15:04:05"), ',')
	if r.IntN(10) > 0 {
		b = at.Add(time.Duration(r.Int64N(9*86_400))*time.Second).AppendFormat(b, "2006-01-02 15:04:05")
	}
	b = append(b, ',')
	b = append(at.AddDate(0, 0, r.IntN(30)).AppendFormat(b, time.DateOnly), ',')
	b = append(strconv.AppendFloat(b, float64(r.IntN(1_000_000))/1000, 'f', 3, 64), ',')
	if r.IntN(2) == 0 {
		b = strconv.AppendFloat(b, r.Float64()*5, 'f', 6, 64)
	}
	b = append(b, ',')
	b = append(strconv.AppendFloat(b, float64(r.IntN(10_000_000))/100, 'f', 2, 64), ',')
	text([2]string{"false", "true"}[r.IntN(2)])
	text(statuses[r.IntN(len(statuses))])
	text(channels[r.IntN(len(channels))])
	text(countries[r.IntN(len(countries))])
	text(sizes[r.IntN(len(sizes))])
	b = append(strconv.AppendInt(append(b, "Product "...), r.Int64N(300), 10), ',')
	b = append(strconv.AppendInt(append(b, "SKU-"...), 10_000+r.Int64N(90_000), 10), ',')
	b = append(append(strconv.AppendInt(append(b, "user"...), r.Int64N(500_000), 10), "@example.com"...), ',')
	hi, lo := r.Uint64(), r.Uint64()
	b = fmt.Appendf(b, "%08x-%04x-%04x-%04x-%012x,", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
	return append(note(b, r), '\n')
}

func note(b []byte, r *rand.Rand) []byte {
	if r.IntN(10) < 7 {
		return b
	}
	quoted := r.IntN(3) == 0
	if quoted {
		b = append(b, '"')
	}
	for w := range 3 + r.IntN(6) {
		if w > 0 {
			b = append(b, ' ')
		}
		b = append(b, words[r.IntN(len(words))]...)
		if quoted && w == 1 {
			b = append(b, `, ""so to say""`...)
		}
	}
	if quoted {
		b = append(b, '"')
	}
	return b
}
