package sdcore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// everything is the filter of the commands for JSON.
var everything = sdcore.Filter{System: true, List: true, Frames: true, Locals: true}

// unbounded are options for a report of any size.
func unbounded(tier int) sdcore.Options {
	return sdcore.Options{Tier: tier, Globals: true, Limits: report.Limits{MaxSize: -1}}
}

func redactor(t *testing.T, o sdcore.Options) *redact.Redactor {
	t.Helper()
	p := redact.Default()
	p.Tier, p.Limits = o.Tier, o.Limits
	x, err := redact.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func openSession(t *testing.T, core, bin string, o sdcore.Options) *sdcore.Session {
	t.Helper()
	s, err := sdcore.Open(context.Background(), core, bin, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestStreamEqualsWhole: what is streamed is, byte for byte, what the report
// that is held as a whole is written as.
func TestStreamEqualsWhole(t *testing.T) {
	for _, name := range coretest.Names(t) {
		tiers := []int{2}
		if name == "payment" || name == "stdvalues" { // which have secrets
			tiers = []int{0, 1, 2, 3, 4}
		}
		for _, tier := range tiers {
			t.Run(fmt.Sprintf("%s/tier%d", name, tier), func(t *testing.T) {
				f, o := coretest.Core(t, name), unbounded(tier)
				equalStreams(t, openSession(t, f.Core, f.Bin, o), o)
			})
		}
	}
	f := coretest.Core(t, "payment")
	t.Run("delve", func(t *testing.T) {
		o := unbounded(2)
		o.Backend = "delve"
		equalStreams(t, openSession(t, f.Core, f.Bin, o), o)
	})
	t.Run("runtime variables", func(t *testing.T) {
		o := unbounded(2)
		o.RuntimeVars = true
		equalStreams(t, openSession(t, f.Core, f.Bin, o), o)
	})
	for _, part := range []int64{2, 3, 8} {
		t.Run(fmt.Sprintf("a core cut to 1/%d", part), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "core")
			data, err := os.ReadFile(f.Core)
			if err == nil {
				err = os.WriteFile(path, data[:int64(len(data))/part], 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			o := unbounded(2)
			equalStreams(t, openSession(t, path, f.Bin, o), o)
		})
	}
}

// equalStreams compares both streams of a session with what is written whole.
func equalStreams(t *testing.T, s *sdcore.Session, o sdcore.Options) {
	t.Helper()
	ctx, x := context.Background(), redactor(t, o)
	made := export.Options{MaxSize: -1}
	whole, err := s.Report(ctx)
	if errors.Is(err, corefile.ErrNoDWARF) {
		t.Skip(err)
	}
	res := applied(t, x, whole, err)
	sameOutput(t, "report as JSON", func(w io.Writer) error {
		_, err := s.StreamReport(ctx, x, export.NewJSONStream(w, made))
		return err
	}, func(w io.Writer) error { return export.JSON(w, res, made) })

	rep, err := s.Goroutines(ctx, everything)
	if err != nil && whole.Identity.MissingBytes > 0 {
		return // of a core that was cut early there are no goroutines
	}
	res = applied(t, x, rep, err)
	sameOutput(t, "goroutines as JSONL", func(w io.Writer) error {
		_, err := s.StreamGoroutines(ctx, everything, x, export.NewJSONLStream(w, made))
		return err
	}, func(w io.Writer) error { return export.JSONL(w, res) })
}

func applied(t *testing.T, x *redact.Redactor, rep *report.Report, err error) redact.Result {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	res, err := x.Apply(rep)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// sameOutput compares what two writers write, and says where they part.
func sameOutput(t *testing.T, what string, got, want func(io.Writer) error) {
	t.Helper()
	var a, b bytes.Buffer
	if err := got(&a); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := want(&b); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	x, y := a.Bytes(), b.Bytes()
	if bytes.Equal(x, y) {
		return
	}
	at := 0
	for at < len(x) && at < len(y) && x[at] == y[at] {
		at++
	}
	around := func(b []byte) []byte { return b[max(at-200, 0):min(at+200, len(b))] }
	t.Errorf("%s: %d bytes are streamed, %d written whole; they part at %d:\n%s\n%s", what, len(x), len(y), at, around(x), around(y))
}

// failing is a sink that fails at one of its calls, and counts the others.
type failing struct {
	at    string
	calls map[string]int
	stop  context.CancelFunc // called instead of failing
}

var errSink = errors.New("the sink is full")

func (f *failing) call(name string) error {
	f.calls[name]++
	if f.at != name {
		return nil
	}
	if f.stop != nil {
		f.stop()
		return nil
	}
	return errSink
}

func (f *failing) Head(redact.Result) error { return f.call("head") }
func (f *failing) Append(b []byte, _ redact.Goroutine) ([]byte, error) {
	if f.at == "append" {
		return nil, errSink
	}
	return append(b, '\n'), nil
}
func (f *failing) Write([]byte) error       { return f.call("write") }
func (f *failing) End(map[string]int) error { return f.call("end") }

// TestStreamEnds: a sink that fails, and a caller who has enough, end the stream
// where it is, and nothing is left running.
func TestStreamEnds(t *testing.T) {
	o := unbounded(2)
	f := coretest.Core(t, "manywait")
	s, x := openSession(t, f.Core, f.Bin, o), redactor(t, o)
	before := runtime.NumGoroutine()
	for _, tt := range []struct {
		at   string
		stop bool
		want map[string]int
	}{
		{"head", false, map[string]int{"head": 1}},
		{"append", false, map[string]int{"head": 1}},
		{"write", false, map[string]int{"head": 1, "write": 1}},
		{"head", true, map[string]int{"head": 1}},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		sink := &failing{at: tt.at, calls: map[string]int{}}
		want := errSink
		if tt.stop {
			sink.stop, want = cancel, context.Canceled
		}
		_, err := s.StreamGoroutines(ctx, everything, x, sink)
		cancel()
		if !errors.Is(err, want) || fmt.Sprint(sink.calls) != fmt.Sprint(tt.want) {
			t.Errorf("stopped at %s: error %v, calls %v, want %v, %v", tt.at, err, sink.calls, want, tt.want)
		}
		for i := 0; runtime.NumGoroutine() > before; i++ { // one that is done may still be counted
			if runtime.Gosched(); i > 1e6 {
				t.Fatalf("stopped at %s: %d goroutines run, %d before", tt.at, runtime.NumGoroutine(), before)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	sink := &failing{calls: map[string]int{}}
	if _, err := s.StreamReport(ctx, x, sink); !errors.Is(err, context.Canceled) || len(sink.calls) > 0 {
		t.Errorf("cancelled before: error %v, calls %v", err, sink.calls)
	}
	if _, err := s.StreamGoroutines(context.Background(), sdcore.Filter{IDs: []uint64{1 << 60}}, x, sink); err == nil || len(sink.calls) > 0 {
		t.Errorf("no such goroutine: error %v, calls %v", err, sink.calls)
	}
}

// kept keeps the goroutines that are streamed, as they are written.
type kept struct{ bytes.Buffer }

func (k *kept) Head(head redact.Result) error {
	for _, g := range head.Report().Goroutines[:1] {
		k.Buffer.Write(append(g.AppendJSON(nil), '\n'))
	}
	return nil
}
func (k *kept) Append(b []byte, g redact.Goroutine) ([]byte, error) {
	return append(g.Goroutine().AppendJSON(b), '\n'), nil
}
func (k *kept) Write(b []byte) error   { _, err := k.Buffer.Write(b); return err }
func (*kept) End(map[string]int) error { return nil }

// TestStreamSpreadsSecrets: what only the last goroutine gives away is removed
// from the first. In the fixture goexit the last one has something whose Name is
// "database", the first one has a map with that key. A word is not searched for,
// so the test gives it another spelling.
func TestStreamSpreadsSecrets(t *testing.T) {
	const word, secret = "database", "d4t4b4s3"
	f, dir := coretest.Core(t, "goexit"), t.TempDir()
	for name, path := range map[string]string{"core": f.Core, "bin": f.Bin} {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), bytes.ReplaceAll(data, []byte(word), []byte(secret)), 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	o := unbounded(4)
	s := openSession(t, filepath.Join(dir, "core"), filepath.Join(dir, "bin"), o)
	own := everything
	own.System = false // the runtime's own come in any order
	for _, deny := range [][]string{nil, {"Name"}} {
		p := redact.Default()
		p.Tier, p.Limits, p.Deny = o.Tier, o.Limits, deny
		x, err := redact.New(p)
		if err != nil {
			t.Fatal(err)
		}
		var out kept
		if _, err := s.StreamGoroutines(context.Background(), own, x, &out); err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
		first, last := lines[0], lines[len(lines)-1]
		if bytes.Contains(first, []byte(`"Name"`)) || !bytes.Contains(last, []byte(`"Name"`)) {
			t.Fatal("the fixture has changed: the Name is not in the last goroutine alone")
		}
		if got, want := bytes.Contains(first, []byte(secret)), deny == nil; got != want {
			t.Errorf("with %q denied the first goroutine has the name: %v, want %v", deny, got, want)
		}
	}
}
