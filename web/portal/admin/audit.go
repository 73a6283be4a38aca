package admin

import (
	"encoding/csv"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

type auditView struct {
	top
	api.Audit
	Filter api.AuditFilter
	Kinds  []string
	Older  string // address of the next page
	CSV    string // address of this page as CSV
}

// kinds are the parts of actions before their dot, for the filter.
var kinds = []string{"signin", "sessions", "tokens", "people", "groups", "access", "door", "sync", "lake", "tables", "plugins", "config", "push", "rsync"}

// auditFilter reads what of the log is asked for.
func auditFilter(c *fiber.Ctx) (f api.AuditFilter, err error) {
	if f.Actor, err = input.Text(c, "who"); err != nil {
		return f, err
	}
	if f.Action, err = input.Text(c, "action"); err != nil {
		return f, err
	}
	days, err := input.Number(c, "days", 0, 0, 3650)
	if err != nil {
		return f, err
	}
	if f.Before, err = input.Number(c, "before", 0, 0, math.MaxInt64); err != nil {
		return f, err
	}
	check, err := input.Number(c, "check", 0, 0, 1)
	f.Days, f.Check, f.Actor, f.Action = int(days), check == 1, strings.TrimSpace(f.Actor), strings.TrimSpace(f.Action)
	return f, err
}

// audit shows who did what. With format=csv it is a file.
func (p pages) audit(c *fiber.Ctx, v *page.View) error {
	f, err := auditFilter(c)
	if err != nil {
		return err
	}
	format, err := input.Text(c, "format")
	if err != nil {
		return err
	}
	found, err := p.Instance.Audit(c.UserContext(), f)
	if err != nil {
		return err
	}
	if format == "csv" {
		return auditCSV(c, found)
	}
	view := auditView{top: newTop(c, "Audit"), Audit: found, Filter: f, Kinds: kinds}
	view.Heading, view.Lead = "Who did what", "Every record holds the hash of the one before, so that none can be changed or left out unseen. Denied attempts stand here too."
	query := url.Values{"who": {f.Actor}, "action": {f.Action}, "days": {strconv.Itoa(f.Days)}}
	if found.Next > 0 {
		older := url.Values{"before": {strconv.FormatInt(found.Next, 10)}}
		for name, values := range query {
			older[name] = values
		}
		view.Older = "/admin/audit?" + older.Encode()
	}
	query.Set("format", "csv")
	view.CSV = "/admin/audit?" + query.Encode()
	return p.show(c, v, "audit.html", api.Prefix+"/admin/audit", view.top, view)
}

// auditCSV writes records as a file. Cells that a spreadsheet would take for a formula get a quote before them (OWASP, CSV
// injection).
func auditCSV(c *fiber.Ctx, found api.Audit) error {
	var out strings.Builder
	w := csv.NewWriter(&out)
	rows := [][]string{{"seq", "at", "who", "action", "object", "outcome", "reason", "address", "via", "request"}}
	for _, r := range found.Records {
		rows = append(rows, []string{strconv.FormatInt(r.Seq, 10), r.At, r.Who, r.Action, r.Object, r.Outcome, r.Reason, r.Address, r.Via, r.Request})
	}
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				row[i] = "'" + cell
			}
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="audit.csv"`)
	return c.SendString(out.String())
}

// auditDoor answers programs.
func (h Host) auditDoor(c *fiber.Ctx) error {
	f, err := auditFilter(c)
	if err != nil {
		return err
	}
	found, err := h.Instance.Audit(c.UserContext(), f)
	if err != nil {
		return err
	}
	return c.JSON(found)
}
