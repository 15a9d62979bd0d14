package safedump

import "testing"

func TestParsePattern(t *testing.T) {
	facts := patternFacts{pid: 41, uid: 7, gid: 8, dumpable: "1", signal: "6", host: "box", comm: "pay",
		exe: "/srv/bin/pay", limit: "18446744073709551615", cwd: "/var/run/pay"}
	uses := facts
	uses.usesPID = true
	initial := facts
	initial.initialPIDs = true
	nowhere := facts
	nowhere.cwd = ""
	odd := facts
	odd.host, odd.comm, odd.cwd = "..", "a*b", "/w[1]"
	tests := []struct {
		name    string
		pattern string
		facts   patternFacts
		want    Core
	}{
		{"default", "core\n", facts, Core{Destination: ToFile, Pattern: "core", Path: "/var/run/pay/core"}},
		{"default with pid", "core\n", uses, Core{Destination: ToFile, Pattern: "core", Path: "/var/run/pay/core.41"}},
		{"pid not added twice", "core.%p", uses, Core{Destination: ToFile, Pattern: "core.%p", Path: "/var/run/pay/core.41"}},
		{"absolute", "/cores/%e.%p.%u.%g.%s.%h.%d", facts, Core{Destination: ToFile, Pattern: "/cores/%e.%p.%u.%g.%s.%h.%d", Path: "/cores/pay.41.7.8.6.box.1"}},
		{"path of the executable", "/c/%E-%f", facts, Core{Destination: ToFile, Pattern: "/c/%E-%f", Path: "/c/!srv!bin!pay-pay"}},
		{"percent", "/c/%%p%", facts, Core{Destination: ToFile, Pattern: "/c/%%p%", Path: "/c/%p"}},
		{"unknown letter is dropped", "/c/a%zb%F", facts, Core{Destination: ToFile, Pattern: "/c/a%zb%F", Path: "/c/ab"}},
		{"limit", "/c/%c", facts, Core{Destination: ToFile, Pattern: "/c/%c", Path: "/c/18446744073709551615"}},
		{"time is known later", "/c/%e.%t", facts, Core{Destination: ToFile, Pattern: "/c/%e.%t", Path: "/c/pay.*", Glob: true}},
		{"pid of the host", "/c/%P", facts, Core{Destination: ToFile, Pattern: "/c/%P", Path: "/c/*", Glob: true}},
		{"pid of the host, known", "/c/%P", initial, Core{Destination: ToFile, Pattern: "/c/%P", Path: "/c/41"}},
		{"glob characters", "%h.%e.%t", odd, Core{Destination: ToFile, Pattern: "%h.%e.%t", Path: `/w\[1]/!..a\*b.*`, Glob: true}},
		{"relative, directory unknown", "core", nowhere, Core{Destination: ToUnknown, Pattern: "core", Path: "core"}},
		{"climbs out", "../core", facts, Core{Destination: ToFile, Pattern: "../core", Path: "/var/run/core"}},
		{"empty", "\n", facts, Core{Destination: ToNowhere}},
		{"empty with pid", "\n", uses, Core{Destination: ToFile, Path: "/var/run/pay/.41"}},
		{"systemd", "|/usr/lib/systemd/systemd-coredump %P %u", facts, Core{Destination: ToPipe, Pattern: "|/usr/lib/systemd/systemd-coredump %P %u", Handler: "/usr/lib/systemd/systemd-coredump %P %u"}},
		{"pipe to nothing", "| ", facts, Core{Destination: ToNowhere, Pattern: "| "}},
		{"socket", "@/run/core.sock", facts, Core{Destination: ToSocket, Pattern: "@/run/core.sock", Handler: "/run/core.sock"}},
		{"socket, second protocol", "@@/run/core.sock", facts, Core{Destination: ToSocket, Pattern: "@@/run/core.sock", Handler: "/run/core.sock"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := parsePattern(tt.pattern, tt.facts); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestHandlerCode(t *testing.T) {
	for command, want := range map[string]Code{
		"/usr/lib/systemd/systemd-coredump %P":   CodePatternSystemd,
		"/lib/systemd/systemd-coredump":          CodePatternSystemd,
		"/usr/share/apport/apport -p%p -s%s":     CodePatternApport,
		"/usr/libexec/abrt-hook-ccpp %s":         CodePatternABRT,
		"/opt/vendor/collect %p":                 CodePatternPipe,
		"/opt/apport/wrapper /usr/share/apport":  CodePatternPipe,
		"/bin/sh -c systemd-coredump-imitation ": CodePatternPipe,
	} {
		if got := handlerCode(command); got != want {
			t.Errorf("handlerCode(%q) = %s, want %s", command, got, want)
		}
	}
}

func TestDiagnoseFilter(t *testing.T) {
	tests := []struct {
		text string
		code Code
		sev  Severity
	}{
		{"00000033\n", CodeFilterComplete, OK},
		{"0000007f", CodeFilterComplete, OK},
		{"00000000", CodeFilterNoMemory, Fail},
		{"00000032", CodeFilterNoMemory, Fail},
		{"00000023", CodeFilterPartial, Warn},
		{"00000001", CodeFilterPartial, Warn},
	}
	for _, tt := range tests {
		bits, err := parseFilter(tt.text)
		if err != nil {
			t.Errorf("parseFilter(%q): %v", tt.text, err)
		}
		if d := diagnoseFilter(bits); d.Code != tt.code || d.Severity != tt.sev {
			t.Errorf("filter %s: %s/%s, want %s/%s", tt.text, d.Code, d.Severity, tt.code, tt.sev)
		}
	}
	for _, bad := range []string{"", "xyz", "1ffffffff", "-1"} {
		if _, err := parseFilter(bad); err == nil {
			t.Errorf("parseFilter(%q) succeeded", bad)
		}
	}
	if got, want := describeBits(0x80000011), "anonymous private memory, ELF headers, unknown bits 0x80000000"; got != want {
		t.Errorf("describeBits = %q, want %q", got, want)
	}
}
