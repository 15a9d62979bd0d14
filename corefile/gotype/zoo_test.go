package gotype

import (
	"bufio"
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
)

// zooLine is what the zoo prints of a type: reflect's own view of it.
type zooLine struct {
	Name, Package, Kind string
	Size, Align         int64
	Len                 int64
	Elem, Key           string
	Fields              []struct {
		Name, Type, Tag string
		Offset          int64
		Embedded        bool
	}
	Descriptor uint64
	Made       bool
}

// processMemory reads the memory of a running child.
type processMemory struct{ *os.File }

func (m processMemory) Read(buf []byte, addr uint64) error {
	_, err := m.ReadAt(buf, int64(addr))
	return err
}

// startZoo builds and starts the zoo and returns its types and what it says.
func startZoo(t *testing.T, flags ...string) (*Types, []zooLine) {
	t.Helper()
	path := coretest.BuildZoo(t, flags...)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		cancel()
	})
	lines := readLines(t, out)
	b, err := corefile.OpenBinary(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", cmd.Process.Pid))
	if err != nil {
		coretest.Unavailable(t, "memory of a child can't be read here: %v", err)
	}
	t.Cleanup(func() { _ = mem.Close() })
	types, err := newTypes(source{binary: b, memory: processMemory{mem}, bias: loadBias(t, cmd.Process.Pid, b)})
	if err != nil {
		t.Fatal(err)
	}
	return types, lines
}

// readLines reads what the zoo prints; it then waits, so there is no end.
func readLines(t *testing.T, r io.Reader) []zooLine {
	t.Helper()
	var lines []zooLine
	dec := json.NewDecoder(bufio.NewReader(r))
	for {
		var l zooLine
		if err := dec.Decode(&l); err != nil {
			t.Fatalf("zoo: %v", err)
		}
		if l.Name == "end" {
			return lines
		}
		lines = append(lines, l)
	}
}

func loadBias(t *testing.T, pid int, b *corefile.Binary) uint64 {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range strings.Split(string(maps), "\n") {
		if !strings.HasSuffix(m, b.Path()) {
			continue // the heap may lie below the program
		}
		low, _, _ := strings.Cut(m, "-")
		start, err := strconv.ParseUint(low, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range b.ELF().Progs {
			if p.Type == elf.PT_LOAD {
				return start - p.Vaddr
			}
		}
	}
	t.Fatal("the program is not mapped")
	return 0
}

// short spells package paths as reflect does: only their last element.
func short(name string) string {
	var b strings.Builder
	for len(name) > 0 {
		i := strings.IndexAny(name, "[]*(){} ,;\"")
		word := name
		if i >= 0 {
			word = name[:i]
		}
		b.WriteString(word[strings.LastIndexByte(word, '/')+1:])
		if i < 0 {
			break
		}
		b.WriteByte(name[i])
		name = name[i+1:]
	}
	return b.String()
}

// TestZoo compares every type with what reflect says of it in the program
// itself: types from DWARF and types that only exist in memory, in a plain, an
// unoptimized and a position independent executable.
func TestZoo(t *testing.T) {
	for _, flags := range [][]string{nil, {"-gcflags=-N -l"}, {"-buildmode=pie"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			types, lines := startZoo(t, flags...)
			compared, tagged := 0, 0
			for _, l := range lines {
				ty, err := types.ByDescriptor(l.Descriptor)
				if err != nil {
					t.Errorf("%s: %v", l.Name, err)
					continue
				}
				// Without optimization the compiler describes fewer types, but
				// never one that reflect makes.
				fromDWARF := ty.Offset != 0
				if fromDWARF && l.Made && l.Name != "struct {}" || !fromDWARF && !l.Made && !strings.Contains(strings.Join(flags, " "), "-N") {
					t.Errorf("%s: from DWARF: %v", l.Name, fromDWARF)
				}
				if ty.Descriptor != l.Descriptor {
					t.Errorf("%s: descriptor 0x%x, want 0x%x", l.Name, ty.Descriptor, l.Descriptor)
				}
				compareType(t, ty, l)
				tagged += compareTags(t, types.Tags(ty), l)
				compared++
			}
			if tagged < 6 {
				t.Errorf("only %d tags", tagged)
			}
			if compared < 70 {
				t.Errorf("only %d types", compared)
			}
		})
	}
}

func compareType(t *testing.T, ty *Type, l zooLine) {
	t.Helper()
	check := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s is %v, want %v", l.Name, what, got, want)
		}
	}
	check("name", short(ty.Name), untagged(l.Name, l.Made))
	check("kind", ty.Kind.String(), l.Kind)
	check("size", ty.Size, l.Size)
	check("align", ty.Align, l.Align)
	check("package", ty.Package, l.Package)
	check("shape", ty.Shape, false)
	check("fields", len(ty.Fields), len(l.Fields))
	if ty.Kind == reflect.Array {
		check("length", ty.Len, l.Len)
	}
	if l.Elem != "" {
		check("elem", short(ty.Elem.Name), l.Elem)
	}
	if l.Key != "" {
		check("key", short(ty.Key.Name), l.Key)
	}
	for i := range min(len(ty.Fields), len(l.Fields)) {
		f, want := ty.Fields[i], l.Fields[i]
		check("field name", f.Name, want.Name)
		check("field offset", f.Offset, want.Offset)
		check("field embedded", f.Embedded, want.Embedded)
		check("field type", short(f.Type.Name), short(want.Type)) // type arguments have whole paths
	}
	checkInternal(t, ty)
}

