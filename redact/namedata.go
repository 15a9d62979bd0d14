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
			"sid", "userinfo",
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
