package safedump

import (
	"io"
	"os"
)

// play is the body of a re-executed test binary.
func play(name string) {
	var p played
	if playHost(name, &p) {
		return
	}
	switch name {
	case "twice":
		p.install(Options{})
		p.install(Options{Dir: "elsewhere", NoSidecar: true})
	case "blocked":
		if err := os.WriteFile("file", nil, 0o600); err != nil {
			panic(err)
		}
		p.install(Options{Dir: "file/below"})
		p.uninstall()
	case "wait": // the test of hostcheck looks at this process meanwhile
		p.install(Options{})
		p.print()
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test is done
		return
	case "vanished":
		p.install(Options{Dir: "d"})
		if err := os.RemoveAll("d"); err != nil {
			panic(err)
		}
		p.uninstall()
	default:
		panic("unknown scenario " + name)
	}
	p.print()
}
