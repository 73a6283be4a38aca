// Package words is what plugins say for people: faults on their way, texts made harmless, secrets taken out.
package words

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
)

// Caps of text that a plugin sends for people: a sentence, a name or a number, a document.
const (
	MaxText  = 1 << 10
	MaxShort = 200
	maxDoc   = 16 << 10
)

var classToPB = map[fault.Code]pb.Class{
	fault.Config: pb.Class_CLASS_CONFIG, fault.Auth: pb.Class_CLASS_AUTH, fault.Permission: pb.Class_CLASS_PERMISSION,
	fault.NotFound: pb.Class_CLASS_NOT_FOUND, fault.RateLimited: pb.Class_CLASS_RATE_LIMITED, fault.Transient: pb.Class_CLASS_TRANSIENT,
	fault.Data: pb.Class_CLASS_DATA, fault.StateExpired: pb.Class_CLASS_STATE_EXPIRED, fault.Cancelled: pb.Class_CLASS_CANCELLED, fault.Bug: pb.Class_CLASS_BUG,
}

// classFromPB reads what is unknown as a bug.
func classFromPB(class pb.Class) fault.Code {
	for code, c := range classToPB {
		if c == class {
			return code
		}
	}
	return fault.Bug
}

// ErrorToPB turns any error of the author's into what travels.
func ErrorToPB(err error, hidden Secrets) *pb.Error {
	f, ok := fault.As(err)
	if !ok {
		return &pb.Error{Class: classToPB[plainCode(err)], Message: hidden.Hide(Tidy(err.Error(), MaxText))}
	}
	code := fault.CodeOf(err)
	text := strings.TrimSuffix(err.Error(), " ("+string(code)+")")
	return &pb.Error{
		Class: classToPB[code], Message: hidden.Hide(Tidy(text, MaxText)), Help: hidden.Hide(Tidy(fault.HelpOf(err), MaxText)),
		Scope: f.Scope, Path: f.Path, RetryAfterMs: uint64(max(f.RetryAfter, 0).Milliseconds()),
	}
}

func plainCode(err error) fault.Code {
	switch {
	case errors.Is(err, context.Canceled):
		return fault.Cancelled
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Transient
	}
	return fault.Bug
}

// ErrorFromPB is the inverse of ErrorToPB. What comes from outside is made harmless.
func ErrorFromPB(e *pb.Error, hidden Secrets) *fault.Fault {
	retry := min(e.GetRetryAfterMs(), uint64((24 * time.Hour).Milliseconds()))
	f := &fault.Fault{
		Code: classFromPB(e.GetClass()), What: hidden.Hide(Tidy(e.GetMessage(), MaxText)), Help: hidden.Hide(Tidy(e.GetHelp(), MaxText)),
		Scope: Tidy(e.GetScope(), MaxShort), Path: Tidy(e.GetPath(), MaxShort), RetryAfter: time.Duration(retry) * time.Millisecond,
	}
	if f.What == "" {
		f.What = "the plugin failed without saying why"
	}
	return f
}

// StatusOf puts a typed Error into a gRPC status, for unary calls.
func StatusOf(err error, hidden Secrets) error {
	if err == nil {
		return nil
	}
	e := ErrorToPB(err, hidden)
	code := codes.Unknown
	if e.Class == pb.Class_CLASS_CANCELLED {
		code = codes.Canceled
	}
	s, detailErr := status.New(code, e.Message).WithDetails(e)
	if detailErr != nil {
		return status.Error(code, e.Message)
	}
	return s.Err()
}

var statusCodes = map[codes.Code]fault.Code{
	codes.InvalidArgument: fault.Config, codes.Unauthenticated: fault.Auth, codes.PermissionDenied: fault.Permission, codes.NotFound: fault.NotFound,
	codes.Unavailable: fault.Transient, codes.DeadlineExceeded: fault.Transient, codes.Aborted: fault.Transient, codes.Canceled: fault.Cancelled, codes.DataLoss: fault.Data,
}

