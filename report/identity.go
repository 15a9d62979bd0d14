package report

// Identity says which build crashed, and how sure it is that core and binary
// belong together.
type Identity struct {
	// Core and Binary are the paths as given.
	Core   string `json:"core" redact:"path"`
	Binary string `json:"binary" redact:"path"`
	// Match is the verdict on whether they belong together.
	Match Match `json:"match" redact:"safe"`
	// Evidence lists what the verdict rests on, one fact each.
	Evidence []string `json:"evidence" redact:"text"`

	CoreBuildID   string `json:"core_build_id" redact:"code"`   // GNU build ID in the core's pages, hex
	BinaryBuildID string `json:"binary_build_id" redact:"code"` // GNU build ID of the binary, hex
	CoreGoID      string `json:"core_go_id" redact:"code"`      // Go build ID in the core's pages
	BinaryGoID    string `json:"binary_go_id" redact:"code"`    // Go build ID of the binary

	GoVersion string `json:"go_version" redact:"code"`
	GOOS      string `json:"goos" redact:"code"`
	GOARCH    string `json:"goarch" redact:"code"`
	// Main is the main module, Deps the others, from the binary's build info.
	MainPackage string    `json:"main_package" redact:"code"`
	Main        Module    `json:"main"`
	Deps        []Module  `json:"deps"`
	Settings    []Setting `json:"settings"`
	// LoadBias is what must be added to the binary's addresses, 0 unless it is
	// position independent.
	LoadBias Addr `json:"load_bias"`
	// Segments counts the core's memory segments; TruncatedSegments those whose
	// bytes are cut off by the end of the file.
	Segments          int   `json:"segments"`
	TruncatedSegments int   `json:"truncated_segments"`
	MissingBytes      int64 `json:"missing_bytes"`
}

// Match is a verdict on core and binary.
type Match string

// The verdicts on core and binary.
const (
	MatchBuildID  Match = "build-id"  // equal build IDs
	MatchNone     Match = "none"      // nothing to compare with
	MatchMismatch Match = "mismatch"  // different, and opened nevertheless
	MatchNoBinary Match = "no-binary" // the core was opened alone
)

// Module is a Go module of the binary.
type Module struct {
	Path    string `json:"path" redact:"path"`
	Version string `json:"version" redact:"code"`
	Sum     string `json:"sum,omitempty" redact:"code"`
	// Replaced is the path of the module that replaced this one.
	Replaced string `json:"replaced,omitempty" redact:"path"`
}

// Setting is a build setting such as -ldflags or vcs.revision.
type Setting struct {
	Key   string `json:"key" redact:"name"`
	Value string `json:"value" redact:"value"`
}
