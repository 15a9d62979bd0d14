package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/tracker"
)

// attachFlags are the flags of attach.
type attachFlags struct {
	policyFlags
	kind, tokenFile, caCert string
	dryRun                  bool
	tracker                 tracker.Options
	run                     tracker.RunOptions
}

func newAttachCommand(a *app) *cobra.Command {
	var f attachFlags
	cmd := &cobra.Command{
		Use:   "attach [flags] REPORT...",
		Short: "Put saved reports into a bug tracker: one issue for a group of crashes",
		Long: `Attach files an issue for the group of crashes that a report belongs to, unless there is
one, closed ones included: then it adds a comment for a new way into the same bug, and
reopens the issue for a crash in a version that should have the fix. What was told already
is read from the tracker: attach may be run again, by any machine, and after it was killed.

The report has to be redacted; it is redacted again and scanned. It goes along as a file,
or, on GitHub, whose API takes none, in the text.

The credential comes from SDCORE_TRACKER_TOKEN, from the tracker's usual variable, or from
--token-file, never from the command line:
` + trackerHelp(),
		Example: `  sdcore attach crash.safedump.json --tracker github --project owner/name --dry-run
  GITHUB_TOKEN=... sdcore attach crash.safedump.json --tracker github --project owner/name
  sdcore attach *.safedump.json --tracker redmine --url https://bugs.example.com \
      --project pay --token-file ~/.config/sdcore/redmine`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s: no report: %s", cmd.CommandPath(), cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.attach(cmd.Context(), args, &f) },
	}
	f.register(cmd)
	return cmd
}

// trackerHelp lists the kinds of trackers.
func trackerHelp() string {
	var b strings.Builder
	for _, i := range tracker.Infos() {
		fmt.Fprintf(&b, "  %-8s %-17s --project %s\n", i.Name, strings.Join(i.TokenVars, ", "), i.Project)
		if i.Experimental != "" {
			fmt.Fprintf(&b, "           experimental: %s\n", i.Experimental)
		}
	}
	return b.String() + "Jira Cloud wants the address of the token's owner, too, in JIRA_USER."
}

func (f *attachFlags) register(cmd *cobra.Command) {
	f.policyFlags.register(cmd)
	var kinds []string
	for _, i := range tracker.Infos() {
		kinds = append(kinds, i.Name)
	}
	fs := cmd.Flags()
	fs.StringVar(&f.kind, "tracker", "", "kind of tracker: "+strings.Join(kinds, ", "))
	fs.StringVar(&f.tracker.Project, "project", "", "`PROJECT` in the tracker")
	fs.StringVar(&f.tracker.URL, "url", "", "`ADDRESS` of the tracker (default that of github.com or gitlab.com)")
	fs.StringVar(&f.tokenFile, "token-file", "", "read the credential from `FILE`, which nobody else may read")
	fs.StringVar(&f.caCert, "ca-cert", "", "trust the certificates in `FILE` (PEM), too")
	fs.BoolVar(&f.tracker.InsecureHTTP, "insecure-http", false, "send the credential over http to another host")
	fs.StringVar(&f.tracker.Label, "label", "sdcore", "`LABEL` of issues, by which they are found again")
	fs.StringVar(&f.tracker.IssueType, "issue-type", "Bug", "`TYPE` of new issues in Jira")
	fs.DurationVar(&f.tracker.Timeout, "timeout", 30*time.Second, "how long one request may take")
	fs.BoolVar(&f.dryRun, "dry-run", false, "show what would be sent, and send nothing that changes something")
	fs.IntVar(&f.run.MaxNew, "max-new", 5, "issues that one run files at most")
	fs.IntVar(&f.run.MaxComments, "max-comments", 20, "comments that one run writes at most")
	_ = cmd.RegisterFlagCompletionFunc("tracker", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp))
}

func (a *app) attach(ctx context.Context, args []string, f *attachFlags) error {
	t, err := f.open(a.stdout)
	if err != nil {
		return err
	}
	var reports []tracker.Report
	for _, path := range args { // all of them are looked at before anything is sent
		file, err := a.stored([]string{path})
		if err != nil {
			return err
		}
		saved := *file.Report // reapply redacts a copy, and settles limits
		res, err := f.reapply(file.Report)
		if err != nil {
			return err
		}
		rep, err := tracker.Ready(path, &saved, res)
		if err != nil {
			return err
		}
		reports = append(reports, rep)
	}
	out := tracker.Attach(ctx, t, reports, f.run)
	return a.attached(out, len(reports), f.dryRun)
}

