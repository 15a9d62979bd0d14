package sdcore

import "github.com/safedump/sdcore/report"

// Bounds on what is decoded, as multiples of the size that a report may have.
// They are above one because sizes are estimated and because redaction shortens.
const (
	// decodeFactor bounds what is looked at for secrets, and what Report keeps,
	// whose values are still whole.
	decodeFactor = 4
	// keepFactor bounds what is kept of a report that is redacted on the way.
	keepFactor = 2
)

// budget is a number of bytes that may be used up; below 0 it has no end.
type budget struct{ left int64 }

// budget is factor times the size that a report may have.
func (s *Session) budget(factor int64) budget {
	if s.options.Limits.MaxSize <= 0 {
		return budget{-1}
	}
	return budget{factor * s.options.Limits.MaxSize}
}

// spent reports whether nothing is left.
func (b *budget) spent() bool { return b.left == 0 }

// use takes the bytes that frames have in a report.
func (b *budget) use(frames []report.Frame) {
	if b.left > 0 {
		b.left = max(b.left-framesSize(frames), 0)
	}
}

// omitFrames counts goroutines whose frames have no room in a report.
func omitFrames(rep *report.Report, n int64) {
	rep.Omitted = append(rep.Omitted, report.Omission{What: "frames of goroutines", Count: n, Why: "--max-size"})
}

// framesSize estimates the bytes that frames take in a report.
func framesSize(frames []report.Frame) int64 {
	var n int64
	for i := range frames {
		fr := &frames[i]
		n += 200 + int64(len(fr.Function)+len(fr.File))
		for j := range fr.Vars {
			n += 40 + valueSize(&fr.Vars[j].Value)
		}
	}
	return n
}

// valueSize estimates the bytes of a value tree. Its depth is bounded by the
// limits that it was decoded with.
func valueSize(v *report.Value) int64 {
	n := int64(120 + len(v.Type) + len(v.Text))
	for i := range v.Children {
		c := &v.Children[i]
		n += int64(len(c.Name)) + valueSize(&c.Value)
		if c.Key != nil {
			n += valueSize(c.Key)
		}
	}
	return n
}
