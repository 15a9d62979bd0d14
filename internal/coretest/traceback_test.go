package coretest

import (
	"reflect"
	"testing"
)

const sampleTraceback = `ready
panic: one
	panic: two [recovered, repanicked]
[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x4a9bcb]

goroutine 7 gp=0xc000003860 m=0 mp=0x59a320 [running]:
panic({0x4bae40?, 0x593390?})
	/go/src/runtime/panic.go:879 +0x16f fp=0xc000092d40 sp=0xc000092c90 pc=0x47996f
runtime.panicmem(...)
	/go/src/runtime/panic.go:336
main.(*Stack[...]).Push(0x59a320?, {0x1, 0x2})
	/src/main.go:36 +0x4b fp=0xc000092e10 sp=0xc000092da0 pc=0x4a9bcb
created by main.main.func1 in goroutine 1
	/src/main.go:9 +0x1a

goroutine 1 gp=0xc000003780 m=nil [sync.Mutex.Lock, 2 minutes, locked to thread]:
main.main()
	/src/main.go:60 +0x2e6 fp=0xc000092f48 sp=0xc000092eb0 pc=0x4aa0c6
...96 frames elided...

-----

SIGQUIT: quit
PC=0x1 m=2 sigcode=18446744073709551610

goroutine 9 gp=0xc000003900 m=2 mp=0x1 [running]:
main.spin(...)
	/src/main.go:70 +0x1 fp=0xc000092f48 sp=0xc000092eb0 pc=0x4aa0c6

rax    0x0
rip    0x47f1a1
`

func TestParseTraceback(t *testing.T) {
	got, err := parseTraceback(sampleTraceback)
	if err != nil {
		t.Fatal(err)
	}
	want := Traceback{
		Crash: []string{
			"panic: one",
			"\tpanic: two [recovered, repanicked]",
			"[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x4a9bcb]",
		},
		Goroutines: []TracebackGoroutine{
			{ID: 7, Status: "running", CreatedBy: "main.main.func1", Creator: 1, Frames: []TracebackFrame{
				{"panic", "/go/src/runtime/panic.go", 879, false},
				{"runtime.panicmem", "/go/src/runtime/panic.go", 336, true},
				{"main.(*Stack[...]).Push", "/src/main.go", 36, false},
			}},
			{ID: 1, Status: "sync.Mutex.Lock", Elided: 96, ElidedAt: 1, Frames: []TracebackFrame{{"main.main", "/src/main.go", 60, false}}},
			{ID: 9, Status: "running", Thread: true, Frames: []TracebackFrame{{"main.spin", "/src/main.go", 70, false}}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.CrashText() != "panic: one" {
		t.Errorf("crash text %q", got.CrashText())
	}
	if g := got.Goroutine(1); g == nil || g.Status != "sync.Mutex.Lock" {
		t.Errorf("goroutine 1: %+v", g)
	}
}
