// Command bench measures broker against its peers in one run and prints ratios: a CSV file to Parquet through the csv
// plugin against DuckDB's COPY, and the transport from plugin to host against memcpy. It runs the real binaries of bin/.
//
// Times alone say little on a shared machine; ratios of one interleaved run do.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	rows := flag.String("rows", "1000000,5000000", "rows of the CSV files, with commas between")
	rounds := flag.Int("rounds", 3, "interleaved rounds")
	write := flag.String("write", "", "page to write the figures into, between its markers")
	only := flag.String("only", "", "measure the transport alone (transport), or the generator (generator)")
	peer := flag.String("duckdb", "", "internal: run DuckDB's COPY of this CSV file to -out")
	out := flag.String("out", "", "internal: where to")
	flag.Parse()
	if *peer != "" {
		exit(copyWithDuckDB(*peer, *out))
	}
	if *only != "" {
		exit(part(*only, *rounds, *write))
	}
	exit(bench(*rows, *rounds, *write))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// part measures one thing. A page gets all figures of one run, or none.
func part(name string, rounds int, page string) error {
	if page != "" {
		return errors.New("-only and -write do not go together")
	}
	line, err := "", fmt.Errorf("-only knows transport and generator, not %q", name)
	switch name {
	case "transport":
		line, err = transport()
	case "generator":
		var dir string
		if dir, err = os.MkdirTemp("", "bench"); err == nil {
			defer os.RemoveAll(dir)
			line, err = generator(dir, rounds)
		}
	}
	fmt.Print(line)
	return err
}

func bench(sizes string, rounds int, page string) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var text strings.Builder
	fmt.Fprintf(&text, "Measured %s on %d cores, %s, %d interleaved rounds, medians. CPU is user + system of all processes; memory is the peak of\nthe sum of resident pages of host and plugin, sampled each 20 ms.\n\n", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), rounds)
	text.WriteString("| CSV → Parquet (zstd) | broker CPU s | DuckDB CPU s | CPU ratio | broker wall s | DuckDB wall s | broker peak MB | DuckDB peak MB | size ratio |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, field := range strings.Split(sizes, ",") {
		rows, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			return fmt.Errorf("read -rows: %w", err)
		}
		line, err := compare(dir, rows, rounds)
		if err != nil {
			return err
		}
		text.WriteString(line)
		fmt.Print(line)
	}
	text.WriteString("\n")
	for _, measure := range []func() (string, error){transport, func() (string, error) { return generator(dir, rounds) }} {
		line, err := measure()
		if err != nil {
			return err
		}
		text.WriteString(line + "\n")
		fmt.Print(line)
	}
	if page == "" {
		return nil
	}
	return insert(page, text.String())
}

// compare runs broker and DuckDB over the same file, A B A B.
func compare(dir string, rows, rounds int) (string, error) {
	folder := filepath.Join(dir, fmt.Sprint(rows))
	file := filepath.Join(folder, "files", "orders.csv")
	if err := generate(file, rows); err != nil {
		return "", err
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	var ours, theirs []measured
	for round := range rounds {
		a, err := syncWithBroker(filepath.Join(folder, fmt.Sprint("broker", round)), filepath.Dir(file))
		if err != nil {
			return "", err
		}
		b, err := runDuckDB(file, filepath.Join(folder, "duckdb.parquet"))
		if err != nil {
			return "", err
		}
		ours, theirs = append(ours, a), append(theirs, b)
	}
	a, b := median(ours), median(theirs)
	return fmt.Sprintf("| %d × 20 (%.0f MB) | %.2f | %.2f | **%.2f** | %.2f | %.2f | %.0f | %.0f | %.2f |\n", rows, float64(info.Size())/1e6,
		a.cpu, b.cpu, a.cpu/b.cpu, a.wall, b.wall, a.peak/1e6, b.peak/1e6, a.size/b.size), os.RemoveAll(folder)
}

func median(all []measured) measured {
	pick := func(of func(measured) float64) float64 {
		values := make([]float64, len(all))
		for i, m := range all {
			values[i] = of(m)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return measured{cpu: pick(func(m measured) float64 { return m.cpu }), wall: pick(func(m measured) float64 { return m.wall }),
		peak: pick(func(m measured) float64 { return m.peak }), size: pick(func(m measured) float64 { return m.size })}
}

// syncWithBroker makes an instance whose only source is the folder, and syncs it.
func syncWithBroker(dir, files string) (measured, error) {
	bin, err := filepath.Abs("bin")
	if err != nil {
		return measured{}, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "plugins.d"), 0o755); err != nil {
		return measured{}, err
	}
	config := fmt.Sprintf("instance {\n  name = \"bench\"\n  data_dir = \"data\"\n}\nplugins {\n  dir = \"plugins.d\"\n  trust = \"dev\"\n}\nsource \"csv\" \"files\" {\n  config {\n    path = %q\n  }\n}\n", files)
	plugin, err := os.ReadFile(filepath.Join(bin, "broker-connector-csv"))
	if err != nil {
		return measured{}, fmt.Errorf("run make build first: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "plugins.d", "broker-connector-csv"), plugin, 0o755); err != nil {
		return measured{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, "instance.hcl"), []byte(config), 0o644); err != nil {
		return measured{}, err
	}
	m, err := run(filepath.Join(bin, "broker"), "sync", "--config", dir)
	if err != nil {
		return m, err
	}
	m.size = float64(sizeOf(filepath.Join(dir, "data", "lake"), ".parquet"))
	return m, os.RemoveAll(dir)
}

func runDuckDB(file, out string) (measured, error) {
	self, err := os.Executable()
	if err != nil {
		return measured{}, err
	}
	m, err := run(self, "-duckdb", file, "-out", out)
	if err != nil {
		return m, err
	}
	info, err := os.Stat(out)
	if err != nil {
		return m, err
	}
	m.size = float64(info.Size())
	return m, os.Remove(out)
}

// generate writes the table of 20 columns that the csv plugin's own tests use: the same rows for the same number.
func generate(path string, rows int) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "run", "./plugins/connector/csv/internal/gen/orders", "-rows", strconv.Itoa(rows))
	cmd.Stdout, cmd.Stderr = file, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("generate %d rows: %w", rows, err)
	}
	if err := file.Close(); err != nil {
		return err
	}
	past := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // a young file would count as still growing
	return os.Chtimes(path, past, past)
}

