package hostcheck

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tree is a fake host: files by path. A value that begins with "-> " is a
// symbolic link, "/" a directory.
type tree map[string]string

// healthy is a host on which process 4711 can produce a core.
func healthy() tree {
	uid := strconv.Itoa(os.Getuid())
	status := "Name:\tpay\nUid:\t" + strings.Join([]string{uid, uid, uid, uid}, "\t") + "\nGid:\t5\t5\t5\t5\nGroups:\t5 6\nNSpid:\t4711\t17\n" +
		"VmRSS:\t    2048 kB\nCapEff:\t0000000000000000\n"
	limits := "Limit                     Soft Limit           Hard Limit           Units     \n" +
		"Max data size             unlimited            unlimited            bytes     \n" +
		"Max core file size        unlimited            unlimited            bytes     \n"
	return tree{
		"proc/sys/kernel/core_pattern":  "/cores/%e.%p\n",
		"proc/sys/kernel/core_uses_pid": "0\n",
		"proc/sys/kernel/hostname":      "box\n",
		"proc/sys/fs/suid_dumpable":     "0\n",
		"cores":                         "/",
		"srv":                           "/",
		"proc/4711/status":              status, "proc/self/status": status,
		"proc/4711/limits": limits, "proc/self/limits": limits,
		"proc/4711/coredump_filter": "00000033\n", "proc/self/coredump_filter": "00000033\n",
		"proc/4711/comm": "pay\n", "proc/self/comm": "sdcore\n",
		"proc/4711/cwd": "-> /srv", "proc/self/cwd": "-> /srv",
		"proc/4711/exe": "-> /srv/pay",
	}
}

func (tr tree) with(pairs ...string) tree {
	for i := 0; i < len(pairs); i += 2 {
		tr[pairs[i]] = pairs[i+1]
	}
	return tr
}

func (tr tree) without(paths ...string) tree {
	for _, p := range paths {
		delete(tr, p)
	}
	return tr
}

// build writes the tree to a directory.
func (tr tree) build(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range tr {
		path = filepath.Join(root, path)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if link, ok := strings.CutPrefix(content, "-> "); ok && err == nil {
			err = os.Symlink(link, path)
		} else if content == "/" && err == nil {
			err = os.MkdirAll(path, 0o755)
		} else if err == nil {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func (r Report) has(id ID, code Code, status Status) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.ID == id && f.Code == code && f.Status == status && f.Detail != "" })
}

func limits(soft, hard string) string {
	return fmt.Sprintf("Max core file size        %-20s %-20s bytes     \n", soft, hard)
}

