package keep

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/credential"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/analyst/login"
	"github.com/ai-data-analyst/broker/web/analyst/workspace"
	"github.com/ai-data-analyst/broker/web/mirror"
)

// initFlags are what a person says at init.
type initFlags struct {
	server      string
	yes, dryRun bool
}

// NewInit is the verb init.
func NewInit(g *ground.Ground) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Make a folder a workspace: for you, for SQL and for Claude Code",
		Long: "Make a folder a workspace of the server that you are signed in to. It says what it writes and asks first; files that\n" +
			"are yours too (CLAUDE.md, .claude/settings.json, .mcp.json) only get its own entries. Running it again changes nothing.",
		Example: "  analyst init\n  analyst init ~/shop --yes\n  analyst init --dry-run",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				g.Dir = args[0]
			}
			return initialise(g, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.server, "server", "", "address of the server (default the one of the last login)")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would change as a diff and write nothing")
	return cmd
}

func initialise(g *ground.Ground, f initFlags) error {
	dir, err := g.Place()
	if err != nil {
		return fault.Wrap(fault.Config, err, "find the folder")
	}
	logins, err := g.Logins()
	if err != nil {
		return err
	}
	if f.server != "" {
		if f.server, err = login.ServerURL(f.server, true); err != nil {
			return err
		}
	}
	l, err := logins.Find(f.server)
	if err != nil {
		return err
	}
	if err := mirror.Fit(dir, config(l)); err != nil {
		return err
	}
	o, err := workspaceOptions(g, dir, l)
	if err != nil {
		return err
	}
	files, err := workspace.Plan(o)
	if err != nil {
		return err
	}
	if f.dryRun {
		for _, file := range files {
			fmt.Fprint(g.Out, file.Diff())
		}
		return nil
	}
	if agreed, err := agree(g, f, dir, l, files); err != nil || !agreed {
		return err
	}
	return write(g, o, l, files)
}

func workspaceOptions(g *ground.Ground, dir string, l credential.Login) (workspace.Options, error) {
	self, err := os.Executable()
	if err != nil {
		return workspace.Options{}, fault.Wrap(fault.Config, err, "find this program")
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	return workspace.Options{Dir: dir, Analyst: self, Instance: l.Instance.Name, Server: l.URL, Email: l.Email, Version: g.Version, Now: g.Now()}, nil
}

// agree says what would be written and asks, when a person is there.
func agree(g *ground.Ground, f initFlags, dir string, l credential.Login, files []workspace.File) (bool, error) {
	changes := 0
	fmt.Fprintf(g.Err, "Workspace %s for %s at %s\n", dir, l.Email, l.URL)
	for _, file := range files {
		if file.State == workspace.Same {
			continue
		}
		changes++
		fmt.Fprintf(g.Err, "  %-9s %-28s %s\n", file.State, file.Path, file.Why)
	}
	fmt.Fprintln(g.Err, "  folders   server/, user/               the verified copy; your own work")
	if f.yes || changes == 0 || !g.Interactive() {
		return true, nil
	}
	fmt.Fprint(g.Err, "Write this? [Y/n] ")
	line, err := bufio.NewReader(g.In).ReadString('\n')
	if err != nil {
		return false, fault.Wrap(fault.Config, err, "read your answer")
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "", "y", "yes":
		return true, nil
	}
	fmt.Fprintln(g.Err, "Nothing was written.")
	return false, nil
}

// write makes the folders, then the files; the marker of a whole workspace comes last.
func write(g *ground.Ground, o workspace.Options, l credential.Login, files []workspace.File) error {
	aside, err := workspace.Write(o, files)
	for _, kept := range aside {
		fmt.Fprintf(g.Err, "A damaged file was put aside as %s\n", kept)
	}
	if err != nil {
		return err
	}
	if _, err := mirror.Create(o.Dir, config(l)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(g.Out, `The workspace is ready: %s
Next: analyst pull

Claude Code asks two things when it is first opened here: to trust the folder,
and to approve the MCP server "broker". Answer yes to both; until then hooks and
tools stay off. Then ask it about your data.
`, o.Dir)
	return err
}

// config is what a workspace of this login is a copy of.
func config(l credential.Login) mirror.Config {
	return mirror.Config{Server: l.URL, Instance: l.Instance, Key: l.Key, User: l.User, Email: l.Email}
}
