package page

import (
	"html/template"

	"github.com/ai-data-analyst/broker/web/api"
)

// drawings are the icons, in a box of 16 by 16: of states by their word, and a few others.
var drawings = map[string]string{
	api.StateFresh:      `<circle class="s" cx="8" cy="8" r="4.5"/>`,
	api.StateUnchanged:  `<path d="M3 6h10M3 10h10"/>`,
	api.StateSyncing:    `<path class="spin" d="M8 2.25A5.75 5.75 0 1 1 2.25 8" stroke-width="2"/>`,
	api.StateStale:      `<circle cx="8" cy="8" r="5.75"/><path d="M8 4.5V8l2.5 1.5"/>`,
	api.StatePartial:    `<circle cx="8" cy="8" r="5.75"/><path class="s" d="M2.25 8a5.75 5.75 0 0 0 11.5 0z"/>`,
	api.StateHeld:       `<path d="M5.5 3v10M10.5 3v10" stroke-width="2.5"/>`,
	api.StateFailed:     `<path d="M3.5 3.5l9 9m0-9l-9 9" stroke-width="2.25"/>`,
	api.StateUnreadable: `<circle cx="8" cy="8" r="5.75"/><path d="M6.2 6.4c.3-2 3.7-1.8 3.6.2 0 1.3-1.8 1.3-1.8 2.4"/><circle class="s" cx="8" cy="11.3" r=".9"/>`,
	api.StateEmpty:      `<circle cx="8" cy="8" r="5.25"/>`,
	api.StateNever:      `<circle cx="8" cy="8" r="5.25" stroke-dasharray="2 2.1"/>`,
	api.StateSkipped:    `<path d="M2.5 10a5.5 5.5 0 0 1 10.6-1.5M13.5 4.5v4.2H9.3"/>`,
	"tick":              `<path d="M3 8.5l3.3 3.3L13 4.7" stroke-width="2"/>`,
	"lock":              `<rect x="3.5" y="7.25" width="9" height="6"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2"/>`,
	"key":               `<circle cx="5" cy="8" r="2.75"/><path d="M8 8h6m-2 0v2.5"/>`,
	"search":            `<circle cx="7" cy="7" r="4.25"/><path d="M10.2 10.2L14 14"/>`,
	"up":                `<path d="M8 13V3.5M4 7.5l4-4 4 4"/>`,
	"down":              `<path d="M8 3v9.5M4 8.5l4 4 4-4"/>`,
}

// likened are words of runs and other things, by the state whose icon and colour they have.
var likened = map[string]string{"published": api.StateFresh, "running": api.StateSyncing, "cancelled": api.StateSkipped, "approved": api.StateFresh,
	"approval": api.StateHeld, "ready": api.StateFresh, "down": api.StateFailed, "disabled": api.StateNever, "starting": api.StateSyncing}

// said are states whose words for people differ.
var said = map[string]string{api.StateNever: "never synced"}

// icon is a drawing that screen readers pass over; "" for an unknown one.
func icon(name string) template.HTML {
	drawing, ok := drawings[name]
	if !ok {
		drawing, ok = drawings[likened[name]]
	}
	if !ok {
		return ""
	}
	return template.HTML(`<svg class="i" viewBox="0 0 16 16" aria-hidden="true">` + drawing + `</svg>`)
}

// state is a state as icon and word, never by colour alone.
func state(word string) template.HTML {
	class := word
	if like, ok := likened[word]; ok {
		class = like
	}
	if _, known := drawings[class]; !known {
		return template.HTML(`<span class="st">` + template.HTMLEscapeString(word) + `</span>`)
	}
	text, ok := said[word]
	if !ok {
		text = word
	}
	return template.HTML(`<span class="st ` + class + `">` + string(icon(class)) + text + `</span>`)
}

// flaw is how bad a state is: "bad", "warn", or "" for one that needs nobody.
func flaw(word string) string {
	switch word {
	case api.StateFailed, api.StateUnreadable, "down":
		return "bad"
	case api.StateStale, api.StateHeld, api.StatePartial, "approval":
		return "warn"
	default:
		return ""
	}
}
