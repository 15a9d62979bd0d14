package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/serve"
	"github.com/safedump/sdcore/triage/batch"
	"github.com/safedump/sdcore/triage/index"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	policyFlags
	storeFlag
	host       string
	port       int
	remote     bool
	allowHosts []string
	tokenFile  string
	open       bool
}

func newServeCommand(a *app) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve [flags] [DIR]",
		Short: "Show the crashes that batch has reported in a browser",
		Long: `Serve shows groups, their timelines, reports, and what was removed from them, in a
browser on this machine. DIR holds a batch's store or is one, and may hold saved reports
(default ~/.safedump).

It prints a link that works once; the browser that opens it is logged in until serve ends.
When a link was used the next one is printed. Nothing else lets anybody read: other users
of this machine can connect, too. Reports are redacted again before they are shown. A
group can be marked as fixed or open, as by 'sdcore mark'; nothing else is changed.

Interrupt it (Ctrl-C) to end it. docs/serve.md says what it protects against.`,
		Example: `  sdcore serve
  sdcore serve --open
  sdcore serve /srv/crashes --port 8080 --token-file ~/.sdcore-token
  sdcore serve --db postgres://sdcore@db.example/crashes`,
		Args: argRange(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.serve(cmd.Context(), &f, args)
		},
	}
	f.policyFlags.register(cmd)
	f.storeFlag.register(cmd)
	fs := cmd.Flags()
	fs.StringVar(&f.host, "host", "127.0.0.1", "`ADDRESS` to listen on; what others can reach needs --allow-remote")
	fs.IntVar(&f.port, "port", 4567, "port, or one of the next 4 when it is taken; 0 for any")
	fs.BoolVar(&f.remote, "allow-remote", false, "let other machines connect: what they read is not encrypted")
	fs.StringArrayVar(&f.allowHosts, "allow-host", nil, "another `NAME` that requests may be for, such as that of a proxy: NAME or NAME:PORT (repeatable)")
	fs.StringVar(&f.tokenFile, "token-file", "", "write a token for scripts to `FILE`, which only you can read; it is removed at the end")
	fs.BoolVar(&f.open, "open", false, "open the link in a browser")
	return cmd
}

func (f *serveFlags) check() error {
	if f.port < 0 || f.port > 65535 {
		return usagef("--port %d: want 0 to 65535", f.port)
	}
	if serve.Loopback(f.host) {
		return nil
	}
	if f.host == "" || strings.ContainsAny(f.host, "/ ") {
		return usagef("--host %q: want an address of this machine", f.host)
	}
	if !f.remote {
		return usagef("--host %s: other machines could connect, unencrypted: say --allow-remote, or better use ssh -L (docs/serve.md)", f.host)
	}
	if ip := net.ParseIP(f.host); ip != nil && ip.IsUnspecified() && len(f.allowHosts) == 0 {
		return usagef("--host %s: say with --allow-host by which name it is reached", f.host)
	}
	return nil
}

// dirs are the store and the directory of saved reports: DIR has a store or is
// one.
func (f *serveFlags) dirs(args []string) (store batch.Store, saved string, err error) {
	saved, err = reportDir()
	if len(args) == 1 {
		saved, err = args[0], nil
		info, statErr := os.Stat(saved)
		if statErr != nil {
			return store, "", statErr
		}
		if !info.IsDir() {
			return store, "", usagef("%s is not a directory: sdcore view shows one report", saved)
		}
	}
	if err != nil {
		return store, "", err
	}
	if f.storeFlag.dir != "" {
		return batch.Store{Dir: f.storeFlag.dir}, saved, nil
	}
	store = batch.Store{Dir: saved}
	if _, err := os.Stat(store.Index()); err != nil {
		store.Dir = filepath.Join(saved, "store")
	}
	return store, saved, nil
}

func (a *app) serve(ctx context.Context, f *serveFlags, args []string) error {
	if err := f.load(); err != nil {
		return err
	}
	store, saved, err := f.dirs(args)
	if err != nil {
		return err
	}
	o := serve.Options{
		Store: store.Dir, Saved: saved, AllowHosts: f.allowHosts, Remedy: hint,
		Open: func(ctx context.Context) (*index.Index, error) {
			return f.index(ctx, store, index.Options{MustExist: true})
		},
		Which: func() string {
			info, err := os.Stat(store.Index())
			if f.db != "" || err != nil {
				return ""
			}
			return fmt.Sprint(info.Sys().(*syscall.Stat_t).Ino)
		},
		Redact: func(r *report.Report) (redact.Result, error) {
			p := f.policyFlags // of its own: reports are read side by side
			p.now = time.Time{}
			return p.reapply(r)
		},
	}
	if f.db != "" {
		if o.Home, err = home(store); err != nil {
			return err
		}
	}
	switch x, err := o.Open(ctx); {
	case err == nil:
		x.Close()
	case !errors.Is(err, index.ErrNone): // one may come
		return err
	}
	return a.listen(ctx, f, o)
}

// listen serves until it is interrupted.
func (a *app) listen(ctx context.Context, f *serveFlags, o serve.Options) error {
	l, err := serve.Listen(f.host, f.port)
	if err != nil {
		return err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return err
	}
	o.Addr = net.JoinHostPort(f.host, port)
	if f.tokenFile != "" {
		o.Token = serve.NewToken()
		if err := writeFile(f.tokenFile, func(w io.Writer) error {
			_, err := io.WriteString(w, o.Token+"\n")
			return err
		}); err != nil {
			return err
		}
		defer os.Remove(f.tokenFile)
	}
	origin := "http://" + o.Addr
	if ip := net.ParseIP(f.host); ip != nil && ip.IsUnspecified() {
		origin = "http://" + f.allowHosts[0]
	}
	o.Used = func(link string) {
		fmt.Fprintf(a.stdout, "A browser is logged in. Another one: %s%s\n", origin, link)
	}
	s, err := serve.New(o)
	if err != nil {
		return usageError{err}
	}
	defer s.Close()
	if !serve.Loopback(f.host) {
		fmt.Fprintf(a.stderr, "sdcore: warning: %s can be reached from other machines, without encryption: who is between them reads every report and can act as the browser\n", o.Addr)
	}
	if f.port != 0 && port != strconv.Itoa(f.port) {
		fmt.Fprintf(a.stderr, "sdcore: port %d is taken: listening on %s\n", f.port, port)
	}
	link := origin + s.Link()
	fmt.Fprintf(a.stdout, "%s\nThe link works once. Interrupt (Ctrl-C) to end.\n", link)
	if f.open {
		remove, err := openLink(link)
		if err != nil {
			fmt.Fprintf(a.stderr, "sdcore: no browser: %s\n", oneLine(err.Error()))
		} else {
			defer remove()
		}
	}
	return s.Serve(ctx, l)
}

// openLink opens a link in the browser of the user. The link is in a file that
// only the user can read: what stands on a command line is there for everybody
// to see, and to use first.
func openLink(link string) (remove func(), err error) {
	dir, err := os.MkdirTemp("", "sdcore-serve-")
	if err != nil {
		return nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	path := filepath.Join(dir, "open.html")
	page := `<!DOCTYPE html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0; url=` +
		html.EscapeString(link) + `"><title>sdcore</title><p>Opening the crashes.`
	if err = os.WriteFile(path, []byte(page), 0o600); err == nil {
		cmd := exec.Command("xdg-open", path)
		if err = cmd.Start(); err == nil {
			go func() { _ = cmd.Wait() }()
			return remove, nil
		}
	}
	remove()
	return nil, err
}
