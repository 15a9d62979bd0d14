package redact

import (
	"strconv"
	"strings"
)

// What is looked at of a struct tag.
const (
	maxTagBytes = 1 << 12
	maxTagPairs = 32
)

// markWords mark a field as secret: as the key of a tag (secret:"true",
// datapolicy:"token"), as a word of a tag without keys (`secret`), or as an
// option (log:"redact", masq:"secret", json:"x,sensitive").
func markWords() []string {
	return []string{
		"secret", "secrets", "sensitive", "redact", "redacted", "redaction", "mask", "masked", "masq", "password", "passwd",
		"credential", "credentials", "confidential", "datapolicy", "classified", "private_key", "apikey",
	}
}

// logKeys are keys of tags that say what goes into logs.
func logKeys() []string {
	return []string{"log", "logs", "logger", "logging", "logfmt", "loggable", "slog", "zap", "zerolog", "zlog", "logrus", "audit", "dump", "print"}
}

// nameKeys are keys of tags whose first word is the name of the field somewhere
// else: in a file, a database, the environment, a request, a flag.
func nameKeys() []string {
	return []string{
		"json", "yaml", "xml", "toml", "hcl", "ini", "bson", "cbor", "msgpack", "avro", "csv", "parquet", "structs", "mapstructure", "koanf",
		"viper", "config", "cfg", "env", "envconfig", "flag", "long", "arg", "cli", "opt", "db", "sql", "gorm", "xorm", "bun", "pg", "ent",
		"datastore", "firestore", "dynamodbav", "protobuf", "form", "query", "url", "uri", "path", "param", "header", "cookie", "schema",
		"alias", "name", "kv", "file", "label",
	}
}

// tagRules is the data of this file made ready.
type tagRules struct{ mark, log, name map[string]bool }

func newTagRules() *tagRules {
	set := func(words []string) map[string]bool {
		m := map[string]bool{}
		for _, w := range words {
			m[w] = true
		}
		return m
	}
	return &tagRules{set(markWords()), set(logKeys()), set(nameKeys())}
}

// judgeTag is the verdict on the struct tag of a field, which the policy can
// undo by the field's name or its struct's type.
func (x *Redactor) judgeTag(k nameKey) (best nameVerdict) {
	full := strings.TrimLeft(k.ownerType, "*")
	if x.choices.allowName.has(joinedName(k.name)) {
		return best
	}
	if _, ok := firstMatch(x.choices.allowType, full, shortType(full)); ok {
		return best
	}
	pairs, bare := tagPairs(k.tag)
	for _, w := range bare {
		if x.tags.mark[strings.ToLower(w)] {
			best = marked(strings.ToLower(w))
		}
	}
	for _, p := range pairs {
		if v := x.judgePair(strings.ToLower(p.key), p.value); v.class > best.class || v.class == best.class && best.tokens {
			best = v
		}
	}
	return best
}

// judgePair is the verdict on one key of a tag.
func (x *Redactor) judgePair(key, value string) nameVerdict {
	if x.tags.mark[key] {
		if negative(value) {
			return nameVerdict{}
		}
		return marked(key)
	}
	options := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ';' })
	for i, o := range options {
		o = strings.ToLower(strings.TrimSpace(o))
		if x.tags.mark[o] && (i > 0 || !x.tags.name[key]) {
			return marked(o)
		}
	}
	first := ""
	if len(options) > 0 {
		first = strings.TrimSpace(options[0])
	}
	switch {
	case x.tags.log[key] && (first == "-" || first == "false" || hidden(first)):
		return nameVerdict{class: classWeak, rule: RuleTag, word: key + ":-", numbers: true}
	case x.tags.name[key] && value == "-":
		// Of fields that formats leave out nearly all are innocent: caches, IDs,
		// names. Only what looks like a token goes.
		return nameVerdict{class: classText, rule: RuleTag, word: key + ":-", tokens: true}
	case x.tags.name[key]:
		return x.judgeTagName(options)
	}
	return nameVerdict{}
}

// judgeTagName judges the name that a field has elsewhere: the first word, or
// what gorm and protobuf say after column: and name=.
func (x *Redactor) judgeTagName(options []string) (best nameVerdict) {
	for i, o := range options {
		name, labelled := o, false
		for _, label := range [...]string{"column:", "name="} {
			if rest, ok := strings.CutPrefix(o, label); ok {
				name, labelled = rest, true
			}
		}
		if i > 0 && !labelled || strings.ContainsAny(name, " :=") {
			continue
		}
		joined := joinedName(name)
		if x.choices.allowName.has(joined) || x.names.counts(name) {
			continue
		}
		v := x.names.judgeWords(splitWords(name))
		if word, ok := x.choices.denyName.find(joined); ok {
			v = nameVerdict{class: classStrong, word: word, loose: true, numbers: true}
		}
		if v.rule = RuleTag; v.class != classWeak && v.class > best.class {
			best = v
		}
	}
	return best
}

func marked(word string) nameVerdict {
	return nameVerdict{class: classStrong, rule: RuleTag, word: word, numbers: true}
}

// negative reports whether the value of a key says that it does not hold.
func negative(value string) bool {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "false", "0", "no", "off", "none", "never", "-", "safe", "public":
		return true
	}
	return false
}

// hidden reports whether an option says that a field is left out of logs.
func hidden(option string) bool {
	switch strings.ToLower(option) {
	case "hide", "hidden", "omit", "skip", "ignore", "drop", "no", "never", "none":
		return true
	}
	return false
}

// tagPair is a key of a struct tag with its value.
type tagPair struct{ key, value string }

// tagPairs splits a struct tag by its convention, key:"value" and spaces
// between, as package reflect describes it. What is not of that form is split
// into words.
func tagPairs(tag string) (pairs []tagPair, bare []string) {
	tag = tag[:min(len(tag), maxTagBytes)]
	for range maxTagPairs {
		tag = strings.TrimLeft(tag, " ,;\t\n")
		if tag == "" {
			break
		}
		n := strings.IndexAny(tag, " ,;:\"\t\n")
		if n < 0 {
			n = len(tag)
		}
		word := tag[:n]
		if quoted, ok := strings.CutPrefix(tag[n:], `:"`); ok && word != "" {
			q, err := strconv.QuotedPrefix(`"` + quoted)
			if err == nil {
				value, _ := strconv.Unquote(q)
				pairs = append(pairs, tagPair{word, value})
				tag = tag[n+1+len(q):]
				continue
			}
		}
		if word != "" {
			bare = append(bare, word)
		}
		tag = tag[min(n+1, len(tag)):]
	}
	return pairs, bare
}
