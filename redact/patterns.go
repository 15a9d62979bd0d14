package redact

import (
	"encoding/base64"
	"strings"
)

// tokenRule finds credentials that begin with a fixed text of their provider.
type tokenRule struct {
	// id is what the audit record calls the pattern.
	id string
	// prefix begins the credential; case counts.
	prefix string
	// chars is the class of the bytes after the prefix, min how many of them
	// there must be. max, where it is not 0, ends the match.
	chars    charClass
	min, max int
	// bounded wants no letter or digit before the prefix.
	bounded bool
	// whole removes the whole value that the credential stands in.
	whole bool
	// shown leaves the prefix: it names a service.
	shown bool
	// exact wants the whole credential, also where the text was cut.
	exact bool
	// check, when set, returns the length of the match at the start of s, 0 for none.
	check func(s string) int
}

// charClass is a set of bytes.
type charClass uint8

const (
	charsAlnum  charClass = iota // 0-9 A-Z a-z
	charsUpper                   // 0-9 A-Z
	charsHex                     // 0-9 a-f A-F
	charsWord                    // alnum and _
	charsURL                     // alnum, _ and -
	charsDotted                  // alnum, _ - and .
	charsBase64                  // alnum, + / =
	charsPath                    // alnum, _ - . and /
	charsBearer                  // alnum and - . _ ~ + / =
	charsHook                    // charsPath, @ and %
	charsCookie                  // charsBearer and % , and backslash
	charsCrypt                   // alnum and ./+$,= as in hashes of passwords
)

func (c charClass) has(b byte) bool { return charTable[b]>>c&1 != 0 }

// charTable has a bit for each class that a byte belongs to. It is never written to.
var charTable = func() (t [256]uint16) {
	for b := range t {
		for c := charsAlnum; c <= charsCrypt; c++ {
			if c.holds(byte(b)) {
				t[b] |= 1 << c
			}
		}
	}
	return t
}()

func (c charClass) holds(b byte) bool {
	alnum := b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
	switch c {
	case charsAlnum:
		return alnum
	case charsUpper:
		return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z'
	case charsHex:
		return b >= '0' && b <= '9' || b >= 'A' && b <= 'F' || b >= 'a' && b <= 'f'
	case charsWord:
		return alnum || b == '_'
	case charsURL:
		return alnum || b == '_' || b == '-'
	case charsDotted:
		return alnum || b == '_' || b == '-' || b == '.'
	case charsBase64:
		return alnum || b == '+' || b == '/' || b == '='
	case charsPath:
		return alnum || b == '_' || b == '-' || b == '.' || b == '/'
	case charsBearer:
		return alnum || strings.IndexByte("-._~+/=", b) >= 0
	case charsHook:
		return alnum || strings.IndexByte("_-./@%", b) >= 0
	case charsCrypt:
		return alnum || strings.IndexByte("./+$,=", b) >= 0
	case charsCookie:
		return alnum || strings.IndexByte("-._~+/=%,\\", b) >= 0
	}
	return false
}

// run returns how many bytes at the start of s belong to the class.
func (c charClass) run(s string) int {
	n := 0
	for n < len(s) && c.has(s[n]) {
		n++
	}
	return n
}

// cutMin is how many bytes after a prefix are taken for a credential where the
// end of a shortened text cuts it.
const cutMin = 4

// match returns the length of the credential at the start of s, 0 for none,
// and about how many bytes it looked at. prev is the byte before s, 0 for none;
// cut tells that s may go on beyond its end.
func (r *tokenRule) match(s string, prev byte, cut bool) (n, looked int) {
	if !strings.HasPrefix(s, r.prefix) || r.bounded && charsAlnum.has(prev) {
		return 0, 0
	}
	rest := s[len(r.prefix):]
	run := r.chars.run(rest)
	switch {
	case cut && !r.exact && run == len(rest) && run >= cutMin:
		return len(s), run
	case r.check != nil:
		return r.check(s), 3 * run
	case run < r.min, r.max > 0 && run > r.max:
		return 0, run
	}
	return len(r.prefix) + run, run
}

