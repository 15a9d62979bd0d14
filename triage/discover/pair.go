package discover

import "time"

// sameDeath is how far apart the last write to a crash text and to the core of
// the same death may be: the text of 100 000 goroutines takes 20 seconds, a core
// of gigabytes a minute.
const sameDeath = 5 * time.Minute

// commLen is how much of a program's name is in a core.
const commLen = 15

// pair finds for each crash text the core of the same death, which tells all
// that the text does and more. It has the number and the name of the process,
// is of the same host and about the same time: a core of another process must
// never make a text go unreported.
func pair(items []Item) {
	type process struct {
		host string
		pid  int
	}
	cores := map[process][]*Item{}
	for i := range items {
		if it := &items[i]; it.Kind != Text && it.PID != 0 {
			p := process{it.Host, it.PID}
			cores[p] = append(cores[p], it)
		}
	}
	for i := range items {
		text := &items[i]
		if text.Kind != Text || text.PID == 0 {
			continue
		}
		for _, core := range cores[process{text.Host, text.PID}] {
			apart := time.Duration(core.Modified - text.Modified).Abs()
			if apart <= sameDeath && cut(core.Program) == cut(text.Program) {
				text.CoveredBy = core.Path
				break
			}
		}
	}
}

func cut(name string) string { return name[:min(len(name), commLen)] }
