package catalog

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/catalog/example"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/v1/result"
)

// downloadView lists what can be downloaded of a table.
type downloadView struct {
	api.TableDetail
	CSV   bool
	Parts []part
}

type part struct {
	Link, Name string
	Size, Rows int64
}

// download lists the files of a table: the API hands them out.
func (p *pages) download(c *fiber.Ctx, v *page.View) error {
	ctx, name := c.UserContext(), sdk.TableName(c.Params("name"))
	detail, err := p.Tables.Table(ctx, v.Who, name)
	if err != nil {
		return err
	}
	view := downloadView{TableDetail: detail, CSV: p.Queries != nil}
	signed, err := p.Tables.Granted(ctx, v.Who, 0)
	if err != nil {
		return err
	}
	m, err := api.DecodeManifest(signed.Body)
	if err != nil {
		return fault.Wrap(fault.Bug, err, "read the reader's manifest")
	}
	for _, t := range m.Tables {
		if t.Name != detail.Name {
			continue
		}
		for _, one := range t.Parts {
			view.Parts = append(view.Parts, part{api.Prefix + "/parts/" + one.SHA256, one.SHA256 + ".parquet", one.Size, one.Rows})
		}
	}
	v.JSON = api.Prefix + "/tables/" + detail.Name
	return p.host.Show(c, v, p.set, "download.html", http.StatusOK, "Download "+detail.Name, view)
}

// csv streams the whole table.
func (p *pages) csv(c *fiber.Ctx, v *page.View) error {
	if p.Queries == nil {
		return fault.New(fault.NotFound, "no engine")
	}
	name := sdk.TableName(c.Params("name"))
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.UserContext())) // the stream outlives the handler; the engine bounds it
	rows, err := p.Queries.Run(ctx, v.Who, api.Query{SQL: "FROM " + example.Table(string(name)), Format: "csv"})
	if err != nil {
		cancel()
		return err
	}
	stream, err := result.Begin(rows, "csv", cancel)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, stream.Media())
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+string(name)+`.csv"`) // a name is letters, digits and _
	c.Response().SetBodyStream(stream, -1)
	return nil
}
