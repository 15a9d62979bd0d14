package safedump_test

import (
	"log"

	"github.com/safedump/sdcore/safedump"
)

// The one line that a service needs, and what it may do with the answer.
func ExampleInstall() {
	status, err := safedump.Install(safedump.Options{})
	if err != nil {
		log.Print(err) // no core is to be expected, and why
	}
	log.Print(status.Core) // where the core will land
	for _, d := range status.Diagnoses {
		if d.Severity != safedump.OK {
			log.Printf("%s: %s (%s)", d.Code, d.Message, d.Remedy)
		}
	}
}
