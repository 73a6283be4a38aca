package shop

import (
	"iter"

	"github.com/ai-data-analyst/broker/plugins/connector/sample/shop/table"
)

const (
	b2c = iota
	b2bSmall
	b2bEnterprise
)

var segments = []string{"b2c", "b2b_small", "b2b_enterprise"}
var segmentWeights = weigh(60, 25, 15)
var mailDomains = []string{"gmail.com", "yahoo.com", "outlook.com", "hotmail.com", "protonmail.com", "icloud.com", "mail.com"}

// member is what other tables need of a customer.
type member struct {
	segment    uint8
	registered int64 // day of the span
}

// member draws the first values of a customer's stream and returns the stream for the rest.
func (s *Shop) member(number int64) (member, stream) {
	x := s.stream(ofCustomer, number)
	return member{segment: x.pick(&segmentWeights), registered: s.calendar.on(&x, 0)}, x
}

// someMember draws a customer registered by the given day, or -1 when several tries find none.
func (s *Shop) someMember(x *stream, day int64) int64 {
	for range 8 {
		number := x.below(s.Size.Customers)
		y := s.stream(ofCustomer, number)
		y.next()
		if s.calendar.on(&y, 0) <= day {
			return number
		}
	}
	return -1
}

type customer struct {
	number      int64
	first, last name
	company     string // form of the company, "" for b2c
	domain      string // of b2c
	city        string
	country     string
	segment     uint8
	active      int64
	registered  int64 // days since 1970-01-01
}

func (s *Shop) customer(number int64) customer {
	m, x := s.member(number)
	people := &s.people[x.below(int64(len(s.people)))]
	country := x.pick(&countryWeights)
	c := customer{number: number, segment: m.segment, registered: s.calendar.first + m.registered,
		first: people.first[x.below(int64(len(people.first)))], last: people.last[x.below(int64(len(people.last)))],
		country: countries[country], city: cities[country][x.below(6)]}
	if m.segment == b2c {
		c.domain = mailDomains[x.below(int64(len(mailDomains)))]
	} else {
		c.company = people.forms[x.below(int64(len(people.forms)))]
	}
	if x.chance(85) {
		c.active = 1
	}
	return c
}

// email is plain ASCII and unique: it ends in the customer's number.
func (c *customer) email(b []byte) []byte {
	b = append(append(append(b, c.first.ascii...), '.'), c.last.ascii...)
	b = table.Padded(b, c.number+1, 1)
	b = append(b, '@')
	if c.company == "" {
		return append(b, c.domain...)
	}
	return append(append(b, c.last.ascii...), ".com"...)
}

func (c *customer) companyName(b []byte) []byte {
	if c.company == "" {
		return b
	}
	return append(append(append(b, c.last.written...), ' '), c.company...)
}

// rowsOfBlock is how many rows a block of a table without families has.
const rowsOfBlock = 1024

// each yields the rows 0..total-1 that row makes, in blocks.
func each[R any](total int64, row func(n int64) R) iter.Seq[[]R] {
	return func(yield func([]R) bool) {
		rows := make([]R, 0, rowsOfBlock)
		for n := range total {
			rows = append(rows, row(n))
			if len(rows) < rowsOfBlock && n < total-1 {
				continue
			}
			if !yield(rows) {
				return
			}
			rows = rows[:0]
		}
	}
}

func customerTable(s *Shop) Table {
	return &table.Spec[customer]{
		Title: "customers", About: "People and companies who have registered in the shop.",
		Count: func() int64 { return s.Size.Customers }, Blocks: each(s.Size.Customers, s.customer),
		Columns: []table.Column{{Name: "customer_id"}, {Name: "email"}, {Name: "first_name"}, {Name: "last_name"},
			{Name: "company"}, {Name: "country"}, {Name: "city"}, {Name: "segment"},
			{Name: "registration_date", Kind: table.Date}, {Name: "is_active", Kind: table.Integer}},
		Line: func(b []byte, r *customer) []byte {
			b = table.ID(b, "C-", r.number+1, 6)
			b = append(r.email(b), ',')
			b = table.String(b, r.first.written)
			b = table.String(b, r.last.written)
			b = append(r.companyName(b), ',')
			b = table.String(b, r.country)
			b = table.String(b, r.city)
			b = table.String(b, segments[r.segment])
			b = s.calendar.texts.Date(b, r.registered)
			return table.Int(b, r.active)
		},
	}
}
