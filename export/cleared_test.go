package export

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// cardNumber is what a number in a damaged core may be by chance.
const cardNumber = 4532015112830366

// TestSecretNumber: a message makes known that a number is secret, and a number of
// the report is the same: an ID, a length, a line, an address. It is 0 then, or
// its value is gone, in every format.
func TestSecretNumber(t *testing.T) {
	for place, plant := range map[string]func(r *report.Report){
		"goroutine": func(r *report.Report) {
			r.Goroutines[1].ID, r.Groups[1].IDs[0], r.Threads[1].Goroutine = cardNumber, cardNumber, cardNumber
		},
		"crashed":       func(r *report.Report) { r.Goroutines[0].ID, r.Crash.Goroutine = cardNumber, cardNumber },
		"length":        func(r *report.Report) { r.Goroutines[0].Frames[1].Vars[8].Value.Len = cardNumber },
		"line":          func(r *report.Report) { r.Goroutines[0].Frames[1].Line = cardNumber },
		"declaration":   func(r *report.Report) { r.Goroutines[0].Frames[1].Vars[8].DeclLine = cardNumber },
		"waiting since": func(r *report.Report) { r.Goroutines[1].WaitSince = cardNumber },
		"heap":          func(r *report.Report) { r.Heap.Types[0].Bytes = cardNumber },
		"address":       func(r *report.Report) { r.Goroutines[1].Frames[1].PC = 0x4532015112830366 },
	} {
		shown := 0
		for way, write := range ways() {
			res := redacted(t, strconv.Itoa(cardNumber))
			plant(res.Report())
			var b bytes.Buffer
			err := write(&b, res)
			out := unpacked(t, b.Bytes())
			if err != nil && !errors.Is(err, report.ErrPath) && !strings.HasPrefix(way, "Value") || strings.Contains(out, strconv.Itoa(cardNumber)) {
				t.Errorf("%s, %s: %v\n%s", way, place, err, out)
			}
			if strings.Contains(out, "last scan") {
				shown++
			}
		}
		if shown < 3 {
			t.Errorf("%s: %d formats have a record", place, shown)
		}
	}
}

// TestSecretOfSeveralLeaves: what is put together from two leaves costs one of
// them, wherever it stands, and all others stay. So it is with several at once, and
// beside a leaf that holds a secret by itself.
func TestSecretOfSeveralLeaves(t *testing.T) {
	joints := []string{`abc","type":"error"`, `"value":"/root"`, `"name":"sku","value"`, `main.charge","pack`}
	for i := range joints {
		known := append(slices.Clone(joints[:i+1]), planted)
		res := redacted(t, known...)
		r := res.Report()
		v := &r.Goroutines[0].Frames[1].Vars
		if len(*v) < 9 {
			t.Fatal("another report")
		}
		r.Problems[0].Message = "here is " + planted
		var b bytes.Buffer
		if err := JSON(&b, res, Options{}); err != nil {
			t.Fatalf("%q: %v", known, err)
		}
		if found, _ := res.LastScan().Find(b.Bytes()); found {
			t.Errorf("%q are not gone", known)
		}
		dropped := strings.Count(b.String(), `"reason":"last scan"`)
		if want := 2 * len(known); dropped == 0 || dropped > want {
			t.Errorf("%d leaves were dropped because of %q, want at most %d:\n%s", dropped, known, want, &b)
		}
	}
}

// TestSecretOfNames: what is put together from names of the code costs names.
func TestSecretOfNames(t *testing.T) {
	var plain, got bytes.Buffer
	if err := JSONL(&plain, redacted(t)); err != nil {
		t.Fatal(err)
	}
	const joint = `"function":"main.charge","package":"main"`
	if !strings.Contains(plain.String(), joint) {
		t.Fatalf("%s is not there:\n%s", joint, &plain)
	}
	if err := JSONL(&got, redacted(t, joint)); err != nil || strings.Contains(got.String(), joint) || !strings.Contains(got.String(), "sync.Mutex.Lock") {
		t.Errorf("%v:\n%s", err, &got)
	}
}

