package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// sqliteMagic begins every SQLite file.
const sqliteMagic = "SQLite format 3\x00"

// openSQLite opens the file, or makes it when it does not exist. A file that exists is never replaced (G6).
func openSQLite(ctx context.Context, options Options) (*sql.DB, error) {
	if options.Path == "" {
		return nil, fault.New(fault.Bug, "open the state database: the path of the SQLite file is missing")
	}
	path, err := filepath.Abs(options.Path)
	if err != nil {
		return nil, fmt.Errorf("open the state database: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, unusable(path, err)
	}
	_, err = os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = lostItsFile(path); err == nil {
			err = createSQLite(ctx, path)
		}
	}
	if err == nil {
		err = inspect(path)
	}
	if err != nil {
		return nil, unusable(path, err)
	}
	db, err := sql.Open("sqlite", sqliteDSN(path))
	if err != nil {
		return nil, unusable(path, err)
	}
	db.SetMaxOpenConns(8)
	if err := quickCheck(ctx, db); err != nil {
		return nil, errors.Join(unusable(path, err), db.Close())
	}
	return db, nil
}

// sqliteDSN names the file with the settings every connection has. mode=rw never creates a file.
func sqliteDSN(path string) string {
	q := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}}
	for _, pragma := range []string{"busy_timeout(20000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)"} {
		q.Add("_pragma", pragma)
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// lostItsFile refuses to make a database where the log of another one lies: SQLite would replay that into the new one.
func lostItsFile(path string) error {
	for _, log := range []string{path + "-wal", path + "-journal"} {
		info, err := os.Lstat(log)
		if err == nil && info.Size() > 0 {
			if _, err := os.Lstat(path); err == nil {
				return nil // another process has just made it
			}
			return errors.New("the file is missing, but its log " + filepath.Base(log) + " is there")
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// createSQLite makes an empty database under a name of its own and gives it the right one when it is whole: a file of
// zero bytes is therefore always a damaged one. Of several processes that do so at once, the first one's stays.
func createSQLite(ctx context.Context, path string) error {
	if err := removeLeftovers(path); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // 0600
	if err != nil {
		return err
	}
	temp := f.Name()
	defer os.Remove(temp) // its second name stays
	if err := f.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", sqliteDSN(temp))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "PRAGMA user_version = 1") // writes the first page
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	switch err := os.Link(temp, path); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil: // a file system without links
		if err := os.Rename(temp, path); err != nil {
			return err
		}
	}
	return syncFolder(filepath.Dir(path))
}

// removeLeftovers removes what earlier tries left, but nothing that may still be under way.
func removeLeftovers(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), filepath.Base(path)+".new") {
			continue
		}
		info, err := entry.Info()
		if err == nil && time.Since(info.ModTime()) > time.Hour {
			err = os.Remove(filepath.Join(filepath.Dir(path), entry.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// inspect refuses what is not a SQLite file, and closes it to others.
func inspect(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, info.Mode().Perm()&^0o077); err != nil {
			return err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, len(sqliteMagic))
	if _, err := io.ReadFull(f, head); err != nil || !bytes.Equal(head, []byte(sqliteMagic)) {
		return errors.New("it is not a SQLite database")
	}
	return nil
}

// quickCheck reads the whole database once: damage is found at the start, not in the middle of a run.
func quickCheck(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New("it is damaged: " + verdict)
	}
	return nil
}

// unusable says which file cannot be used. What was in it is never thrown away: a person decides.
func unusable(path string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(fault.Cancelled, err, "open the state database "+path)
	}
	return &fault.Fault{Code: fault.Config, What: "the state database " + path + " cannot be used: " + err.Error(), Err: err,
		Help: `Restore it from a backup, or move it away and run "broker lake rebuild": rows are never lost with it, but history, people and tokens are.`}
}
