package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// compute makes the levels of the frames of the goroutine that crashed.
func compute(r *report.Report) Value {
	e := &r.Crash.Exception
	v := Value{Version: Version, Kind: redact.Unnumbered(string(r.Crash.Kind) + ":" + e.Type)}
	for i := range r.Goroutines {
		g := &r.Goroutines[i]
		if !g.Crashed {
			continue
		}
		for j := range g.Frames {
			f := &g.Frames[j]
			if !f.Runtime {
				v.Frames = append(v.Frames, Frame{Function: redact.Unnumbered(f.Function), Line: -1, Place: strconv.Itoa(f.Line), InApp: true, Use: "key"})
			}
		}
	}
	v.Title = v.Kind
	if len(v.Frames) == 0 {
		return v
	}
	v.Title += " in " + v.Frames[0].Function
	top := v.Frames[:min(3, len(v.Frames))]
	v.Levels = [3]string{
		level("narrow", v.Kind, v.Frames), level("group", v.Kind, top), level("wide", v.Kind, v.Frames[:1]),
	}
	return v
}

// level hashes what counts at one level.
func level(name, kind string, frames []Frame) string {
	var b strings.Builder
	b.WriteString(Version + "\x00" + name + "\x00" + kind)
	for i := range frames {
		b.WriteString("\x00" + frames[i].Function)
		if name == "narrow" {
			b.WriteString("\x01" + frames[i].Place)
		}
	}
	sum := sha256.Sum256([]byte(b.String()))
	return Version + ":" + name + ":" + hex.EncodeToString(sum[:8])
}

// Similar says why two crashes of different groups may be one bug, and whether
// there is a reason. It is a suggestion.
func Similar(a, b Value) (reason string, ok bool) {
	if !a.Known() || !b.Known() || a.Levels[Wide] != b.Levels[Wide] {
		return "", false
	}
	return "the same kind of crash in the same function", true
}
