package picture_test

import (
	"encoding/xml"
	"errors"
	"html/template"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page/pagetest"
	"github.com/ai-data-analyst/broker/web/portal/picture"
)

// rect is a bar of a picture.
type rect struct {
	class               string
	x, y, width, height float64
}

// drawn reads the bars of a picture, which must be well-formed.
func drawn(t *testing.T, svg template.HTML) []rect {
	t.Helper()
	var all []rect
	decoder := xml.NewDecoder(strings.NewReader("<all>" + string(svg) + "</all>"))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", svg, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "rect" {
			continue
		}
		var r rect
		for _, a := range start.Attr {
			number, err := strconv.ParseFloat(strings.TrimSuffix(a.Value, "%"), 64)
			if a.Name.Local == "class" {
				r.class = a.Value
				continue
			}
			if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
				t.Errorf("%s=%q", a.Name.Local, a.Value)
			}
			*map[string]*float64{"x": &r.x, "y": &r.y, "width": &r.width, "height": &r.height, "rx": new(float64)}[a.Name.Local] = number
		}
		all = append(all, r)
	}
}

var label = regexp.MustCompile(`role="img" aria-label="([^"]*)"><title>([^<]*)</title>`)

func sentence(t *testing.T, svg template.HTML) string {
	t.Helper()
	found := label.FindStringSubmatch(string(svg))
	if found == nil || found[1] == "" || found[1] != found[2] {
		t.Fatalf("no sentence in %s", svg)
	}
	return found[1]
}

func days(states ...string) []api.StateDay {
	var all []api.StateDay
	for _, s := range states {
		all = append(all, api.StateDay{State: s})
	}
	return all
}

func TestStripHasACellForEachDay(t *testing.T) {
	strip := picture.Strip(days("fresh", "unchanged", "failed", "held", "partial", "", "never", "syncing", "nonsense"))
	if got := sentence(t, strip); got != "Last 9 days: 1 published, 1 unchanged, 1 syncing, 1 partial, 1 held, 1 failed, 1 without a run, 1 before the first sync" {
		t.Error(got)
	}
	cells := map[int][]string{}
	for _, r := range drawn(t, strip) {
		cells[int(r.x/13)] = append(cells[int(r.x/13)], r.class)
		if r.x < 0 || r.x+r.width > 9*13 || r.y < 0 || r.y+r.height > 16 {
			t.Errorf("outside: %+v", r)
		}
	}
	for day, want := range []string{"d", "d2", "x x", "ho", "ho w", "n", "z", "a live", "n"} {
		if got := strings.Join(cells[day], " "); got != want {
			t.Errorf("day %d: %q, want %q", day, got, want)
		}
	}
	if got := sentence(t, picture.Strip(nil)); got != "No days yet" {
		t.Error(got)
	}
	if full := drawn(t, picture.StripFull(days("fresh", "fresh"))); len(full) != 2 || full[1].x != 33 {
		t.Errorf("%+v", full)
	}
	if n := strings.Count(string(picture.Legend()), "<svg"); n != 7 {
		t.Errorf("%d cells explained", n)
	}
}

func TestBarsStartAtZero(t *testing.T) {
	counts := []int64{0, 1, 5, 1_000_000, -3}
	for _, svg := range []template.HTML{picture.Shape(counts, "Distribution of x"), picture.Shape(nil, "none"), picture.Shape([]int64{0}, "nothing")} {
		bars := drawn(t, svg)
		for _, r := range bars[:len(bars)-1] {
			if r.class != "d" || math.Abs(r.y+r.height-27) > 0.011 || r.x+r.width > 120.01 {
				t.Errorf("%+v does not stand on the ground", r)
			}
		}
		if ground := bars[len(bars)-1]; ground.class != "n" || ground.width != 120 {
			t.Errorf("ground %+v", ground)
		}
	}
	bars := drawn(t, picture.Shape(counts, "x"))
	if len(bars) != 4 || bars[2].height != 27 || bars[0].height < 0.75 {
		t.Errorf("%+v", bars)
	}
	both := drawn(t, picture.Bars([]api.StateDay{{Added: 10, Updated: 30}, {Added: 20}, {}}))
	if len(both) != 4 || both[0].y+both[0].height != 59 || both[1].y+both[1].height != both[0].y || math.Abs(both[0].height+both[1].height-59) > 0.02 {
		t.Errorf("%+v", both)
	}
}

