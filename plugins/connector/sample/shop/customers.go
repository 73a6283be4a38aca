package shop

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
	b = id(b, "", c.number+1, 1)
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
const rowsOfBlock = 4096

func blocksOf(rows int64) int64 { return max(1, (rows+rowsOfBlock-1)/rowsOfBlock) }

func customerTable(s *Shop) Table {
	total := s.Size.Customers
	return &spec[customer]{
		name: "customers", key: "customer_id", doc: "People and companies who have registered in the shop.",
		rows: func() int64 { return total }, blocks: blocksOf(total),
		fill: func(block int64, rows []customer) []customer {
			for n := block * rowsOfBlock; n < min(total, (block+1)*rowsOfBlock); n++ {
				rows = append(rows, s.customer(n))
			}
			return rows
		},
		columns: []column[customer]{
			{name: "customer_id", write: func(b []byte, r *customer) []byte { return id(b, "C-", r.number+1, 6) }},
			{name: "email", write: func(b []byte, r *customer) []byte { return r.email(b) }},
			{name: "first_name", write: func(b []byte, r *customer) []byte { return append(b, r.first.written...) }},
			{name: "last_name", write: func(b []byte, r *customer) []byte { return append(b, r.last.written...) }},
			{name: "company", write: func(b []byte, r *customer) []byte { return r.companyName(b) }},
			{name: "country", write: func(b []byte, r *customer) []byte { return append(b, r.country...) }},
			{name: "city", write: func(b []byte, r *customer) []byte { return append(b, r.city...) }},
			{name: "segment", write: func(b []byte, r *customer) []byte { return append(b, segments[r.segment]...) }},
			{name: "registration_date", kind: date, number: func(r *customer) int64 { return r.registered }},
			{name: "is_active", kind: integer, number: func(r *customer) int64 { return r.active }},
		},
	}
}

func declare(s *Shop) []Table {
	return []Table{customerTable(s), productTable(s), campaignTable(s), sessionTable(s), leadTable(s), orderTable(s), itemTable(s), paymentTable(s), ticketTable(s)}
}
