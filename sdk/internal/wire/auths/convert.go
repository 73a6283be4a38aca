package auths

import (
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
)

// maxToken is the most bytes of a token.
const maxToken = 8 << 10

func violation(format string, args ...any) error {
	return fault.Newf(fault.Bug, "the plugin broke the protocol: "+format, args...)
}

// requestToPB makes every text valid UTF-8, which is all that travels.
func requestToPB(c auth.Call) *pb.AuthRequest {
	values := make(map[string]string, len(c.Values))
	for name, value := range c.Values {
		values[valid(name)] = valid(value)
	}
	return &pb.AuthRequest{Path: valid(c.Path), Post: c.Post, Values: values, Browser: valid(c.Browser), BaseUrl: valid(c.BaseURL), Site: valid(c.Site)}
}

func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func requestFromPB(r *pb.AuthRequest) auth.Call {
	return auth.Call{Path: r.GetPath(), Post: r.GetPost(), Values: r.GetValues(), Browser: r.GetBrowser(), BaseURL: r.GetBaseUrl(), Site: r.GetSite()}
}

func fieldsToPB(fields []auth.FormField) []*pb.AuthField {
	var out []*pb.AuthField
	for _, f := range fields {
		out = append(out, &pb.AuthField{Name: f.Name, Label: f.Label, Type: f.Type, Required: f.Required})
	}
	return out
}

func fieldsFromPB(fields []*pb.AuthField) []auth.FormField {
	var out []auth.FormField
	for _, f := range fields {
		out = append(out, auth.FormField{Name: f.GetName(), Label: f.GetLabel(), Type: f.GetType(), Required: f.GetRequired()})
	}
	return out
}

func linksToPB(links []auth.Link) []*pb.AuthLink {
	var out []*pb.AuthLink
	for _, l := range links {
		out = append(out, &pb.AuthLink{Text: l.Text, Path: l.Path})
	}
	return out
}

func linksFromPB(links []*pb.AuthLink) []auth.Link {
	var out []auth.Link
	for _, l := range links {
		out = append(out, auth.Link{Text: l.GetText(), Path: l.GetPath()})
	}
	return out
}

func formToPB(f auth.Form) *pb.AuthForm {
	return &pb.AuthForm{Fields: fieldsToPB(f.Fields), Button: f.Button, Doc: f.Doc, Links: linksToPB(f.Links), Origins: f.Origins, Scheme: f.Scheme}
}

func formFromPB(f *pb.AuthForm) auth.Form {
	return auth.Form{Fields: fieldsFromPB(f.GetFields()), Button: f.GetButton(), Doc: f.GetDoc(), Links: linksFromPB(f.GetLinks()), Origins: f.GetOrigins(), Scheme: f.GetScheme()}
}

func stepToPB(s auth.Step) *pb.AuthStep {
	out := &pb.AuthStep{Redirect: s.Redirect}
	if p := s.Page; p != nil {
		out.Page = &pb.AuthPage{Title: p.Title, Text: p.Text, Code: p.Code, Path: p.Path, Fields: fieldsToPB(p.Fields), Button: p.Button, Links: linksToPB(p.Links)}
	}
	if s.Identity != nil {
		out.Identity = identityToPB(s.Identity)
	}
	return out
}

func stepFromPB(s *pb.AuthStep) auth.Step {
	out := auth.Step{Redirect: s.GetRedirect()}
	if p := s.GetPage(); p != nil {
		out.Page = &auth.Page{Title: p.GetTitle(), Text: p.GetText(), Code: p.GetCode(), Path: p.GetPath(), Fields: fieldsFromPB(p.GetFields()),
			Button: p.GetButton(), Links: linksFromPB(p.GetLinks())}
	}
	if s.GetIdentity() != nil {
		out.Identity = identityFromPB(s.GetIdentity())
	}
	return out
}

func identityToPB(i *auth.Identity) *pb.AuthIdentity {
	return &pb.AuthIdentity{Issuer: i.Issuer, Subject: i.Subject, Email: i.Email, EmailVerified: i.EmailVerified, HostedDomain: i.HostedDomain,
		Name: i.Name, Picture: i.Picture, Groups: i.Groups, Changed: i.Changed, ByNameOnly: i.ByNameOnly}
}

func identityFromPB(i *pb.AuthIdentity) *auth.Identity {
	return &auth.Identity{Issuer: i.GetIssuer(), Subject: i.GetSubject(), Email: i.GetEmail(), EmailVerified: i.GetEmailVerified(),
		HostedDomain: i.GetHostedDomain(), Name: i.GetName(), Picture: i.GetPicture(), Groups: i.GetGroups(), Changed: i.GetChanged(), ByNameOnly: i.GetByNameOnly()}
}

func tokensFromPB(t *pb.AuthTokens) auth.Tokens {
	return auth.Tokens{Access: sdk.Secret(t.GetAccess()), Refresh: sdk.Secret(t.GetRefresh()),
		Life: time.Duration(min(t.GetLifeMs(), uint64(auth.MaxLife.Milliseconds()))) * time.Millisecond}
}

func tokensToPB(t auth.Tokens) *pb.AuthTokens {
	return &pb.AuthTokens{Access: t.Access.Reveal(), Refresh: t.Refresh.Reveal(), LifeMs: uint64(max(t.Life, 0).Milliseconds())}
}
