package web

import (
	"context"

	"github.com/ai-data-analyst/broker/web/connect"
	"github.com/ai-data-analyst/broker/web/program"
	"github.com/ai-data-analyst/broker/web/v1"
)

// Programs are the programs of people's desktops, whose tokens sign-in plugins make.
type Programs interface {
	program.Programs
	// Scheme is of the addresses that open the program of a way to sign in; fault.NotFound when it has none.
	Scheme(ctx context.Context, way string) (string, error)
}

// letProgramsIn adds the doors of programs, when there are any.
func (s *Server) letProgramsIn(agree *connect.Host) []v1.Route {
	if s.options.Portal.Programs == nil {
		return nil
	}
	agree.Scheme = s.options.Portal.Programs.Scheme
	return program.Routes(s.options.Portal.Programs)
}
