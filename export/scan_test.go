package export

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// unpacked is what a format has written, as text.
func unpacked(t testing.TB, b []byte) string {
	t.Helper()
	if !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		return string(b)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(z) // it may have been broken off
	return string(text)
}

// shownRecords are the formats that list what was removed.
var shownRecords = []string{"JSON", "JSONL", "RedactionsText", "RedactionsJSON", "NewJSONStream", "NewJSONLStream"}

// TestLastScan leaves a secret in one place of a redacted report after the other:
// every format that shows the place drops what is there, with a record where it
// lists records, and shows the rest. No function of this package goes another
// way.
func TestLastScan(t *testing.T) {
	caught := map[string]int{}
	for place, plant := range leaks() {
		for _, text := range []string{planted, `q"` + planted + "\u00e9\\"} {
			with := func(known ...string) redact.Result {
				res := redacted(t, known...)
				plant(res.Report(), text)
				return res
			}
			allOpen, allHeld := with(), with(text)
			for way, write := range ways() {
				var shown, got bytes.Buffer
				open, held := allOpen, allHeld
				if strings.HasPrefix(way, "Printed") { // they need another report
					open, held = with(), with(text)
				}
				if way == "GoLiterals" && place == "variable" && text != planted {
					continue // of such a name it writes the letters only
				}
				if err := write(&shown, open); errors.Is(err, report.ErrPath) {
					continue // it is not called so any more
				} else if err != nil {
					t.Fatalf("%s, %s: %v", way, place, err)
				}
				if !strings.Contains(unpacked(t, shown.Bytes()), planted) {
					continue // this format does not show the place
				}
				caught[way]++
				err := write(&got, held)
				out := unpacked(t, got.Bytes())
				if strings.Contains(out, planted) || err != nil && !strings.HasPrefix(way, "Value") {
					t.Errorf("%s shows the %s (%v):\n%s", way, place, err, out)
				}
				if err == nil && slices.Contains(shownRecords, way) && !strings.Contains(out, "last scan") {
					t.Errorf("%s has no record of the %s:\n%s", way, place, out)
				}
			}
		}
	}
	for _, way := range takers(t) {
		if caught[way] == 0 {
			t.Errorf("%s shows none of the leaks: is it among the ways that are tested?", way)
		}
	}
	t.Logf("%d formats, %v", len(caught), caught)
}

// takers are the exported functions of this package through which a report gets
// out: all that take anything.
func takers(t *testing.T) []string {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() && fn.Type.Params.NumFields() > 0 {
				names = append(names, fn.Name.Name)
			}
		}
	}
	if len(names) < 20 {
		t.Fatalf("only %v", names)
	}
	return names
}

// TestLastScanOfJoints makes secrets of pieces of innocent output, so that they
// stand there only because of how its parts are put together: they are gone, or
// the output ends before them.
func TestLastScanOfJoints(t *testing.T) {
	dropped, ended := 0, 0
	rnd := rand.New(rand.NewPCG(3, 4))
	for way, write := range ways() {
		var plain bytes.Buffer
		if err := write(&plain, redacted(t)); err != nil {
			t.Fatal(err)
		}
		text := unpacked(t, plain.Bytes())
		for range 6 {
			n := 8 + rnd.IntN(20)
			if len(text) <= n {
				continue
			}
			at := rnd.IntN(len(text) - n)
			secret := text[at : at+n]
			res, ok := knowing(t, secret)
			if !ok {
				continue
			}
			var got bytes.Buffer
			err := write(&got, res)
			if out := unpacked(t, got.Bytes()); strings.Contains(out, secret) {
				t.Errorf("%s shows %q (%v)", way, secret, err)
			}
			switch {
			case err == nil:
				dropped++
			case errors.Is(err, ErrSecret):
				ended++
			case !strings.HasPrefix(way, "Value") && !strings.HasPrefix(way, "Printed") && way != "GoLiterals":
				t.Errorf("%s, %q: %v", way, secret, err)
			}
		}
	}
	if dropped < 50 || ended < 20 {
		t.Errorf("%d outputs without the secret, %d ended", dropped, ended)
	}
	t.Logf("%d outputs without the secret, %d ended", dropped, ended)
}

// knowing is redacted for a text that may be none to look for: sdcore's own
// words.
func knowing(t testing.TB, secret string) (res redact.Result, ok bool) {
	t.Helper()
	res = redacted(t, secret, planted)
	found, _ := res.LastScan().Find([]byte(secret))
	return res, found
}

// TestUnremovableSecret: a renderer that shows a secret whatever is dropped ends
// the output, and of the part that holds it nothing is written.
func TestUnremovableSecret(t *testing.T) {
	var out bytes.Buffer
	tries := 0
	err := scanned(&out, redacted(t, planted), "test", func(p *paper, r *report.Report) error {
		tries++
		_, err := io.WriteString(p, "it is "+planted)
		return err
	})
	if !errors.Is(err, ErrSecret) || tries > 10 || out.Len() > 0 || strings.Contains(err.Error(), planted) || !strings.HasPrefix(err.Error(), "export test: ") {
		t.Errorf("after %d tries %v, written %q", tries, err, &out)
	}
	if _, err := scannedText(redacted(t, planted), "name", func(*report.Report) string { return planted }); !errors.Is(err, ErrSecret) {
		t.Errorf("a name: %v", err)
	}
	for _, at := range []uint64{1, 19, 2} { // in the first goroutine, between, and in the last one
		out.Reset()
		err = scanned(&out, redacted(t, planted), "test", func(p *paper, r *report.Report) error {
			return p.goroutines(inOrder(len(r.Goroutines)), r.Goroutines, func() pen {
				var b bytes.Buffer
				return pen{&b, func(g *report.Goroutine) {
					fmt.Fprintln(&b, g.ID)
					if g.ID == at {
						fmt.Fprintln(&b, planted)
					}
				}}
			})
		})
		if want := fmt.Sprintf("goroutine %d: ", at); !errors.Is(err, ErrSecret) || !strings.Contains(err.Error(), want) || strings.Contains(out.String()+err.Error(), planted) {
			t.Errorf("in goroutine %d: %v, written %q", at, err, &out)
		}
	}
	for _, leaky := range []leakyForm{{first: planted}, {last: planted}, {each: planted}} {
		out.Reset()
		s := newStream(&out, &leaky, false)
		if err := streamResult(s, redacted(t, planted)); !errors.Is(err, ErrSecret) || strings.Contains(out.String()+err.Error(), planted) {
			t.Errorf("%+v: %v, written %q", leaky, err, &out)
		}
	}
}

