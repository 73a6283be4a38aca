package main

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"time"
)

// outcome is one analyst's: seconds until the manifest was there, bytes of parts.
type outcome struct {
	Wait  float64
	Bytes int64
}

// crowd is many analysts at once, each a process of its own who has nine tenths of the files already: a manifest each, then
// the missing parts, hashed as a pull does.
func crowd(i *instance, people int) (string, error) {
	token, err := i.token("ada@example.com")
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	type analyst struct {
		cmd *exec.Cmd
		in  io.WriteCloser
		out *bufio.Reader
	}
	var all []analyst
	for n := range people {
		cmd := exec.Command(self, "-worker", i.url, "-number", strconv.Itoa(n))
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			return "", err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return "", err
		}
		if err := cmd.Start(); err != nil {
			return "", err
		}
		a := analyst{cmd, in, bufio.NewReader(out)}
		if _, err := a.out.ReadString('\n'); err != nil { // it is ready
			return "", err
		}
		all = append(all, a)
	}
	begun := time.Now()
	for _, a := range all {
		if _, err := io.WriteString(a.in, token+"\n"); err != nil {
			return "", err
		}
	}
	var waits []float64
	var total int64
	for _, a := range all {
		var o outcome
		if err := json.NewDecoder(a.out).Decode(&o); err != nil {
			return "", err
		}
		waits, total = append(waits, o.Wait), total+o.Bytes
	}
	took := time.Since(begun).Seconds()
	for _, a := range all {
		if err := errors.Join(a.in.Close(), a.cmd.Wait()); err != nil {
			return "", err
		}
	}
	sort.Float64s(waits)
	return fmt.Sprintf("- %d analysts at once, processes of their own, each missing a tenth of the files: %.2f GB in %.2f s, **%.0f MB/s** together, hashed on the same cores; manifest p99 **%.0f ms**, median %.0f ms.",
		people, float64(total)/1e9, took, float64(total)/1e6/took, waits[len(waits)*99/100]*1e3, waits[len(waits)/2]*1e3), nil
}

// work is one analyst of the crowd: it waits for its token on standard input, then pulls.
func work(url string, n int) error {
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	fmt.Println("ready")
	token, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return err
	}
	wait, bytes, err := once(client, url, strings.TrimSpace(token), n)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(outcome{wait, bytes})
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
				return 0, 0, fmt.Errorf("part %s: %d of %d bytes: %w", p.SHA256, size, p.Size, cmp.Or(err, io.ErrUnexpectedEOF))
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
