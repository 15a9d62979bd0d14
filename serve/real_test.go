package serve

import (
	"context"
	"flag"
	"path/filepath"
	"testing"

	"github.com/safedump/sdcore/internal/browsertest"
	"github.com/safedump/sdcore/triage/index"
)

var realStore = flag.String("real-store", "", "with -pictures: also of this store of a batch, `DIR`")

// TestRealStore takes pictures of a store that a batch has made, to be looked at.
func TestRealStore(t *testing.T) {
	if *realStore == "" || *pictures == "" {
		t.Skip("for people: -real-store and -pictures name directories")
	}
	b := browsertest.Start(t)
	w, origin := live(t, func(w *world) {
		w.s.o.Store = *realStore
		w.s.o.Open = func(ctx context.Context) (*index.Index, error) {
			return index.Open(ctx, filepath.Join(*realStore, "index.db"), index.Options{MustExist: true})
		}
	})
	p := in(t, b, w, origin, browsertest.Options{})
	for i, click := range []string{"", ".groups tr:nth-child(3) .what a", ".actions .button", `header a[href$="/redactions"]`} {
		if click != "" {
			before := browsertest.Eval[string](p, "location.pathname")
			p.Click(click)
			p.Wait(`location.pathname !== "` + before + `" && document.readyState === "complete"`)
		}
		p.Screenshot(filepath.Join(*pictures, "real-"+string(rune('0'+i))+".png"), true)
	}
	quiet(t, p, origin)
}
