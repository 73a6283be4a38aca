package origin

import "context"

// Source says where what is asked under a context comes from.
type Source struct {
	Address string // of the client
	Request string // id of the request
	Via     string // portal, api or mcp
}

type sourceKey struct{}

// With returns a context that carries a source.
func With(ctx context.Context, s Source) context.Context {
	return context.WithValue(ctx, sourceKey{}, s)
}

// Of is the source of a context; the zero Source for what no request asked.
func Of(ctx context.Context) Source {
	s, _ := ctx.Value(sourceKey{}).(Source)
	return s
}
