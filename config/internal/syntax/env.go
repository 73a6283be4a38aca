package syntax

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ai-data-analyst/broker/config/internal/diag"
)

// Caps of what functions bring in.
const (
	maxFile      = 1 << 20  // bytes of one file("…")
	maxEvaluated = 64 << 20 // bytes of all evaluated texts together
)

// Env is what the functions env, file and cred read.
type Env struct {
	Getenv func(string) string
	Dotenv map[string]string // of .env beside the configuration; the environment wins
	Dir    string            // relative paths of file() start here

	spent int
	files map[string]string
}

func (e *Env) spend(n int) bool {
	e.spent += n
	return e.spent <= maxEvaluated
}

func sizeText(n int) string { return fmt.Sprintf("%d MiB", n>>20) }

// lookup returns an environment variable; "" when unset or empty.
func (e *Env) lookup(name string) string {
	if e.Getenv != nil {
		if v := e.Getenv(name); v != "" {
			return v
		}
	}
	return e.Dotenv[name]
}

func (ev *evaluation) call(x *hclsyntax.FunctionCallExpr) Value {
	known := []string{"env", "file", "cred"}
	most := 1
	switch x.Name {
	case "env":
		most = 2
	case "file", "cred":
	default:
		help := "the functions are env, file and cred"
		if near := diag.DidYouMean(x.Name, known); near != "" {
			help = near
		}
		return ev.refuse(x, fmt.Sprintf("%s: there is no function %q", ev.field, x.Name), help)
	}
	if len(x.Args) < 1 || len(x.Args) > most || x.ExpandFinal {
		return ev.refuse(x, ev.field+": "+x.Name+" is called with the wrong number of arguments", `it is env("NAME"), env("NAME", "default"), file("path") or cred("name")`)
	}
	args := make([]Value, len(x.Args))
	for i, a := range x.Args {
		if args[i] = ev.value(a); args[i].Kind != String {
			if len(ev.problems) == 0 {
				return ev.refuse(a, ev.field+": "+x.Name+" takes texts", `put the argument in double quotes`)
			}
			return Value{Kind: Null, Pos: Place(x.Range())}
		}
	}
	return ev.apply(x, args)
}

func (ev *evaluation) apply(x *hclsyntax.FunctionCallExpr, args []Value) Value {
	out := Value{Kind: String, Pos: Place(x.Range()), Given: true}
	name, shown := args[0].Text, clip(args[0].Text)
	if args[0].Given {
		shown = "that is named by a function" // never what env returned
	}
	switch x.Name {
	case "env":
		out.Text = ev.env.lookup(name)
		if out.Text == "" && len(args) == 2 {
			out.Text, out.Plain, out.Given = args[1].Text, args[1].Plain, args[1].Given
			return out
		}
		if out.Text == "" {
			return ev.refuse(x, fmt.Sprintf("%s needs the environment variable %s, which is not set or empty", ev.field, shown),
				fmt.Sprintf("set it, or write %s=… into %s", shown, filepath.Join(ev.env.Dir, ".env")))
		}
	case "file":
		text, err := ev.env.read(name)
		if err != nil {
			return ev.refuse(x, fmt.Sprintf("%s: cannot read the file %s: %v", ev.field, shown, Reason(err)), "check path and permissions; relative paths start at "+ev.env.Dir)
		}
		out.Text = text
	case "cred":
		text, err := ev.env.credential(name)
		if err != nil {
			return ev.refuse(x, fmt.Sprintf("%s: cannot read the credential %s: %v", ev.field, shown, Reason(err)), "give the unit LoadCredential="+shown+":/path")
		}
		out.Text = text
	}
	if strings.ContainsRune(out.Text, 0) {
		return ev.refuse(x, ev.field+": the value holds a NUL byte", "store it as plain text")
	}
	if !ev.env.spend(len(out.Text)) {
		return ev.refuse(x, ev.field+": the configuration's texts grow beyond "+sizeText(maxEvaluated), "read large files once, or not at all")
	}
	return out
}

func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

// read returns a file's text without white space around it. Only regular files are read: a pipe would never end.
func (e *Env) read(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(e.Dir, path)
	}
	if text, ok := e.files[path]; ok {
		return text, nil
	}
	raw, err := ReadRegular(path, maxFile)
	if err != nil {
		return "", err
	}
	if e.files == nil {
		e.files = map[string]string{}
	}
	e.files[path] = strings.TrimSpace(string(raw))
	return e.files[path], nil
}

func (e *Env) credential(name string) (string, error) {
	dir := e.lookup("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return "", fmt.Errorf("CREDENTIALS_DIRECTORY is not set: broker does not run under systemd")
	}
	if name == "" || name != filepath.Base(name) || name == ".." || name == "." {
		return "", fmt.Errorf("the name holds a path")
	}
	raw, err := ReadRegular(filepath.Join(dir, name), maxFile)
	return strings.TrimSpace(string(raw)), err
}

// Reason is an error without the path in it.
func Reason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// ReadRegular reads a regular file of at most limit bytes.
func ReadRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("it has %d bytes; at most %d are read", info.Size(), limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return raw, err
}

// ListRegular returns the paths of the files of a folder that end in suffix, in name order.
func ListRegular(dir, suffix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), suffix) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}
