package export

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// FileName returns the name that Safedump gives the file of a report:
// "{time}-{type}-{8 hex}.safedump.json". The caller adds ".gz" to a compressed
// one. Like all else it is made of redacted text only. It has no directory
// separators and no characters but letters, digits, '-', '_' and '.'.
func FileName(res redact.Result) (string, error) {
	var b strings.Builder
	err := scanned(&b, res, "file name", func(p *paper, r *report.Report) error {
		// Of a secret with other characters the name has no more than the letters.
		if err := p.check([]byte(r.Crash.Exception.Type)); err != nil {
			return err
		}
		_, err := p.Write([]byte(fileName(r)))
		return err
	})
	return b.String(), err
}

func fileName(r *report.Report) string {
	when := "unknown-time"
	if t := report.Stamp(r.CrashTime); t != "" {
		when = strings.NewReplacer(":", "-", "T", "-").Replace(t[:19])
	}
	return when + "-" + fileWord(r.Crash.Exception.Type) + "-" + shortHash(r) + ".safedump.json"
}

// fileWord keeps what a file name should have of a type's name, at most 80
// bytes.
func fileWord(s string) string {
	var b strings.Builder
	dash := false
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(c)
			dash = false
		default:
			dash = true
		}
		if b.Len() >= 80 {
			break
		}
	}
	if b.Len() == 0 {
		return "unknown"
	}
	return b.String()
}

// shortHash is Safedump's recipe over the redacted text: type, the first 200
// bytes of the message, file and line of the crash site. Source: Safedump
// 2.0.0, _storage.py.
func shortHash(r *report.Report) string {
	e := &r.Crash.Exception
	text := e.Type + e.Message[:min(len(e.Message), 200)]
	if frames := crashFrames(r, crashedGoroutine(r)); len(frames) > 0 {
		f := &frames[crashSite(frames)]
		text += f.File + strconv.Itoa(f.Line)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