// metric is one figure of a line that a benchmark prints.
var metric = regexp.MustCompile(`([0-9.e+-]+) ([A-Za-z][\w/-]*)`)

// transport runs the benchmark of sdk/dial, which states CPU as a multiple of memcpy's, by both ways that batches take.
func transport() (string, error) {
	out, err := exec.Command("go", "test", "-run", "^$", "-bench", "Transport/way=.*/batch=4", "-benchtime", "1x", "./sdk/dial").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("benchmark the transport: %w\n%s", err, out)
	}
	found := map[string]map[string]string{}
	for line := range strings.Lines(string(out)) {
		way, _, ok := strings.Cut(strings.TrimPrefix(line, "BenchmarkTransport/way="), "/")
		if !ok {
			continue
		}
		figures := map[string]string{}
		for _, m := range metric.FindAllStringSubmatch(line, -1) {
			figures[m[2]] = m[1]
		}
		found[way] = figures
	}
	beside, alone := found["channel"], found["grpc"]
	if beside["x-memcpy"] == "" || alone["x-memcpy"] == "" {
		return "", fmt.Errorf("the transport's benchmark prints no ratio:\n%s", out)
	}
	return fmt.Sprintf("Transport from plugin to host in batches of 4 MiB, CPU per byte of both processes (plugin's start, checks, checksums and reading of\n"+
		"every buffer included) against copying once: **%s×** on the channel beside gRPC, %s× where there is none and all goes over gRPC.\n"+
		"9 rounds of transport and memcpy in turns, 2 GiB each; the ratio is that of the medians, %s and %s CPU s/GB; single rounds on the\n"+
		"channel lay between %s× and %s×, over gRPC between %s× and %s×.\n",
		beside["x-memcpy"], alone["x-memcpy"], beside["cpu-s/GB"], beside["memcpy-s/GB"], beside["low"], beside["high"], alone["low"], alone["high"]), nil
}

// referenceRows is how many rows of size m the reference system's generator made in a CPU second (reference.md §20.5:
// 216,691 rows in 9.5 s of CPU, rounded there to 21,400 with its start-up left out).
const referenceRows = 21_400

// generator measures the demo shop's tables as CSV at size m.
func generator(dir string, rounds int) (string, error) {
	var runs []measured
	out := filepath.Join(dir, "shop")
	for range rounds {
		m, err := run("bin/broker", "sample", "--size", "m", "--output", out)
		if err != nil {
			return "", err
		}
		runs = append(runs, m)
	}
	text, err := os.ReadFile(filepath.Join(out, "_manifest.json"))
	if err != nil {
		return "", err
	}
	var manifest struct{ Tables map[string]float64 }
	if err := json.Unmarshal(text, &manifest); err != nil {
		return "", err
	}
	rows := 0.0
	for _, n := range manifest.Tables {
		rows += n
	}
	m := median(runs)
	return fmt.Sprintf("Demo shop at size m as CSV: %.0f rows in %.2f CPU s, %.0f times the rows of the reference system's generator per CPU second (%d), at a peak of %.0f MB.\n",
		rows, m.cpu, rows/m.cpu/referenceRows, referenceRows, m.peak/1e6), nil
}

// insert writes text between the page's markers.
func insert(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(old, []byte("<!-- bench:begin -->\n"))
	_, after, closed := bytes.Cut(rest, []byte("<!-- bench:end -->"))
	if !ok || !closed {
		return fmt.Errorf("%s has no place for the figures", page)
	}
	return os.WriteFile(page, slices.Concat(before, []byte("<!-- bench:begin -->\n"+text+"<!-- bench:end -->"), after), 0o644)
}
