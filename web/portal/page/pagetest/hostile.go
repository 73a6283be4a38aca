package pagetest

import (
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Corpus are texts that want to be markup, attributes, addresses or templates. Each carries the word "evil".
var Corpus = []string{
	`"><script>evil()</script>`, `'><img src=x onerror=evil()>`, `</title><script>evil()</script>`, `</textarea></select></pre></code><svg onload=evil()>`,
	`javascript:evil()`, "java\tscript:evil()", `data:text/html,<script>evil()</script>`, `" onmouseover="evil()" x="`, `' autofocus onfocus=evil() '`,
	"`${evil()}`", `{{.evil}}{{template "csrf"}}`, `--><script>evil()</script><!--`, `]]><script>evil()</script>`, `<a href="javascript:evil()">evil</a>`,
	`<iframe srcdoc="<script>evil()</script>">`, `<style>*{background:url(//evil)}</style>`, `<base href=//evil><meta http-equiv=refresh content="0;url=//evil">`,
	"evil\u202egnp.exe", "evil\x00\x01\u2028\u2029", `&lt;script&gt;evil()&lt;/script&gt;`, `<math><mtext></form><form><mglyph><style></math><img src onerror=evil()>`, `//evil/x`,
}

// Fill writes a text into every string that can be reached from a pointer, puts one element into empty slices and maps, and
// points every nil pointer at a value. Times, functions and interfaces stay.
func Fill(to any, text string) { fill(reflect.ValueOf(to), text, 0) }

func fill(v reflect.Value, text string, depth int) {
	if depth > 8 {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() && v.CanSet() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		if !v.IsNil() {
			fill(v.Elem(), text, depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text, depth+1)
			}
		}
	case reflect.Slice:
		if v.Len() == 0 && v.CanSet() {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			fill(v.Index(i), text, depth+1)
		}
	case reflect.String:
		if v.CanSet() && v.Len() == 0 {
			v.SetString(text)
		}
	case reflect.Int, reflect.Int64:
		if v.CanSet() && v.Int() == 0 {
			v.SetInt(3)
		}
	}
}

// addresses are the attributes that lead somewhere.
var addresses = map[string]bool{"href": true, "src": true, "action": true, "formaction": true, "xlink:href": true, "hx-get": true, "hx-post": true, "data": true, "poster": true}

// tags are those that a template of ours may write.
const tags = " html head meta title link body main header nav footer section div span p a b i strong small code pre kbd h1 h2 h3 h4 ul ol li dl dt dd table caption " +
	"thead tbody tfoot tr th td form label input select option optgroup textarea button fieldset legend details summary figure figcaption time wbr br em ins del progress " +
	"img article aside dialog colgroup col hr abbr mark svg rect text path circle g line title polyline "

// Escaped checks that no hostile text of a page is more than text: no tag that templates of ours do not write, no attribute
// that runs something or styles, no address that leads elsewhere.
func Escaped(t *testing.T, what, body string) {
	t.Helper()
	tokens := html.NewTokenizer(strings.NewReader(ownScript.ReplaceAllString(body, "")))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return
		case html.CommentToken:
			t.Errorf("%s: a comment in the page", what)
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := tokens.Token()
			if !strings.Contains(tags, " "+tag.Data+" ") {
				t.Errorf("%s: a tag <%s> that no template writes", what, tag.Data)
			}
			for _, a := range tag.Attr {
				check(t, what, tag.Data, a)
			}
		}
	}
}

func check(t *testing.T, what, tag string, a html.Attribute) {
	t.Helper()
	value := strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, a.Val))
	switch {
	case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc":
		t.Errorf("%s: <%s %s=%q>", what, tag, a.Key, a.Val)
	case addresses[a.Key] && (strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "data:") || strings.HasPrefix(value, "vbscript:")):
		t.Errorf("%s: <%s %s=%q> runs", what, tag, a.Key, a.Val)
	case addresses[a.Key] && (strings.HasPrefix(value, "//") || strings.HasPrefix(value, `/\`) || strings.HasPrefix(value, "http") && strings.Contains(value, "evil")):
		t.Errorf("%s: <%s %s=%q> leads elsewhere", what, tag, a.Key, a.Val)
	}
}
