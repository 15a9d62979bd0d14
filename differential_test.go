package sdcore_test

import (
	"context"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/proc"
	delve "github.com/go-delve/delve/pkg/proc/core"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/corefile/gounwind"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/vars"
)

// shown is what the two show of one fixture.
type shown struct {
	fixture, version string // version is Go's
	frames           int    // compared
	elsewhere        int    // frames of ours where delve has another one, or none
	delve, ours      int    // variables with a value
	only             int    // of ours, those that delve can't read
	wrong            int    // of delve's, those in the table of disagreements
	parts            int    // scalars, strings, addresses and lengths that are equal
	cut              int    // parts that one of the two left out
	foreign          int    // delve's variables of C functions, and the compiler's own
	noOpinion        int    // variables and frames on which delve panics or never returns
}

// differential compares the variables of one core.
type differential struct {
	shown
	core   *corefile.Core
	stacks *gounwind.Backend
	reader *vars.Reader
	target *proc.Target
	gs     map[uint64]*proc.G
	debug  *dwarf.Data
	met    map[disagreement]int
	spoil  func(*report.Value) // for a test of the test
	judge  func(t *testing.T, where string, fr *corefile.Frame, e *evidence)
}

// openBoth opens a core with sdcore's own readers and with delve.
func openBoth(t *testing.T, f coretest.Files) *differential {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := corefile.Open(context.Background(), f.Core, f.Bin, corefile.Options{})
	must(err)
	t.Cleanup(func() { _ = c.Close() })
	types, err := gotype.New(c)
	must(err)
	finder, err := goscope.New(c, types)
	must(err)
	rt, err := goruntime.New(c, types, finder)
	must(err)
	d := &differential{core: c, gs: map[uint64]*proc.G{}}
	d.fixture, d.version = f.Name, c.Identity().GoVersion
	d.stacks, err = gounwind.Open(c, rt, gounwind.Options{Scopes: finder})
	must(err)
	d.reader = vars.New(c, types, finder, vars.Options{Limits: report.Limits{MaxItems: 64, MaxDepth: 5, MaxNodes: 20_000, MaxFrames: 512}})
	group, err := delve.OpenCore(f.Core, f.Bin, nil)
	must(err)
	d.target = group.Selected
	gs, _, err := proc.GoroutinesInfo(d.target, 0, 0)
	must(err)
	for _, g := range gs {
		d.gs[uint64(g.ID)] = g
	}
	warm(d.target)
	d.judge = func(t *testing.T, where string, fr *corefile.Frame, e *evidence) {
		if len(e.c.differ)+len(e.c.unknown) > 0 {
			d.disagree(t, where, fr, e)
		}
	}
	return d
}

// TestVariablesShown compares each variable of each frame of each goroutine
// with what delve's own loader reads, deep: it is equal, or in the table of
// disagreements with the location that proves delve wrong. It counts what both
// show, which -update writes to docs/benchmarks.md.
func TestVariablesShown(t *testing.T) {
	var all []shown
	met := map[disagreement]int{}
	names := slices.DeleteFunc(coretest.Names(t), func(name string) bool { return strings.HasSuffix(name, ".stripped") })
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			d := openBoth(t, coretest.Core(t, name))
			d.met = met
			gs, _, err := d.stacks.Goroutines(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for i := range gs {
				d.goroutine(t, &gs[i])
			}
			t.Logf("%+v", d.shown)
			if d.parts == 0 || d.elsewhere > d.frames {
				t.Error("next to nothing was compared")
			}
			if d.ours < d.delve-d.wrong {
				t.Errorf("sdcore shows %d variables, delve %d, %d of them wrong", d.ours, d.delve, d.wrong)
			}
			all = append(all, d.shown)
		})
	}
	total := sum(all)
	t.Logf("%d variables that delve reads compared, %d parts of them equal; delve is wrong about %d; sdcore shows %d, %d of them only sdcore",
		total.delve, total.parts, total.wrong, total.ours, total.only)
	if len(all) < len(names) { // no C compiler, or -run
		return
	}
	if total.wrong*1000 > total.delve*maxWrong {
		t.Errorf("delve is wrong about %d of %d variables: more than %d in 1000 are no slips of delve's", total.wrong, total.delve, maxWrong)
	}
	for _, row := range disagreements() {
		if met[row] == 0 && row.only != sometimes && row.concerns(total.version) {
			t.Errorf("%+v is not met any more, remove it", row)
		}
	}
	checkShownTable(t, all)
}

