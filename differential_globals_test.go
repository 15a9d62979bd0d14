package sdcore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/proc"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// pdEface is the package variable that delve has wrong: it holds a nil pointer to
// a type that is not in the heap, and such pointers are not kept in the
// interface itself. Delve takes the address of the pointer for the pointer.
const pdEface = "runtime.pdEface"

// TestGlobalsAgainstDelve compares each package variable, the runtime's too,
// with what delve's loader reads.
func TestGlobalsAgainstDelve(t *testing.T) {
	variables, parts := 0, 0
	for _, name := range coretest.Names(t) {
		if strings.HasSuffix(name, ".stripped") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			d := openBoth(t, coretest.Core(t, name))
			globals, problems := d.reader.Globals(context.Background(), nil)
			for _, p := range problems {
				t.Error(p)
			}
			ours := map[string]*report.Value{}
			for i := range globals {
				g := &globals[i]
				ours[fmt.Sprintf("%s.%s at 0x%x", g.Package, g.Name, uint64(g.Value.Addr))] = &g.Value
			}
			theirs, err := delveGlobals(d.target)
			if err != nil {
				t.Fatal(err)
			}
			for _, dv := range theirs {
				// Delve leaves dots in package paths as the linker escapes them.
				key := fmt.Sprintf("%s at 0x%x", strings.ReplaceAll(dv.Name, "%2e", "."), dv.Addr)
				if v := ours[key]; v != nil && dv.Unreadable == nil {
					c := comparison{memory: d.target.Memory()}
					c.value(dv.Name, dv, v)
					variables, parts = variables+1, parts+c.same
					if dv.Name == pdEface && len(c.differ) == 1 && pointerOutside(d.core.Memory(), dv.Addr) {
						continue
					}
					for _, text := range append(c.differ, c.unknown...) {
						t.Errorf("%s: %s", key, text)
					}
				} else if dv.Unreadable == nil && !generated(dv.Name) {
					t.Errorf("%s is missing, delve has %s", key, delveText(dv))
				}
			}
		})
	}
	t.Logf("%d package variables compared, %d parts of them equal", variables, parts)
}

// pointerOutside reports whether the type in the empty interface at an address
// says that its values are not kept in interfaces (Go 1.25 to 1.27,
// internal/abi/type.go: TFlagDirectIface, or KindDirectIface before).
func pointerOutside(m *corefile.Memory, eface uint64) bool {
	descriptor, err := m.Uint64(eface)
	if err != nil {
		return false
	}
	flag, err := m.Uint8(descriptor + 20)
	kind, err2 := m.Uint8(descriptor + 23)
	return err == nil && err2 == nil && (flag|kind)&(1<<5) == 0
}

// generated reports whether a package variable is the compiler's.
func generated(name string) bool {
	_, last, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ".")
	return last == "" || last == "_" || strings.HasPrefix(last, ".")
}

// delveGlobals reads all package variables with delve's loader, if it can
// return from all of them.
func delveGlobals(target *proc.Target) ([]*proc.Variable, error) {
	scope, err := proc.ThreadScope(target, target.CurrentThread())
	if err != nil {
		return nil, err
	}
	bare, err := scope.PackageVariables(proc.LoadConfig{})
	if err != nil {
		return nil, err
	}
	for _, v := range bare {
		if neverEnds(v.DwarfType) {
			return nil, fmt.Errorf("delve would not return from %s", v.Name)
		}
	}
	cfg := deep
	cfg.MaxVariableRecurse, cfg.MaxArrayValues = 1, 32
	return scope.PackageVariables(cfg)
}