func TestCheck(t *testing.T) {
	const pattern, file = "proc/sys/kernel/core_pattern", "proc/4711/limits"
	systemd := "|/usr/lib/systemd/systemd-coredump %P"
	tests := []struct {
		name   string
		tree   tree
		id     ID
		code   Code
		status Status
		dest   Destination
	}{
		{"file", healthy(), CheckCorePattern, CodePatternFile, OK, ToFile},
		{"limit", healthy(), CheckLimit, CodeLimitUnlimited, OK, ToFile},
		{"filter", healthy(), CheckFilter, CodeFilterComplete, OK, ToFile},
		{"directory", healthy(), CheckDirectory, CodeDirectoryWritable, OK, ToFile},
		{"no container", healthy(), CheckContainer, CodeNoContainer, OK, ToFile},
		{"no yama", healthy(), CheckPtrace, CodePtrace, OK, ToFile},
		{"empty", healthy().with(pattern, "\n"), CheckCorePattern, CodePatternEmpty, Fail, ToNowhere},
		{"pipe to nothing", healthy().with(pattern, "|\n"), CheckCorePattern, CodePatternInvalid, Fail, ToNowhere},
		{"socket", healthy().with(pattern, "@/run/x\n"), CheckCorePattern, CodePatternSocket, Warn, ToSocket},
		{"no proc/sys", healthy().without(pattern), CheckCorePattern, CodePatternUnreadable, Warn, ToUnknown},
		{"relative, no directory", healthy().with(pattern, "core\n").without("proc/4711/cwd"), CheckCorePattern, CodePatternInvalid, Warn, ToUnknown},
		{"systemd", healthy().with(pattern, systemd, "usr/lib/systemd/systemd-coredump", "x"), CheckCorePattern, CodePatternSystemd, OK, ToPipe},
		{"systemd is there", healthy().with(pattern, systemd, "usr/lib/systemd/systemd-coredump", "x"), CheckHandler, CodeHandlerPresent, OK, ToPipe},
		{"systemd is missing", healthy().with(pattern, systemd), CheckHandler, CodeHandlerMissing, Fail, ToNowhere},
		{"systemd keeps nothing", healthy().with(pattern, systemd, "usr/lib/systemd/systemd-coredump", "x",
			"etc/systemd/coredump.conf", "[Coredump]\n#Storage=external\nStorage = none\n"), CheckHandler, CodeHandlerStorageNone, Fail, ToNowhere},
		{"a drop-in keeps nothing", healthy().with(pattern, systemd, "usr/lib/systemd/systemd-coredump", "x",
			"etc/systemd/coredump.conf", "Storage=external\n", "run/systemd/coredump.conf.d/9.conf", "Storage=none\n"), CheckHandler, CodeHandlerStorageNone, Fail, ToNowhere},
		{"a drop-in is hidden", healthy().with(pattern, systemd, "usr/lib/systemd/systemd-coredump", "x",
			"usr/lib/systemd/coredump.conf.d/9.conf", "Storage=none\n", "etc/systemd/coredump.conf.d/9.conf", "\n"), CheckHandler, CodeHandlerPresent, OK, ToPipe},
		{"systemd in a container", healthy().with(pattern, systemd, ".dockerenv", ""), CheckHandler, CodeHandlerUnknown, Warn, ToPipe},
		{"apport", healthy().with(pattern, "|/usr/share/apport/apport %p", "usr/share/apport/apport", "x"), CheckCorePattern, CodePatternApport, Warn, ToPipe},
		{"abrt", healthy().with(pattern, "|/usr/libexec/abrt-hook-ccpp %p", "usr/libexec/abrt-hook-ccpp", "x"), CheckCorePattern, CodePatternABRT, Warn, ToPipe},
		{"other handler", healthy().with(pattern, "|/opt/x %p", "opt/x", "x"), CheckCorePattern, CodePatternPipe, Warn, ToPipe},
		{"limit 0", healthy().with(file, limits("0", "unlimited")), CheckLimit, CodeLimitZero, Fail, ToNowhere},
		{"limit bounded", healthy().with(file, limits("1048576", "1048576")), CheckLimit, CodeLimitBounded, Warn, ToFile},
		{"limit garbled", healthy().with(file, limits("x", "y")), CheckLimit, CodeLimitUnreadable, Warn, ToFile},
		{"limit missing", healthy().without(file), CheckLimit, CodeLimitUnreadable, Warn, ToFile},
		{"limit 0, handler", healthy().with(pattern, "|/opt/x", "opt/x", "x", file, limits("0", "0")), CheckLimit, CodeLimitIgnored, Warn, ToPipe},
		{"limit 1, handler", healthy().with(pattern, "|/opt/x", "opt/x", "x", file, limits("1", "1")), CheckLimit, CodeLimitZero, Fail, ToNowhere},
		{"files limited", healthy().with(file, limits("unlimited", "unlimited")+"Max file size             1048576              unlimited            bytes     \n"), CheckLimit, CodeFileSizeLimit, Warn, ToFile},
		{"no file may be written", healthy().with(file, limits("unlimited", "unlimited")+"Max file size             0                    0                    bytes     \n"), CheckLimit, CodeFileSizeZero, Fail, ToNowhere},
		{"thrown away", healthy().with(pattern, "|/bin/false\n"), CheckCorePattern, CodePatternDiscard, Fail, ToNowhere},
		{"WSL", healthy().with(pattern, "|/wsl-capture-crash %t %E %p %s\n", "wsl-capture-crash", "x"), CheckCorePattern, CodePatternRuntime, Warn, ToPipe},
		{"filter without heap", healthy().with("proc/4711/coredump_filter", "00000010\n"), CheckFilter, CodeFilterNoMemory, Fail, ToNowhere},
		{"filter without headers", healthy().with("proc/4711/coredump_filter", "00000023\n"), CheckFilter, CodeFilterPartial, Warn, ToFile},
		{"filter garbled", healthy().with("proc/4711/coredump_filter", "zz\n"), CheckFilter, CodeFilterUnreadable, Warn, ToFile},
		{"directory missing", healthy().without("cores"), CheckDirectory, CodeDirectoryMissing, Fail, ToNowhere},
		{"directory is a file", healthy().with("cores", "x"), CheckDirectory, CodeDirectoryMissing, Fail, ToNowhere},
		{"directory unknown", healthy().with(pattern, "/cores/%t/core"), CheckDirectory, CodeDirectoryUnknown, Warn, ToFile},
		{"podman", healthy().with("run/.containerenv", ""), CheckContainer, CodeContainer, Warn, ToFile},
		{"kubernetes", healthy().with("proc/1/cgroup", "0::/kubepods/x\n"), CheckContainer, CodeContainer, Warn, ToFile},
		{"nspawn", healthy().with("run/systemd/container", "systemd-nspawn\n"), CheckContainer, CodeContainer, Warn, ToFile},
		{"yama 0", healthy().with("proc/sys/kernel/yama/ptrace_scope", "0\n"), CheckPtrace, CodePtrace, OK, ToFile},
		{"yama 1", healthy().with("proc/sys/kernel/yama/ptrace_scope", "1\n"), CheckPtrace, CodePtraceChildren, OK, ToFile},
		{"yama 2", healthy().with("proc/sys/kernel/yama/ptrace_scope", "2\n"), CheckPtrace, CodePtraceAdmin, Warn, ToFile},
		{"yama 3", healthy().with("proc/sys/kernel/yama/ptrace_scope", "3\n"), CheckPtrace, CodePtraceOff, Warn, ToFile},
		{"yama garbled", healthy().with("proc/sys/kernel/yama/ptrace_scope", "?\n"), CheckPtrace, CodePtraceUnknown, Warn, ToFile},
		{"file capabilities", healthy().with("proc/4711/status", "Uid:\t1\t2\t2\t2\nGid:\t1\t1\n"), CheckDumpable, CodePrivileged, Warn, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Check(Options{Root: tt.tree.build(t), PID: 4711})
			if !r.has(tt.id, tt.code, tt.status) {
				t.Errorf("no finding %s/%s/%s in\n%s", tt.id, tt.code, tt.status, dump(r))
			}
			if tt.dest != "" && r.Core.Destination != tt.dest {
				t.Errorf("core goes to %s, want %s\n%s", r.Core.Destination, tt.dest, dump(r))
			}
		})
	}
}

