package shop

import (
	"math"
	"sort"
	"sync"
)

// family is a block of customers with their orders: what orders, items, payments and tickets are made from.
type family struct {
	first   int64 // number of the first customer
	members []member
	byDay   []int32   // members by registration
	sums    []float64 // cumulated buying weights, in that order
	knownBy []int32   // how many members are registered on each day
	orders  []order
}

type order struct {
	number, customer          int64
	member                    member
	day, created              int64
	status, channel           uint8
	count                     int64 // of items
	items                     []item
	total, discount, shipping int64 // cents
	amount                    int64
}

type item struct {
	number, order     int64
	product           *product
	quantity, percent int64
	line              int64 // cents
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

// family makes block b; basket adds the items. Customers buy only after they have registered: the day comes first, with the calendar's weights,
// then a customer known by then, so that orders are as seasonal as visits.
func (s *Shop) family(b int64) family {
	from, to := share(s.Size.Customers, b, s.blocks)
	f := family{first: from, members: make([]member, to-from), byDay: make([]int32, to-from), sums: make([]float64, to-from)}
	for i := range f.members {
		f.members[i], _ = s.member(from + int64(i))
		f.byDay[i] = int32(i)
	}
	sort.SliceStable(f.byDay, func(i, j int) bool { return f.members[f.byDay[i]].registered < f.members[f.byDay[j]].registered })
	total := 0.0
	for i, m := range f.byDay {
		x := s.stream(ofWeight, from+int64(m))
		total += math.Pow(x.unit(), -1/buyers)
		f.sums[i] = total
	}
	f.knownBy = make([]int32, s.calendar.days)
	for _, m := range f.members {
		f.knownBy[m.registered]++
	}
	for day := 1; day < len(f.knownBy); day++ {
		f.knownBy[day] += f.knownBy[day-1]
	}
	first, end := share(s.Size.Orders, b, s.blocks)
	f.orders = make([]order, 0, end-first)
	for n := first; n < end; n++ {
		f.orders = append(f.orders, s.order(&f, n))
	}
	return f
}

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

// basket is a family whose orders have their items and the amounts that follow from them.
func (s *Shop) basket(b int64) family {
	f, count := s.family(b), int64(0)
	for i := range f.orders {
		count += f.orders[i].count
	}
	items := make([]item, 0, count)
	for i := range f.orders {
		o, from := &f.orders[i], len(items)
		x := s.stream(ofItem, o.number)
		for range o.count {
			items = append(items, s.item(&x, o))
			o.total += items[len(items)-1].line
		}
		o.items = items[from:]
		o.settle(&x)
	}
	return f
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
	r.line = (r.product.price*r.quantity*(100-r.percent) + 50) / 100
	return r
}

// failedPayments is the share, in percent, of orders with a failed payment first.
const failedPayments = 5

func (s *Shop) failsFirst(n int64) (bool, stream) {
	x := s.stream(ofPayment, n)
	return x.chance(failedPayments), x
}

// counted holds how many items and payments come before each block. It takes a pass over all orders, so it is made when
// first asked for.
type counted struct {
	once            sync.Once
	items, payments []int64
}

func (s *Shop) before() (items, payments []int64) {
	s.counted.once.Do(func() {
		s.counted.items, s.counted.payments = make([]int64, s.blocks+1), make([]int64, s.blocks+1)
		for b := range s.blocks {
			f := s.family(b)
			s.counted.items[b+1], s.counted.payments[b+1] = s.counted.items[b], s.counted.payments[b]+int64(len(f.orders))
			for i := range f.orders {
				s.counted.items[b+1] += f.orders[i].count
				if fails, _ := s.failsFirst(f.orders[i].number); fails {
					s.counted.payments[b+1]++
				}
			}
		}
	})
	return s.counted.items, s.counted.payments
}