// leakyForm shows texts whatever the report holds.
type leakyForm struct{ first, last, each string }

func (*leakyForm) name() string      { return "leaky" }
func (f *leakyForm) fresh() form     { return f }
func (*leakyForm) separator() string { return "" }
func (f *leakyForm) head(out *bufio.Writer, _ *report.Report) error {
	_, err := out.WriteString(f.first)
	return err
}
func (f *leakyForm) goroutine(dst []byte, _ *report.Goroutine) []byte {
	return append(append(dst, f.each...), '\n')
}
func (f *leakyForm) tail(out *bufio.Writer, _ int, _ map[string]int) error {
	_, err := out.WriteString(f.last)
	return err
}

// TestGateAtEverySplit: wherever the writes begin and end, by those that are
// scanned and those that were, no byte behind a secret's last gets out and never
// the whole of one. A text without secrets comes out as it is.
func TestGateAtEverySplit(t *testing.T) {
	const long = "Tr0ub4dor&3-and-a-longer-one#9"
	scan := redacted(t, planted, long).LastScan()
	for _, secret := range []string{planted, long, long[:len(long)-1], planted[:8]} {
		text := "first, " + secret + ", second"
		whole := secret == planted || secret == long
		for i := 0; i <= len(text); i++ {
			for j := i; j <= len(text); j++ {
				for clean := range 8 {
					var out bytes.Buffer
					g := gate{w: &out, scan: scan}
					var err error
					for k, part := range []string{text[:i], text[i:j], text[j:]} {
						if err != nil {
							break
						}
						if found, _ := scan.Find([]byte(part)); clean>>k&1 == 1 && !found {
							err = g.clean([]byte(part))
						} else {
							_, err = g.Write([]byte(part))
						}
					}
					if err == nil {
						err = g.flush()
					}
					if whole != errors.Is(err, errFound) || whole && strings.Contains(out.String(), secret) || !whole && out.String() != text || !strings.HasPrefix(text, out.String()) {
						t.Fatalf("%q split at %d and %d, clean %03b: %v, written %q", secret, i, j, clean, err, &out)
					}
				}
			}
		}
	}
}

// TestGateHoldsLittle: what is held back is no longer than the longest form.
func TestGateHoldsLittle(t *testing.T) {
	scan := redacted(t, planted).LastScan()
	var out bytes.Buffer
	g := gate{w: &out, scan: scan}
	in := 0
	for i := range 2000 {
		b := bytes.Repeat([]byte("an innocent text, "), i%7)
		if i%3 == 0 {
			b = append(b, planted[:len(planted)-1]...)
		}
		in += len(b)
		var err error
		if i%2 == 0 {
			err = g.clean(b)
		} else {
			_, err = g.Write(b)
		}
		if err != nil || in-out.Len() >= scan.Longest() {
			t.Fatalf("after %d: %d of %d bytes are out, held back may be %d: %v", i, out.Len(), in, scan.Longest()-1, err)
		}
	}
}

// TestAskedSecret: a path that was typed with a secret in it is not repeated.
func TestAskedSecret(t *testing.T) {
	var out bytes.Buffer
	res := printable(redacted(t, planted))
	if err := PrintedText(&out, res, PrintedOptions{Path: `m["` + planted + `"]`}); err != nil || !strings.HasPrefix(out.String(), redact.Placeholder+" string = ") {
		t.Errorf("%v:\n%s", err, &out)
	}
}

// FuzzLastScan leaves random secrets in random places, or in what is put together
// from a place and what stands before it: no output holds them.
func FuzzLastScan(f *testing.F) {
	f.Add(planted, uint8(3), uint8(7), "x")
	f.Add("p\"4\\ss \u00e9w\x00rd", uint8(9), uint8(1), "")
	f.Add(`","note":"`, uint8(20), uint8(4), "page")
	places, plants := slices.Sorted(maps.Keys(leaks())), leaks()
	all := ways()
	names := slices.Sorted(maps.Keys(all))
	f.Fuzz(func(t *testing.T, secret string, place, way uint8, before string) {
		if len(secret) < 8 || len(secret) > 200 || strings.Contains(secret, redact.Placeholder) || strings.Contains(before, redact.Placeholder) {
			return
		}
		res, ok := knowing(t, secret)
		if !ok {
			return
		}
		plants[places[int(place)%len(places)]](res.Report(), before+secret)
		var b bytes.Buffer
		name := names[int(way)%len(names)]
		err := all[name](&b, res)
		if strings.Contains(unpacked(t, b.Bytes()), secret) {
			t.Fatalf("%s shows %q (%v)", name, secret, err)
		}
	})
}
