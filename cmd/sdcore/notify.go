package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/safedump/sdcore/triage/night"
)

// hookTime bounds a web hook: the batch does not wait for a dead server.
const hookTime = 30 * time.Second

// notify tells others of new crashes, where asked for.
func (a *app) notify(ctx context.Context, n *night.Night, f *batchFlags) error {
	if f.exec == "" && f.webhook == "" {
		return nil
	}
	var data bytes.Buffer
	if err := night.Write(&data, n, "json"); err != nil {
		return err
	}
	if f.exec != "" {
		if err := a.notifyCommand(ctx, f.exec, data.Bytes()); err != nil {
			return err
		}
	}
	if f.webhook != "" {
		return postNight(ctx, f.webhook, data.Bytes())
	}
	return nil
}

func (a *app) notifyCommand(ctx context.Context, command string, data []byte) error {
	dir, err := os.MkdirTemp("", "sdcore-night-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := dir + "/night.json"
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", command, "sdcore", path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("--exec: %w; the new crashes will be told again", err)
	}
	return nil
}

// postNight sends the report of a night. Errors do not hold the URL: a web hook's
// is a secret.
func postNight(ctx context.Context, url string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		return usagef("--webhook: not a URL")
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("--webhook: %s can't be reached or did not answer within %v; the new crashes will be told again", req.URL.Hostname(), hookTime)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // its text says nothing
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("--webhook: %s answered %d; the new crashes will be told again", req.URL.Hostname(), res.StatusCode)
	}
	return nil
}
