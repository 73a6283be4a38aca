package wire

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

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
)

// Caps of text that a plugin sends for people.
const (
	maxText  = 1 << 10
	maxShort = 200
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

// errorToPB turns any error of the author's into what travels.
func errorToPB(err error, hidden secrets) *pb.Error {
	f, ok := fault.As(err)
	if !ok {
		return &pb.Error{Class: classToPB[plainCode(err)], Message: hidden.hide(tidy(err.Error(), maxText))}
	}
	code := fault.CodeOf(err)
	text := strings.TrimSuffix(err.Error(), " ("+string(code)+")")
	return &pb.Error{
		Class: classToPB[code], Message: hidden.hide(tidy(text, maxText)), Help: hidden.hide(tidy(fault.HelpOf(err), maxText)),
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

func errorFromPB(e *pb.Error, hidden secrets) *fault.Fault {
	retry := min(e.GetRetryAfterMs(), uint64((24 * time.Hour).Milliseconds()))
	f := &fault.Fault{
		Code: classFromPB(e.GetClass()), What: hidden.hide(tidy(e.GetMessage(), maxText)), Help: hidden.hide(tidy(e.GetHelp(), maxText)),
		Scope: tidy(e.GetScope(), maxShort), Path: tidy(e.GetPath(), maxShort), RetryAfter: time.Duration(retry) * time.Millisecond,
	}
	if f.What == "" {
		f.What = "the plugin failed without saying why"
	}
	return f
}

// statusOf puts a typed Error into a gRPC status, for unary calls.
func statusOf(err error, hidden secrets) error {
	if err == nil {
		return nil
	}
	e := errorToPB(err, hidden)
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

// faultOf turns what gRPC says on the host's end into a fault: the plugin's typed Error if there is one, else the
// status, its text cut and escaped (P24). What the caller's own context says comes first.
func faultOf(ctx context.Context, err error, doing string, hidden secrets) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return &fault.Fault{Code: plainCode(ctx.Err()), What: doing + ": " + whyEnded(ctx.Err()), Err: ctx.Err()}
	}
	s, _ := status.FromError(err)
	for _, d := range s.Details() {
		if e, ok := d.(*pb.Error); ok {
			f := errorFromPB(e, hidden)
			f.What = doing + ": " + f.What
			return f
		}
	}
	what := hidden.hide(tidy(s.Message(), maxText))
	switch s.Code() {
	case codes.ResourceExhausted:
		return fault.Newf(fault.Bug, "%s: the plugin sent a message over the limit of %d MiB: %s", doing, MaxHostMessage>>20, what)
	case codes.Unimplemented:
		return fault.Newf(fault.Bug, "%s: the plugin does not know this call: %s", doing, what).WithHelp("Build the plugin with an SDK as new as broker.")
	case codes.Unavailable:
		return fault.Newf(fault.Transient, "%s: the plugin process is gone: %s", doing, what)
	case codes.DeadlineExceeded:
		return fault.Newf(fault.Transient, "%s: the plugin did not answer in time", doing)
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

// tidy makes one line of text from outside: control and invisible characters are escaped, and it is cut to limit bytes.
func tidy(text string, limit int) string {
	return clean(text, limit, func(r rune) bool { return unicode.IsPrint(r) })
}

// tidyDoc is tidy for longer text that may have lines.
func tidyDoc(text string) string {
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

// secrets are the values that must not be seen in any text, longest first.
type secrets []string

const minSecret = 4 // shorter ones would blot out ordinary words

// secretsIn finds the values of secret fields in settings.
func secretsIn(settings []byte, fields []connector.Field) secrets {
	var object map[string]any
	if json.Unmarshal(settings, &object) != nil {
		return nil
	}
	var found secrets
	for _, f := range fields {
		if f.Secret {
			found.add(object[f.Name])
		}
	}
	sort.Slice(found, func(i, j int) bool { return len(found[i]) > len(found[j]) })
	return found
}

func (s *secrets) add(value any) {
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

func (s secrets) hide(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return text
}
