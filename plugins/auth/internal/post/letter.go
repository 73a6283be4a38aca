package post

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
)

// Letter is a mail with one link, to be written as text and as HTML. All of it is text.
type Letter struct {
	Site   string   // how the instance calls itself
	Before []string // paragraphs
	Button string   // words of the link
	Link   string
	After  []string
}

// letter is the whole of the HTML: nothing is loaded from anywhere (mail programs take styles only on the elements).
var letter = template.Must(template.New("letter").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Site}}</title></head>
<body style="font:16px/1.5 system-ui,sans-serif;color:#1d1d1b;background:#fff;max-width:34em;margin:2em auto;padding:0 1em">
<p style="font-weight:600">{{.Site}}</p>
{{range .Before}}<p>{{.}}</p>
{{end}}<p><a href="{{.Link}}" style="display:inline-block;padding:.6em 1.2em;background:#1d1d1b;color:#fff;text-decoration:none">{{.Button}}</a></p>
<p style="font-size:14px">Or copy this address into your browser:<br>{{.Link}}</p>
{{range .After}}<p style="font-size:14px;color:#555">{{.}}</p>
{{end}}</body></html>
`))

// Write returns the letter as text and as HTML.
func (l Letter) Write() (text, html string, err error) {
	parts := append(append([]string{}, l.Before...), l.Button+":\n"+l.Link)
	parts = append(append(parts, l.After...), "-- \n"+l.Site)
	var page bytes.Buffer
	if err := letter.Execute(&page, l); err != nil {
		return "", "", fmt.Errorf("write a mail: %w", err)
	}
	return strings.Join(parts, "\n\n") + "\n", page.String(), nil
}
