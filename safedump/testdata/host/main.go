// Command host is the program that Install must not make worse: it installs
// the helper, or does not, and then ends in the way that it is told.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/safedump/sdcore/safedump"
	_ "github.com/safedump/sdcore/safedump/auto"
)

type order struct{ total int }

var none *order

func main() {
	if text := os.Getenv("HOST_OPTIONS"); text != "" {
		install(text)
	}
	if dir := os.Getenv("HOST_REMOVES"); dir != "" {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}
	switch os.Getenv("HOST_DEATH") {
	case "panic":
		panic("boom")
	case "nil":
		none.total++
	case "goroutine":
		go elsewhere()
		select {}
	case "deadlock":
		select {}
	case "exit":
		os.Exit(7)
	case "sleep":
		time.Sleep(time.Hour)
	}
}

// elsewhere dies when main has parked, so that Go prints the same each time.
func elsewhere() {
	b := make([]byte, 64<<10)
	for !strings.Contains(string(b[:runtime.Stack(b, true)]), "goroutine 1 [select (no cases)") {
		time.Sleep(time.Millisecond)
	}
	panic("elsewhere")
}

// install prints the status as JSON on stdout.
func install(text string) {
	var o safedump.Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	status, err := safedump.Install(o)
	if os.Getenv("HOST_QUIET") != "" {
		return
	}
	out := struct {
		Status safedump.Status
		Err    string
	}{status, fmt.Sprint(err)}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		panic(err)
	}
}
