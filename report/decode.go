package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// What Decode can say about a file that it refuses, to be asked by errors.Is.
var (
	// ErrNotReport: not JSON, or JSON without safedump_version.
	ErrNotReport = errors.New("not a crash report")
	// ErrNewerSchema: written by a newer version of Safedump or sdcore.
	ErrNewerSchema = errors.New("report has a newer schema")
	// ErrTooLarge: more bytes, or more or deeper values, than are read.
	ErrTooLarge = errors.New("report is too large")
)

// DefaultMaxBytes is the bound on a report's size before compression.
const DefaultMaxBytes = 64 << 20

// DecodeOptions bound what Decode reads. The zero value is ready to use.
type DecodeOptions struct {
	// MaxBytes is the largest size read, compressed and decompressed, in
	// bytes; 0 means DefaultMaxBytes.
	MaxBytes int64
}

// File is what a saved report holds. It belongs to the caller.
type File struct {
	// Document is the standard part with all metadata, at schema version 1.
	// Encode writes it back without loss.
	Document Document
	// Report is the full report: the one under metadata.sdcore, or what could
	// be rebuilt from Document.
	Report *Report
	// Native is true when Report comes from metadata.sdcore.
	Native bool
	// Compressed is true when the file was compressed by gzip.
	Compressed bool
}

// Decode reads a saved report: Safedump's JSON, plain or compressed by gzip
// (told by its magic bytes, whatever its name), of schema version 0 or 1, with
// or without metadata.sdcore. Like Safedump's loader it takes every object
// that has a safedump_version; fields of a wrong type are left empty, with a
// Problem in the Report. Unlike that loader it refuses newer schemas. Errors
// match ErrNotReport, ErrNewerSchema or ErrTooLarge where that is the reason.
func Decode(r io.Reader, o DecodeOptions) (*File, error) {
	limit := o.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	data, err := readAll(r, limit)
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	f := &File{}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		f.Compressed = true
		if data, err = gunzip(data, limit); err != nil {
			return nil, fmt.Errorf("read compressed report: %w", err)
		}
	}
	if data, err = cleanJSON(toUTF8(data)); err != nil {
		return nil, fmt.Errorf("decode report: %w: %w", ErrTooLarge, err)
	}
	if err := f.decode(data); err != nil {
		return nil, fmt.Errorf("decode report: %w", err)
	}
	return f, nil
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return data, err
}

func gunzip(data []byte, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotReport, err)
	}
	data, err = readAll(z, limit)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the file is cut off: %w", err)
	}
	return data, err
}

// decode reads the JSON text into the file.
func (f *File) decode(data []byte) error {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		return fmt.Errorf("%w: %s", ErrNotReport, jsonTrouble(err))
	}
	if _, ok := top["safedump_version"]; !ok {
		return fmt.Errorf("%w: missing safedump_version", ErrNotReport)
	}
	v, err := schemaVersion(top["schema_version"])
	if err != nil {
		return err
	}
	if v < 1 {
		migrateV0(top)
	}
	problems := f.Document.fill(top)
	rep, why, err := nativeReport(f.Document.Metadata["sdcore"])
	if err != nil {
		return err
	}
	if rep != nil {
		f.Report, f.Native = rep, true
	} else {
		f.Report = f.Document.rebuild(top)
	}
	if why != "" {
		problems = append(problems, Problem{Stage: "report", Subject: "metadata.sdcore", Message: why, Missing: rep == nil})
		f.Report.Complete = f.Report.Complete && rep != nil
	}
	f.Report.Seen = f.Document.seen()
	f.Report.Problems = append(orEmpty(f.Report.Problems), problems...)
	return nil
}

// schemaVersion reads schema_version as Safedump's loader does: missing means
// 0, and anything that Python has no range over is refused.
func schemaVersion(raw json.RawMessage) (int, error) {
	switch string(raw) {
	case "", "false":
		return 0, nil
	case "true":
		return 1, nil
	}
	n, ok := new(big.Int), len(raw) <= 4300
	if ok {
		n, ok = n.SetString(string(raw), 10)
	}
	switch {
	case !ok:
		return 0, fmt.Errorf("%w: schema_version is not an integer", ErrNotReport)
	case n.Sign() <= 0:
		return 0, nil
	case n.Cmp(big.NewInt(SafedumpSchema)) > 0:
		return 0, fmt.Errorf("%w: schema_version is above %d: read it with the version that wrote it", ErrNewerSchema, SafedumpSchema)
	}
	return SafedumpSchema, nil
}

// migrateV0 adds the keys that schema version 0 does not have. Source:
// Safedump 2.0.0, _loader.py.
func migrateV0(top map[string]json.RawMessage) {
	stamp := top["timestamp"]
	if stamp == nil {
		stamp = json.RawMessage(`""`)
	}
	for key, def := range map[string]json.RawMessage{
		"fingerprint":      json.RawMessage(`""`),
		"occurrence_count": json.RawMessage(`1`),
		"first_seen":       stamp,
		"last_seen":        stamp,
		"metadata":         json.RawMessage(`{}`),
	} {
		if _, ok := top[key]; !ok {
			top[key] = def
		}
	}
}

// jsonTrouble says what is wrong with a JSON text without quoting from it.
func jsonTrouble(err error) string {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && syntax.Offset == 0:
		return "the file is empty"
	case errors.As(err, &syntax):
		return fmt.Sprintf("invalid JSON at byte %d", syntax.Offset)
	case errors.As(err, &typ):
		return "not a JSON object"
	}
	return "invalid JSON"
}
