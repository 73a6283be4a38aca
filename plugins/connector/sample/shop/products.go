package shop

import (
	"sort"

	"github.com/ai-data-analyst/broker/plugins/connector/sample/shop/table"
)

type product struct {
	number  int64
	name    string
	group   uint8
	price   int64 // cents
	cost    int64 // cents
	weight  int64 // of 1/100 kg
	active  int64
	created int64 // day of the span
}

// group is a category with its price range in cents and its share of cost in per mille.
type group struct {
	name              string
	low, high         int64
	costLow, costHigh int64
	items             []string
}

var groups = []group{
	{"Electronics", 1999, 129_999, 400, 650, []string{"Wireless Headphones", "Smart Watch", "Tablet", "Bluetooth Speaker", "Webcam", "Keyboard", "Monitor", "Power Bank", "Router", "Action Camera", "E-Reader", "Drone", "Soundbar", "Gaming Mouse", "SSD Drive"}},
	{"Clothing", 999, 29_999, 300, 550, []string{"T-Shirt", "Jeans", "Jacket", "Sweater", "Sneakers", "Dress", "Shirt", "Shorts", "Scarf", "Hat", "Boots", "Socks", "Coat", "Skirt", "Belt"}},
	{"Home & Garden", 799, 19_999, 350, 550, []string{"Desk Lamp", "Plant Pot", "Cushion", "Garden Hose", "Wall Clock", "Blanket", "Coffee Table", "Tool Set", "Vase", "Rug", "Curtain", "Bookshelf", "Watering Can", "Candle", "Storage Box"}},
	{"Sports & Outdoors", 899, 24_999, 350, 600, []string{"Yoga Mat", "Dumbbell", "Tent", "Backpack", "Bicycle Helmet", "Running Belt", "Water Bottle", "Sleeping Bag", "Football", "Tennis Racket", "Hiking Poles", "Jump Rope", "Camping Stove", "Headlamp", "Swim Goggles"}},
	{"Books & Media", 599, 7_999, 250, 450, []string{"Cookbook", "Novel", "Travel Guide", "Biography", "Children's Book", "Board Game", "Puzzle", "Vinyl Record", "Art Book", "Comic", "Dictionary", "Calendar", "Notebook", "Science Book", "Audio Course"}},
	{"Beauty & Health", 499, 14_999, 200, 450, []string{"Face Cream", "Shampoo", "Electric Toothbrush", "Perfume", "Hair Dryer", "Vitamin Set", "Massage Oil", "Sunscreen", "Lip Balm", "Razor", "Body Lotion", "Bath Salt", "Nail Set", "Thermometer", "Scale"}},
}

var makes = []string{"Pro", "Ultra", "Lite", "Plus", "Mini", "Max"}
var colours = []string{"Black", "White", "Blue", "Red", "Green", "Grey"}
var series = []string{"", " II", " III", " IV"}

// always is how many products are there from the first day and stay active, so that every order finds one.
const always = 12

// makeProducts makes the whole list, which is small, its order by creation, and how many exist on each day.
func makeProducts(s *Shop) (all []product, order, known []int32) {
	all, order = make([]product, s.Size.Products), make([]int32, s.Size.Products)
	for i := range all {
		all[i], order[i] = s.product(int64(i)), int32(i)
	}
	sort.SliceStable(order, func(a, b int) bool { return all[order[a]].created < all[order[b]].created })
	known = make([]int32, s.calendar.days)
	for _, p := range all {
		known[p.created]++
	}
	for day := 1; day < len(known); day++ {
		known[day] += known[day-1]
	}
	return all, order, known
}

func (s *Shop) product(n int64) product {
	x := s.stream(ofProduct, n)
	g := uint8(n % int64(len(groups)))
	category := &groups[g]
	p := product{number: n, group: g, name: productName(category, n/int64(len(groups))), active: 1}
	p.price = x.between(category.low, category.high)
	p.cost = p.price * x.between(category.costLow, category.costHigh) / 1000
	p.weight = x.between(10, 1500)
	if day, inactive := s.calendar.on(&x, 0), x.chance(10); n >= always {
		p.created = day
		if inactive {
			p.active = 0
		}
	}
	return p
}

// productName gives each number of a category a name of its own: the plain item first, then its makes and colours.
func productName(g *group, n int64) string {
	count := int64(len(g.items))
	name, n := g.items[n%count], n/count
	if n == 0 {
		return name
	}
	n--
	return name + " " + makes[n%6] + series[n/36%4] + " - " + colours[n/6%6]
}

// closing is how many days before the end an inactive product was last sold.
const closing = 30

// sold draws a product that exists on the given day and is still sold then.
func (s *Shop) sold(x *stream, day int64) int32 {
	known := int64(s.knownBy[day])
	for range 16 {
		p := s.byCreated[x.below(known)]
		if day < s.calendar.days-closing || s.products[p].active == 1 {
			return p
		}
	}
	return 0
}

func productTable(s *Shop) Table {
	return &table.Spec[product]{
		Title: "products", About: "Articles on sale, with price and cost in EUR.",
		Count:  func() int64 { return int64(len(s.products)) },
		Blocks: func(yield func([]product) bool) { yield(s.products) },
		Columns: []table.Column{{Name: "product_id"}, {Name: "sku"}, {Name: "name"}, {Name: "category"},
			{Name: "price", Kind: table.Money}, {Name: "cost", Kind: table.Money}, {Name: "weight_kg", Kind: table.Money}, {Name: "is_active", Kind: table.Integer}, {Name: "created_at", Kind: table.Date}},
		Line: func(b []byte, r *product) []byte {
			b = table.ID(b, "P-", r.number+1, 5)
			b = table.ID(b, "SKU-", 10_000+r.number*7919%90_000, 5)
			b = table.String(b, r.name)
			b = table.String(b, groups[r.group].name)
			b = table.Cents(b, r.price)
			b = table.Cents(b, r.cost)
			b = table.Cents(b, r.weight)
			b = table.Int(b, r.active)
			return s.calendar.texts.Date(b, s.calendar.first+r.created)
		},
	}
}
