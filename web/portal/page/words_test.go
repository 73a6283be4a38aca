package page_test

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/page/pagetest"
	"github.com/ai-data-analyst/broker/web/v1"
)

var mainPart = regexp.MustCompile(`(?s)<main id="main">\n(.*)</main>`)

// rendered is what a template makes of a value.
func rendered(t *testing.T, text string, data any) string {
	t.Helper()
	answer, body := pagetest.New(t, bob, now, showing("/p", v1.ForUser, text, data)).Get("/p")
	if answer.StatusCode != 200 {
		t.Fatalf("%s: %d %s", text, answer.StatusCode, body)
	}
	return strings.ReplaceAll(mainPart.FindStringSubmatch(body)[1], "\u00a0", " ")
}

func TestWordsForPeople(t *testing.T) {
	n := int64(7)
	for _, c := range []struct {
		text string
		data any
		want string
	}{
		{"{{num .Data}}", 0, "0"}, {"{{num .Data}}", 41002, "41,002"}, {"{{num .Data}}", int64(-1234), "−1,234"}, {"{{num .Data}}", &n, "7"}, {"{{num .Data}}", (*int64)(nil), "–"},
		{"{{num .Data}}", int64(12_345_678), `<span title="12,345,678">12.3 M</span>`}, {"{{num .Data}}", int64(math.MaxInt64), `<span title="9,223,372,036,854,775,807">9223372 tn</span>`},
		{"{{num .Data}}", int64(math.MinInt64), `<span title="−9,223,372,036,854,775,808">-9223372 tn</span>`},
		{"{{bytes .Data}}", 0, `<span class="nowrap" title="0 bytes">0 B</span>`}, {"{{bytes .Data}}", 999, `<span class="nowrap" title="999 bytes">999 B</span>`},
		{"{{bytes .Data}}", int64(61_400_000), `<span class="nowrap" title="61,400,000 bytes">61.4 MB</span>`}, {"{{bytes .Data}}", 999_999, `<span class="nowrap" title="999,999 bytes">1.0 MB</span>`},
		{"{{pct .Data}}", 1.0, "100 %"}, {"{{pct .Data}}", 0.9999, "&gt;99.9 %"}, {"{{pct .Data}}", 0.0001, "&lt;0.1 %"}, {"{{pct .Data}}", 0.0, "0 %"}, {"{{pct .Data}}", 0.581, "58.1 %"}, {"{{pct .Data}}", math.NaN(), "–"},
		{`{{plural .Data "table"}}`, 1, "1 table"}, {`{{plural .Data "table"}}`, 0, "0 tables"}, {`{{plural .Data "query" "queries"}}`, 1200, "1,200 queries"},
		{"{{signed .Data}}", 5, "&#43;5"}, {"{{signed .Data}}", 0, "0"},
		{"{{ago .Data}}", "", `<span class="faint">never</span>`}, {"{{ago .Data}}", "2026-11-25T14:04:31Z", `<time datetime="2026-11-25T14:04:31Z" title="2026-11-25T14:04:31Z">just now</time>`},
		{"{{ago .Data}}", "2026-11-25T16:05:00Z", `<time datetime="2026-11-25T16:05:00Z" title="2026-11-25T16:05:00Z">in 2 h</time>`},
		{"{{when .Data}}", time.Date(2026, 11, 25, 14, 2, 0, 0, time.FixedZone("", 3600)), `<time datetime="2026-11-25T13:02:00Z" title="2026-11-25T13:02:00Z">13:02</time>`},
		{"{{when .Data}}", "2026-11-21T19:04:00Z", `<time datetime="2026-11-21T19:04:00Z" title="2026-11-21T19:04:00Z">Sat 21 Nov 19:04</time>`},
		{"{{when .Data}}", "2025-11-21T19:04:00Z", `<time datetime="2025-11-21T19:04:00Z" title="2025-11-21T19:04:00Z">21 Nov 2025</time>`},
		{"{{day .Data}}", "2026-11-24", `<time datetime="2026-11-24T00:00:00Z" title="2026-11-24T00:00:00Z">yesterday</time>`},
		{"{{took .Data}}", 0.44, "0.4 s"}, {"{{took .Data}}", 59.7, "1 min 0 s"}, {"{{took .Data}}", 7500.0, "2 h 5 min"}, {"{{took .Data}}", -1.0, "–"},
		{"{{name .Data}}", "shop.orders", "<i>shop.</i><wbr>orders"}, {"{{flaw .Data}}", "held", "warn"}, {"{{flaw .Data}}", "fresh", ""}, {"{{flaw .Data}}", "unreadable", "bad"},
	} {
		if got := rendered(t, c.text, c.data); got != c.want {
			t.Errorf("%s of %v: %s, want %s", c.text, c.data, got, c.want)
		}
	}
	for _, state := range []string{"fresh", "unchanged", "syncing", "stale", "partial", "held", "failed", "unreadable", "empty", "never", "skipped"} {
		if got := rendered(t, "{{state .Data}}", state); !strings.Contains(got, `class="st `+state+`"`) || !strings.Contains(got, "<svg") || !strings.Contains(got, state) {
			t.Errorf("%s: %s", state, got)
		}
	}
	if page.Day(now.AddDate(0, 0, -5), now) != "Friday" || page.Day(now.AddDate(0, 0, -8), now) != "17 Nov" {
		t.Error("days")
	}
}
