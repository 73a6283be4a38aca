package page

import (
	"html/template"

	"github.com/ai-data-analyst/broker/web/portal/picture"
)

// pictures are the drawings that templates may call.
var pictures = template.FuncMap{
	"strip": picture.Strip, "stripfull": picture.StripFull, "legend": picture.Legend, "bars": picture.Bars, "pair": picture.Pair,
	"shape": picture.Shape, "share": picture.Share, "fill": picture.Fill, "spark": picture.Spark,
	"gantt": picture.Gantt, "axis": picture.Axis, "ruler": picture.Ruler, "joins": picture.Joins, "matrix": picture.Matrix,
}
