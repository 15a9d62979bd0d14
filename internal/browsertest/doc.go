// Package browsertest is for tests only: it opens pages in a real browser and
// says what they show and what they did.
//
// In:  a page, as bytes that [Serve] answers with or as any URL, and [Options]:
// size, light or dark, with or without script, on paper.
// Out: a [Page]: what it shows ([Eval], [Page.Text]), keys and clicks, the
// clipboard, pictures, its size ([Page.Metrics]), and its [Events]: messages of
// the console, violations of the policy, requests, dialogs.
//
// The browser is Debian's chromium without a window. It has no network but
// 127.0.0.1, and a profile that is thrown away. A machine without it skips
// these tests loudly; under SDCORE_REQUIRE_CORES=1 they fail. With -short they
// are skipped always. Start one for a test binary, in a test whose subtests
// open their pages in it: it takes about a second.
//
// Nothing of it is in sdcore: only tests may import this package.
package browsertest
