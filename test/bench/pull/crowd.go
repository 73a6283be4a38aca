package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sort"
	"sync"
	"time"
)

// crowd is many analysts at once, each of whom has 90 % of the parts already: a manifest each, then the missing parts,
// hashed as a pull does. It goes on until the big table has been fetched by everybody.
func crowd(i *instance, people int) (string, error) {
	token, err := i.token("ada@example.com")
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: people * 2, DisableCompression: true}}
	var mu sync.Mutex
	var waits []float64
	var total int64
	var failed error
	var all sync.WaitGroup
	begun := time.Now()
	for n := range people {
		all.Go(func() {
			wait, bytes, err := once(client, i.url, token, n)
			mu.Lock()
			defer mu.Unlock()
			waits, total = append(waits, wait), total+bytes
			if err != nil {
				failed = err
			}
		})
	}
	all.Wait()
	took := time.Since(begun).Seconds()
	if failed != nil {
		return "", failed
	}
	sort.Float64s(waits)
	return fmt.Sprintf("- %d analysts at once, each missing a tenth of the files: %.2f GB in %.2f s, **%.0f MB/s** together, hashed by the clients on the same cores; manifest p99 **%.0f ms**.",
		people, float64(total)/1e9, took, float64(total)/1e6/took, waits[len(waits)*99/100]*1e3), nil
}

// once is one analyst: the seconds until the manifest was there, and the bytes of parts.
func once(client *http.Client, url, token string, n int) (float64, int64, error) {
	begun := time.Now()
	body, err := get(client, url+"/api/v1/manifest", token)
	if err != nil {
		return 0, 0, err
	}
	text, err := io.ReadAll(body)
	wait := time.Since(begun).Seconds()
	if err := body.Close(); err != nil {
		return 0, 0, err
	}
	var m struct {
		Tables []struct {
			Parts []struct {
				SHA256 string
				Size   int64
			}
		}
	}
	if err != nil {
		return 0, 0, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return 0, 0, err
	}
	var total int64
	k := 0
	for _, t := range m.Tables {
		for _, p := range t.Parts {
			if k++; (k+n)%10 != 0 {
				continue
			}
			size, err := part(client, url, token, p.SHA256)
			if err != nil || size != p.Size {
				return 0, 0, fmt.Errorf("part %s: %d of %d bytes: %v", p.SHA256, size, p.Size, err)
			}
			total += size
		}
	}
	return wait, total, nil
}

func get(client *http.Client, url, token string) (io.ReadCloser, error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return answer.Body, nil
}

func part(client *http.Client, url, token, sha string) (int64, error) {
	body, err := get(client, url+"/api/v1/parts/"+sha, token)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, body)
	if err == nil && hex.EncodeToString(hash.Sum(nil)) != sha {
		err = fmt.Errorf("other bytes")
	}
	return size, err
}
