package redact

import (
	_ "embed" // dictionary.txt
	"strings"
)

// dictionary holds English words, one a line and sorted, after lines that tell
// their source and licence. It is never written to.
//
//go:embed dictionary.txt
var dictionary string

// maxWord is the length of the longest word that is looked up.
const maxWord = 24

// isWord reports whether w, in whatever case, is a word of the English
// language or of its programmers.
func isWord(w string) bool {
	var buf [maxWord]byte
	if len(w) < 2 || len(w) > maxWord {
		return false
	}
	for i := range len(w) {
		buf[i] = lowerByte(w[i])
	}
	return knownWord(string(buf[:len(w)]), 3)
}

// endings are regular ones, and what a word has instead without them.
// scripts/dictionary.sh leaves out words that have them.
var endings = [...]struct{ ending, instead string }{
	{"s", ""}, {"es", ""}, {"ies", "y"}, {"ed", ""}, {"d", ""}, {"ied", "y"}, {"ing", ""}, {"ing", "e"}, {"er", ""}, {"r", ""}, {"ers", ""}, {"rs", ""}, {"ly", ""},
}

// knownWord looks w up as it is and without its endings, of which there may be
// several: build, building, buildings.
func knownWord(w string, most int) bool {
	if jargon(w) || inDictionary(w) {
		return true
	}
	if most == 0 {
		return false
	}
	for _, e := range &endings {
		if base, ok := strings.CutSuffix(w, e.ending); ok && len(base) >= 3 && knownWord(base+e.instead, most-1) {
			return true
		}
	}
	return false
}

// inDictionary looks up a word among the lines of the dictionary.
func inDictionary(w string) bool {
	lo, hi := 0, len(dictionary)
	for lo < hi {
		mid := lo + (hi-lo)/2
		start := strings.LastIndexByte(dictionary[lo:mid], '\n') + 1 + lo
		end := len(dictionary)
		if n := strings.IndexByte(dictionary[start:], '\n'); n >= 0 {
			end = start + n
		}
		switch line := dictionary[start:end]; {
		case line == w:
			return true
		case line < w: // the lines of the head too: they begin with '#'
			lo = end + 1
		default:
			hi = start
		}
	}
	return false
}

// jargon are words of programs that are in no dictionary, and words of two
// letters.
func jargon(w string) bool {
	switch w {
	case "am", "an", "as", "at", "be", "by", "do", "go", "he", "if", "in", "is", "it", "me", "my", "no", "of", "on", "or", "so", "to", "up", "us", "we":
		return true
	case "ca", "cn", "db", "de", "dn", "eu", "fs", "id", "io", "ip", "js", "ok", "os", "ou", "pg", "qa", "tx", "ui", "vm":
		return true
	case "acl", "addr", "admin", "alg", "alloc", "amd", "api", "app", "arg", "args", "arm", "asc", "ascii", "async", "attr", "auth", "authn", "authz",
		"avg", "aws", "azure", "backend", "backoff", "bool", "boolean", "buf", "cfg", "charset", "cidr", "cli", "cmd", "com", "conf", "config", "const",
		"cookie", "cpu", "cron", "css", "csrf", "csv", "ctx", "daemon", "datacenter", "dataset", "datetime", "dbname", "decrypt", "def", "dest", "dev",
		"dir", "dns", "docker", "dsn", "dst", "elem", "email", "encrypt", "endpoint", "enum", "env", "eof", "err", "errno", "etc", "exec", "ext", "failover",
		"filename", "filesystem", "firewall", "fmt", "frontend", "ftp", "func", "gateway", "gcp", "git", "github", "gitlab", "golang", "goroutine",
		"grpc", "gzip", "hash", "hex", "hmac", "hostname", "html", "http", "https", "iam", "idx", "img", "impl", "init", "inode", "int", "iter", "jdbc",
		"json", "jwt", "kafka", "keyspace", "kube", "kubernetes", "lambda", "latency", "ldap", "len", "lib", "linux", "localhost", "localtime", "login",
		"logout", "lookup", "max", "metadata", "middleware", "min", "misc", "mongo", "mongodb", "msg", "mutex", "mysql", "namespace", "net", "nginx",
		"nil", "nonce", "noop", "null", "num", "oauth", "obj", "oidc", "org", "param", "params", "parser", "passphrase", "passwd", "pem", "pid", "pkg",
		"placeholder", "plaintext", "png", "pool", "postgres", "postgresql", "preprod", "proc", "prod", "prometheus", "proto", "proxy", "ptr", "pwd",
		"rabbitmq", "readonly", "realm", "redacted", "redis", "redirect", "regex", "regexp", "repo", "replica", "req", "resp", "resync", "retry", "rpc",
		"rsa", "runtime", "schema", "sdk", "serializer", "serverless", "setup", "sha", "shard", "signup", "smtp", "socket", "sql", "src", "ssh", "ssl", "sso",
		"stateful", "stateless", "stderr", "stdin", "stdout", "str", "struct", "subnet", "substring", "sudo", "svc", "sync", "sys", "syscall", "tcp",
		"telemetry", "temp", "timeout", "timestamp", "tls", "tmp", "todo", "tokenizer", "ttl", "tty", "tuple", "udp", "uid", "ulid", "uri", "url", "urn", "usr",
		"utc", "utf", "util", "uuid", "val", "var", "vault", "ver", "vpc", "webhook", "websocket", "workflow", "www", "xml", "yaml", "zip":
		return true
	}
	return false
}

