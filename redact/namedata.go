package redact

// wordSet is a class of words. Words are lower case and singular (see
// splitWords and singular).
type wordSet struct {
	class          nameClass
	loose, numbers bool
	words          []string
}

// singleWords are the words that decide alone.
func singleWords() []wordSet {
	return []wordSet{
		{class: classStrong, loose: true, numbers: true, words: []string{
			"password", "passwd", "passphrase", "passcode", "passwort", "secret", "mnemonic",
			"apikey", "privatekey", "privkey", "secretkey", "accesskey", "masterkey", "signingkey",
			"encryptionkey", "sessionkey", "sshkey", "authkey", "authtoken", "accesstoken",
			"refreshtoken", "idtoken", "clientsecret", "dbpassword", "dbpass", "userpass",
			"connstr", "connstring", "connectionstring", "databaseurl", "otp", "totp", "hotp",
			"cvv", "cvc", "ssn", "creditcard", "cardnumber", "iban",
		}},
		{class: classStrong, numbers: true, words: []string{
			"token", "credential", "bearer", "authorization", "jwt", "jwe", "jws", "csrf", "xsrf",
			"sessionid", "jsessionid", "phpsessid", "dsn", "pwd", "pass", "passes", "cred", "salt",
		}},
		{class: classWeak, numbers: true, words: []string{"pin", "hmac"}},
		{class: classWeak, words: []string{"auth", "cert", "certificate"}},
		{class: classText, words: []string{
			"cookie", "session", "oauth", "authz", "nonce", "seed", "pem", "webhook", "signature",
			"sid", "userinfo", "pw",
		}},
		{class: classPersonal, words: []string{"email", "mail", "phone", "msisdn", "birthdate", "birthday", "dob"}},
	}
}

// pairSet is the product of two lists of words that decide together.
type pairSet struct {
	class         nameClass
	first, second []string
}

// wordPairs are the pairs of neighbouring words that decide together.
func wordPairs() []pairSet {
	return []pairSet{
		{classStrong, []string{
			"api", "access", "private", "priv", "secret", "session", "master", "aws", "stripe", "ssh",
			"signing", "sign", "encryption", "encrypt", "decryption", "decrypt", "crypto", "cipher",
			"service", "account", "storage", "auth", "license", "licence", "shared", "symmetric",
			"rsa", "ecdsa", "25519", "aes", "hmac", "jwt", "tls", "ssl", "gpg", "pgp", "kms", "deploy",
			"webhook", "consumer", "root", "admin", "wrapping", "dek", "kek", "subscription",
			"integration", "ticket", "cookie", "csrf", "github", "gitlab", "slack", "openai",
			"anthropic", "google", "azure", "gcp", "firebase", "sendgrid", "twilio", "mailgun",
			"datadog", "vault", "pem", "bot", "client", "app",
		}, []string{"key"}},
		{classStrong, []string{"conn", "connection"}, []string{"string", "str", "uri", "url", "info"}},
		{classStrong, []string{
			"database", "db", "redis", "mongo", "mongodb", "mysql", "mariadb", "postgre", "postgres",
			"postgresql", "pg", "amqp", "rabbitmq", "broker", "sql", "nats", "clickhouse", "ldap", "smtp",
		}, []string{"url", "uri", "pwd", "pw"}},
		{classStrong, []string{"auth", "authentication", "authorization"}, []string{"header", "code", "data", "value", "string"}},
		{classStrong, []string{"session"}, []string{"id", "data", "cookie", "identifier"}},
		{classStrong, []string{"recovery", "backup", "verification", "confirmation", "security", "mfa", "fa", "sms", "reset", "invite"}, []string{"code", "phrase"}},
		{classStrong, []string{"seed", "recovery", "pass"}, []string{"phrase", "code", "word"}},
		{classStrong, []string{"credit", "debit", "payment"}, []string{"card"}},
		{classStrong, []string{"card", "cc"}, []string{"number", "num", "no", "code", "pan"}},
		{classStrong, []string{"bank"}, []string{"account"}},
		{classStrong, []string{"account", "iban", "passport", "license", "licence"}, []string{"number"}},
		{classStrong, []string{"social"}, []string{"security"}},
		{classStrong, []string{"tax", "national"}, []string{"id"}},
		{classStrong, []string{"amz", "sas", "shared"}, []string{"signature", "credential"}},
		{classStrong, []string{"otp", "totp", "sas"}, []string{"url", "uri"}},
		{classStrong, []string{"signed", "presigned", "webhook", "magic", "reset"}, []string{"url", "uri", "link"}},
		{classStrong, []string{"user", "basic"}, []string{"pass", "pw", "auth"}},
		{classPersonal, []string{"date"}, []string{"birth"}},
	}
}

