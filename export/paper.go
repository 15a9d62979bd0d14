package export

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// paper is what a report is rendered on. It is held until it is whole and has
// passed the last scan.
type paper struct {
	out     gate
	res     redact.Result // what is rendered
	held    [][]byte      // in parts of heldPart bytes, the last one not full
	settled bool          // something was let go: it can't be rendered again
	told    *told         // where the end of what was scanned is; nil where nobody asks
}

// heldPart is more than any secret that is looked for is long.
const heldPart = 256 << 10

// Write holds b, or writes it where there is nothing to be looked for.
func (p *paper) Write(b []byte) (int, error) {
	if p.out.scan == nil {
		return p.out.w.Write(b)
	}
	n := len(b)
	for len(b) > 0 {
		switch parts := len(p.held); {
		case parts == 0: // may be all there is
			p.held = append(p.held, nil)
		case len(p.held[parts-1]) == heldPart:
			p.held = append(p.held, make([]byte, 0, heldPart))
		}
		last := &p.held[len(p.held)-1]
		k := min(len(b), heldPart-len(*last))
		*last = append(*last, b[:k]...)
		b = b[k:]
	}
	return n, nil
}

// check scans text.
func (p *paper) check(text []byte) error {
	if p.out.scan != nil {
		if found, _ := p.out.scan.Find(text); found {
			return p.hit(errFound)
		}
	}
	return nil
}

// hit is the error for a secret that was found.
func (p *paper) hit(err error) error {
	if p.settled {
		return unclean(err)
	}
	return err
}

// settle scans what was written and lets it go.
func (p *paper) settle() error {
	if len(p.held) == 0 {
		return nil
	}
	joints := gate{w: io.Discard, scan: p.out.scan, told: p.told}
	for _, part := range p.held {
		if found, at := p.out.scan.Find(part); found {
			return p.hit(joints.found(append(joints.held, part...), len(joints.held)+at))
		}
		if err := joints.clean(part); err != nil {
			return p.unwritten(err)
		}
	}
	for _, part := range p.held {
		if err := p.out.clean(part); err != nil {
			return p.unwritten(err)
		}
	}
	p.settled, p.held = true, nil
	return nil
}

// unwritten is the error of what could not be let go.
func (p *paper) unwritten(err error) error {
	if errors.Is(err, errFound) {
		return p.hit(err)
	}
	return fmt.Errorf("write report: %w", err)
}

// goroutinesPart is how many goroutines are written at once.
const goroutinesPart = 64

// pen renders goroutines into a buffer, one after the other.
type pen struct {
	b         *bytes.Buffer
	goroutine func(*report.Goroutine)
}

// goroutines writes goroutines of the report, in the order of the indexes. What
// was written before is let go. Of a million, text is made and scanned on several
// processors, by pens that newPen returns, while what came before is written;
// after a hit only the goroutine that holds it is rendered again.
func (p *paper) goroutines(order []int, all []report.Goroutine, newPen func() pen) error {
	if err := p.settle(); err != nil {
		return err
	}
	p.settled = true
	parts := (len(order) + goroutinesPart - 1) / goroutinesPart
	pens := make([]pen, max(1, min(parts, runtime.GOMAXPROCS(0), maxScreens)))
	for i := range pens {
		pens[i] = newPen()
	}
	return inTurn(parts, len(pens), func(worker, part int) ([]byte, error) {
		own, some := pens[worker], order[part*goroutinesPart:min((part+1)*goroutinesPart, len(order))]
		own.b.Reset()
		for _, i := range some {
			own.goroutine(&all[i])
		}
		text := own.b.Bytes()
		if p.check(text) == nil {
			return text, nil
		}
		return p.again(some, own)
	}, func(text []byte) error {
		if err := p.out.clean(text); err != nil {
			return p.unwritten(err)
		}
		return nil
	})
}

// again renders goroutines of which one holds a secret, each by itself.
func (p *paper) again(some []int, own pen) ([]byte, error) {
	var text []byte
	for _, i := range some {
		g := p.res.Goroutine(i)
		_, err := cleared(g, func(g redact.Goroutine) error {
			own.b.Reset()
			own.goroutine(g.Goroutine())
			if found, _ := p.out.scan.Find(own.b.Bytes()); found {
				return errFound
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("goroutine %s: %w", numberOf(p.out.scan, g), err)
		}
		text = append(text, own.b.Bytes()...)
	}
	return text, p.check(text)
}
