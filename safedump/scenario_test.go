package safedump

import "os"

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
