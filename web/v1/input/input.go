// Package input reads parameters and bodies strictly: what is doubtful is refused, naming the field (A2, A9).
package input

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
)

// maxDepth is how deep JSON may nest.
const maxDepth = 32

// Text returns a parameter of the query, "" when absent. Given twice, or no UTF-8, it is refused.
func Text(c *fiber.Ctx, name string) (string, error) {
	values := c.Context().QueryArgs().PeekMulti(name)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", problem.Bad(name, name+" is given more than once")
	case !utf8.Valid(values[0]) || bytes.IndexByte(values[0], 0) >= 0:
		return "", problem.Bad(name, name+" is no text")
	}
	return string(values[0]), nil
}

// Number returns a parameter that is a whole number from least to most, preset when absent.
func Number(c *fiber.Ctx, name string, preset, least, most int64) (int64, error) {
	if !c.Context().QueryArgs().Has(name) {
		return preset, nil
	}
	text, err := Text(c, name)
	if err != nil {
		return 0, err
	}
	n, err := Whole(text)
	if err != nil || n < least || n > most {
		return 0, problem.Bad(name, fmt.Sprintf("%s must be a whole number from %d to %d", name, least, most))
	}
	return n, nil
}

// mostText is how many bytes of text one filter may have.
const mostText = 200

// Catalog returns the filter of a catalog: q, dataset, state, source, page and per_page. preset is the page when none is
// asked for.
func Catalog(c *fiber.Ctx, preset int64) (api.CatalogFilter, error) {
	var f api.CatalogFilter
	for _, field := range []struct {
		name string
		into *string
	}{{"q", &f.Text}, {"dataset", &f.Dataset}, {"state", &f.State}, {"source", &f.Source}} {
		text, err := Text(c, field.name)
		if err != nil {
			return f, err
		}
		if len(text) > mostText {
			return f, problem.Bad(field.name, fmt.Sprintf("%s has more than %d bytes", field.name, mostText))
		}
		*field.into = text
	}
	if f.State != "" && !slices.Contains(api.AllStates(), f.State) {
		return f, problem.Bad("state", "state must be one of "+strings.Join(api.AllStates(), ", "))
	}
	page, err := Number(c, "page", preset, 1, 1_000_000)
	if err != nil {
		return f, err
	}
	each, err := Number(c, "per_page", api.CatalogPage, 1, 1_000)
	if err != nil {
		return f, err
	}
	if page == 0 && c.Context().QueryArgs().Has("per_page") {
		page = 1
	}
	f.Page, f.PerPage = int(page), int(each)
	return f, nil
}

// Whole reads digits only: no sign, no space, no leading zero.
func Whole(text string) (int64, error) {
	if text == "" || len(text) > 1 && text[0] == '0' || strings.Trim(text, "0123456789") != "" {
		return 0, errors.New("no whole number")
	}
	return strconv.ParseInt(text, 10, 64)
}

// Type refuses a body of another media type than wanted, and one that is compressed: it would be unpacked without limit.
func Type(c *fiber.Ctx, wanted ...string) (string, error) {
	got, _, err := mime.ParseMediaType(string(c.Request().Header.ContentType()))
	if err == nil {
		for _, w := range wanted {
			if got == w {
				return got, nil
			}
		}
	}
	return "", problem.New(http.StatusUnsupportedMediaType, api.CodeMediaType, "send "+strings.Join(wanted, " or "))
}

// JSON reads the body into a struct: one value, every name once, no deeper than 32.
func JSON(c *fiber.Ctx, into any) error {
	if _, err := Type(c, "application/json"); err != nil {
		return err
	}
	body := c.Request().Body()
	if !utf8.Valid(body) {
		return problem.Bad("body", "the body is no UTF-8")
	}
	if err := check(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return problem.Bad(wrong.Field, fmt.Sprintf("%s must not be a %s", wrong.Field, wrong.Value))
		}
		return problem.Bad("body", "the body is no JSON of this request")
	}
	return nil
}

// check walks the tokens of a body before anything is built from them.
func check(body []byte) error {
	tokens := json.NewDecoder(bytes.NewReader(body))
	tokens.UseNumber()
	first, err := tokens.Token()
	if err != nil {
		return problem.Bad("body", "the body is no JSON")
	}
	if first != json.Delim('{') {
		return problem.Bad("body", "the body must be a JSON object")
	}
	if err := object(tokens, 1); err != nil {
		return err
	}
	if _, err := tokens.Token(); !errors.Is(err, io.EOF) {
		return problem.Bad("body", "something follows the JSON object")
	}
	return nil
}

func object(tokens *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for tokens.More() {
		token, err := tokens.Token()
		if err != nil {
			return problem.Bad("body", "the body is no JSON")
		}
		name, _ := token.(string)
		folded := strings.ToLower(name) // Go reads names without regard to case
		if seen[folded] {
			return problem.Bad(name, name+" is given more than once")
		}
		seen[folded] = true
		if err := value(tokens, depth); err != nil {
			return err
		}
	}
	return end(tokens)
}

func value(tokens *json.Decoder, depth int) error {
	token, err := tokens.Token()
	if err != nil {
		return problem.Bad("body", "the body is no JSON")
	}
	if depth >= maxDepth {
		if _, nested := token.(json.Delim); nested {
			return problem.Bad("body", fmt.Sprintf("the body nests deeper than %d", maxDepth))
		}
	}
	switch token {
	case json.Delim('{'):
		return object(tokens, depth+1)
	case json.Delim('['):
		for tokens.More() {
			if err := value(tokens, depth+1); err != nil {
				return err
			}
		}
		return end(tokens)
	default:
		return nil
	}
}

func end(tokens *json.Decoder) error {
	if _, err := tokens.Token(); err != nil {
		return problem.Bad("body", "the body is no JSON")
	}
	return nil
}
