package export

import (
	"math"
	"strconv"
	"strings"
)

// sizeText is a number of bytes as people read it: three digits and a unit.
func sizeText(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + " B"
	}
	x, unit := float64(n), 0
	for x >= 1023.5 && unit < len(sizeUnits) {
		x, unit = x/1024, unit+1
	}
	digits := 0
	if x < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(x, 'f', digits, 64) + " " + sizeUnits[unit-1]
}

// sizeUnits are the units above bytes.
var sizeUnits = [...]string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// signedSize is a difference of sizes.
func signedSize(n int64) string {
	if n < 0 {
		return "-" + sizeText(-uint64(n))
	}
	return "+" + sizeText(uint64(n))
}

// signless is a size that is none below zero.
func signless(n int64) string { return sizeText(uint64(max(n, 0))) }

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func objects(n uint64) string {
	if n == 1 {
		return "1 object"
	}
	return number(n) + " objects"
}

// percent is the part that n is of all.
func percent(n, all uint64) string {
	if all == 0 {
		return "-"
	}
	return ratio(float64(n) / float64(all))
}

func ratio(x float64) string {
	if math.IsNaN(x) || x < 0 || x > 1.0005 { // a damaged report
		return "?"
	}
	return strconv.FormatFloat(100*x, 'f', 1, 64) + " %"
}

// numbers is columns that says when there is nothing.
func (s *screen) numbers(header []string, rows [][]string, numeric int) {
	if len(rows) == 0 {
		s.line(s.grey("  nothing"))
		return
	}
	s.columns(header, rows, numeric)
}

// typeCell is a type in a table.
func (s *screen) typeCell(typ string) string { return clip(shortType(typ), max(s.wide/2, 24)) }

// shortType is a type without the directories of import paths.
func shortType(typ string) string {
	var b strings.Builder
	token := 0 // where the last word begins
	for _, r := range clip(plain(typ), maxName) {
		if r == '/' {
			rest := b.String()[:token]
			b.Reset()
			b.WriteString(rest)
			continue
		}
		b.WriteRune(r)
		if strings.ContainsRune("*[](){}, ;<>", r) {
			token = b.Len()
		}
	}
	return b.String()
}