// compareTags compares the tags of a type of the binary with reflect's. Those of
// types that reflect made are not read.
func compareTags(t *testing.T, tags []string, l zooLine) (n int) {
	t.Helper()
	for i, f := range l.Fields {
		tag := ""
		if tags != nil {
			tag = tags[i]
		}
		want := f.Tag
		if l.Made {
			want = ""
		}
		if tag != want {
			t.Errorf("%s.%s has the tag %q, want %q", l.Name, f.Name, tag, want)
		}
		if tag != "" {
			n++
		}
	}
	return n
}

// untagged removes the tags that names composed from descriptors lack.
func untagged(name string, made bool) string {
	if made {
		return strings.ReplaceAll(name, ` "x:\"y\""`, "")
	}
	return name
}

// checkInternal checks the struct behind a type for the fields by which values
// are read.
func checkInternal(t *testing.T, ty *Type) {
	t.Helper()
	want := map[reflect.Kind][]string{
		reflect.Map:       {"used", "dirPtr", "dirLen"},
		reflect.Chan:      {"qcount", "dataqsiz", "buf", "recvx", "closed", "sendq.first"},
		reflect.String:    {"str", "len"},
		reflect.Slice:     {"array", "len", "cap"},
		reflect.Interface: {"data"},
	}[ty.Kind]
	for _, name := range want {
		if ty.Internal == nil {
			t.Errorf("%s: nothing behind it", ty.Name)
			return
		}
		if _, ok := ty.Internal.Field(name); !ok {
			t.Errorf("%s: %s has no %s", ty.Name, ty.Internal.Name, name)
		}
	}
	if ty.Kind != reflect.Map {
		return
	}
	dir, _ := ty.Internal.Field("dirPtr")
	groups, ok := dir.Type.Elem.Elem.Field("groups.data")
	if !ok {
		t.Fatalf("%s: no groups", ty.Name)
	}
	group := groups.Type.Elem
	slots, ok := group.Field("slots")
	if !ok {
		t.Fatalf("%s: group %s has no slots", ty.Name, group.Name)
	}
	for name, want := range map[string]*Type{"key": ty.Key, "elem": ty.Elem} {
		f, ok := slots.Type.Elem.Field(name)
		if !ok || f.Type != want && (want.Size <= 128 || f.Type.Elem != want) {
			t.Errorf("%s: slot's %s is %v, want %s", ty.Name, name, f.Type, want.Name)
		}
	}
}

// TestByName finds types by the names that Go and the linker give them.
func TestByName(t *testing.T) {
	types, _ := startZoo(t)
	for _, name := range []string{
		"runtime.g", "runtime.m", "runtime.sudog", "runtime._panic", "runtime.moduledata", "internal/abi.Type",
		"main.Outer", "[]string", "map[string]int", "main.Pair[string,int]", "error", "interface {}", "unsafe.Pointer",
		"sync/atomic.Pointer[main.Node]", "struct { a int; B string \"x:\\\"y\\\"\" }", "main.local",
	} {
		ty, err := types.ByName(name)
		if err != nil || ty.Name != name {
			t.Errorf("%s: %v, %v", name, ty, err)
			continue
		}
		if again, err := types.ByOffset(ty.Offset); err != nil || again != ty {
			t.Errorf("%s: two types for one offset", name)
		}
		if ty.Descriptor != 0 {
			if again, err := types.ByDescriptor(ty.Descriptor); err != nil || again != ty {
				t.Errorf("%s: two types for one descriptor", name)
			}
		}
	}
	if _, err := types.ByName("main.Nothing"); err == nil {
		t.Error("a type that does not exist")
	}
	g, _ := types.ByName("runtime.g")
	for path, inner := range map[string]string{"stack.lo": "runtime.stack.lo", "sched.pc": "runtime.gobuf.pc", "goid": "runtime.g.goid"} {
		i := strings.LastIndexByte(inner, '.')
		owner, err := types.ByName(inner[:i])
		if err != nil {
			t.Fatal(err)
		}
		part, _ := owner.Field(inner[i+1:])
		outer := int64(0)
		if head, _, dotted := strings.Cut(path, "."); dotted {
			f, _ := g.Field(head)
			outer = f.Offset
		}
		if f, ok := g.Field(path); !ok || f.Offset != outer+part.Offset || f.Type != part.Type {
			t.Errorf("%s: %+v %v", path, f, ok)
		}
	}
	if f, ok := mustType(t, types, "main.Outer").Field("ID"); !ok || f.Offset != 0 {
		t.Errorf("promoted field: %+v %v", f, ok)
	}
	if f, ok := mustType(t, types, "main.Outer").Field("Left"); ok {
		t.Errorf("a field behind a pointer is not in the struct: %+v", f)
	}
}

func mustType(t *testing.T, types *Types, name string) *Type {
	t.Helper()
	ty, err := types.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return ty
}

// TestWholeProgram compiles every type of a program: none is broken, and no
// unit was given up on the way.
func TestWholeProgram(t *testing.T) {
	types, _ := startZoo(t)
	types.index.others(types.info)
	for _, r := range types.index.names {
		if _, err := types.ByOffset(r.offset()); err != nil {
			t.Error(err)
		}
	}
	if n := len(types.index.names); n < 2000 || types.Damage() != nil {
		t.Errorf("%d types, damage %v", n, types.Damage())
	}
}
