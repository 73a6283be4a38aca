package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// StatusError is the cause of faults that come from the status of an answer; errors.As finds it.
type StatusError struct{ Status int }

// Error names the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("HTTP status %d %s", e.Status, http.StatusText(e.Status))
}

// classOf is the one table from status to class.
func classOf(status int) fault.Code {
	switch status {
	case http.StatusUnauthorized:
		return fault.Auth
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return fault.Permission
	case http.StatusNotFound, http.StatusGone:
		return fault.NotFound
	case http.StatusTooManyRequests:
		return fault.RateLimited
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return fault.Transient
	case http.StatusProxyAuthRequired:
		return fault.Config
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return fault.Data
	}
	if status >= 500 {
		return fault.Transient
	}
	return fault.Data
}

// statusFault is nil for 2xx. The body is read for what the API says, as far as it is short JSON.
func statusFault(call *call, response *http.Response) error {
	if response.StatusCode/100 == 2 {
		return nil
	}
	f := fault.Newf(classOf(response.StatusCode), "%s: %d %s", call.name, response.StatusCode, http.StatusText(response.StatusCode))
	if text := saying(response.Body); text != "" {
		f.What += ": " + text
	}
	f.Err = &StatusError{Status: response.StatusCode}
	if f.Code == fault.RateLimited || response.StatusCode == http.StatusServiceUnavailable {
		f.RetryAfter = retryAfter(response.Header)
	}
	return f
}

// saying finds the message in the JSON body of an error, shortened.
func saying(body io.Reader) string {
	text, err := io.ReadAll(io.LimitReader(body, 64<<10))
	if err != nil {
		return ""
	}
	var object map[string]any
	if json.Unmarshal(text, &object) != nil {
		return ""
	}
	for _, name := range []string{"message", "error_description", "error", "detail", "title"} {
		v := object[name]
		if inner, ok := v.(map[string]any); ok {
			v = inner["message"]
		}
		if s, ok := v.(string); ok && s != "" {
			return shorten(s)
		}
	}
	return ""
}

func shorten(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// retryAfter reads seconds or a date, counted from the answer's own clock where it tells it. 0 = none, or nonsense.
func retryAfter(header http.Header) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds > 0) {
			return 0
		}
		return time.Duration(min(seconds, 365*86_400) * float64(time.Second))
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(at.Sub(now), 0)
}

// asFault gives every error of a try a class and a text without the query of the address.
func asFault(err error, call *call) *fault.Fault {
	if f, ok := fault.As(err); ok {
		c := *f
		if !strings.HasPrefix(c.What, call.name) {
			c.What = call.name + ": " + c.What
		}
		return &c
	}
	var own *url.Error
	if errors.As(err, &own) {
		err = own.Err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	f := &fault.Fault{Code: fault.Transient, What: call.name + ": " + shorten(err.Error()), Err: err}
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		f.Code, f.Help = fault.NotFound, "Check the host in the address."
	case errors.As(err, &certificate):
		f.Code, f.Help = fault.Config, "Check the address, or make the certificate's authority known to this machine (SSL_CERT_FILE)."
	}
	return f
}

// ended is the fault of a call whose context has ended.
func ended(err error, call *call) error {
	code := fault.Cancelled
	if errors.Is(err, context.DeadlineExceeded) {
		code = fault.Transient
	}
	return &fault.Fault{Code: code, What: call.name + ": " + err.Error(), Err: err}
}

// wantJSON accepts an answer that is JSON. A page of HTML or a text cut short may be better next time; other text that
// is not JSON will not.
func wantJSON(response *Response) error {
	body := bytes.TrimSpace(response.Body)
	if len(body) == 0 && response.Status == http.StatusNoContent {
		return nil
	}
	if len(body) == 0 || body[0] == '<' || strings.Contains(response.Header.Get("Content-Type"), "text/html") {
		return fault.New(fault.Transient, "the answer is not JSON but empty or a page of HTML").
			WithHelp("Look at the address: it may be that of the web page instead of the API.")
	}
	if depth(body) > maxDepth {
		return fault.Newf(fault.Data, "the answer is nested deeper than %d", maxDepth)
	}
	if !json.Valid(body) {
		var v any
		err := json.Unmarshal(body, &v)
		if strings.Contains(fmt.Sprint(err), "unexpected end") {
			return fault.New(fault.Transient, "the answer is JSON that was cut short")
		}
		return fault.Wrap(fault.Data, err, "the answer is not JSON")
	}
	return nil
}

// maxDepth is how deep JSON may nest.
const maxDepth = 64

// depth is how deep the brackets of JSON nest, without parsing it.
func depth(text []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			now++
			deepest = max(deepest, now)
		case b == '}' || b == ']':
			now--
		}
	}
	return deepest
}

func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fault.Wrap(fault.Data, err, "the answer does not have the expected form")
	}
	return nil
}
