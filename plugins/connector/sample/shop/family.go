package shop

import (
	"iter"
	"math"
	"slices"
	"sync"
)

// family is a block of customers with their orders: what orders, items, payments and tickets are made from. One family
// is made after the other in the same memory; numbers of items and payments run along.
type family struct {
	block    int64
	first    int64 // number of the first customer
	members  []member
	byDay    []int32   // members by registration
	sums     []float64 // cumulated buying weights, in that order
	knownBy  []int32   // how many members are registered on each day
	orders   []order
	items    []item
	payments []payment
	tickets  []ticket

	itemsBefore, paymentsBefore int64 // in earlier families
}

type order struct {
	number, customer          int64
	member                    member
	day, created              int64
	status, channel           uint8
	count                     int64 // of items
	total, discount, shipping int64 // cents
	amount                    int64
}

type item struct {
	number, order     int64
	product           int32
	quantity, percent int64
	price, line       int64 // cents
}

var orderStatuses = []string{"delivered", "shipped", "confirmed", "pending", "cancelled", "returned"}
var orderStatusWeights = weigh(58, 15, 10, 4, 8, 5)
var orderChannels = []string{"web", "mobile_app", "phone", "api"}
var orderChannelWeights = weigh(55, 35, 5, 5)
var quantities = []int64{1, 2, 3, 4, 5}
var quantityWeights = weigh(60, 20, 10, 5, 5)
var discounts = []int64{0, 5, 10, 15, 20}
var discountWeights = weigh(50, 20, 15, 10, 5)

const (
	cancelled = 4
	returned  = 5
)

// buyers is the exponent of the Pareto law of buying: with it a fifth of the customers brings about four fifths of the
// revenue.
const buyers = 1.3

// families yields the families in order, each valid until the next, with their orders but not yet what is in them.
func (s *Shop) families() iter.Seq[*family] {
	return func(yield func(*family) bool) {
		f := &family{knownBy: make([]int32, s.calendar.days)}
		for f.block = range s.blocks {
			f.gather(s)
			first, end := share(s.Size.Orders, f.block, s.blocks)
			f.orders = f.orders[:0]
			for n := first; n < end; n++ {
				f.orders = append(f.orders, s.order(f, n))
			}
			if !yield(f) {
				return
			}
		}
	}
}

// gather makes the customers, their order by registration, and the weights with which they buy.
func (f *family) gather(s *Shop) {
	from, to := share(s.Size.Customers, f.block, s.blocks)
	f.first, f.members, f.sums = from, f.members[:0], f.sums[:0]
	clear(f.knownBy)
	for n := from; n < to; n++ {
		m, _ := s.member(n)
		f.members = append(f.members, m)
		f.knownBy[m.registered]++
	}
	for day := 1; day < len(f.knownBy); day++ {
		f.knownBy[day] += f.knownBy[day-1]
	}
	f.byDay = slices.Grow(f.byDay[:0], len(f.members))[:len(f.members)]
	for m := len(f.members) - 1; m >= 0; m-- { // knownBy says where each day's members end; it is used up here
		day := f.members[m].registered
		f.knownBy[day]--
		f.byDay[f.knownBy[day]] = int32(m)
	}
	for _, m := range f.members {
		f.knownBy[m.registered]++
	}
	total := 0.0
	for _, m := range f.byDay {
		x := s.stream(ofWeight, from+int64(m))
		total += math.Pow(x.unit(), -1/buyers)
		f.sums = append(f.sums, total)
	}
}

// order draws an order. Customers buy only after they have registered: the day comes first, with the calendar's weights, then a customer known
// by then, so that orders are as seasonal as visits.
func (s *Shop) order(f *family, n int64) order {
	x := s.stream(ofOrder, n)
	day := s.calendar.on(&x, f.members[f.byDay[0]].registered)
	known := int(f.knownBy[day])
	m := f.byDay[place(f.sums[:known], x.unit()*f.sums[known-1])]
	o := order{number: n, customer: f.first + int64(m), member: f.members[m], day: day, created: s.calendar.at(&x, day), status: x.pick(&orderStatusWeights), channel: x.pick(&orderChannelWeights)}
	most := int64(5)
	if o.member.segment != b2c {
		most = 8
	}
	o.count = itemCount(&x, most)
	return o
}

// fill adds the items, and to the orders the amounts that follow from them.
func (f *family) fill(s *Shop) {
	f.itemsBefore += int64(len(f.items))
	f.items = f.items[:0]
	for i := range f.orders {
		o := &f.orders[i]
		x := s.stream(ofItem, o.number)
		for range o.count {
			r := s.item(&x, o)
			r.number = f.itemsBefore + int64(len(f.items))
			o.total += r.line
			f.items = append(f.items, r)
		}
		o.settle(&x)
	}
}

// pay adds the payments, once the family is filled, and returns them.
func (f *family) pay(s *Shop) []payment {
	f.paymentsBefore += int64(len(f.payments))
	f.payments = f.payments[:0]
	for i := range f.orders {
		f.payments = s.payments(f.payments, &f.orders[i], f.paymentsBefore+int64(len(f.payments)))
	}
	return f.payments
}

// ask adds the tickets and returns them.
func (f *family) ask(s *Shop) []ticket {
	from, to := share(s.Size.Tickets, f.block, s.blocks)
	f.tickets = f.tickets[:0]
	for n := from; n < to; n++ {
		f.tickets = append(f.tickets, s.ticket(f, n))
	}
	return f.tickets
}

func (o *order) settle(x *stream) {
	o.discount = o.total * x.between(0, 500) / 10_000
	if o.total < 10_000 {
		o.shipping = x.between(0, 1_599)
	}
	o.amount = o.total - o.discount + o.shipping
}

// place returns the first place whose sum reaches the target, which is not above the last sum.
func place(sums []float64, target float64) int {
	low, high := 0, len(sums)-1
	for low < high {
		middle := int(uint(low+high) / 2)
		if sums[middle] < target {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// itemCount draws 1..most, k with weight most-k+1.
func itemCount(x *stream, most int64) int64 {
	u := x.below(most * (most + 1) / 2)
	for k := int64(1); ; k++ {
		if u -= most - k + 1; u < 0 {
			return k
		}
	}
}

func (s *Shop) item(x *stream, o *order) item {
	r := item{order: o.number, product: s.sold(x, o.day), quantity: quantities[x.pick(&quantityWeights)], percent: discounts[x.pick(&discountWeights)]}
	if o.member.segment == b2bEnterprise {
		r.quantity *= x.between(1, 5)
	}
	r.price = s.products[r.product].price
	r.line = (r.price*r.quantity*(100-r.percent) + 50) / 100
	return r
}

// failedPayments is the share, in percent, of orders with a failed payment first.
const failedPayments = 5

func (s *Shop) failsFirst(n int64) (bool, stream) {
	x := s.stream(ofPayment, n)
	return x.chance(failedPayments), x
}

// counted holds how many items and payments there are. It takes a pass over all orders, so it is made when first asked
// for; writing needs it not.
type counted struct {
	once            sync.Once
	items, payments int64
}

func (s *Shop) count() (items, payments int64) {
	s.counted.once.Do(func() {
		for f := range s.families() {
			for i := range f.orders {
				s.counted.items += f.orders[i].count
				s.counted.payments++
				if fails, _ := s.failsFirst(f.orders[i].number); fails {
					s.counted.payments++
				}
			}
		}
	})
	return s.counted.items, s.counted.payments
}
