package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore/internal/coretest"
)

// terminal opens a pseudo terminal. What is written to tty comes back from read once
// it is closed.
func terminal(t *testing.T) (tty *os.File, read func() string) {
	t.Helper()
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		coretest.Unavailable(t, "no pseudo terminal: %v", err)
	}
	t.Cleanup(func() { m.Close() })
	if err := unix.IoctlSetPointerInt(int(m.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(m.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	text := make(chan string, 1)
	go func() {
		var b bytes.Buffer
		_, _ = io.Copy(&b, m) // EIO when the other side is closed
		text <- strings.ReplaceAll(b.String(), "\r\n", "\n")
	}()
	return tty, func() string { tty.Close(); return <-text }
}

// TestPager: on a terminal the output goes through the pager when that is asked for,
// and only then.
func TestPager(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	for _, tc := range []struct {
		name, sdcorePager, pager string
		args                     []string
		want                     string
	}{
		{"asked for", "", "sed s/^/paged:/", []string{"version", "--pager"}, "paged:sdcore "},
		{"not asked for", "", "sed s/^/paged:/", []string{"version"}, "sdcore "},
		{"ours first", "sed s/^/ours:/", "sed s/^/paged:/", []string{"--pager", "version"}, "ours:sdcore "},
		{"none", "", "cat", []string{"version", "--pager"}, "sdcore "},
		{"left at once", "", "true", []string{"version", "--pager"}, ""},
		{"not installed", "", "no-such-pager -R", []string{"version", "--pager"}, "sdcore "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("SDCORE_PAGER", tc.sdcorePager)
			t.Setenv("PAGER", tc.pager)
			tty, read := terminal(t)
			var errs bytes.Buffer
			if code := run(context.Background(), tc.args, strings.NewReader(""), tty, &errs); code != exitComplete || errs.Len() > 0 {
				t.Errorf("exit %d, %s", code, &errs)
			}
			if got := read(); !strings.HasPrefix(got, tc.want) || tc.want == "" && got != "" {
				t.Errorf("the terminal shows %q", got)
			}
		})
	}
}

// TestPagerLeft: a user who has seen enough makes no error of the rest.
func TestPagerLeft(t *testing.T) {
	p := &pager{command: "read line; echo $line", started: func() {}}
	var out bytes.Buffer
	p.out = &out
	for range 100 {
		if n, err := p.Write(bytes.Repeat([]byte("a line\n"), 10_000)); n != 70_000 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	p.close()
	if out.String() != "a line\n" {
		t.Errorf("%q", out.String())
	}
}

// TestPagerNoTerminal: a file gets the output as it is.
func TestPagerNoTerminal(t *testing.T) {
	t.Setenv("PAGER", "sed s/^/paged:/")
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"version", "--pager"}, strings.NewReader(""), &out, &errs); code != exitComplete || !strings.HasPrefix(out.String(), "sdcore ") {
		t.Errorf("exit %d, %q, %q", code, out.String(), errs.String())
	}
}
