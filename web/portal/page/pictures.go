package page

import "html/template"

// pictures are the drawings that templates may call.
var pictures = template.FuncMap{}
