package report

import (
	"encoding/json"
)

// Document is a Safedump report, schema 1: exactly these keys in this order.
// Nothing in it is null but argv and ident. Source: Safedump 2.0.0,
// _serialize.py; see docs/report-format.md.
type Document struct {
	SchemaVersion   int                        `json:"schema_version"`
	SafedumpVersion string                     `json:"safedump_version" redact:"safe"`
	Fingerprint     string                     `json:"fingerprint" redact:"safe"`
	OccurrenceCount int                        `json:"occurrence_count"`
	FirstSeen       string                     `json:"first_seen" redact:"safe"`
	LastSeen        string                     `json:"last_seen" redact:"safe"`
	Timestamp       string                     `json:"timestamp" redact:"safe"`
	PythonVersion   string                     `json:"python_version" redact:"text"`
	Platform        string                     `json:"platform" redact:"text"`
	Exception       DocException               `json:"exception"`
	Frames          []DocFrame                 `json:"frames"`
	Environment     DocEnvironment             `json:"environment"`
	Threads         []DocThread                `json:"threads"`
	Redactions      []DocRedaction             `json:"redactions"`
	Metadata        map[string]json.RawMessage `json:"metadata"`
}

// DocException is the exception of a [Document].
type DocException struct {
	Type                string         `json:"type" redact:"code"`
	Message             string         `json:"message" redact:"text"`
	Module              string         `json:"module" redact:"code"`
	IsExplicitlyChained bool           `json:"is_explicitly_chained"`
	SubExceptions       []DocException `json:"sub_exceptions"`
}

// DocFrame is a frame of a [Document], innermost first.
type DocFrame struct {
	Index       int       `json:"index"`
	File        string    `json:"file" redact:"path"`
	Line        int       `json:"line"`
	Function    string    `json:"function" redact:"code"`
	CodeContext []string  `json:"code_context" redact:"text"`
	Locals      DocLocals `json:"locals"`
	IsCrashSite bool      `json:"is_crash_site"`
}

// DocLocal is a local variable of a [Document]: its rendering, not its tree.
type DocLocal struct {
	Type        string `json:"type" redact:"code"`
	Value       string `json:"value" redact:"value"`
	IsTruncated bool   `json:"is_truncated"`
	// OriginalLength is written only when IsTruncated.
	OriginalLength int64 `json:"original_length,omitempty"`
}

// NamedLocal is one entry of [DocLocals].
type NamedLocal struct {
	Name  string `redact:"name"`
	Local DocLocal
}

// DocLocals is a JSON object that keeps the order of its entries.
type DocLocals []NamedLocal

// DocEnvironment is the environment of a [Document].
type DocEnvironment struct {
	OSName      string   `json:"os_name" redact:"code"`
	OSVersion   string   `json:"os_version" redact:"code"`
	PythonImpl  string   `json:"python_impl" redact:"code"`
	PythonPath  []string `json:"python_path" redact:"path"`
	Cwd         string   `json:"cwd" redact:"path"`
	EnvVarNames []string `json:"env_var_names" redact:"name"`
	Argv        []string `json:"argv" redact:"args"` // null when not included
}

// DocThread is a goroutine as a [Document] has it.
type DocThread struct {
	Name    string  `json:"name" redact:"text"`
	Ident   *uint64 `json:"ident"`
	Daemon  bool    `json:"daemon"`
	Crashed bool    `json:"crashed"`
}

// DocRedaction is Safedump's audit record with its time.
type DocRedaction struct {
	Location  string `json:"location" redact:"code"`
	Reason    string `json:"reason" redact:"safe"`
	Rule      string `json:"rule" redact:"safe"`
	Timestamp string `json:"timestamp" redact:"safe"`
}