// maxWrong is how many of 1000 variables may be in the table of disagreements.
const maxWrong = 5

func sum(all []shown) shown {
	var s shown
	for i := range all {
		o := &all[i]
		s.version = o.version
		s.frames, s.delve, s.ours, s.only, s.wrong, s.parts = s.frames+o.frames, s.delve+o.delve, s.ours+o.ours, s.only+o.only, s.wrong+o.wrong, s.parts+o.parts
	}
	return s
}

func (d *differential) goroutine(t *testing.T, g *corefile.Goroutine) {
	st, err := d.stacks.Unwind(context.Background(), g, 0)
	if err != nil {
		t.Errorf("goroutine %d: %v", g.ID, err)
		return
	}
	scopes := delveScopes(d.target, d.gs[g.ID])
	frames, _ := d.reader.Frames(context.Background(), st)
	for i := range frames {
		fr := &st.Frames[frames[i].Index]
		scope := scopes[frameKey{fr.PC, fr.CFA, fr.Depth}]
		if scope == nil || scope.Fn == nil {
			d.elsewhere++ // gounwind's TestAgainstDelve knows why
			continue
		}
		d.frames++
		d.frame(t, fmt.Sprintf("goroutine %d, %s at 0x%x", g.ID, fr.Function, fr.PC), fr, frames[i].Vars, scope)
	}
}

// frame compares the variables of one frame.
func (d *differential) frame(t *testing.T, where string, fr *corefile.Frame, ours []report.Variable, scope *proc.EvalScope) {
	theirs, endless, err := delveVars(scope)
	if err != nil {
		d.noOpinion++
		t.Logf("%s: no opinion: %v", where, err)
		return
	}
	d.noOpinion += len(endless)
	left := slices.Clone(ours) // what delve has not read
	for _, dv := range theirs {
		switch {
		case compilersOwn(dv.Name) || d.inC(fr):
			d.foreign++
			continue
		case dv.Unreadable != nil:
			continue
		}
		d.delve++
		v := take(&left, dv)
		c := comparison{memory: d.target.Memory()}
		if v == nil {
			c.unknown = []string{"it is not shown"}
		} else {
			if d.spoil != nil {
				d.spoil(&v.Value)
			}
			c.value(dv.Name, dv, &v.Value)
			if known(&v.Value) {
				d.ours++
			}
		}
		d.parts, d.cut = d.parts+c.same, d.cut+c.cut
		d.judge(t, where, fr, &evidence{dv: dv, theirs: theirs, scope: scope, fr: fr, core: d.core, c: &c})
	}
	for i := range left {
		if known(&left[i].Value) {
			d.ours, d.only = d.ours+1, d.only+1
		}
	}
}

// take finds delve's variable among ours, by name and line, and removes it.
func take(ours *[]report.Variable, dv *proc.Variable) *report.Variable {
	i := slices.IndexFunc(*ours, func(v report.Variable) bool {
		name, _, _ := strings.Cut(v.Name, "#") // of several of one name, all but one have a number
		return name == dv.Name && (v.DeclLine == int(dv.DeclLine) || v.DeclLine == 0 || dv.DeclLine == 0)
	})
	if i < 0 {
		return nil
	}
	v := (*ours)[i]
	*ours = slices.Delete(*ours, i, i+1)
	return &v
}

// compilersOwn reports whether a name can't be one of the source: temporaries,
// parameters without a name, parts of results of inlined calls.
func compilersOwn(name string) bool {
	return name == "" || name == "_" || strings.ContainsAny(name[:1], ".#") || name[0] == '~' && (!strings.HasPrefix(name, "~r") || strings.Contains(name, "."))
}

// inC reports whether a frame is of a C function: sdcore has its name and line
// and does not show its variables.
func (d *differential) inC(fr *corefile.Frame) bool {
	if strings.Contains(fr.Function, ".") {
		return false
	}
	if d.debug == nil {
		f, err := elf.Open(d.core.Binary().Path())
		if err != nil {
			return false
		}
		defer f.Close()
		if d.debug, err = f.DWARF(); err != nil {
			return false
		}
	}
	const languageGo = 0x16
	unit, err := d.debug.Reader().SeekPC(fr.PC - d.core.LoadBias())
	if err != nil {
		return false
	}
	language, ok := unit.Val(dwarf.AttrLanguage).(int64)
	return ok && language != languageGo
}
