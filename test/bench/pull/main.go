// Command pull measures, in one run, what brings tables to laptops: "analyst pull" of a big table and of one with nothing
// new, each against rsync -avz over ssh on loopback, and many analysts at once against the server. It runs the real
// binaries of bin/, a real sshd and a real rsync.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	rows := flag.Int64("rows", 5_900_000, "rows of the big table, 264 bytes each")
	days := flag.Int64("days", 1000, "partitions of the small table, one file each")
	people := flag.Int("people", 50, "analysts who pull at once")
	rounds := flag.Int("rounds", 3, "interleaved rounds")
	write := flag.String("write", "", "page to write the figures into, between its markers")
	worker := flag.String("worker", "", "internal: be one analyst of the crowd at this server")
	number := flag.Int("number", 0, "internal: which one")
	flag.Parse()
	if *worker != "" {
		if err := work(*worker, *number); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := bench(*rows, *days, *people, *rounds, *write); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(rows, days int64, people, rounds int, page string) error {
	dir, err := os.MkdirTemp("", "pull")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	i, err := serve(dir, rows, days)
	if err != nil {
		return err
	}
	defer i.stop()
	door, err := startSSH(filepath.Join(dir, "ssh"))
	if err != nil {
		return err
	}
	defer door.stop()
	var text strings.Builder
	fmt.Fprintf(&text, "Measured %s on %d cores, %s; client and server on the same machine, %d interleaved rounds, medians.\n\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), rounds)
	for _, measure := range []func(*instance, *ssh, int) (string, error){whole, nothing} {
		line, err := measure(i, door, rounds)
		if err != nil {
			return err
		}
		text.WriteString(line + "\n")
		fmt.Println(line)
	}
	line, err := crowd(i, people)
	if err != nil {
		return err
	}
	text.WriteString(line + "\n")
	fmt.Println(line)
	if page == "" {
		return nil
	}
	return insert(page, text.String())
}

// whole pulls everything into an empty place. The places are removed when all is measured: a file system that has just let go
// of thousands of files is slow to make new ones.
func whole(i *instance, door *ssh, rounds int) (string, error) {
	var ours, theirs []float64
	var places []string
	var size int64
	for round := range rounds {
		w, err := i.workspace(fmt.Sprint("whole", round), i.url)
		if err != nil {
			return "", err
		}
		took, err := w.pull()
		if err != nil {
			return "", err
		}
		size = sizeOf(filepath.Join(w.dir, "server", "parts"))
		other, err := door.rsync(filepath.Join(i.dir, "data", "lake")+"/", filepath.Join(w.dir, "rsync")+"/")
		if err != nil {
			return "", err
		}
		ours, theirs = append(ours, took), append(theirs, other)
		places = append(places, w.dir)
	}
	for _, dir := range places {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	spread := ratios(ours, theirs)
	a, b := median(ours), median(theirs)
	return fmt.Sprintf("- First pull of %.2f GB: `analyst pull` %.2f s (%.0f MB/s, every byte hashed and synced to disk), `rsync -avz` over ssh %.2f s: **%.1f times** faster (rounds: %s).",
		float64(size)/1e9, a, float64(size)/1e6/a, b, b/a, spread), nil
}

// nothing pulls again when nothing is new.
func nothing(i *instance, door *ssh, rounds int) (string, error) {
	w, err := i.workspace("nothing", i.url)
	if err != nil {
		return "", err
	}
	if _, err := w.pull(); err != nil {
		return "", err
	}
	lake, copied := filepath.Join(i.dir, "data", "lake")+"/", filepath.Join(w.dir, "rsync")+"/"
	if _, err := door.rsync(lake, copied); err != nil {
		return "", err
	}
	files := countOf(filepath.Join(w.dir, "server", "parts"))
	var ours, theirs []float64
	for range max(rounds, 15) {
		took, err := w.pull()
		if err != nil {
			return "", err
		}
		other, err := door.rsync(lake, copied)
		if err != nil {
			return "", err
		}
		ours, theirs = append(ours, took), append(theirs, other)
	}
	asked, err := i.requestsOf("counted")
	if err != nil {
		return "", err
	}
	spread := ratios(ours, theirs)
	a, b := median(ours), median(theirs)
	return fmt.Sprintf("- Pull of %d files with nothing new: `analyst pull` %.0f ms, process and all (%d request), `rsync -avz` over ssh %.0f ms: **%.1f times** faster (rounds: %s).",
		files, a*1e3, asked, b*1e3, b/a, spread), nil
}

// ratios is the least and the greatest ratio of a round.
func ratios(ours, theirs []float64) string {
	var all []float64
	for i := range ours {
		all = append(all, theirs[i]/ours[i])
	}
	return fmt.Sprintf("%.1f to %.1f", slices.Min(all), slices.Max(all))
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func insert(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(old, []byte("<!-- pull:begin -->\n"))
	_, after, closed := bytes.Cut(rest, []byte("<!-- pull:end -->"))
	if !ok || !closed {
		return fmt.Errorf("%s has no place for the figures", page)
	}
	return os.WriteFile(page, slices.Concat(before, []byte("<!-- pull:begin -->\n"+text+"<!-- pull:end -->"), after), 0o644)
}
