package redact

import (
	"slices"
	"strings"
)

// nameInText is a name with its verdict inside a text.
type nameInText struct {
	name    string
	verdict nameVerdict
}

// textName is the verdict on a name inside a text. What Safedump's list denies
// without the word alone saying much (key: value, hash=...) does not count
// here, nor does personal data: too much of ordinary text would go.
func (u *run) textName(name string) nameVerdict { return *u.verdictInText(name) }

// verdictInText is textName without a copy, not to be changed.
func (u *run) verdictInText(name string) *nameVerdict {
	last := &u.lastInText[hashText(name)>>(64-lastBits)]
	if *last != nil && (*last).name == name {
		return &(*last).verdict
	}
	if known := u.inText[name]; known != nil {
		*last = known
		return &known.verdict
	}
	known := &nameInText{verdict: u.x.judgeText(name)}
	if len(u.inText) < maxCached {
		known.name = strings.Clone(name)
		u.inText[known.name] = known
	}
	return &known.verdict
}

func (x *Redactor) judgeText(name string) nameVerdict {
	v := x.judgeName(nameKey{name: name})
	words := splitWords(name)
	about := false
	if v.class == classWeak && v.rule != RuleCustom { // Safedump's list may hold a word beside one that says more: auth.sid
		about = x.names.subject(words) > 0
		for _, w := range words[x.names.subject(words):] {
			if t := x.names.single[w]; t.class == classText {
				v, about = t, false
			}
		}
	}
	doer := len(words) > 1 && x.names.doers[words[len(words)-1]] && !x.choices.denyName.has(joinedName(name))
	switch {
	case v.rule == RuleCustom:
	case about, doer, publicKey(words):
		return nameVerdict{}
	case v.class == classStrong, v.class == classText && v.word != "seed" && v.word != "session":
	case v.class == classWeak && v.numbers:
	case strings.EqualFold(name, "pw"):
		v = nameVerdict{class: classStrong, rule: RuleName, word: "pw", loose: true, numbers: true}
	case v.class == classWeak && (trustedWord(v.word) || endsSecret(words)) && !x.names.counts(name):
		v.numbers = true
	default:
		v = x.names.likely(words)
	}
	v.made = x.names.isMade(words)
	return v
}

// publicKey reports whether a name is that of a public key or of something about one.
func publicKey(words []string) bool {
	for i := 1; i < len(words); i++ {
		if words[i] == "key" && (words[i-1] == "public" || words[i-1] == "pub") {
			return true
		}
	}
	return false
}

// isMade reports whether programs make the values of a name, as far as its words tell.
func (n *nameRules) isMade(words []string) bool {
	made := false
	for _, w := range words {
		if n.chosen[w] || n.chosen[singular(w)] || strings.HasPrefix(w, "pass") || strings.HasSuffix(w, "secret") || strings.HasSuffix(w, "pass") {
			return false
		}
		made = made || n.made[w] || n.made[singular(w)] || strings.HasSuffix(w, "token") || strings.HasSuffix(w, "key")
	}
	return made
}

// guess reports whether a verdict of textName counts only with a value that
// looks like a token.
func guess(v nameVerdict) bool {
	return v.class == classWeak && !v.numbers && v.rule != RuleCustom
}

// headerName reports whether the value of a name goes on to the end of the line.
func headerName(word string) bool {
	switch word {
	case "authorization", "mnemonic", "passphrase", "seed phrase", "recovery phrase":
		return true
	}
	return false
}

// likely is the verdict on names in texts that say something only together with
// a value that looks like a token: key=, _auth=, x-functions-key:, nkey.
func (n *nameRules) likely(words []string) nameVerdict {
	if len(words) == 0 || n.subject(words) > 0 {
		return nameVerdict{}
	}
	for i := len(words) - 1; i >= 0; i-- {
		w := singular(words[i])
		switch {
		case w == "key" && i > 0 && n.innocent[words[i-1]], w == "key" && i+1 < len(words) && words[i+1] == "board":
			return nameVerdict{}
		case w == "key", w == "auth", w == "oauth", w == "pat", w == "access", w == "verifier", w == "cred", w == "api", w == "login",
			w == "license", w == "activation":
			return nameVerdict{class: classWeak, rule: RuleName, word: w}
		case strings.HasSuffix(w, "key") && !n.innocent[w]:
			return nameVerdict{class: classWeak, rule: RuleName, word: "key"}
		}
	}
	return nameVerdict{}
}

// trustedWord reports whether a word of Safedump's list means the same as a
// part of a longer word: PGPASSWORD, but not tokenizer or secretary.
func trustedWord(word string) bool {
	switch word {
	case "password", "passwd", "passphrase", "apikey", "api_key", "private_key", "secret_key", "access_key", "credential":
		return true
	}
	return false
}

// endsSecret reports whether a name ends in a word that ends in one for a
// secret: repotoken, clientsecret.
func endsSecret(words []string) bool {
	last := words[len(words)-1]
	return strings.HasSuffix(last, "token") || strings.HasSuffix(last, "secret")
}

// blandValue reports whether a value is made of nothing but words that stand for
// a credential where there is none: some-token, API_TOKEN, accessToken.
func (n *nameRules) blandValue(s string) bool {
	if s == "" || len(s) > 48 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.: 0123456789") != "" {
		return false
	}
	words := splitWords(s)
	return len(words) > 0 && !digitsOnly(strings.Join(words, "")) && !slices.ContainsFunc(words, func(w string) bool { return !n.bland[w] && !n.bland[singular(w)] && (len(w) > 1 || !digitsOnly(w)) })
}

// sameName reports whether a value is the name of two words or more that it
// stands under: client_secret: clientSecret.
func sameName(name, value string) bool {
	words := splitWords(name)
	return len(words) > 1 && len(value) < 2*len(name) && slices.Equal(words, splitWords(value))
}
