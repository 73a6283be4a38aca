// Command portal measures, in one run, how the portal holds under people: signed-in users on mixed pages, connections that
// ask the JSON API in a closed loop, a burst of sign-ins with passwords, and a catalog of thousands of tables. It runs the
// real binaries of bin/ and is itself a client on the same cores.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	users := flag.Int("users", 500, "people who are signed in")
	think := flag.Duration("think", 5*time.Second, "between two pages of one person")
	connections := flag.Int("connections", 200, "connections that ask the JSON API without a pause")
	burst := flag.Int("burst", 200, "sign-ins at once")
	tables := flag.Int("tables", 5000, "tables of the catalog")
	span := flag.Duration("span", 20*time.Second, "how long each scene lasts")
	write := flag.String("write", "", "page to write the figures into, between its markers")
	flag.Parse()
	if err := bench(scenes{*users, *connections, *burst, *tables, *think, *span}, *write); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// scenes is what is played.
type scenes struct {
	users, connections, burst, tables int
	think, span                       time.Duration
}

func bench(s scenes, page string) error {
	dir, err := os.MkdirTemp("/tmp", "bp") // sockets need short paths
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	i, err := serve(dir, s.users, s.tables)
	if err != nil {
		return err
	}
	defer i.stop()
	people, err := i.signIn(s.users)
	if err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Measured %s on %d cores, %s; the clients run on the same cores, the state database is SQLite, limits are off.\n\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	for _, play := range []func(*instance, []person, scenes) (string, error){catalog, crowd, loop, signIns} {
		line, err := play(i, people, s)
		if err != nil {
			return err
		}
		text.WriteString(line + "\n")
		fmt.Println(line)
	}
	if page == "" {
		return nil
	}
	return insert(page, text.String())
}

// insert writes the figures between the markers of a page.
func insert(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	const begin, end = "<!-- portal:begin -->\n", "<!-- portal:end -->"
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, also := strings.Cut(rest, end)
	if !ok || !also {
		return fmt.Errorf("%s has no markers %q and %q", page, begin, end)
	}
	return os.WriteFile(page, []byte(head+begin+text+end+tail), 0o644)
}

// times are how long requests took, and what went wrong.
type times struct {
	took   []time.Duration
	failed map[string]int
}

func (t *times) add(o times) {
	t.took = append(t.took, o.took...)
	for what, n := range o.failed {
		t.fail(what, n)
	}
}

func (t *times) fail(what string, n int) {
	if t.failed == nil {
		t.failed = map[string]int{}
	}
	t.failed[what] += n
}

// at is the time that a part of the requests took at most.
func (t *times) at(part float64) time.Duration {
	if len(t.took) == 0 {
		return 0
	}
	slices.Sort(t.took)
	return t.took[min(len(t.took)-1, int(part*float64(len(t.took))))]
}

// errors says what went wrong, in words.
func (t *times) errors() string {
	if len(t.failed) == 0 {
		return "0 errors"
	}
	var all []string
	for what, n := range t.failed {
		all = append(all, fmt.Sprintf("%d × %s", n, what))
	}
	slices.Sort(all)
	return "errors: " + strings.Join(all, ", ")
}

// ms is a time in milliseconds for people.
func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1e3) }