func TestPairSharesOneScale(t *testing.T) {
	pair := drawn(t, picture.Pair(50, 50, 100))
	if len(pair) != 2 || pair[0].width != 84 || pair[1].x != 85 || pair[1].x+pair[1].width != 168 {
		t.Errorf("%+v", pair)
	}
	if tiny := drawn(t, picture.Pair(1, 0, 1_000_000)); len(tiny) != 1 || tiny[0].width != 1 {
		t.Errorf("what is there is seen: %+v", tiny)
	}
	for _, c := range [][3]int64{{0, 0, 0}, {-5, -5, 10}, {5, 5, -1}} {
		if got := drawn(t, picture.Pair(c[0], c[1], c[2])); len(got) != 0 {
			t.Errorf("%v: %+v", c, got)
		}
	}
	if over := drawn(t, picture.Pair(math.MaxInt64/2, math.MaxInt64/2, 1)); over[len(over)-1].x+over[len(over)-1].width > 168 {
		t.Errorf("%+v", over)
	}
}

func TestShareAddsUpAndNullsAreDashed(t *testing.T) {
	share := picture.Share([]api.ProfileTop{{Value: "web", Count: 55}, {Value: "phone", Count: 20}}, 100, 15)
	if got := sentence(t, share); got != "Share of values: web 55 %, phone 20 %, empty 15 %" {
		t.Error(got)
	}
	parts := drawn(t, share)
	if len(parts) != 4 || parts[0].class != "d" || parts[1].class != "d2" || parts[2].class != "z" || parts[3].class != "no" {
		t.Fatalf("%+v", parts)
	}
	for i, want := range []float64{0, 66, 90, 102.5} {
		if parts[i].x != want {
			t.Errorf("part %d begins at %v, want %v", i, parts[i].x, want)
		}
	}
	if end := parts[3].x + parts[3].width; math.Abs(end-119.5) > 0.01 {
		t.Errorf("ends at %v", end)
	}
	for _, odd := range []template.HTML{picture.Share(nil, 0, 0), picture.Share(nil, 10, 10), picture.Share([]api.ProfileTop{{Count: 50}}, 10, 5), picture.Share([]api.ProfileTop{{Count: -5}}, 10, -5)} {
		for _, r := range drawn(t, odd) {
			if r.x < 0 || r.x+r.width > 120.01 || r.width < 0 {
				t.Errorf("%+v", r)
			}
		}
	}
}

func TestFillAndSpark(t *testing.T) {
	for share, want := range map[float64]float64{1: 100, 0.5: 50, 0.0001: 1, 2: 100} {
		if got := drawn(t, picture.Fill(share)); got[1].width != want || got[0].class != "z" {
			t.Errorf("%v: %+v", share, got)
		}
	}
	if got := drawn(t, picture.Fill(math.NaN())); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	line := string(picture.Spark([]float64{1, 3, math.NaN(), 2, math.Inf(1)}, "Rows over time"))
	if !strings.Contains(line, `d="M0 23L30 1M90 12"`) {
		t.Error(line)
	}
	if flat := string(picture.Spark([]float64{5, 5}, "x")); !strings.Contains(flat, `d="M0 12L120 12"`) {
		t.Error(flat)
	}
	if strings.Contains(string(picture.Spark(nil, "x")), "<path") {
		t.Error("a line of nothing")
	}
}