// isJWT is Safedump's pattern for a JSON web token, anchored at the start.
func isJWT(s string) int {
	rest := s[len("eyJ"):]
	n := charsURL.run(rest)
	if n == 0 || !strings.HasPrefix(rest[n:], ".eyJ") {
		return 0
	}
	end := len("eyJ") + n + len(".eyJ")
	n = charsURL.run(s[end:])
	if n == 0 || end+n >= len(s) || s[end+n] != '.' {
		return 0
	}
	end += n + 1
	n = charsURL.run(s[end:])
	if n == 0 {
		return 0
	}
	return end + n
}

// isWebToken finds what isJWT leaves: encrypted, unsigned and cut tokens. The
// first part must decode to the start of a JSON object that names an algorithm
// or a type.
func isWebToken(s string) int {
	n := charsURL.run(s)
	head, err := base64.RawURLEncoding.DecodeString(s[:n-n%4])
	if err != nil || !strings.Contains(string(head), `"alg"`) && !strings.Contains(string(head), `"typ"`) && !strings.Contains(string(head), `"kid"`) {
		return 0
	}
	return charsDotted.run(s)
}

// isTelegram matches the secret half of a Telegram bot token, ":AA" and 33 more.
func isTelegram(s string) int {
	if n := charsURL.run(s[1:]); n == 35 {
		return 1 + n
	}
	return 0
}

// seedLength is that of a seed of NATS (nkeys): base32 of two bytes that say what
// it is for, a key of 32 bytes and a checksum of two.
const seedLength = 58

// isSeed matches a seed of NATS, to which nothing else of base32 may belong. Its
// checksum is left alone: what is one but for a slip is removed as well.
func isSeed(s string) int {
	if charsUpper.run(s) != seedLength || strings.ContainsAny(s[:seedLength], "0189") || maskedToken(s[:seedLength]) {
		return 0
	}
	if len(s) > seedLength && charsWord.has(s[seedLength]) {
		return 0
	}
	return seedLength
}

// puttyKey matches the lines of a PuTTY private key, after their number.
func puttyKey(s string) int {
	n := len("Private-Lines: ")
	for n < len(s) && (charsBase64.has(s[n]) || strings.IndexByte("\r\n\\", s[n]) >= 0) {
		n++
	}
	if n < len("Private-Lines: ")+20 {
		return 0
	}
	return n
}

