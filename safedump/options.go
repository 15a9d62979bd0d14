package safedump

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrOptions is wrapped by the error of Install when an option makes no sense.
// What Install does is then what it does without that option.
var ErrOptions = errors.New("option makes no sense")

// Options change what Install does. The zero value is the preset Production.
type Options struct {
	// Preset fills in what the other fields leave open; default Production.
	Preset Preset
	// Dir takes the crash text and the sidecar; it is made with mode 0700.
	// Default: ~/.safedump.
	Dir string
	// Traceback is the traceback level: "" and "crash" set crash, "none",
	// "single", "all" and "system" set that one, and "keep" leaves the host's own
	// alone. Below crash a panic ends the program without a signal, and so
	// without a core of the kernel's. Where the monitor takes the core the host's
	// own level stays, whatever is asked for here: Status.Traceback tells.
	Traceback string
	// KeepLimit leaves RLIMIT_CORE alone.
	KeepLimit bool
	// KeepFilter leaves coredump_filter alone.
	KeepFilter bool
	// SetDumpable makes the process dumpable (PR_SET_DUMPABLE) where it is not.
	// A process loses that for a reason, such as file capabilities: others of
	// the same user may then read its memory, not only its core.
	SetDumpable bool
	// NoCrashText keeps no copy of the crash text. The runtime has one such
	// copy: a program that calls debug.SetCrashOutput itself, before or after
	// Install, wants this.
	NoCrashText bool
	// NoSidecar writes no sidecar.
	NoSidecar bool
	// Args writes the command line into the sidecar, without the values of
	// flags whose names sound secret. Whatever stands alone is written.
	Args bool
	// Keep bounds what crashes leave behind; zero fields are the preset's.
	Keep Keep
	// Monitor starts this executable once more, as a small child process that
	// takes the core when this one dies: with no help of the kernel's, at the
	// traceback level and with the exit status that the program has by itself.
	// Install must be the first statement of main then: what comes before it,
	// package inits included, runs in both, which is why no preset asks for it.
	// Where there is no monitor (see Status) Install does what it does without.
	Monitor bool
	// MonitorTimeout bounds how long the monitor may hold a process that dies.
	// Default: one minute.
	MonitorTimeout time.Duration
	// Analyze has the monitor run sdcore, where it is found in PATH, on each
	// core, keep the report and remove the core.
	Analyze bool
}

// Keep bounds what is kept of earlier crashes and captures: sidecar, crash text,
// what the monitor made, and the cores that are theirs for sure. Install, and
// Capture into the same directory, remove the oldest ones past a bound, never
// the newest, and never what they did not make. In a field zero means the
// preset's bound, a negative number none.
type Keep struct {
	Crashes int
	Bytes   int64
	Age     time.Duration
}

// Preset is a set of options for one use.
type Preset string

// The presets. docs/helper.md has the table of what each does.
const (
	// Production is the default: little is kept, and no argument.
	Production Preset = "production"
	// Development keeps more, for longer, and asks for the contents of mapped
	// files in the core, too: shared libraries are there without their files.
	Development Preset = "development"
	// Debug asks for everything: all mappings, the arguments, no bound on age
	// and bytes.
	Debug Preset = "debug"
	// Minimal prepares the core and writes no file.
	Minimal Preset = "minimal"
)

// profile is what a preset stands for.
type profile struct {
	tier    int    // Safedump's privacy tier, which the sidecar follows
	filter  uint32 // bits that are added to coredump_filter
	files   bool   // crash text and sidecar
	args    bool
	keep    Keep
	unknown bool
}

func (p Preset) profile() profile {
	const day = 24 * time.Hour
	switch p {
	case Development:
		return profile{tier: 2, filter: filterNeeded | filterMappedPrivate, files: true, keep: Keep{100, 8 << 30, 14 * day}}
	case Debug:
		return profile{tier: 4, filter: filterNeeded | filterMappedPrivate | filterMappedShared | filterHugeShared, files: true, args: true, keep: Keep{100, -1, -1}}
	case Minimal:
		return profile{tier: 0, filter: filterNeeded, keep: Keep{20, 1 << 30, 30 * day}}
	}
	return profile{tier: 1, filter: filterNeeded, files: true, keep: Keep{20, 4 << 30, 30 * day}, unknown: p != Production && p != ""}
}

// settled are options without anything left open.
type settled struct {
	Options
	profile
	level string // to set, "" for the host's own
	slot  bool   // the runtime's copy of the crash text is ours to use
}

// settle fills in the preset. What makes no sense is told and left out.
func (o Options) settle() (settled, error) {
	s := settled{Options: o, profile: o.Preset.profile()}
	var errs []error
	if s.unknown {
		errs = append(errs, fmt.Errorf("%w: preset %q: want production, development, debug or minimal", ErrOptions, o.Preset))
	}
	switch o.Traceback {
	case "", "crash":
		s.level = "crash"
	case "keep":
	case "none", "single", "all", "system":
		s.level = o.Traceback
	default:
		s.level = "crash"
		errs = append(errs, fmt.Errorf("%w: traceback level %q: want keep, none, single, all, system or crash", ErrOptions, o.Traceback))
	}
	s.slot = !o.NoCrashText
	if !s.files {
		s.NoCrashText, s.NoSidecar = true, true
	}
	s.Args = s.Args || s.args
	s.keep = s.keep.or(o.Keep)
	return s, errors.Join(errs...)
}

// or takes the fields that are set in o.
func (k Keep) or(o Keep) Keep {
	if o.Crashes != 0 {
		k.Crashes = o.Crashes
	}
	if o.Bytes != 0 {
		k.Bytes = o.Bytes
	}
	if o.Age != 0 {
		k.Age = o.Age
	}
	return k
}

// EnvOptions reads the options of a program that may not be changed, which
// imports package auto, from its environment:
//
//	SAFEDUMP            1, on, true or a preset: Install; 0, off, false or empty: not
//	SAFEDUMP_DIR        Options.Dir
//	SAFEDUMP_TRACEBACK  Options.Traceback
//	SAFEDUMP_KEEP       Options.Keep.Crashes
//	SAFEDUMP_KEEP_BYTES Options.Keep.Bytes
//	SAFEDUMP_KEEP_AGE   Options.Keep.Age, as "36h"
//
// getenv is os.Getenv. An error wraps ErrOptions; the options leave out what
// it names.
func EnvOptions(getenv func(string) string) (o Options, on bool, err error) {
	switch v := strings.ToLower(getenv("SAFEDUMP")); v {
	case "", "0", "off", "false", "no":
		return Options{}, false, nil
	case "1", "on", "true", "yes":
	default:
		o.Preset = Preset(v)
	}
	o.Dir, o.Traceback = getenv("SAFEDUMP_DIR"), getenv("SAFEDUMP_TRACEBACK")
	var errs []error
	number := func(name string, bits int) int64 {
		text := getenv(name)
		if text == "" {
			return 0
		}
		n, err := strconv.ParseInt(text, 10, bits)
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: %s: not a number", ErrOptions, name))
		}
		return n
	}
	o.Keep.Crashes, o.Keep.Bytes = int(number("SAFEDUMP_KEEP", 32)), number("SAFEDUMP_KEEP_BYTES", 64)
	if text := getenv("SAFEDUMP_KEEP_AGE"); text != "" {
		age, err := time.ParseDuration(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: SAFEDUMP_KEEP_AGE: not a duration", ErrOptions))
		}
		o.Keep.Age = age
	}
	return o, true, errors.Join(errs...)
}
