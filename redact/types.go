package redact

import (
	"slices"
	"strings"
)

// typeRules is the data of this file made ready.
type typeRules struct {
	whole map[string]bool
	field map[string]bool
	words map[string]bool
	start map[string]bool
	ends  map[string]bool
}

// wholeTypes are types whose values are secret as a whole, with the package's
// last path element. Sources: the standard library of Go 1.26,
// golang.org/x/oauth2, golang.org/x/crypto, github.com/golang-jwt/jwt,
// go.mongodb.org/mongo-driver.
func wholeTypes() []string {
	return []string{
		"rsa.PrivateKey", "ecdsa.PrivateKey", "ecdh.PrivateKey", "dsa.PrivateKey", "ed25519.PrivateKey",
		"crypto.PrivateKey", "mldsa.PrivateKey", "mlkem.DecapsulationKey768", "mlkem.DecapsulationKey1024",
		"x25519.PrivateKey", "hpke.PrivateKey", "url.Userinfo", "oauth2.Token", "oauth2.tokenJSON", "jwt.Token",
		"ssh.dsaPrivateKey", "ssh.ed25519PrivateKey", "agent.AddedKey", "agent.privKey",
	}
}

// secretFields are single fields of types that are shown otherwise.
func secretFields() []string {
	return []string{
		"tls.Certificate.PrivateKey", "http.Cookie.Value", "http.Cookie.Raw", "http.Cookie.Unparsed",
		"tls.Config.sessionTicketKeys", "tls.Config.autoSessionTicketKeys", "jwt.Token.Raw", "connstring.ConnString.Original",
	}
}

// shownFields are fields whose name Safedump's denylist would hold, though
// their type says that they are no secret.
func shownFields() []string {
	return []string{"context.valueCtx.key", "list.Element.key", "runtime.m.signalSecret", "runtime.g.secret"}
}

// shownField reports whether the type says that the field is no secret.
func shownField(owner, field string) bool {
	return owner != "" && slices.Contains(shownFields(), shortType(strings.TrimLeft(owner, "*"))+"."+field)
}

// secretTypeWords make a type secret wherever they stand in its name.
func secretTypeWords() []string {
	return []string{"secret", "password", "passwd", "passphrase", "credential", "cred"}
}

// secretTypeStarts make a type secret whose name begins with them, as wrappers
// do that keep a value out of logs: Sensitive[T], RedactedString. A word like
// "case" before them says something else.
func secretTypeStarts() []string {
	return []string{"sensitive", "redacted", "confidential"}
}

// secretTypeEnds make a type secret whose name ends in them: not every Token
// is one (go/token), and an APIKeyStore is none.
func secretTypeEnds() []string {
	return []string{
		"api token", "access token", "auth token", "bearer token", "refresh token", "session token", "csrf token",
		"api key", "private key",
	}
}

func newTypeRules() *typeRules {
	t := &typeRules{whole: map[string]bool{}, field: map[string]bool{}, words: map[string]bool{}, start: wordMap(secretTypeStarts()), ends: map[string]bool{}}
	for _, n := range wholeTypes() {
		t.whole[n] = true
	}
	for _, n := range secretFields() {
		t.field[n] = true
	}
	for _, n := range secretTypeWords() {
		t.words[n] = true
	}
	for _, n := range secretTypeEnds() {
		t.ends[n] = true
	}
	return t
}

// judge returns what makes values of the type secret, empty for nothing: an
// entry of the data, never more of the type's name.
func (t *typeRules) judge(typ string) string {
	full := strings.TrimLeft(typ, "*")
	if strings.HasPrefix(full, "func(") || strings.HasPrefix(full, "[") || strings.HasPrefix(full, "map[") ||
		strings.HasPrefix(full, "chan ") || strings.HasPrefix(full, "<-chan ") || strings.HasPrefix(full, "struct {") {
		return "" // the parts are judged by themselves
	}
	short := shortType(full)
	if t.whole[short] {
		return short
	}
	if w := cipherPackage(full); w != "" {
		return w
	}
	_, name, ok := strings.Cut(short, ".")
	if !ok {
		name = short
	}
	words := splitWords(name)
	for _, w := range words {
		if t.words[w] || t.words[singular(w)] {
			return singular(w)
		}
	}
	if len(words) > 0 && t.start[words[0]] {
		return words[0]
	}
	if n := len(words); n >= 2 {
		if end := words[n-2] + " " + singular(words[n-1]); t.ends[end] {
			return end
		}
	}
	return ""
}

// secretField reports whether the field of a type is secret though the rest of
// the type is not, and returns the entry that says so.
func (t *typeRules) secretField(owner, field string) string {
	if owner == "" || field == "" {
		return ""
	}
	entry := shortType(strings.TrimLeft(owner, "*")) + "." + field
	if t.field[entry] {
		return entry
	}
	return ""
}

// cipherPackage returns the package of a type that holds expanded keys: block
// and stream ciphers, keyed hashes and generators of the standard library and
// of golang.org/x/crypto.
func cipherPackage(full string) string {
	if !strings.HasPrefix(full, "crypto/") && !strings.HasPrefix(full, "golang.org/x/crypto/") {
		return ""
	}
	path, _, _ := strings.Cut(full[strings.LastIndexByte(full, '/')+1:], ".")
	switch path {
	case "aes", "des", "rc4", "hmac", "drbg", "chacha20", "chacha20poly1305", "salsa", "blowfish", "twofish", "secretbox", "tls12", "tls13":
		return "crypto/" + path
	}
	return ""
}

// shortType reduces a type's name to the last element of its package path and
// drops type arguments: "crypto/rsa.PrivateKey" is "rsa.PrivateKey".
func shortType(full string) string {
	if i := strings.IndexByte(full, '['); i > 0 {
		full = full[:i]
	}
	return full[strings.LastIndexByte(full, '/')+1:]
}

// sparedType reports whether values of the type say nothing secret, whatever
// their name: locks and times. Safedump's denylist overrules this at the top
// of a variable.
func sparedType(typ string) bool {
	switch typ {
	case "time.Time", "time.Duration", "sync.Mutex", "sync.RWMutex", "sync.Once", "sync.WaitGroup", "sync.Cond",
		"*sync.Mutex", "*sync.RWMutex", "*sync.WaitGroup", "*sync.Cond", "*time.Timer", "*time.Ticker":
		return true
	}
	return false
}
