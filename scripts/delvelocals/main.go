// Command delvelocals loads every variable of every frame of every goroutine
// of a core through delve's API and counts what came: the peer that
// scripts/bench.sh times `sdcore goroutines --locals` against. It prints no
// values and unwinds each stack once, so it is the fastest way to ask delve.
//
//	delvelocals [-program] CORE BINARY
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/go-delve/delve/pkg/logflags"
	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/core"
)

// maxFrames is how deep stacks are walked, as in sdcore's default.
const maxFrames = 256

// config is what dlv's terminal loads by default (service/api, DefaultLoadConfig
// of the terminal): pointers followed, one level of nesting, 64 elements.
var config = proc.LoadConfig{FollowPointers: true, MaxVariableRecurse: 1, MaxStringLen: 64, MaxArrayValues: 64, MaxStructFields: -1}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "delvelocals:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var n counts
	fs := flag.NewFlagSet("delvelocals", flag.ContinueOnError)
	fs.BoolVar(&n.program, "program", false, "leave out the variables of the Go runtime's own frames, as sdcore does without --runtime-vars")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != 2 {
		return errors.New("want CORE and BINARY")
	}
	if err := logflags.Setup(false, "", ""); err != nil {
		return err
	}
	group, err := core.OpenCore(fs.Arg(0), fs.Arg(1), nil)
	if err != nil {
		return err
	}
	defer group.Detach(false)
	target := group.Selected
	for start := 0; start >= 0; {
		gs, next, err := proc.GoroutinesInfo(target, start, 0)
		if err != nil {
			return err
		}
		for _, g := range gs {
			n.goroutine(target, g)
		}
		if next <= start {
			break
		}
		start = next
	}
	fmt.Printf("%d goroutines, %d frames, %d variables, %d values, %d errors\n", n.goroutines, n.frames, n.variables, n.values, n.errors)
	return nil
}

// counts is what delve gave.
type counts struct {
	program                                       bool // count only frames of the program
	goroutines, frames, variables, values, errors int
}

func (n *counts) goroutine(target *proc.Target, g *proc.G) {
	n.goroutines++
	frames, err := proc.GoroutineStacktrace(target, g, maxFrames, 0)
	if err != nil {
		n.errors++
		return
	}
	thread := 0
	if g.Thread != nil {
		thread = g.Thread.ThreadID()
	}
	for i := range frames {
		n.frames++
		if fn := frames[i].Call.Fn; n.program && fn != nil && strings.HasPrefix(fn.Name, "runtime.") {
			continue
		}
		scope := proc.FrameToScope(target, target.Memory(), g, thread, frames[i:]...)
		args, err := scope.FunctionArguments(config)
		if err != nil { // a frame of C or assembly has none
			n.errors++
			continue
		}
		locals, err := scope.LocalVariables(config)
		if err != nil {
			n.errors++
		}
		for _, v := range append(args, locals...) {
			n.variables++
			n.value(v)
		}
	}
}

// value counts v and what was loaded below it; delve bounds the depth.
func (n *counts) value(v *proc.Variable) {
	n.values++
	for i := range v.Children {
		n.value(&v.Children[i])
	}
}
