package api_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestQueriesOverALakeInABucket: the engine answers over tables that lie in an object store, a real server that
// TEST_S3_URL names; only what is granted, and only what is named is fetched.
func TestQueriesOverALakeInABucket(t *testing.T) {
	bucket, err := url.Parse(os.Getenv("TEST_S3_URL"))
	if err != nil {
		t.Fatal(err)
	}
	if bucket.Host == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("TEST_S3_URL names no bucket")
		}
		t.Skip("TEST_S3_URL names no bucket")
	}
	bucket.Path = "/lakes/" + uuid.NewString()
	d := build(t)
	file := filepath.Join(d.Dir, "instance.hcl")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "\nlake {\n  url = \""+bucket.String()+"\"\n}\n"...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{"lake", "state/broker.db", "state/broker.db-wal", "state/broker.db-shm"} { // the demo's own run was made in a folder
		if err := os.RemoveAll(filepath.Join(d.Dir, "data", old)); err != nil {
			t.Fatal(err)
		}
	}
	d.Broker(t, "sync", "--config", d.Dir)
	d.Start(t)
	bob, _ := login(t, d.URL, "bob@example.com")
	var result struct{ Rows [][]any }
	status, body := bob.ask(t, "POST", "/query", `{"sql":"select count(*) from shop.orders"}`, &result)
	if status != 200 || len(result.Rows) != 1 || result.Rows[0][0] == float64(0) {
		t.Fatalf("%d %s", status, body)
	}
	copied, err := filepath.Glob(filepath.Join(d.Dir, "data", "state", "copies", "*.parquet"))
	if err != nil || len(copied) == 0 {
		t.Errorf("%v %v", copied, err)
	}
	var his manifest
	bob.ask(t, "GET", "/manifest", "", &his)
	for _, table := range his.Tables {
		for _, part := range table.Parts {
			_, err := os.Stat(filepath.Join(d.Dir, "data", "state", "copies", part.SHA256+".parquet"))
			if named := strings.HasSuffix(table.Name, "orders"); err == nil && !named {
				t.Errorf("%s was fetched", table.Name)
			}
		}
	}
	status, body = bob.ask(t, "POST", "/query", `{"sql":"select count(*) from shop.orders o join shop.customers c using (customer_id)"}`, &result)
	if status != 200 {
		t.Errorf("a join: %d %s", status, body)
	}
	var problem struct{ Code string }
	if status, body = bob.ask(t, "POST", "/query", `{"sql":"select * from reference.airports"}`, &problem); status != 400 || problem.Code != "not_found" {
		t.Errorf("what is not granted: %d %s", status, body)
	}
}