// countWords turn a secret's name into the name of a number about secrets.
func countWords() []string {
	return []string{
		"count", "len", "length", "size", "max", "min", "num", "limit", "ttl", "timeout", "expiry",
		"expire", "expiration", "age", "index", "idx", "pos", "offset", "type", "kind", "total", "used",
		"usage", "remaining", "rate", "cost", "version", "interval", "retry", "retries", "attempt",
	}
}

// aboutWords say at the end of a name that it tells something about a secret:
// where it is, how it is made, how long it is good for.
func aboutWords() []string {
	return []string{
		"url", "uri", "endpoint", "node", "link", "path", "file", "filename", "dir", "directory", "folder", "location", "name", "field", "column",
		"arn", "ref", "reference", "selector", "namespace", "label", "placeholder",
		"type", "kind", "class", "interface", "method", "mode", "scheme", "algorithm", "alg", "algo", "format", "encoding", "encryption",
		"version", "metadata", "status", "timestamp", "time", "date", "expire", "expiry", "expiration", "ttl", "timeout", "duration",
		"lifetime", "interval", "validity", "window", "delay", "iteration", "round", "policy", "strategy", "restriction",
		"size", "length", "len", "bit", "count", "limit", "enabled", "required", "disabled", "supported", "optional", "allowed",
		"title", "subject", "prompt", "prefix", "suffix", "user", "username", "owner", "audience", "scope", "issuer", "domain", "host", "port",
		"server", "region", "level", "fingerprint", "thumbprint", "permission", "usage", "index", "position",
	}
}

// doerWords say in a text that a name is that of code which handles secrets.
// What such a variable holds may well hold some, so they count in texts only.
func doerWords() []string {
	return []string{
		"provider", "manager", "service", "factory", "generator", "validator", "handler", "controller", "helper", "builder", "parser", "resolver",
		"repository", "store", "plugin", "extension", "error", "event", "request", "rule", "source", "from", "state", "reset", "page",
		"param", "parameter", "env", "envar", "var", "variable", "setting", "attribute", "option", "encoder", "hasher",
		"converter", "filter", "interceptor", "listener", "adapter", "form", "input", "button", "screen", "expired", "changed", "valid",
	}
}

// innocentKeys are words that end in "key" or stand before it and make it no secret.
func innocentKeys() []string {
	return []string{
		"monkey", "donkey", "turkey", "hockey", "jockey", "whiskey", "hotkey", "pubkey", "publickey", "lackey", "turnkey",
		"public", "pub", "primary", "foreign", "partition", "sort", "row", "cache", "object", "routing", "idempotency", "group", "hash", "lookup",
	}
}

// madeWords are the words of names whose values programs make.
func madeWords() []string {
	return []string{
		"token", "jwt", "bearer", "nonce", "oauth", "csrf", "xsrf", "session", "cookie", "signature", "sid", "authorization", "auth", "key",
		"apikey", "accesskey", "authtoken", "accesstoken", "refreshtoken", "idtoken", "sessionid", "webhook", "otp", "totp",
	}
}

// chosenWords are the words of names whose values people choose, with
// whatever else stands in the name.
func chosenWords() []string {
	return []string{"pass", "pwd", "pw", "secret", "pin", "phrase", "mnemonic", "private", "encryption", "signing", "master"}
}

// blandWords are the words of values that stand for a credential in examples,
// tests and code: a token made of nothing else is none. The list is our own.
func blandWords() []string {
	return []string{
		"a", "access", "account", "actual", "admin", "alice", "an", "another", "any", "api", "app", "application", "auth", "authentication", "authenticity",
		"authorization", "authorized", "bad", "bar", "base", "baz", "bearer", "blank", "blanks", "bob", "body", "bot", "by", "bytes", "cache", "cert",
		"certificate", "channel", "class", "client", "code", "config", "consumer", "cookie", "cred", "credential", "credentials", "csrf", "current", "data",
		"db", "default", "device", "digest", "directory", "dummy", "encoded", "enterprise", "env", "error", "example", "existing", "expected", "expired",
		"external", "fake", "field", "file", "first", "foo", "foobar", "from", "get", "gh", "github", "gitlab", "global", "google", "header",
		"hello", "here", "hidden", "id", "identifier", "identity", "in", "initial", "input", "int", "integer", "internal", "invalid", "is", "it",
		"json", "jwt", "key", "local", "login", "long", "mock", "my", "name", "new", "next", "no", "node", "none", "nonce", "not", "null", "number", "oauth",
		"object", "of", "old", "or", "order", "output", "package", "param", "params", "parent", "path", "payload", "plain", "previous", "private",
		"prompt", "public", "random", "raw", "redirect", "refresh", "remote", "request", "response", "result", "revoked", "root", "sample",
		"secret", "server", "service", "session", "short", "signature", "some", "state", "str", "string", "subscription", "test", "testing",
		"text", "that", "the", "this", "to", "token", "tokens", "type", "undefined", "unknown", "updated", "url", "user", "valid", "validated", "value", "variable",
		"web", "webhook", "whatever", "with", "world", "wrong", "x", "your",
	}
}
