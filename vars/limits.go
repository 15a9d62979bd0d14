package vars

import "github.com/safedump/sdcore/report"

// Default limits, used where report.Limits has 0.
const (
	MaxItems  = 64      // elements of an array, slice, map or chan
	MaxDepth  = 6       // pointers, interfaces and containers followed
	MaxNodes  = 2000    // values below one variable
	MaxFrames = 256     // frames of one goroutine
	MaxString = 1024    // bytes of a string shown, applied by redact
	ScanBytes = 1 << 16 // bytes of a string read
)

// Bounds that no option lifts: the memory is hostile, and what walks the
// values afterwards recurses.
const (
	hardItems  = 1 << 20
	hardDepth  = 64
	hardNodes  = 1 << 20
	hardLevel  = 128     // values inside values, structs in structs included
	hardScan   = 1 << 26 // bytes of one string
	hardBytes  = 1 << 22 // bytes below one variable, or one string if longer
	hardSort   = 1024    // map entries read to find the first ones by key
	hardLength = 1 << 47 // bytes that an object of the process can have
	hardLookup = 1 << 22 // map entries compared to find a key
	hardSteps  = 1 << 18 // tables and groups of maps read below one variable
	hardChain  = 16      // contexts in a summary
	hardBigInt = 64      // words of a big.Int in a summary
)

// bounds are the limits that a Reader works with: none is 0 or unbounded.
type bounds struct {
	items, depth, nodes, frames, scan int
}

// newBounds resolves options: 0 is the default, negative the hard bound.
func newBounds(l report.Limits, scan int) bounds {
	return bounds{
		items:  bound(l.MaxItems, MaxItems, hardItems),
		depth:  bound(l.MaxDepth, MaxDepth, hardDepth),
		nodes:  bound(l.MaxNodes, MaxNodes, hardNodes),
		frames: bound(l.MaxFrames, MaxFrames, hardItems),
		scan:   bound(scan, ScanBytes, hardScan),
	}
}

// shallow are the limits for the variables of the runtime's own frames: every
// goroutine that waits has several, and they lead to all of the scheduler.
func (b bounds) shallow() bounds {
	b.depth, b.nodes = min(b.depth, 1), min(b.nodes, 16)
	return b
}

func bound(n, def, hard int) int {
	switch {
	case n == 0:
		return def
	case n < 0 || n > hard:
		return hard
	}
	return n
}