// TestSecretsWhereverTheyStand fills every string and number of a report with
// random contents, among them secrets, and pieces of what makes one, in all forms:
// no format refuses it, and none shows a secret.
func TestSecretsWhereverTheyStand(t *testing.T) {
	all := ways()
	names := slices.Sorted(maps.Keys(all))
	dropped := 0
	for seed := range uint64(12) {
		r := payReport()
		r.Tier, r.Fingerprint = int(seed%5), ""
		r.Heap, r.Waits = sampleHeap(), sampleWaits()
		scramble(reflect.ValueOf(r).Elem(), rand.New(rand.NewPCG(seed, 5)))
		r.Schema = report.Schema
		x, err := redact.New(redact.Policy{Tier: int(seed % 5)})
		if err != nil {
			t.Fatal(err)
		}
		res, err := x.Apply(r)
		if err != nil {
			t.Fatal(err)
		}
		scan := res.LastScan()
		for _, name := range names {
			if strings.HasPrefix(name, "Printed") { // they make another report of it
				continue
			}
			var b bytes.Buffer
			err := all[name](&b, res)
			if errors.Is(err, ErrSecret) {
				t.Errorf("seed %d: %s: %v", seed, name, err)
			}
			out := unpacked(t, b.Bytes())
			if scan != nil {
				if found, at := scan.Find([]byte(out)); found {
					t.Errorf("seed %d: %s shows a secret (%v): %s", seed, name, err, out[max(0, at-60):min(len(out), at+60)])
				}
			}
			dropped += strings.Count(out, "last scan")
		}
	}
	t.Logf("%d records of the last scan", dropped)
	if dropped == 0 {
		t.Error("the last scan had nothing to do")
	}
}

// scramble gives strings and numbers other contents.
func scramble(v reflect.Value, rnd *rand.Rand) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scramble(v.Elem(), rnd)
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i), rnd)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scramble(v.Field(i), rnd)
			}
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && rnd.IntN(3) == 0 { // other types have values of their own
			v.SetString(randomText(rnd))
		}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		if rnd.IntN(40) == 0 {
			n := reflect.ValueOf(randomCard(rnd))
			v.Set(n.Convert(v.Type()))
		}
	}
}

func randomCard(rnd *rand.Rand) int {
	return []int{cardNumber, 5425233430109903, 2223000048410010, 374245455400126}[rnd.IntN(4)]
}

func randomText(rnd *rand.Rand) string {
	var b strings.Builder
	for range 1 + rnd.IntN(4) {
		switch rnd.IntN(8) {
		case 0:
			raw := make([]byte, 1+rnd.IntN(30))
			for i := range raw {
				raw[i] = byte(rnd.Uint32())
			}
			b.Write(raw)
		case 1:
			fmt.Fprintf(&b, "password=%q", b.String()+planted[rnd.IntN(4):])
		case 2:
			b.WriteString(strconv.Itoa(randomCard(rnd)))
		case 3:
			b.WriteString([]string{"password", "Password", "token", "apiKey", "main.charge", "goroutine "}[rnd.IntN(6)])
		case 4:
			b.WriteString([]string{`","`, `":"`, `"},{"`, "\n", "  ", `\`, "{", "[REDACTED]"}[rnd.IntN(8)])
		case 5:
			b.WriteString("Authorization: Bearer " + strconv.FormatUint(rnd.Uint64N(40)*0x9e3779b97f4a7c15, 36))
		default:
			b.WriteString([]string{"order ", "of bob", "/srv/x", ": "}[rnd.IntN(4)])
		}
	}
	return b.String()
}

// TestUnclean: the error says where by line, fields and indexes, and nothing of
// the contents.
func TestUnclean(t *testing.T) {
	for format, cases := range map[string]map[string]string{
		"json": {
			"{\n  \"metadata\": {\"sdcore\": {\"goroutines\": [\n{}, {\"frames\": [{\"vars\":[{},{}, {\"value\":{\"text\":\"a \\\" b": "line 3, metadata.sdcore.goroutines[1].frames[0].vars[2].value.text",
			"{\"locals\": {\"apiKeyOfBob\": {\"kind\":\"":  "line 1, locals.?.kind",
			",\n        {\"id\":7,\"labels\":[{\"key\":\"": "line 2, labels[0].key",
			"]}]{\"id\":":     "line 1, id",
			"{\"a\": \"text ": "line 1, ?",
		},
		"text": {"\n\n{\"id\": 7": "line 3"},
	} {
		for text, want := range cases {
			at := newTold(format)
			for i := range text { // wherever the writes end
				at.read([]byte(text[i : i+1]))
			}
			if got := at.String(); got != want {
				t.Errorf("%s %q: %q, want %q", format, text, got, want)
			}
		}
	}
	var none *told
	none.read([]byte("x"))
	err := scanned(io.Discard, redacted(t, planted), "json", func(p *paper, r *report.Report) error {
		_, err := io.WriteString(p, "{\"problems\":[{},\n{\"subject\":\""+planted)
		return err
	})
	if err == nil || !strings.HasSuffix(err.Error(), ": line 2, problems[1].subject") {
		t.Error(err)
	}
}
