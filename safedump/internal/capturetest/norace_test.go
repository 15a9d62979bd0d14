//go:build !race

package capturetest

const raceEnabled = false
