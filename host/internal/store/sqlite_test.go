package store_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// G6: a database that cannot be read is an error with a way out, and stays as it is.
func TestUnreadableDatabaseIsNeverReplaced(t *testing.T) {
	whole := wholeDatabase(t)
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"truncated to nothing", nil},
		{"truncated within the header", whole[:10]},
		{"truncated in the middle", whole[:len(whole)/2]},
		{"other file", []byte(strings.Repeat("hello world ", 1000))},
		{"damaged pages", damaged(whole)},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "broker.db")
			if err := os.WriteFile(path, c.body, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := store.Open(t.Context(), store.Options{Path: path})
			if fault.CodeOf(err) != fault.Config || fault.HelpOf(err) == "" || !strings.Contains(err.Error(), path) {
				t.Errorf("error = %v, help = %q", err, fault.HelpOf(err))
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, c.body) {
				t.Errorf("the file was changed: %d bytes, %v", len(after), err)
			}
		})
	}
}

func wholeDatabase(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "broker.db")
	s := opener(t, store.Options{Path: path})()
	for i := range 200 {
		must(t, s.Settings().Set(t.Context(), strings.Repeat("k", i+1), strings.Repeat("v", 300), noon))
	}
	must(t, s.Close())
	body, err := os.ReadFile(path)
	must(t, err)
	return body
}

// damaged returns the database with every page but the first overwritten.
func damaged(whole []byte) []byte {
	body := bytes.Clone(whole)
	for i := 4096; i < len(body); i++ {
		body[i] = 0xA5
	}
	return body
}

// A log without its database is not replayed into a new one, and an earlier try to make the database does no harm.
func TestLogsThatWereLeftBehind(t *testing.T) {
	for name, refused := range map[string]bool{"broker.db-wal": true, "broker.db-journal": true, "broker.db.new": false, "broker.db.new-wal": false, "broker.db-shm": false} {
		path := filepath.Join(t.TempDir(), "broker.db")
		must(t, os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte("left behind"), 0o600))
		s, err := store.Open(t.Context(), store.Options{Path: path})
		if (err != nil) != refused {
			t.Errorf("beside %s: %v", name, err)
		}
		if err == nil {
			must(t, s.Close())
		}
		if _, err := os.Lstat(path); refused && err == nil {
			t.Errorf("beside %s a database was made", name)
		}
	}
}

func TestFolderInTheWay(t *testing.T) {
	_, err := store.Open(t.Context(), store.Options{Path: t.TempDir()})
	wantCode(t, err, fault.Config)
}

func TestFilesAreClosedToOthers(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state?#%20 ž")
	path := filepath.Join(folder, "broker.db")
	s := opener(t, store.Options{Path: path})()
	must(t, s.Settings().Set(t.Context(), "a", "b", noon))
	entries, err := os.ReadDir(folder)
	must(t, err)
	if len(entries) != 3 {
		t.Errorf("files = %v, want the database, its WAL and its index", entries)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
	must(t, s.Close())
	must(t, os.Chmod(path, 0o644))
	opener(t, store.Options{Path: path})()
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("an open database keeps mode %v", info.Mode())
	}
}

// Every connection of the pool has the settings that durability and integrity need.
func TestEveryConnectionIsSafe(t *testing.T) {
	s := opener(t, store.Options{Path: filepath.Join(t.TempDir(), "broker.db")})()
	var held []*sql.Conn
	for range 4 {
		conn, err := s.DB().Conn(t.Context())
		must(t, err)
		held = append(held, conn)
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "trusted_schema": "0"} {
			var got string
			must(t, conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
			if got != want {
				t.Errorf("%s = %s, want %s", pragma, got, want)
			}
		}
	}
	for _, conn := range held {
		must(t, conn.Close())
	}
}

func TestWritersOfTwoStoresTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broker.db")
	stores := []*store.Store{opener(t, store.Options{Path: path})(), opener(t, store.Options{Path: path})()}
	if _, err := stores[0].DB().Exec("CREATE TABLE counter (n BIGINT NOT NULL); INSERT INTO counter VALUES (0)"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 10 {
				if err := increment(stores[i%2].DB()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var n int
	must(t, stores[0].DB().QueryRow("SELECT n FROM counter").Scan(&n))
	if n != 80 {
		t.Errorf("counter = %d after 80 increments", n)
	}
}

// increment reads and then writes in one transaction: only an immediate one loses nothing.
func increment(db *sql.DB) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRow("SELECT n FROM counter").Scan(&n); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE counter SET n = ?", n+1); err != nil {
		return err
	}
	return tx.Commit()
}

func TestBadURL(t *testing.T) {
	for _, url := range []string{"mysql://x", "sqlite:foo", "postgres://user:hunter2@[bad", "postgres://user:hunter2@127.0.0.1:1/x?connect_timeout=2"} {
		_, err := store.Open(t.Context(), store.Options{URL: url, Path: filepath.Join(t.TempDir(), "x.db")})
		if err == nil || fault.HelpOf(err) == "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error = %v, help = %q", url, err, fault.HelpOf(err))
		}
	}
}