// TestMemory is about a core that is written to a tmpfs.
func TestMemory(t *testing.T) {
	const meminfo, group = "proc/meminfo", "proc/4711/cgroup"
	available := "MemTotal: 9 kB\nMemAvailable: 8000 kB\n"
	v2 := healthy().with(meminfo, available, group, "0::/system/pay\n", "proc/self/mountinfo", "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"sys/fs/cgroup/system/pay/memory.max", "max\n", "sys/fs/cgroup/system/memory.max", "1000000\n",
		"sys/fs/cgroup/system/memory.current", "900000\n", "sys/fs/cgroup/system/memory.stat", "anon 1\ninactive_file 300000\n")
	v1 := healthy().with(group, "5:cpu:/kube/pod1\n4:memory:/kube/pod1/x\n0::/\n",
		"proc/self/mountinfo", "31 25 0:28 /kube/pod1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
		"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712", "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "5000",
		"sys/fs/cgroup/memory/x/memory.usage_in_bytes", "4000", "sys/fs/cgroup/memory/x/memory.stat", "total_inactive_file 500\n")
	for _, tt := range []struct {
		name string
		tree tree
		want bound
		need uint64
		code Code
	}{
		{"nothing is told", healthy(), bound{}, 1, CodeMemoryUnknown},
		{"host", healthy().with(meminfo, available), bound{"host", 8000 << 10}, 1, CodeMemoryRoom},
		{"a limit above", v2, bound{"cgroup /sys/fs/cgroup/system", 400000}, 400001, CodeMemoryLow},
		{"version 1 in a container", v1, bound{"cgroup /sys/fs/cgroup/memory/x", 1500}, 1500, CodeMemoryRoom},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &checker{host: host{root: tt.tree.build(t), pid: 4711}}
			if got, _ := c.lowestBound(); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			c.memory("/cores", true, tt.need)
			if len(c.report.Findings) != 1 || c.report.Findings[0].Code != tt.code {
				t.Errorf("%+v, want %s", c.report.Findings, tt.code)
			}
			c.memory("/cores", false, tt.need)
			if len(c.report.Findings) != 1 {
				t.Error("a disk was judged as memory")
			}
		})
	}
}

