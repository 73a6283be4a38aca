package session_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/sessions"

	"github.com/ai-data-analyst/broker/web/session"
)

func app(store sessions.Store) *fiber.App {
	app := fiber.New(fiber.Config{Immutable: true})
	app.Get("/count", func(c *fiber.Ctx) error {
		s, err := session.Find(c, store, "portal")
		if err != nil {
			return err
		}
		n, _ := s.Values["n"].(int)
		s.Values["n"] = n + 1
		if first := session.Request(c); first != session.Request(c) {
			return fiber.NewError(500, "two requests for one")
		}
		if err := session.Save(c, s); err != nil {
			return err
		}
		return c.JSON(n)
	})
	return app
}

func ask(t *testing.T, app *fiber.App, cookie string) (string, string) {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/count", nil)
	if cookie != "" {
		request.Header.Set("Cookie", cookie)
	}
	answer, err := app.Test(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body := make([]byte, 16)
	n, _ := answer.Body.Read(body)
	cookies := answer.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	return string(body[:n]), cookies[0].Name + "=" + cookies[0].Value
}

func TestSessionSurvivesFromRequestToRequest(t *testing.T) {
	store := sessions.NewCookieStore([]byte("0123456789abcdef0123456789abcdef"))
	app := app(store)
	body, cookie := ask(t, app, "")
	if body != "0" {
		t.Errorf("first: %s", body)
	}
	if body, _ = ask(t, app, cookie); body != "1" {
		t.Errorf("second: %s", body)
	}
}

func TestBadCookieIsNoCookie(t *testing.T) {
	app := app(sessions.NewCookieStore([]byte("0123456789abcdef0123456789abcdef")))
	if body, _ := ask(t, app, "portal=garbage"); body != "0" {
		t.Errorf("garbage: %s", body)
	}
	other := sessions.NewCookieStore([]byte("another key, another key, another"))
	_, foreign := ask(t, appOf(other), "")
	if body, _ := ask(t, app, foreign); body != "0" {
		t.Errorf("foreign key: %s", body)
	}
}

func appOf(store sessions.Store) *fiber.App { return app(store) }
