package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"regexp"
	"strings"
	"time"
)

// ask is a browser for scripts, or with -token FILE a script: it waits until
// sdcore serve has printed its link to a file, and prints status and body of the
// pages that it asks for. "BASE" stands for what the paths of pages begin with.
//
//	ask OUT BASE/ BASE/saved/
//	ask -token FILE OUT /api/groups
func ask() {
	args := os.Args[1:]
	token := ""
	if args[0] == "-token" {
		b, err := os.ReadFile(args[1])
		fatal(err)
		token, args = strings.TrimSpace(string(b)), args[2:]
	}
	link := printedLink(args[0])
	jar, err := cookiejar.New(nil)
	fatal(err)
	client := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	base := ""
	if token == "" {
		page := get(client, link, "")
		if m := regexp.MustCompile(`url=(/[^"]+)/"`).FindStringSubmatch(page); m != nil {
			base = m[1]
		}
	}
	origin, _, _ := strings.Cut(link, "/login/")
	for _, path := range args[1:] {
		get(client, origin+strings.Replace(path, "BASE", base, 1), token)
	}
}

// printedLink is the last link in what serve has printed.
func printedLink(file string) string {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(file)
		if i := bytes.LastIndex(b, []byte("http://")); err == nil && i >= 0 && bytes.ContainsRune(b[i:], '\n') {
			link, _, _ := strings.Cut(string(b[i:]), "\n")
			return link
		}
	}
	fatal(fmt.Errorf("%s has no link", file))
	return ""
}

func get(client *http.Client, url, token string) string {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	fatal(err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	fatal(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fatal(err)
	fmt.Printf("%d %s\n%s\n", res.StatusCode, res.Header.Get("Content-Type"), body)
	return string(body)
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "ask:", err)
		os.Exit(1)
	}
}