func dump(r Report) string {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TestHealthy checks the whole answer for a process, and for the host.
func TestHealthy(t *testing.T) {
	root := healthy().build(t)
	r := Check(Options{Root: root, PID: 4711})
	if want := (Core{Destination: ToFile, Pattern: "/cores/%e.%p", Path: "/cores/pay.17"}); r.Core != want {
		t.Errorf("%+v, want %+v: the number of the innermost PID namespace", r.Core, want)
	}
	if got := r.Worst(); got != OK && !r.has(CheckDiskSpace, CodeDiskLow, Warn) {
		t.Errorf("worst is %s\n%s", got, dump(r))
	}
	host := Check(Options{Root: root})
	if want := (Core{Destination: ToFile, Pattern: "/cores/%e.%p", Path: "/cores/*.*", Glob: true}); host.Core != want {
		t.Errorf("host: %+v, want %+v", host.Core, want)
	}
}

func TestNoProcess(t *testing.T) {
	r := Check(Options{Root: healthy().build(t), PID: 99})
	if len(r.Findings) != 1 || !r.has(CheckDumpable, CodeProcessMissing, Fail) || r.Core.Destination != ToNowhere {
		t.Errorf("%s", dump(r))
	}
	r = Check(Options{Root: t.TempDir()})
	if !r.has(CheckCorePattern, CodeOSUnsupported, Warn) {
		t.Errorf("a host without /proc: %s", dump(r))
	}
}

// TestDumpable judges by the owner of /proc/PID, which in a fake tree is
// whoever runs the test.
func TestDumpable(t *testing.T) {
	mine, other := strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getuid()+1)
	status := func(uid string) string {
		return "Uid:\t" + strings.Join([]string{uid, uid, uid, uid}, "\t") + "\nGid:\t5\t5\t5\t5\n"
	}
	tests := []struct {
		name, uid, suid, pattern string
		code                     Code
		status                   Status
	}{
		{"owned by its user", mine, "0", "/cores/c", CodeDumpable, OK},
		{"owned by another", other, "0", "/cores/c", CodeDumpableNo, Fail},
		{"for root only", other, "2", "/cores/c", CodeDumpableRestricted, Warn},
		{"for root only, relative", other, "2", "c", CodeDumpableRestricted, Fail},
	}
	if os.Getuid() == 0 {
		tests[0].code = CodeDumpableUnknown // root owns it in either case
	}
	for _, tt := range tests {
		r := Check(Options{PID: 4711, Root: healthy().with("proc/4711/status", status(tt.uid), "proc/sys/fs/suid_dumpable", tt.suid,
			"proc/sys/kernel/core_pattern", tt.pattern).build(t)})
		if !r.has(CheckDumpable, tt.code, tt.status) {
			t.Errorf("%s: no %s/%s in\n%s", tt.name, tt.code, tt.status, dump(r))
		}
	}
}

