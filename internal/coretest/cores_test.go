package coretest

import (
	"debug/elf"
	"strings"
	"testing"
)

func TestParseTruths(t *testing.T) {
	got, err := parseTruths([]byte(`{"g":7,"func":"main.f","nth":0,"path":"x","want":"1","type":"int"}
{"g":0,"func":"","nth":0,"path":"main.g","want":"nil"}
{"g":7,"func":"main.f","nth":0,"path":"x","want":"2","type":"int"}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Want != "2" || got[1].Path != "main.g" {
		t.Errorf("got %v", got)
	}
	for _, bad := range []string{
		`{"g":7,"func":"main.f","path":"","want":"1"}`,
		`{"g":7,"func":"","path":"x","want":"1"}`,
		`{"g":7,"func":"main.f","path":"x"}`,
		`{"g":7,"func":"main.f","path":"x","want":"1","surprise":1}`,
		`not json`,
	} {
		if _, err := parseTruths([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

// TestPayment looks at the first fixture with nothing of ours: the files are
// what they claim to be and the program died the way its story says.
func TestPayment(t *testing.T) {
	f := Core(t, "payment")
	core, err := elf.Open(f.Core)
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close()
	if core.Type != elf.ET_CORE {
		t.Errorf("%s is a %v", f.Core, core.Type)
	}
	tb := f.Traceback(t)
	if want := "panic: runtime error: invalid memory address or nil pointer dereference"; tb.CrashText() != want {
		t.Errorf("crash text %q, want %q", tb.CrashText(), want)
	}
	if len(tb.Crash) < 2 || !strings.HasPrefix(tb.Crash[1], "[signal SIGSEGV") {
		t.Errorf("crash lines %q: no signal", tb.Crash)
	}
	crashed := tb.Goroutines[0]
	var fns []string
	for _, fr := range crashed.Frames {
		fns = append(fns, fr.Func)
	}
	stack := strings.Join(fns, " ")
	for _, fn := range []string{"charge", "try", "authorize", "handle", "worker"} {
		if !strings.Contains(stack, "main.(*Server)."+fn) {
			t.Errorf("no %s on the stack %s", fn, stack)
		}
	}
	told := map[string]string{}
	for _, tr := range Truths(t, "payment") {
		if tr.G == crashed.ID {
			told[tr.Func+" "+tr.Path] = tr.Want
		}
	}
	if got := told["main.(*Server).charge user.Tier"]; got != `"premium_plus"` {
		t.Errorf("user.Tier was told as %s", got)
	}
}
