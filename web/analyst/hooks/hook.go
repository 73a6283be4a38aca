// Package hooks holds the verb that Claude Code calls: hook session-start, session-end, guard, statusline.
//
// Whatever fails here must not disturb a session, but for the guard, which refuses when it cannot look. Only the program's
// main imports it.
package hooks

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/web/analyst/credential"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/analyst/hook"
	"github.com/ai-data-analyst/broker/web/analyst/keep"
	"github.com/ai-data-analyst/broker/web/analyst/session"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// Times of hooks: Claude Code cuts the end of a session short after about a second, so nothing here waits long.
const (
	hookInput  = 500 * time.Millisecond  // for the event on standard input
	hookServer = 1200 * time.Millisecond // for the server's answer at the start of a session
	maxStart   = 2000                    // bytes that a session's start may print into the conversation
)

// Refusal is why a tool call is refused: its text goes to the model.
type Refusal string

// Error implements error.
func (r Refusal) Error() string { return string(r) }

// NewHook is the verb hook.
func NewHook(g *ground.Ground) *cobra.Command {
	cmd := &cobra.Command{Use: "hook", Short: "What Claude Code calls; not for people", Hidden: true}
	for name, run := range map[string]func(context.Context, *ground.Ground, hook.Input) error{
		"session-start": sessionStart, "session-end": sessionEnd, "guard": guard, "statusline": statusline, "collect": collect,
	} {
		cmd.AddCommand(&cobra.Command{Use: name, Args: cobra.NoArgs, Short: "Answer the event " + name, RunE: func(c *cobra.Command, _ []string) error {
			in, err := hook.Read(g.In, hookInput)
			if err != nil && name != "guard" {
				return nil //nolint:nilerr // an event that cannot be read must not disturb a session
			}
			if err != nil {
				return Refusal("the guard of the data could not read what is about to happen: " + err.Error())
			}
			if g.Dir == "" {
				g.Dir = in.Cwd
			}
			return run(c.Context(), g, in)
		}})
	}
	return cmd
}

// sessionStart notes the session, collects transcripts whose end was never told, and says how fresh the data is.
func sessionStart(ctx context.Context, g *ground.Ground, in hook.Input) error {
	w, err := g.Workspace()
	if err != nil {
		return nil //nolint:nilerr // not in a workspace: nothing to say
	}
	book := session.Book{Dir: w.Dir, Now: g.Now}
	if in.SessionID != "" {
		if err := book.Begin(in.SessionID, in.TranscriptPath); err != nil {
			fmt.Fprintln(g.Err, "analyst:", err)
		}
	}
	if err := detach(w.Dir); err != nil {
		fmt.Fprintln(g.Err, "analyst:", err)
	}
	text := freshLines(ctx, g, w)
	if len(text) > maxStart {
		text = text[:strings.LastIndexByte(text[:maxStart], '\n')+1]
	}
	_, err = fmt.Fprint(g.Out, text)
	return err
}

// freshLines is what a session should know first.
func freshLines(ctx context.Context, g *ground.Ground, w *mirror.Workspace) string {
	ctx, cancel := context.WithTimeout(ctx, hookServer)
	defer cancel()
	s, err := keep.Status(ctx, g, w)
	if err != nil {
		return fmt.Sprintf("data: the workspace cannot be read (%v); run: analyst doctor\n", terminal.Plain(err.Error()))
	}
	var b strings.Builder
	switch {
	case s.Generation == 0:
		b.WriteString("data: nothing is here yet; run: analyst pull\n")
		return b.String()
	case s.ServerGeneration == nil:
		fmt.Fprintf(&b, "data: generation %d, published %s; the server was not reached, so newer data may be there\n", s.Generation, s.Published)
	case s.Stale:
		fmt.Fprintf(&b, "data: generation %d, published %s; the server has generation %d: run analyst pull before answering\n", s.Generation, s.Published, *s.ServerGeneration)
	default:
		fmt.Fprintf(&b, "data: generation %d, published %s; up to date\n", s.Generation, s.Published)
	}
	var changed []string
	for _, t := range s.Tables {
		if t.Changed {
			changed = append(changed, t.Name)
		}
	}
	if len(changed) > 0 {
		fmt.Fprintf(&b, "changed with the last pull: %s\n", strings.Join(changed, ", "))
	}
	fmt.Fprintf(&b, "%d tables: analyst ls; columns: server/docs/schema.yml\n", len(s.Tables))
	return b.String()
}

// sessionEnd notes the end and leaves the copying to a process of its own: this one is cut short.
func sessionEnd(_ context.Context, g *ground.Ground, in hook.Input) error {
	w, err := g.Workspace()
	if err != nil || in.SessionID == "" {
		return nil //nolint:nilerr // not in a workspace
	}
	if err := (session.Book{Dir: w.Dir, Now: g.Now}).End(in.SessionID, in.TranscriptPath); err != nil {
		fmt.Fprintln(g.Err, "analyst:", err)
	}
	return detach(w.Dir)
}

// detach starts "hook collect" as a process that outlives this one.
func detach(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(self, "hook", "collect", "--dir", dir)
	cmd.SysProcAttr = apart()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("collect transcripts in the background: %w", err)
	}
	return cmd.Process.Release()
}

// collect copies transcripts.
func collect(_ context.Context, g *ground.Ground, _ hook.Input) error {
	w, err := g.Workspace()
	if err != nil {
		return err
	}
	_, err = (session.Book{Dir: w.Dir, Now: g.Now}).Collect()
	return err
}

// guard refuses what must not happen. Without a workspace there is nothing to guard.
func guard(_ context.Context, g *ground.Ground, in hook.Input) error {
	w, err := g.Workspace()
	if err != nil {
		return nil //nolint:nilerr // not in a workspace
	}
	secrets, err := credential.Dir(g.Getenv)
	if err != nil {
		return Refusal("the guard of the data does not find where logins are kept: " + err.Error())
	}
	if why := hook.Guard(in, hook.Places{Workspace: w.Dir, Secrets: secrets}); why != "" {
		return Refusal(why)
	}
	return nil
}

// statusline is one short line; it asks nobody.
func statusline(_ context.Context, g *ground.Ground, _ hook.Input) error {
	w, err := g.Workspace()
	if err != nil {
		return nil //nolint:nilerr // not in a workspace: an empty line
	}
	m, _, err := w.Manifest(0)
	if err != nil {
		_, err = fmt.Fprintln(g.Out, "no data yet: analyst pull")
		return err
	}
	text := fmt.Sprintf("generation %d", m.Generation)
	if at, err := time.Parse(time.RFC3339, m.PublishedAt); err == nil {
		text += " · " + terminal.Age(g.Now().Sub(at))
	}
	if private, err := (session.Book{Dir: w.Dir, Now: g.Now}).Private(); err == nil && private {
		text += " · private"
	}
	_, err = fmt.Fprintln(g.Out, text)
	return err
}
