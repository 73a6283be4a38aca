package lake_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// The writer that is killed is this test binary itself, told what to do by these variables.
const (
	writerDir  = "LAKE_WRITER_DIR"  // the lake and its database
	writerMode = "LAKE_WRITER_MODE" // append or merge
	writerEnd  = "LAKE_WRITER_END"  // "<step> <n>": kill yourself when you pass the step for the n-th time
	writerURL  = "LAKE_WRITER_URL"  // where the tables lie; empty = in the folder
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		write(dir, os.Getenv(writerURL), os.Getenv(writerMode), os.Getenv(writerEnd))
		return
	}
	os.Exit(m.Run())
}

// crew reports what a writer meets without a test around it.
type crew struct{ testing.TB }

func (crew) Helper()           {}
func (crew) Cleanup(func())    {}
func (crew) Fatal(args ...any) { fmt.Println(append([]any{"failed"}, args...)...); os.Exit(3) }

// write publishes numbered rows until it is killed: rows [n, n+50) in each publication, n being the cursor. It says on
// stdout how far a source could forget.
func write(dir, place, mode, end string) {
	t := crew{}
	ctx := context.Background()
	w := killedLake(t, dir, place)
	step, count, _ := strings.Cut(end, " ")
	left, _ := strconv.Atoi(count) // 0 = never
	w.options.Step = func(name string) {
		if name == step {
			if left--; left == 0 {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}
	}
	w.open(t)
	fmt.Println("ready")
	for run := 0; ; run++ {
		cursor, err := w.Cursor(ctx, orders)
		must(t, err)
		n, _ := strconv.ParseInt(string(cursor.Data), 10, 64) // 0 at the beginning
		d, err := w.Draft(ctx, lake.RunInfo{ID: fmt.Sprintf("run-%d-%d", n, os.Getpid()), Holder: "writer"}, []lake.Spec{spec(orders, mode)})
		must(t, err)
		for i := range 3 {
			from, op := n, "append"
			if mode == "merge" {
				from, op = max(n-20, 0), "upsert"
			}
			deliver(t, d, orders, op, rows(from, n+50)...)
			n += 50
			must(t, d.Checkpoint(at(strconv.FormatInt(n, 10)), ""))
			_, err = d.Publish(ctx, i == 2)
			must(t, err)
			fmt.Println("acked", n)
		}
		must(t, d.Discard())
		if run%4 == 3 {
			_, err := w.Expire(ctx)
			must(t, err)
		}
	}
}

func killedLake(t testing.TB, dir, place string) *world {
	w := &world{now: time.Now()}
	w.options = lake.Options{Dir: filepath.Join(dir, "lake"), URL: place, Dialect: "sqlite", Exclusive: true, Now: time.Now}
	w.options.DB = openSQLite(t, filepath.Join(dir, "broker.db"))
	return w
}

// killOnce starts a writer, kills it, and returns how far it had acknowledged.
func killOnce(t *testing.T, dir, place, mode string, rng *rand.Rand) (acked int64) {
	t.Helper()
	end, delay := "", time.Duration(0)
	if rng.IntN(3) > 0 {
		steps := []string{"sealed", "before-publish", "before-metadata", "after-metadata", "before-commit", "after-commit"}
		end = fmt.Sprint(steps[rng.IntN(len(steps))], " ", 1+rng.IntN(4))
	} else {
		delay = time.Duration(rng.IntN(120)) * time.Millisecond
	}
	self, err := os.Executable()
	must(t, err)
	writer := exec.Command(self)
	writer.Env = append(os.Environ(), writerDir+"="+dir, writerURL+"="+place, writerMode+"="+mode, writerEnd+"="+end)
	out, err := writer.StdoutPipe()
	must(t, err)
	must(t, writer.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		switch word, number, _ := strings.Cut(line, " "); word {
		case "ready":
			if end == "" {
				time.AfterFunc(delay, func() { writer.Process.Kill() })
			}
		case "acked":
			acked, err = strconv.ParseInt(number, 10, 64)
			must(t, err)
		default:
			t.Fatalf("the writer says: %s", line)
		}
	}
	if err := writer.Wait(); err == nil || writer.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the writer ended by itself: %v", err)
	}
	return acked
}

