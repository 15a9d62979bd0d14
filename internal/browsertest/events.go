package browsertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// Events are what a page did since it was opened.
type Events struct {
	Console    []string // messages of the console of any level, exceptions, and the browser's own log
	Violations []string // of the content security policy: the directive and what was refused
	Requests   []string // URLs in their order, the document's own first
	Dialogs    []string // alert, confirm, prompt: each is dismissed
}

// String lists the events, for the text of a failure.
func (e Events) String() string {
	return fmt.Sprintf("console: %q\nviolations: %q\nrequests: %q\ndialogs: %q", e.Console, e.Violations, e.Requests, e.Dialogs)
}

// recorder collects events while the browser sends them.
type recorder struct {
	mu     sync.Mutex
	events Events
	opened chan struct{} // a dialog waits for an answer
}

// take is called by the browser's reader, and must not wait for anything.
func (r *recorder) take(event any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &r.events
	switch x := event.(type) {
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, a := range x.Args {
			words = append(words, string(a.Value)+a.Description)
		}
		e.Console = append(e.Console, string(x.Type)+": "+strings.Join(words, " "))
	case *runtime.EventExceptionThrown:
		text := x.ExceptionDetails.Text
		if o := x.ExceptionDetails.Exception; o != nil {
			text += " " + o.Description
		}
		e.Console = append(e.Console, "exception: "+text)
	case *log.EventEntryAdded:
		e.Console = append(e.Console, string(x.Entry.Level)+": "+x.Entry.Text)
	case *audits.EventIssueAdded:
		if d := x.Issue.Details; d != nil && d.ContentSecurityPolicyIssueDetails != nil {
			v := d.ContentSecurityPolicyIssueDetails
			e.Violations = append(e.Violations, v.ViolatedDirective+" "+v.BlockedURL)
		}
	case *network.EventRequestWillBeSent:
		e.Requests = append(e.Requests, x.Request.URL)
	case *page.EventJavascriptDialogOpening:
		e.Dialogs = append(e.Dialogs, string(x.Type)+": "+x.Message)
		select {
		case r.opened <- struct{}{}:
		default:
		}
	}
}

func (r *recorder) snapshot() Events {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Events{
		Console: slices.Clone(r.events.Console), Violations: slices.Clone(r.events.Violations),
		Requests: slices.Clone(r.events.Requests), Dialogs: slices.Clone(r.events.Dialogs),
	}
}
