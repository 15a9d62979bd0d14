//go:build !linux

package safedump

import (
	"errors"
	"os"
	"runtime"
)

var errNotLinux = errors.New("supported on Linux only")

func diagnoseHost(s *Status) {
	s.Core = Core{Destination: ToUnknown}
	s.Diagnoses = append(s.Diagnoses, Diagnosis{Code: CodeOSUnsupported, Severity: Warn,
		Message: "sdcore reads cores of Linux; on " + runtime.GOOS + " only the crash text and the sidecar are kept"})
}

func readLimit() (Limit, error)   { return Limit{}, errNotLinux }
func setSoftLimit(uint64) error   { return errNotLinux }
func readFilter() (uint32, error) { return 0, errNotLinux }
func writeFilter(uint32) error    { return errNotLinux }
func startTicks() uint64          { return 0 }
func readDumpable() (int, error)  { return 0, errNotLinux }
func setDumpable(bool) error      { return errNotLinux }

func freeSpace(string) (uint64, error) { return 0, errNotLinux }

func openNoFollow(path string) (*os.File, error) { return nil, errNotLinux }

func ours(info os.FileInfo) bool { return info.Mode().IsRegular() }

// lockFile answers true: without locks a file is never taken for a dead
// process's one, because locksWork is false.
func lockFile(*os.File) bool { return true }

const (
	coresSupported = false
	locksWork      = false
)
