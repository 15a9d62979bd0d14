// Package auto calls safedump.Install for a program that may be relinked but
// not changed:
//
//	import _ "github.com/safedump/sdcore/safedump/auto"
//
// In:  the environment, at start: SAFEDUMP=1 or the name of a preset, and what
// else [safedump.EnvOptions] reads. Without SAFEDUMP nothing happens.
// Out: what Install does. With SAFEDUMP_VERBOSE=1 its status is printed on
// stderr; else nothing is, not even of an error: the sidecar has it, and
// `sdcore doctor --pid` says the same.
//
// What it does not do: run before the inits of the packages that it does not
// import; a crash in one of those is a crash without it.
package auto

import (
	"errors"
	"fmt"
	"os"

	"github.com/safedump/sdcore/safedump"
)

func init() {
	o, on, bad := safedump.EnvOptions(os.Getenv)
	if !on {
		return
	}
	status, err := safedump.Install(o)
	if os.Getenv("SAFEDUMP_VERBOSE") == "1" {
		fmt.Fprintf(os.Stderr, "safedump: %s\n", status)
		if err = errors.Join(bad, err); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n", err)
		}
	}
}
