// Package crashrun runs a command with core dumps on, and finds the cores of
// what died below it: the library behind "sdcore ci".
//
// In:  a command line, and an empty directory for what go builds.
// Out: how the command ended, and the paths of the cores that it left.
//
// The core limit is raised as far as it goes, GOTRACEBACK makes Go programs die
// by a signal, and GOFLAGS and GOTMPDIR make go keep the programs it builds for
// "go test" and "go run", with their debug information: it would link them
// without, and remove them. Where the host keeps no cores those programs can be
// started by another one, which takes the core itself.
//
// What it does not do: read a core, or remove one. What lies in the tree and
// was there before is not touched.
package crashrun