// open makes the tracker that the flags name.
func (f *attachFlags) open(dry io.Writer) (tracker.Tracker, error) {
	if f.kind == "" {
		return nil, usagef("--tracker is missing (see sdcore attach --help)")
	}
	if f.run.MaxNew < 0 || f.run.MaxComments < 0 {
		return nil, usagef("--max-new and --max-comments: want 0 or more")
	}
	if err := f.load(); err != nil {
		return nil, err
	}
	o := f.tracker
	o.UserAgent = "sdcore/" + sdcore.Version()
	if f.dryRun {
		o.DryRun, f.run.DryRun = dry, true
	}
	var err error
	if o.Token, err = f.token(); err != nil {
		return nil, err
	}
	if f.kind == "jira" {
		o.User = os.Getenv("JIRA_USER")
	}
	if o.Transport, err = f.transport(); err != nil {
		return nil, err
	}
	t, err := tracker.New(f.kind, o)
	for _, usage := range []error{tracker.ErrKind, tracker.ErrNoURL, tracker.ErrURL, tracker.ErrProject} {
		if errors.Is(err, usage) {
			return nil, usagef("--tracker %s: %w: %s", f.kind, err, hint(usage))
		}
	}
	return t, err
}

// token reads the credential.
func (f *attachFlags) token() (string, error) {
	if f.tokenFile != "" {
		return tokenOf(f.tokenFile)
	}
	names := []string{"SDCORE_TRACKER_TOKEN"}
	for _, i := range tracker.Infos() {
		if i.Name == f.kind {
			names = append(names, i.TokenVars...)
		}
	}
	for _, name := range names {
		if value := strings.TrimSpace(os.Getenv(name)); value != "" {
			return value, nil
		}
	}
	if f.dryRun {
		return "", nil
	}
	return "", fmt.Errorf("%w: set %s, or name a file with --token-file", tracker.ErrNoToken, strings.Join(names, " or "))
}

// maxToken is more than any credential is long.
const maxToken = 16 << 10

// tokenOf reads a credential from a file that nobody else can read.
func tokenOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s: %w: chmod 600 %s", path, errOthersRead, path)
	}
	b, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if token == "" || len(b) > maxToken || strings.ContainsAny(token, "\r\n") {
		return "", fmt.Errorf("%s: %w: want it alone, on one line", path, tracker.ErrNoToken)
	}
	return token, nil
}

// errOthersRead is for a file with a credential.
var errOthersRead = errors.New("others can read the credential")

// transport knows the proxies of the environment and the certificates of --ca-cert.
func (f *attachFlags) transport() (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = http.ProxyFromEnvironment
	t.DisableCompression = true
	if f.caCert == "" {
		return t, nil
	}
	pem, err := os.ReadFile(f.caCert)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usagef("--ca-cert %s: no certificate in it: want PEM", f.caCert)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// attached says what became of the reports.
func (a *app) attached(out []tracker.Outcome, reports int, dry bool) error {
	w := a.stdout
	if dry {
		w = a.stderr // stdout has what would be sent
	}
	var failed error
	left := reports - len(out)
	for _, x := range out {
		where := x.Issue.URL
		switch {
		case x.Action == tracker.LeftOut:
			left++
			where = "as many as a run may write were written; --max-new and --max-comments allow more"
		case x.Action == tracker.Failed:
			failed = errors.Join(failed, fmt.Errorf("%s: %w", x.Report, x.Err))
			continue
		case dry:
			where = "nothing was sent"
		}
		if _, err := fmt.Fprintf(w, "%s: %s: %s: %s\n", oneLine(x.Report), x.Action, oneLine(where), oneLine(x.Title)); err != nil {
			return err
		}
		if x.Err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", x.Report, x.Err))
		}
	}
	if failed != nil {
		if left > 0 {
			failed = fmt.Errorf("%w; %d of %d reports are left", failed, left, reports)
		}
		return failed
	}
	if left > 0 {
		fmt.Fprintf(a.stderr, "sdcore: %d of %d reports are left: run it again\n", left, reports)
		return errPartial
	}
	return nil
}
