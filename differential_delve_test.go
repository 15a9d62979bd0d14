package sdcore_test

import (
	"fmt"

	"github.com/go-delve/delve/pkg/dwarf/godwarf"
	"github.com/go-delve/delve/pkg/proc"
)

// deep is how much delve is asked to read of a variable.
var deep = proc.LoadConfig{FollowPointers: true, MaxVariableRecurse: 2, MaxStringLen: 512, MaxArrayValues: 64, MaxStructFields: -1, MaxMapBuckets: 6400}

// maxDelveFrames bounds the frames that delve is asked for: a stack that has
// overflown has a hundred thousand, which we fold.
const maxDelveFrames = 400

// warm makes delve read what it needs for interfaces. It does so through the
// memory of the first one that it meets, and fails where that is in registers.
func warm(target *proc.Target) {
	if scope, err := proc.ThreadScope(target, target.CurrentThread()); err == nil {
		_, _ = scope.EvalExpression("runtime.divideError", deep)
	}
}

// frameKey is what makes a frame the same for both.
type frameKey struct {
	pc, cfa uint64
	depth   int // of inlining
}

// delveScopes finds delve's scope of each frame of a goroutine. Calls that were
// inlined come before the function that they are in.
func delveScopes(target *proc.Target, g *proc.G) map[frameKey]*proc.EvalScope {
	if g == nil {
		return nil
	}
	frames, err := proc.GoroutineStacktrace(target, g, maxDelveFrames, proc.StacktraceReadDefers)
	if err != nil {
		return nil
	}
	thread := 0
	if g.Thread != nil {
		thread = g.Thread.ThreadID()
	}
	out := map[frameKey]*proc.EvalScope{}
	for i := 0; i < len(frames); {
		j := i
		for j < len(frames)-1 && frames[j].Inlined {
			j++
		}
		for ; i <= j; i++ {
			key := frameKey{frames[i].Current.PC, uint64(frames[i].Regs.CFA), j - i}
			out[key] = proc.FrameToScope(target, target.Memory(), g, thread, frames[i:]...)
		}
	}
	return out
}

// delveVars reads the variables of a scope with delve's own loader. endless are
// those that it might never return from.
func delveVars(scope *proc.EvalScope) (all []*proc.Variable, endless []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("delve panics: %v", p)
		}
	}()
	bare, err := scope.Locals(0, "")
	if err != nil {
		return nil, nil, err
	}
	for _, v := range bare {
		if neverEnds(v.DwarfType) {
			endless = append(endless, v.Name)
		}
	}
	if len(endless) > 0 { // the others one by one
		for _, v := range bare {
			if neverEnds(v.DwarfType) {
				continue
			}
			if v, err := scope.EvalExpression(v.Name, deep); err == nil {
				all = append(all, v)
			}
		}
		return all, endless, nil
	}
	args, err := scope.FunctionArguments(deep)
	if err != nil {
		return nil, nil, err
	}
	locals, err := scope.LocalVariables(deep)
	return append(args, locals...), nil, err
}

// neverEnds reports whether delve's loader could follow values of a type for
// ever, until the process dies of its stack: it counts levels at structs, maps,
// interfaces and pointers to pointers only, and begins anew at each channel
// (v1.27.2, pkg/proc/variables.go, loadValueInternal).
func neverEnds(t godwarf.Type) bool { return reaches(t, map[string]bool{}) }

func reaches(t godwarf.Type, open map[string]bool) bool {
	if t == nil {
		return false
	}
	name := t.String()
	if open[name] {
		return true
	}
	open[name] = true
	defer delete(open, name)
	switch t := godwarf.ResolveTypedef(t).(type) {
	case *godwarf.SliceType:
		return reaches(t.ElemType, open)
	case *godwarf.ArrayType:
		return reaches(t.Type, open)
	case *godwarf.ChanType: // one with a name knows its elements by the type that it is made of only
		return reaches(t.ElemType, open) || reaches(t.Type, open)
	case *godwarf.PtrType:
		if _, counted := godwarf.ResolveTypedef(t.Type).(*godwarf.PtrType); !counted {
			return reaches(t.Type, open)
		}
	}
	return false
}
