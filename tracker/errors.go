package tracker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// What can be wrong, to be asked by errors.Is.
var (
	ErrKind        = errors.New("no such kind of tracker")
	ErrNoURL       = errors.New("it is not said where the tracker is")
	ErrURL         = errors.New("not an address of a tracker")
	ErrProject     = errors.New("the project is not named as it has to be")
	ErrNoToken     = errors.New("no credential")
	ErrPlainHTTP   = errors.New("the credential would go over http, where anybody on the way can read it")
	ErrRefused     = errors.New("the tracker refused the credential")
	ErrForbidden   = errors.New("the credential does not allow it")
	ErrNotFound    = errors.New("there is no such project, or the credential can't see it")
	ErrRateLimit   = errors.New("too many requests")
	ErrRedirect    = errors.New("the tracker sends elsewhere")
	ErrAnswer      = errors.New("the tracker's answer is not as it should be")
	ErrCertificate = errors.New("the tracker's certificate is not trusted")
	ErrUnavailable = errors.New("the tracker did not answer")
	ErrNotRedacted = errors.New("the report is not redacted")
	ErrNoGroup     = errors.New("too little is known of this crash to tell it from others")
)

// errUnsure is for a request that may have been taken or not.
var errUnsure = errors.New("it is not known whether the request was taken")

// errNoFiles is for a tracker whose API takes none.
var errNoFiles = errors.New("this tracker takes no files")

// forbidden reports whether the credential does not allow a request.
func forbidden(err error) bool { return errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound) }

// statusError is the answer to a request that failed. It holds neither credentials nor
// what was sent.
type statusError struct {
	call   string
	status int
	said   string // by the tracker
	is     error
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("%s: %d %s", e.call, e.status, http.StatusText(e.status))
	if e.said != "" {
		text += ": " + e.said
	}
	if e.is != nil {
		text += ": " + e.is.Error()
	}
	return text
}

func (e *statusError) Unwrap() error { return e.is }

// failed is the error of an answer.
func failed(call string, status int, body []byte, c *Client, sent []byte) error {
	e := &statusError{call: call, status: status, said: said(body, c, sent)}
	switch status {
	case http.StatusUnauthorized:
		e.is = ErrRefused
	case http.StatusForbidden:
		e.is = ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		e.is = ErrNotFound
	case http.StatusTooManyRequests:
		e.is = ErrRateLimit
	}
	return e
}

// echoed is how many bytes an error may have in common with what was sent.
const echoed = 12

// said is the tracker's reason in one line: nothing if it repeats the credential, or
// what was sent to it.
func said(body []byte, c *Client, sent []byte) string {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	var words []string
	for _, key := range []string{"message", "error", "errors", "errorMessages", "error_description"} {
		words = append(words, texts(answer[key], 0)...)
	}
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.Join(slices.Compact(words), ", "))
	text = strings.ToValidUTF8(text[:min(len(text), 200)], "")
	for _, secret := range c.secrets {
		if secret != "" && strings.Contains(text, secret) {
			return ""
		}
	}
	for i := 0; i+echoed <= len(text); i++ {
		if bytes.Contains(sent, []byte(text[i:i+echoed])) {
			return ""
		}
	}
	return text
}

// texts are the words in a JSON value, few and not deep.
func texts(v any, depth int) []string {
	var out []string
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, x := range v[:min(len(v), 4)] {
			if depth < 2 {
				out = append(out, texts(x, depth+1)...)
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if depth < 2 && len(out) < 8 {
				for _, t := range texts(v[key], depth+1) {
					out = append(out, key+" "+t)
				}
			}
		}
	}
	return out
}