func TestMayWrite(t *testing.T) {
	dir := t.TempDir()
	stranger := process{uid: os.Getuid() + 1, effective: os.Getuid() + 1, gid: -2}
	for mode, want := range map[os.FileMode]bool{0o700: false, 0o755: false, 0o777: true, 0o1777: true, 0o772: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := mayWrite(info, stranger); got != want {
			t.Errorf("mode %o: %v, want %v", mode, got, want)
		}
		if !mayWrite(info, process{effective: 0}) {
			t.Errorf("mode %o: root may not write", mode)
		}
	}
}

// TestThisHost asks for real: whatever the host is like, each check answers.
func TestThisHost(t *testing.T) {
	for _, pid := range []int{0, os.Getpid()} {
		r := Check(Options{PID: pid})
		for _, id := range []ID{CheckCorePattern, CheckLimit, CheckDumpable, CheckFilter, CheckContainer, CheckPtrace} {
			if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.ID == id }) {
				t.Errorf("PID %d: check %s gives no finding", pid, id)
			}
		}
		for _, f := range r.Findings {
			if !slices.Contains(codes(), f.Code) {
				t.Errorf("code %s is not listed", f.Code)
			}
			if f.Status != OK && f.Status != Warn && f.Status != Fail {
				t.Errorf("%s has the status %q", f.Code, f.Status)
			}
		}
	}
}

func TestCodesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/helper.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- contract: diagnosis codes -->\n```json\n")
	block, _, ok := strings.Cut(rest, "\n```")
	var contract struct{ Both, Host map[Code]string }
	if err := json.Unmarshal([]byte(block), &contract); err != nil || !ok {
		t.Fatalf("docs/helper.md: no list of codes: %v", err)
	}
	for _, c := range codes() {
		if contract.Both[c]+contract.Host[c] == "" {
			t.Errorf("docs/helper.md lacks %s", c)
		}
	}
	if got, want := len(codes()), len(contract.Both)+len(contract.Host); got != want {
		t.Errorf("docs/helper.md lists %d codes for the host, the package has %d", want, got)
	}
}

// FuzzCheck: whatever /proc holds, Check answers, and a path that it promises
// is absolute.
func FuzzCheck(f *testing.F) {
	f.Add("core", "Uid:\t1\t1\t1\t1\nNSpid:\t-1\n", limits("0", "x"), "33")
	f.Add("|", "", "Max core file size", "")
	f.Add("/%e/%t/%", "Uid:\nGid:\t\nVmRSS:\t99999999999999999999 kB", "", "ffffffff")
	f.Fuzz(func(t *testing.T, pattern, status, limits, filter string) {
		root := tree{"proc/sys/kernel/core_pattern": pattern, "proc/4711/status": status, "proc/4711/limits": limits,
			"proc/4711/coredump_filter": filter, "proc/4711/cwd": "-> /srv"}
		for k, v := range root {
			if v == "/" || strings.HasPrefix(v, "-> ") && k != "proc/4711/cwd" {
				t.Skip("the tree's own notation")
			}
		}
		r := Check(Options{Root: root.build(t), PID: 4711})
		if r.Core.Destination == ToFile && !filepath.IsAbs(r.Core.Path) {
			t.Errorf("core path %q is not absolute", r.Core.Path)
		}
	})
}
