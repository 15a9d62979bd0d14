// Package serve shows an index of crashes and its reports in a browser, on this
// machine.
//
// In:  an index, the directories of the reports, and how a report is redacted.
// Out: an [http.Handler]: pages for people, JSON for scripts (docs/serve.md).
//
// Who may ask is decided in three files, before anything is read: guard.go (which
// names the server goes by, which sites may ask, what every answer says to the
// browser), session.go (one-time links, cookies, the token of scripts) and
// listen.go (where it listens, how many may connect). Reports are opened by
// reports.go only: from their directory, of a bounded size, redacted again, as
// `sdcore view` does. What the index says is a claim, also the name of a file.
//
// It changes nothing but where a group stands, computes no fingerprint, and reads
// no core.
package serve