// G2: kill -9 anywhere loses no committed row and repeats none.
func TestG2_Kills(t *testing.T) {
	kills := 300
	if testing.Short() {
		kills = 30
	}
	if more, err := strconv.Atoi(os.Getenv("KILLS")); err == nil {
		kills = more
	}
	for i, mode := range []string{"append", "merge"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			rng := rand.New(rand.NewPCG(uint64(i), 11))
			acked := int64(0)
			for k := range kills / 2 {
				acked = max(acked, killOnce(t, dir, "", mode, rng))
				inspectKilled(t, dir, "", acked, k%25 == 0 || k == kills/2-1)
			}
			t.Logf("%d kills, %d rows acknowledged", kills/2, acked)
		})
	}
}

// G2 in an object store: the same, and what a killed writer uploaded without a commit is named by nothing and goes with
// the next Expire.
func TestG2_KillsInBucket(t *testing.T) {
	place := bucketURL(t)
	for i, mode := range []string{"append", "merge"} {
		t.Run(mode, func(t *testing.T) {
			dir, acked := t.TempDir(), int64(0)
			place := strings.Replace(place, "/lakes/", "/lakes/"+mode+"-", 1)
			rng := rand.New(rand.NewPCG(uint64(i), 12))
			for k := range 8 {
				acked = max(acked, killOnce(t, dir, place, mode, rng))
				inspectKilled(t, dir, place, acked, k%4 == 3)
			}
			w := killedLake(t, dir, place)
			defer w.options.DB.Close()
			w.settle(t, place)
			w.open(t)
			_, err := w.Expire(context.Background())
			must(t, err)
			w.noOrphans(t)
			w.clear(t)
			t.Logf("8 kills, %d rows acknowledged", acked)
		})
	}
}

// noOrphans checks that every part in the lake is one of a generation.
func (w *world) noOrphans(t *testing.T) {
	t.Helper()
	named := map[string]bool{}
	generations, err := w.Generations(context.Background(), 1000)
	must(t, err)
	for _, g := range generations {
		one, err := w.Generation(context.Background(), g.Seq)
		if fault.CodeOf(err) == fault.NotFound {
			continue // expired
		}
		must(t, err)
		for _, v := range one.Tables {
			for _, p := range v.Parts {
				named[filepath.Join(w.options.Dir, filepath.FromSlash(p.Path))] = true
			}
		}
	}
	for _, f := range w.files(t, ".parquet") {
		if !named[f] {
			t.Errorf("%s is named by no generation", f)
		}
	}
}

// inspectKilled looks at the lake as the next process finds it.
func inspectKilled(t *testing.T, dir, place string, acked int64, whole bool) {
	t.Helper()
	ctx := context.Background()
	w := killedLake(t, dir, place)
	if place != "" {
		w.settle(t, place)
	}
	defer w.options.DB.Close()
	w.open(t)
	v, err := w.Current(ctx, orders)
	must(t, err)
	position, _ := strconv.ParseInt(string(v.Cursor.Data), 10, 64) // 0 before the first publication
	if v.Rows != position || position < acked {
		t.Fatalf("%d rows, cursor %d, acknowledged %d", v.Rows, position, acked)
	}
	if left, err := os.ReadDir(filepath.Join(w.options.Dir, "drafts")); err != nil || len(left) > 0 {
		t.Fatalf("drafts left: %v, %v", left, err)
	}
	if !whole || v.Seq == 0 {
		return
	}
	if diff := cmp.Diff(rows(0, position), scan(t, w, orders), cmp.AllowUnexported(row{})); diff != "" {
		t.Fatalf("rows (-source +lake):\n%.2000s", diff)
	}
	if findings, err := w.Verify(ctx, true); err != nil || len(findings) > 0 {
		t.Fatalf("verify: %v, %v", findings, err)
	}
}
