package redact

import (
	"slices"

	"github.com/safedump/sdcore/report"
)

// TierLimits are the limits that a tier is shown with where none are asked for:
// from tier 2 on there is more of everything. MaxFrames and MaxSize are 0, the
// caller's defaults.
func TierLimits(tier int) report.Limits {
	if tier < tierDeep {
		return report.Limits{MaxString: 1024, MaxItems: 64, MaxDepth: 6, MaxNodes: 2000}
	}
	return report.Limits{MaxString: 4096, MaxItems: 256, MaxDepth: 10, MaxNodes: 8000}
}

// Presets are the names that [Preset] knows: Safedump's four, and shape.
func Presets() []string { return []string{"minimal", "production", "development", "debug", "shape"} }

// Preset returns a named policy. ok is false for a name that there is not.
//
//	minimal      tier 0, and no personal data whatever is shown besides
//	production   tier 1, random-looking strings removed, short texts
//	development  tier 2
//	debug        tier 4, long texts and deep values
//	shape        tier 2 without contents
func Preset(name string) (p Policy, ok bool) {
	switch name {
	case "minimal":
		p = Policy{Tier: 0, Personal: true, Limits: report.Limits{MaxDepth: 3, MaxString: 256}}
	case "production":
		p = Policy{Tier: 1, Personal: true, Entropy: 4.5, Limits: report.Limits{MaxDepth: 5, MaxString: 256}}
	case "development":
		p = Policy{Tier: 2}
	case "debug":
		p = Policy{Tier: 4, Limits: report.Limits{MaxString: 16 << 10, MaxItems: 1024, MaxDepth: 50, MaxNodes: 50_000}}
	case "shape":
		p = Policy{Tier: 2, Shape: true}
	}
	return p, slices.Contains(Presets(), name)
}
