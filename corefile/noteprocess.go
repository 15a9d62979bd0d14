package corefile

import (
	"encoding/binary"
	"strconv"

	"github.com/safedump/sdcore/report"
)

// Layouts of struct elf_prpsinfo and siginfo_t on 64-bit Linux. Sources: Linux
// 6.12, include/linux/elfcore.h and include/uapi/asm-generic/siginfo.h.
const (
	psinfoSize    = 136
	psinfoPID     = 24
	psinfoName    = 40
	psinfoNameLen = 16
	psinfoArgs    = 56
	psinfoArgsLen = 80

	siginfoMin  = 24
	siginfoCode = 8
	siginfoAddr = 16

	siKernel = 0x80 // si_code SI_KERNEL: sent by the kernel, si_addr says nothing
)

// addInfo reads NT_PRPSINFO.
func (n *notes) addInfo(r rawNote) {
	if n.hasInfo {
		return
	}
	if len(r.desc) != psinfoSize {
		n.problem("NT_PRPSINFO", "has %d bytes instead of %d", len(r.desc), psinfoSize)
		return
	}
	n.hasInfo = true
	n.info = psinfo{
		pid:  int(int32(binary.LittleEndian.Uint32(r.desc[psinfoPID:]))),
		name: upToNUL(r.desc[psinfoName : psinfoName+psinfoNameLen]),
		args: upToNUL(r.desc[psinfoArgs : psinfoArgs+psinfoArgsLen]),
	}
}

// addSignal reads the first NT_SIGINFO, that of the thread that dumped.
func (n *notes) addSignal(r rawNote) {
	if n.signal != nil {
		return
	}
	if len(r.desc) < siginfoMin {
		n.problem("NT_SIGINFO", "has only %d bytes", len(r.desc))
		return
	}
	s := &report.Signal{
		Number: int(int32(binary.LittleEndian.Uint32(r.desc))),
		Code:   int(int32(binary.LittleEndian.Uint32(r.desc[siginfoCode:]))),
		Source: "NT_SIGINFO",
	}
	if s.Number == 0 {
		return // a core of a process that got no signal
	}
	s.Name = SignalName(s.Number)
	if isFault(s.Number) && s.Code > 0 && s.Code != siKernel {
		s.Addr, s.HasAddr = report.Addr(binary.LittleEndian.Uint64(r.desc[siginfoAddr:])), true
		if len(n.threads) > 0 {
			s.PC = report.Addr(n.threads[len(n.threads)-1].PC)
		}
	}
	n.signal = s
}

// isFault reports whether a signal's siginfo holds an address.
func isFault(sig int) bool {
	switch sig {
	case 4, 5, 7, 8, 11: // SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV
		return true
	}
	return false
}

// SignalName is the name of a Linux signal on amd64 and arm64, "signal N" for
// numbers without one. Source: Linux 6.12, include/uapi/asm-generic/signal.h.
func SignalName(sig int) string {
	names := [...]string{
		1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
		9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
		16: "SIGSTKFLT", 17: "SIGCHLD", 18: "SIGCONT", 19: "SIGSTOP", 20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU",
		23: "SIGURG", 24: "SIGXCPU", 25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 28: "SIGWINCH", 29: "SIGIO",
		30: "SIGPWR", 31: "SIGSYS",
	}
	if sig > 0 && sig < len(names) {
		return names[sig]
	}
	return "signal " + strconv.Itoa(sig)
}

// upToNUL is a C string in a fixed field.
func upToNUL(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