// programWords are the words of which the names of a program are made.
type programWords map[string]struct{}

// maxProgramWords bounds them.
const maxProgramWords = 1 << 16

// add takes the words of a name.
func (p programWords) add(name string) {
	eachPart(name, 0, len(name), func(part string, k partKind) bool {
		if k == partLetters && len(part) >= 3 && len(part) <= maxWord && len(p) < maxProgramWords {
			p[strings.ToLower(part)] = struct{}{}
		}
		return true
	})
}

func (p programWords) has(w string) bool {
	_, ok := p[strings.ToLower(w)]
	return ok
}

// partKind is what a part of a text is.
type partKind uint8

const (
	partOther   partKind = iota // what is neither
	partLetters                 // of one word, as far as humps tell
	partDigits
)

// eachPart calls f with the parts of s that have something of s[a:b]: words,
// split where an identifier's are, and numbers, both as they stand in s, and what
// is between, as long as it returns true.
func eachPart(s string, a, b int, f func(part string, k partKind) bool) {
	const far = 2 * maxWord // nothing so long is a word
	lo := a
	for lo > 0 && a-lo < far && charsAlnum.has(s[lo-1]) && charsAlnum.has(s[lo]) {
		lo--
	}
	for i := lo; i < b; {
		start, k := i, partAt(s[i])
		for i++; i < len(s) && i-start < far && partAt(s[i]) == k && !(k == partLetters && humpAt(s, start, i)); i++ {
		}
		if k == partOther {
			start, i = max(start, a), min(i, b)
		}
		if i > a && !f(s[start:i], k) {
			return
		}
	}
}

func partAt(c byte) partKind {
	switch {
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return partLetters
	case c >= '0' && c <= '9':
		return partDigits
	}
	return partOther
}

// humpAt reports whether a word begins at the letter s[i], after the letters
// s[start:i]: as in splitWords.
func humpAt(s string, start, i int) bool {
	upper := func(i int) bool { return i < len(s) && s[i] >= 'A' && s[i] <= 'Z' }
	lower := func(i int) bool { return i < len(s) && s[i] >= 'a' && s[i] <= 'z' }
	return i > start && upper(i) && (!upper(i-1) || lower(i+1))
}

// onlyWords reports whether s is at most so many words and short numbers, known
// ones, with or without a dot, dash or underscore between them.
func onlyWords(s string, most int, known func(string) bool) bool {
	words, ok := 0, true
	eachPart(s, 0, len(s), func(part string, k partKind) bool {
		switch k {
		case partLetters:
			words++
			ok = known(part)
		case partDigits:
			ok = len(part) <= 4
		}
		ok = ok && words <= most
		return ok
	})
	return ok
}
