package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"
)

// mixed are the pages that people look at, in the shares of a day's work.
func mixed(tables int) string {
	table := fmt.Sprintf("/t/main.table_%04d", rand.IntN(tables))
	return []string{"/", "/", "/catalog", "/catalog?q=table_1", table, table, "/runs", "/me", "/setup", "/definitions"}[rand.IntN(10)]
}

// gather runs n workers and adds up what they say.
func gather(n int, work func(int) times) times {
	out := make(chan times, n)
	for k := range n {
		go func() { out <- work(k) }()
	}
	var all times
	for range n {
		all.add(<-out)
	}
	return all
}

// crowd is many people who read and think.
func crowd(i *instance, people []person, s scenes) (string, error) {
	began := time.Now()
	end := began.Add(s.span)
	all := gather(len(people), func(k int) (t times) {
		time.Sleep(rand.N(s.think))
		c := &client{host: i.url, cookie: people[k].cookie}
		defer c.close()
		for time.Now().Before(end) {
			t.ask(c, mixed(s.tables), http.StatusOK)
			time.Sleep(s.think/2 + rand.N(s.think))
		}
		return t
	})
	return fmt.Sprintf("- %d people signed in, on mixed pages, %v between two: %.0f requests/s, p50 **%s**, p99 **%s**, %s.", len(people), s.think,
		float64(len(all.took))/time.Since(began).Seconds(), ms(all.at(0.5)), ms(all.at(0.99)), all.errors()), nil
}

// loop is connections that ask without a pause.
func loop(i *instance, people []person, s scenes) (string, error) {
	end := time.Now().Add(s.span / 2)
	all := gather(s.connections, func(k int) (t times) {
		c := &client{host: i.url, cookie: people[k%len(people)].cookie}
		defer c.close()
		for time.Now().Before(end) {
			t.ask(c, "/api/v1/me", http.StatusOK)
		}
		return t
	})
	return fmt.Sprintf("- %d connections ask the JSON API (`/api/v1/me`) in a closed loop: **%.0f requests/s**, p50 %s, p99 %s, %s.", s.connections,
		float64(len(all.took))/(s.span/2).Seconds(), ms(all.at(0.5)), ms(all.at(0.99)), all.errors()), nil
}

// catalog asks for the first page and for the whole as JSON.
func catalog(i *instance, people []person, s scenes) (string, error) {
	figures := func(path string) times {
		c := &client{host: i.url, cookie: people[1].cookie}
		defer c.close()
		var warm, t times
		warm.ask(c, path, http.StatusOK)
		for range 50 {
			t.ask(c, path, http.StatusOK)
		}
		return t
	}
	page, json := figures("/catalog"), figures("/api/v1/catalog")
	return fmt.Sprintf("- Catalog of %d tables, warm, p95: first page **%s**, the whole as JSON **%s** (%s; %s).", s.tables, ms(page.at(0.95)), ms(json.at(0.95)),
		page.errors(), json.errors()), nil
}

// signIns is a burst of sign-ins with passwords while others read.
func signIns(i *instance, people []person, s scenes) (string, error) {
	readers := func(until func() bool) times {
		return gather(20, func(k int) (t times) {
			c := &client{host: i.url, cookie: people[k%len(people)].cookie}
			defer c.close()
			for until() {
				t.ask(c, mixed(s.tables), http.StatusOK)
				time.Sleep(100 * time.Millisecond)
			}
			return t
		})
	}
	calm := time.Now().Add(s.span / 4)
	before := readers(func() bool { return time.Now().Before(calm) })
	tries, err := i.doors(s.burst)
	if err != nil {
		return "", err
	}
	over := make(chan struct{})
	var burst times
	var wait sync.WaitGroup
	wait.Go(func() {
		defer close(over)
		burst = gather(len(tries), func(k int) times { return tries[k].try() })
	})
	during := readers(func() bool {
		select {
		case <-over:
			return false
		default:
			return true
		}
	})
	wait.Wait()
	return fmt.Sprintf("- Burst of %d sign-ins with passwords (429 with Retry-After is an answer): all answered in %s at most, %s; pages meanwhile p50 %s, p99 %s, before p50 %s, p99 %s: **%.1f times** at p50, %.1f at p99; %s.",
		s.burst, ms(burst.at(1)), burst.errors(), ms(during.at(0.5)), ms(during.at(0.99)), ms(before.at(0.5)), ms(before.at(0.99)),
		float64(during.at(0.5))/float64(before.at(0.5)), float64(during.at(0.99))/float64(before.at(0.99)), during.errors()), nil
}

// door is a browser before the form of the password.
type door struct {
	client *http.Client
	url    string
	token  string
}

// doors opens the login page in so many browsers.
func (i *instance) doors(n int) ([]door, error) {
	doors := make([]door, n)
	for k := range doors {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return nil, err
		}
		client := &http.Client{Jar: jar}
		token, err := formToken(client, i.url)
		if err != nil {
			return nil, err
		}
		doors[k] = door{client, i.url, token}
	}
	return doors, nil
}

// try signs in with a wrong password: what costs the server most and tells least.
func (d door) try() (t times) {
	form := url.Values{"_csrf": {d.token}, "email": {"nobody@example.com"}, "password": {"not the password"}}
	began := time.Now()
	request, err := http.NewRequest("POST", d.url+"/auth/password", strings.NewReader(form.Encode()))
	if err != nil {
		t.fail(err.Error(), 1)
		return t
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", d.url)
	answer, err := d.client.Do(request)
	if err != nil {
		t.fail(err.Error(), 1)
		return t
	}
	defer answer.Body.Close()
	t.took = append(t.took, time.Since(began))
	refused := answer.StatusCode == http.StatusTooManyRequests && answer.Header.Get("Retry-After") != ""
	if answer.StatusCode != http.StatusForbidden && !refused {
		t.fail(answer.Status, 1)
	}
	return t
}