func TestTimeLines(t *testing.T) {
	from := time.Date(2026, 11, 25, 14, 0, 0, 0, time.UTC)
	span := picture.Span{From: from, To: from.Add(6*time.Minute + 30*time.Second)}
	axis := string(picture.Axis(span))
	if strings.Count(axis, "<text") != 7 || !strings.Contains(axis, ">14:06<") || !strings.Contains(axis, `x="15.38%"`) {
		t.Error(axis)
	}
	row := drawn(t, picture.Gantt(span, []picture.Piece{{From: from, To: from.Add(39 * time.Second), Class: "d2"}, {From: from.Add(time.Hour), To: from.Add(2 * time.Hour), Class: `"><script>`}},
		from.Add(3*time.Minute), ""))
	var bars []rect
	for _, r := range row {
		if r.height == 12 {
			bars = append(bars, r)
		}
	}
	if len(bars) != 2 || bars[0].class != "d2" || bars[0].x != 0 || bars[0].width != 10 || bars[1].class != "d" || bars[1].x != 100 {
		t.Errorf("%+v", bars)
	}
	if row[len(row)-1].class != "k" {
		t.Error("no line at now")
	}
	for _, odd := range []picture.Span{{}, {From: from, To: from}, {From: from, To: from.Add(-time.Hour)}, {From: from, To: from.AddDate(40, 0, 0)}, {From: from, To: from.Add(time.Millisecond)}} {
		drawn(t, picture.Gantt(odd, []picture.Piece{{From: from, To: from}}, from, "x"))
		if n := strings.Count(string(picture.Axis(odd)), "<text"); n > 9 {
			t.Errorf("%d marks on %v", n, odd)
		}
	}
	ticks := drawn(t, picture.Ruler(span, []picture.Tick{{At: from}, {At: span.To, Mine: true, Weight: 5}, {At: from.Add(-time.Hour)}}))
	for _, r := range ticks {
		if r.x > 100 {
			t.Errorf("%+v", r)
		}
	}
}

func TestJoinsAndMatrix(t *testing.T) {
	joins := string(picture.Joins(picture.Box{Name: "shop.orders", Note: "1,204,518 rows"}, []picture.Join{{Box: picture.Box{Name: "shop.customers"}, Text: "25 for each"}},
		[]picture.Join{{Box: picture.Box{Name: "shop.order_items"}}, {Box: picture.Box{Name: "shop.payments"}}}))
	if strings.Contains(joins, `role="img"`) || strings.Count(joins, "<a href=\"/t/shop.") != 4 || !strings.Contains(joins, "shop.orders belongs to shop.customers; shop.order_items, shop.payments belong to shop.orders") {
		t.Error(joins)
	}
	if many := picture.Joins(picture.Box{Name: "a.b"}, nil, make([]picture.Join, 500)); strings.Count(string(many), "<a ") != 13 {
		t.Error("not bounded")
	}
	matrix := string(picture.Matrix([]string{"hr.pay", "shop.a", "shop.b"}, []picture.Row{{Group: "everyone", Cells: []picture.Cell{{}, {On: true}}}, {Group: "finance", Note: "set in instance.hcl", Cells: []picture.Cell{{On: true, Locked: true}, {Locked: true}}}}))
	for _, want := range []string{`colspan="1" class="first">hr`, `colspan="2" class="first">shop`, `name="everyone:shop.a" aria-label="everyone may read shop.a" checked`, `name="everyone:hr.pay" aria-label="everyone may read hr.pay">`, "may not read", "set in instance.hcl"} {
		if !strings.Contains(matrix, want) {
			t.Errorf("lacks %q in %s", want, matrix)
		}
	}
}

// L13: names and values in pictures are text.
func TestL13_LabelsAreText(t *testing.T) {
	for _, evil := range pagetest.Corpus {
		for what, svg := range map[string]template.HTML{
			"shape": picture.Shape([]int64{1}, evil), "spark": picture.Spark([]float64{1}, evil), "strip": picture.Strip(days(evil)),
			"share":  picture.Share([]api.ProfileTop{{Value: evil, Count: 1}}, 1, 0),
			"gantt":  picture.Gantt(picture.Span{}, []picture.Piece{{Class: evil}}, time.Time{}, evil),
			"joins":  picture.Joins(picture.Box{Name: evil, Note: evil}, []picture.Join{{Box: picture.Box{Name: evil, Note: evil}, Text: evil}}, nil),
			"matrix": picture.Matrix([]string{evil}, []picture.Row{{Group: evil, Note: evil, Cells: []picture.Cell{{}}}}),
		} {
			pagetest.Escaped(t, what+" with "+evil, string(svg))
		}
	}
}
