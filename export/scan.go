package export

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// ErrSecret ends an output that can't be written without a secret: the last scan
// found one, and one again after all that could hold it was dropped. Nothing of
// the part of the output that holds it was written. The error says where it
// stands, by line and field, and none of the contents.
var ErrSecret = errors.New("the last scan found a secret in the output, and again after what could hold it was dropped")

// errFound is a hit of the last scan, for cleared; a foundAt says where.
var errFound = errors.New("export: the last scan found a secret")

// foundAt is a hit with its place.
type foundAt struct{ where string }

func (f foundAt) Error() string        { return f.where }
func (f foundAt) Is(target error) bool { return target == errFound }

// unclean is the error for a hit that is left.
func unclean(hit error) error {
	var at foundAt
	if errors.As(hit, &at) {
		return fmt.Errorf("%w: %s", ErrSecret, at.where)
	}
	return ErrSecret
}

// scanned is the one way out of this package for what is made of a
// [redact.Result]: it writes what render makes of the report once it has passed
// the last scan. After a hit what holds the secret is dropped and the report
// rendered again, see [cleared]. What was rendered is held until it is whole, but for long lists
// of goroutines, see [paper.goroutines]. A report without secrets is not scanned.
func scanned(w io.Writer, res redact.Result, format string, render func(p *paper, r *report.Report) error) error {
	if _, err := whole(res); err != nil {
		return err
	}
	draw := func(p *paper, res redact.Result) error {
		p.res = res
		if err := render(p, res.Report()); err != nil {
			return err
		}
		if err := p.settle(); err != nil {
			return err
		}
		return p.out.flush()
	}
	scan := res.LastScan()
	err := draw(&paper{out: gate{w: w, scan: scan}}, res)
	if errors.Is(err, errFound) { // nothing was let go
		res, err = cleared(res, func(res redact.Result) error {
			return draw(&paper{out: gate{w: io.Discard, scan: scan}, told: newTold(format)}, res)
		})
		if err == nil {
			err = draw(&paper{out: gate{w: w, scan: scan}}, res)
		}
	}
	if errors.Is(err, ErrSecret) {
		return fmt.Errorf("export %s: %w", format, err)
	}
	return err
}

// scannedText is scanned for what is no file of its own.
func scannedText(res redact.Result, what string, render func(r *report.Report) string) (string, error) {
	var b bytes.Buffer
	err := scanned(&b, res, what, func(p *paper, r *report.Report) error {
		_, err := io.WriteString(p, render(r))
		return err
	})
	return b.String(), err
}

// compressed writes what write makes, by gzip if that is asked for: what is
// scanned is not compressed yet.
func compressed(w io.Writer, zip bool, write func(io.Writer) error) error {
	if !zip {
		return write(w)
	}
	z := gzip.NewWriter(w) // without a time: equal reports make equal files
	if err := write(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// asked is a path as the user typed it, for a heading. One that holds a secret
// of the report is not repeated.
func asked(scan *redact.LastScan, path string) string {
	if scan != nil {
		if found, _ := scan.Find([]byte(path)); found {
			return redact.Placeholder
		}
	}
	return path
}

// numberOf is the ID of a goroutine for an error, unless that is a secret.
func numberOf(scan *redact.LastScan, g redact.Goroutine) string {
	return asked(scan, strconv.FormatUint(g.Goroutine().ID, 10))
}

// gate lets through what holds no secret. It holds back what may be the
// beginning of one that goes on in the next write.
type gate struct {
	w    io.Writer
	scan *redact.LastScan // nil lets everything through
	held []byte
	told *told // where the end of what was let go is; nil where nobody asks
}

// found is the error for a hit at the offset in text, which begins where the gate
// let go.
func (g *gate) found(text []byte, at int) error {
	if g.told == nil {
		return errFound
	}
	g.told.read(text[:at])
	return foundAt{g.told.String()}
}

// let lets go b.
func (g *gate) let(b []byte) error {
	g.told.read(b)
	_, err := g.w.Write(b)
	return err
}

// Write scans b and lets go all that can't be a part of what comes next. After a
// hit nothing more is let go.
func (g *gate) Write(b []byte) (int, error) {
	if g.scan == nil {
		return g.w.Write(b)
	}
	g.held = append(g.held, b...)
	found, open := g.scan.Find(g.held)
	if found {
		return 0, g.found(g.held, open)
	}
	if err := g.let(g.held[:open]); err != nil {
		return 0, err
	}
	g.held = append(g.held[:0], g.held[open:]...)
	return len(b), nil
}

// clean is Write for what was scanned by itself: only what crosses its beginning
// is still to be looked for.
func (g *gate) clean(b []byte) error {
	if g.scan == nil {
		_, err := g.w.Write(b)
		return err
	}
	back := g.scan.Longest() - 1
	before := len(g.held)
	seam := append(g.held, b[:min(back, len(b))]...)
	if found, at := g.scan.Find(seam); found {
		return g.found(seam, at)
	}
	if len(b) <= back {
		g.held = seam
		return g.release(max(len(seam)-back, 0))
	}
	g.held = seam[:before]
	if err := g.release(before); err != nil {
		return err
	}
	rest := len(b) - back
	if err := g.let(b[:rest]); err != nil {
		return err
	}
	g.held = append(g.held, b[rest:]...)
	return nil
}

// release lets go the first n bytes of what is held.
func (g *gate) release(n int) error {
	err := g.let(g.held[:n])
	g.held = append(g.held[:0], g.held[n:]...)
	return err
}

// flush lets go what is held: nothing comes behind it.
func (g *gate) flush() error { return g.release(len(g.held)) }