// providerTokens are the credentials of well-known services, from the
// providers' own documentation.
func providerTokens() []tokenRule {
	return []tokenRule{
		{id: "jwt", prefix: "eyJ", chars: charsDotted, min: 1, bounded: true, check: isWebToken},
		{id: "aws-access-key-id", prefix: "ASIA", chars: charsUpper, min: 16, max: 16, bounded: true},
		{id: "aws-access-key-id", prefix: "ABIA", chars: charsUpper, min: 16, max: 16, bounded: true},
		{id: "aws-access-key-id", prefix: "ACCA", chars: charsUpper, min: 16, max: 16, bounded: true},
		{id: "github-token", prefix: "github_pat_", chars: charsWord, min: 22, bounded: true},
		{id: "github-token", prefix: "ghs_", chars: charsDotted, min: 36, bounded: true},
		{id: "github-token", prefix: "ghu_", chars: charsAlnum, min: 36, bounded: true},
		{id: "github-token", prefix: "ghr_", chars: charsAlnum, min: 36, bounded: true},
		{id: "gitlab-token", prefix: "glpat-", chars: charsDotted, min: 20, bounded: true},
		{id: "gitlab-token", prefix: "gldt-", chars: charsURL, min: 20, bounded: true},
		{id: "gitlab-token", prefix: "glrt-", chars: charsDotted, min: 20, bounded: true},
		{id: "gitlab-token", prefix: "glptt-", chars: charsURL, min: 20, bounded: true},
		{id: "gitlab-token", prefix: "glcbt-", chars: charsURL, min: 20, bounded: true},
		{id: "slack-token", prefix: "xoxb-", chars: charsURL, min: 10, bounded: true},
		{id: "slack-token", prefix: "xoxa-", chars: charsURL, min: 10, bounded: true},
		{id: "slack-token", prefix: "xoxp-", chars: charsURL, min: 10, bounded: true},
		{id: "slack-token", prefix: "xoxr-", chars: charsURL, min: 10, bounded: true},
		{id: "slack-token", prefix: "xoxs-", chars: charsURL, min: 10, bounded: true},
		{id: "slack-token", prefix: "xoxe", chars: charsDotted, min: 20, bounded: true},
		{id: "slack-token", prefix: "xoxc-", chars: charsURL, min: 10, bounded: true},
		{id: "slack-token", prefix: "xoxd-", chars: charsCookie, min: 10, bounded: true},
		{id: "slack-token", prefix: "xapp-", chars: charsURL, min: 10, bounded: true},
		{id: "google-api-key", prefix: "AIza", chars: charsURL, min: 35, bounded: true},
		{id: "google-oauth", prefix: "ya29.", chars: charsDotted, min: 20, bounded: true},
		{id: "google-oauth", prefix: "GOCSPX-", chars: charsURL, min: 20, bounded: true},
		{id: "openai-key", prefix: "sk-", chars: charsURL, min: 20, bounded: true},
		{id: "stripe-key", prefix: "sk_live_", chars: charsAlnum, min: 10, bounded: true},
		{id: "stripe-key", prefix: "sk_test_", chars: charsAlnum, min: 10, bounded: true},
		{id: "stripe-key", prefix: "rk_live_", chars: charsAlnum, min: 10, bounded: true},
		{id: "stripe-key", prefix: "rk_test_", chars: charsAlnum, min: 10, bounded: true},
		{id: "stripe-webhook", prefix: "whsec_", chars: charsBase64, min: 20, bounded: true},
		{id: "sendgrid-key", prefix: "SG.", chars: charsDotted, min: 50, bounded: true},
		{id: "npm-token", prefix: "npm_", chars: charsAlnum, min: 36, bounded: true},
		{id: "pypi-token", prefix: "pypi-AgE", chars: charsURL, min: 50, bounded: true},
		{id: "digitalocean-token", prefix: "dop_v1_", chars: charsHex, min: 64, bounded: true},
		{id: "digitalocean-token", prefix: "doo_v1_", chars: charsHex, min: 64, bounded: true},
		{id: "digitalocean-token", prefix: "dor_v1_", chars: charsHex, min: 64, bounded: true},
		{id: "huggingface-token", prefix: "hf_", chars: charsAlnum, min: 30, bounded: true},
		{id: "shopify-token", prefix: "shpat_", chars: charsHex, min: 32, bounded: true},
		{id: "shopify-token", prefix: "shpca_", chars: charsHex, min: 32, bounded: true},
		{id: "shopify-token", prefix: "shppa_", chars: charsHex, min: 32, bounded: true},
		{id: "shopify-token", prefix: "shpss_", chars: charsHex, min: 32, bounded: true},
		{id: "square-token", prefix: "sq0atp-", chars: charsURL, min: 22, bounded: true},
		{id: "square-token", prefix: "sq0csp-", chars: charsURL, min: 22, bounded: true},
		{id: "vault-token", prefix: "hvs.", chars: charsURL, min: 24, bounded: true},
		{id: "vault-token", prefix: "hvb.", chars: charsURL, min: 24, bounded: true},
		{id: "age-key", prefix: "AGE-SECRET-KEY-1", chars: charsUpper, min: 58, bounded: true},
		{id: "docker-token", prefix: "dckr_pat_", chars: charsURL, min: 20, bounded: true},
		{id: "docker-token", prefix: "dckr_oat_", chars: charsURL, min: 20, bounded: true},
		{id: "linear-key", prefix: "lin_api_", chars: charsAlnum, min: 32, bounded: true},
		{id: "newrelic-key", prefix: "NRAK-", chars: charsUpper, min: 27, bounded: true},
		{id: "postman-key", prefix: "PMAK-", chars: charsURL, min: 40, bounded: true},
		{id: "databricks-token", prefix: "dapi", chars: charsHex, min: 32, max: 34, bounded: true},
		{id: "mailgun-key", prefix: "key-", chars: charsHex, min: 32, max: 32, bounded: true},
		{id: "twilio-key", prefix: "SK", chars: charsHex, min: 32, max: 32, bounded: true},
		{id: "brevo-key", prefix: "xkeysib-", chars: charsURL, min: 60, bounded: true},
		{id: "groq-key", prefix: "gsk_", chars: charsAlnum, min: 40, bounded: true},
		{id: "replicate-token", prefix: "r8_", chars: charsAlnum, min: 37, bounded: true},
		{id: "grafana-token", prefix: "glsa_", chars: charsWord, min: 32, bounded: true},
		{id: "grafana-token", prefix: "glc_", chars: charsBase64, min: 32, bounded: true},
		{id: "sentry-token", prefix: "sntrys_", chars: charsBase64, min: 40, bounded: true},
		{id: "sentry-token", prefix: "sntryu_", chars: charsHex, min: 64, bounded: true},
		{id: "figma-token", prefix: "figd_", chars: charsURL, min: 30, bounded: true},
		{id: "notion-token", prefix: "ntn_", chars: charsAlnum, min: 40, bounded: true},
		{id: "flyio-token", prefix: "FlyV1 ", chars: charsCookie, min: 40, bounded: true},
		{id: "password-hash", prefix: "$2a$", chars: charsCrypt, min: 50},
		{id: "password-hash", prefix: "$2b$", chars: charsCrypt, min: 50},
		{id: "password-hash", prefix: "$2y$", chars: charsCrypt, min: 50},
		{id: "password-hash", prefix: "$argon2", chars: charsCrypt, min: 40},
		{id: "password-hash", prefix: "$6$", chars: charsCrypt, min: 86},
		{id: "putty-key", prefix: "Private-Lines: ", chars: charsBase64, shown: true, exact: true, check: puttyKey},
		{id: "nats-seed", prefix: "SU", chars: charsUpper, bounded: true, exact: true, check: isSeed},
		{id: "nats-seed", prefix: "SA", chars: charsUpper, bounded: true, exact: true, check: isSeed},
		{id: "nats-seed", prefix: "SO", chars: charsUpper, bounded: true, exact: true, check: isSeed},
		{id: "nats-seed", prefix: "SN", chars: charsUpper, bounded: true, exact: true, check: isSeed},
		{id: "nats-seed", prefix: "SC", chars: charsUpper, bounded: true, exact: true, check: isSeed},
		{id: "nats-seed", prefix: "SX", chars: charsUpper, bounded: true, exact: true, check: isSeed},
		{id: "telegram-token", prefix: ":AA", chars: charsURL, check: isTelegram, min: 33},
	}
}

// webhooks are URLs that hold what opens them in their path. Whose they are is
// shown.
func webhooks() []tokenRule {
	var rules []tokenRule
	for _, h := range []struct{ id, prefix string }{
		{"slack-webhook", "hooks.slack.com/services/"}, {"slack-webhook", "hooks.slack.com/workflows/"}, {"slack-webhook", "hooks.slack.com/triggers/"},
		{"discord-webhook", "discord.com/api/webhooks/"}, {"discord-webhook", "discordapp.com/api/webhooks/"},
		{"teams-webhook", ".webhook.office.com/webhookb2/"}, {"teams-webhook", "outlook.office.com/webhook/"},
		{"zapier-webhook", "hooks.zapier.com/hooks/catch/"},
	} {
		rules = append(rules, tokenRule{id: h.id, prefix: h.prefix, chars: charsHook, min: 16, shown: true})
	}
	return rules
}