// FaultOf turns what gRPC says on the host's end into a fault: the plugin's typed Error if there is one, else the
// status, its text cut and escaped (P24). What the caller's own context says comes first.
func FaultOf(ctx context.Context, err error, doing string, hidden Secrets) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return &fault.Fault{Code: plainCode(ctx.Err()), What: doing + ": " + whyEnded(ctx.Err()), Err: ctx.Err()}
	}
	s, _ := status.FromError(err)
	for _, d := range s.Details() {
		if e, ok := d.(*pb.Error); ok {
			f := ErrorFromPB(e, hidden)
			f.What = doing + ": " + f.What
			return f
		}
	}
	what := hidden.Hide(Tidy(s.Message(), MaxText))
	switch s.Code() {
	case codes.ResourceExhausted:
		return fault.Newf(fault.Bug, "%s: the plugin sent a message over the limit: %s", doing, what)
	case codes.Unimplemented:
		return fault.Newf(fault.Bug, "%s: the plugin does not know this call: %s", doing, what).WithHelp("Build the plugin with an SDK as new as broker.")
	case codes.Unavailable:
		return fault.Newf(fault.Transient, "%s: the plugin process is gone: %s", doing, what)
	case codes.DeadlineExceeded:
		return &fault.Fault{Code: fault.Transient, What: doing + ": the plugin did not answer in time", Err: context.DeadlineExceeded} // gRPC's clock may be ahead of ctx's
	}
	code, ok := statusCodes[s.Code()]
	if !ok {
		code = fault.Bug
	}
	return fault.Newf(code, "%s: %s", doing, what)
}

func whyEnded(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "the plugin did not answer in time"
	}
	return "cancelled"
}

// Tidy makes one line of text from outside: control and invisible characters are escaped, and it is cut to limit bytes.
func Tidy(text string, limit int) string {
	return clean(text, limit, func(r rune) bool { return unicode.IsPrint(r) })
}

// TidyDoc is Tidy for longer text that may have lines.
func TidyDoc(text string) string {
	return clean(text, maxDoc, func(r rune) bool { return unicode.IsPrint(r) || r == '\n' || r == '\t' })
}

func clean(text string, limit int, keep func(rune) bool) string {
	var b strings.Builder
	for i, r := range text {
		piece := string(r)
		if r == utf8.RuneError || !keep(r) {
			piece = escape(text[i:], r)
		}
		if b.Len()+len(piece) > limit-len("…") {
			b.WriteString("…")
			break
		}
		b.WriteString(piece)
	}
	return b.String()
}

func escape(rest string, r rune) string {
	if r == utf8.RuneError {
		if _, size := utf8.DecodeRuneInString(rest); size == 1 {
			return fmt.Sprintf(`\x%02x`, rest[0])
		}
	}
	quoted := fmt.Sprintf("%+q", r)
	return quoted[1 : len(quoted)-1]
}

// Secrets are the values that must not be seen in any text, longest first.
type Secrets []string

const minSecret = 4 // shorter ones would blot out ordinary words

// SecretsIn finds the values of the secret fields in settings.
func SecretsIn(settings []byte, fields []string) Secrets {
	var object map[string]any
	if json.Unmarshal(settings, &object) != nil {
		return nil
	}
	var found Secrets
	for _, name := range fields {
		found.add(object[name])
	}
	sort.Slice(found, func(i, j int) bool { return len(found[i]) > len(found[j]) })
	return found
}

func (s *Secrets) add(value any) {
	switch v := value.(type) {
	case string:
		for _, form := range []string{v, url.QueryEscape(v), url.PathEscape(v)} {
			if len(form) >= minSecret {
				*s = append(*s, form)
			}
		}
	case []any:
		for _, e := range v {
			s.add(e)
		}
	case map[string]any:
		for _, e := range v {
			s.add(e)
		}
	}
}

// Hide returns text without the secrets.
func (s Secrets) Hide(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return text
}
