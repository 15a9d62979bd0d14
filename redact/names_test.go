package redact

import (
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

func TestSplitWords(t *testing.T) {
	for name, want := range map[string]string{
		"apiKey": "api key", "dbPassword": "db password", "AWSSecretAccessKey": "aws secret access key",
		"APIKey2": "api key 2", "x_api_key": "x api key", "X-Api-Key": "x api key", "&key": "key", "key#2": "key",
		"userIDs": "user ids", "IDs": "ids", "HTTPServer": "http server", "pass1": "pass 1", "main.apiKey": "main api key",
		"JWT": "jwt", "": "", "_": "", "größeÄnderung": "größe änderung", "a#b": "a b", "SSHKey": "ssh key", "S3Key": "s 3 key",
	} {
		if got := strings.Join(splitWords(name), " "); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if n := len(splitWords(strings.Repeat("aB", 1<<16))); n > maxNameBytes {
		t.Errorf("a long name has %d words", n)
	}
}

func TestNamesThatSaySecret(t *testing.T) {
	n := newNameRules()
	for _, name := range strings.Fields(`password Password userPasswd DBPassword APIKey API_KEY apiKeys x-api-key AWSSecretAccessKey
		aws_access_key_id privateKey PrivKey clientSecret ClientSecrets authToken refreshToken bearerToken idToken jwt JWTs
		sessionKey masterKey SSHKey signingKey encryptionKey databaseURL redisURL PG_URL mongoURI connString connectionString
		dsn DSN mysqlDSN passcode otp totpSecret cvv ssn creditCard cardNumber iban IBANs mnemonic seedPhrase recoveryCode
		webhookURL webhookKey licenseKey deployKey tlsKey cookieKey csrfToken sessionID accountNumber bankAccount userPass`) {
		if v := n.judge(name); v.class != classStrong || v.rule != RuleName || v.word == "" {
			t.Errorf("%s: %+v, want strong", name, v)
		}
	}
	for _, name := range strings.Fields(`keyboard monkey author authority primaryKey sortKey foreignKey cacheKey publicKey keyFunc hashMap
		compass passage passenger bypass certain saltwater pinned spinning uuid guid sidebar session_count_max ship region count size
		timestamp url host port user userID requestID orderID i n err ctx req w buf tokenless`) {
		if v := n.judge(name); v.class == classStrong && name != "tokenless" && name != "session_count_max" {
			t.Errorf("%s: %+v, want nothing strong", name, v)
		}
	}
}

func TestNamesAboutASecret(t *testing.T) {
	n := newNameRules()
	for _, name := range strings.Fields(`webhookType WebhookMethod sessionTimeout cookieName CookieDomain pemFile seedPath signingKeyID oauthClientID SessionDuration
		nonceLength jwtIssuedAt otpExpiresIn AuthUrl tlsKeyPath sshKeyFingerprint dsnHost`) {
		if v := n.judge(name); v.class != classNone {
			t.Errorf("%s: %+v, want nothing", name, v)
		}
	}
	for _, name := range strings.Fields(`databaseURL webhookURL webhookUri resetLink otpURL aws_access_key_id sessionID AccountNumber secretID tokenID
		userPass1 connectionString passwordHash`) {
		if v := n.judge(name); v.class != classStrong {
			t.Errorf("%s: %+v, want strong", name, v)
		}
	}
	for _, name := range strings.Fields(`tokenURL secretName passwordField credentialType access_token_path`) { // of Safedump's list
		if v := n.judge(name); v.class != classWeak {
			t.Errorf("%s: %+v, want weak", name, v)
		}
	}
}

func TestNamesAndWhatIsAroundThem(t *testing.T) {
	secret := func(v report.Value) bool { return v.State == report.StateRedacted }
	for _, c := range []struct {
		name string
		got  report.Value
		want bool
	}{
		{"field of a session", one(t, "session", structOf("main.Session", "ID", str("a b"))).Children[0].Value, true},
		{"field of an order", one(t, "order", structOf("main.Order", "ID", str("a b"))).Children[0].Value, false},
		{"URL of a database", one(t, "db", structOf("main.T", "URL", str("a b"))).Children[0].Value, true},
		{"by the owner's type", one(t, "x", structOf("main.Database", "URL", str("a b"))).Children[0].Value, true},
		{"map key", one(t, "m", mapOf("map[string]interface {}", str("x_api_key"), iface(str("a b")))).Children[0].Value, true},
		{"map key behind an interface", one(t, "m", mapOf("map[interface {}]string", iface(str("password")), str("a b"))).Children[0].Value, true},
		{"innocent map key", one(t, "m", mapOf("map[string]string", str("colour"), str("red"))).Children[0].Value, false},
		{"value beside a name", one(t, "f", structOf("pflag.Flag", "Name", str("password"), "Value", str("a b"))).Children[1].Value, true},
		{"label of a pair", one(t, "f", structOf("main.Header", "Key", str("Accept"), "Value", str("a b"))).Children[0].Value, false},
		{"flag's value in a list", one(t, "l", sliceOf("[]string", str("--token"), str("a b"))).Children[1].Value, true},
		{"value after its name", one(t, "l", sliceOf("[]interface {}", iface(str("password")), iface(str("a b")))).Children[1].Value, true},
		{"value after another name", one(t, "l", sliceOf("[]interface {}", iface(str("colour")), iface(str("a b")))).Children[1].Value, false},
		{"elements of a text name", one(t, "h", mapOf("map[string][]string", str("Cookie"), sliceOf("[]string", str("a b")))).Children[0].Value.Children[0].Value, true},
		{"nested count", one(t, "c", structOf("main.C", "tokenCount", num("7"))).Children[0].Value, false},
		{"nested number", one(t, "c", structOf("main.C", "pin", num("1234"))).Children[0].Value, true},
		{"nested boolean", one(t, "c", structOf("main.C", "hasPassword", boolean("true"))).Children[0].Value, false},
		{"nested hash, a number", one(t, "c", structOf("main.C", "hash", num("77"))).Children[0].Value, false},
		{"nested hash, text", one(t, "c", structOf("main.C", "hash", str("ab cd"))).Children[0].Value, true},
		{"through a pointer", one(t, "m", structOf("main.C", "Password", ptr(str("a b")))).Children[0].Value, true},
		{"value of a context", one(t, "ctx", structOf("context.valueCtx", "key", iface(str("auth_token")), "val", iface(str("a b")))).Children[1].Value, true},
		{"innocent value of a context", one(t, "ctx", structOf("context.valueCtx", "key", iface(str("request")), "val", iface(str("a b")))).Children[1].Value.Children[0].Value, false},
		{"key of a context", one(t, "ctx", structOf("context.valueCtx", "key", iface(str("request")))).Children[0].Value.Children[0].Value, false},
	} {
		if secret(c.got) != c.want {
			t.Errorf("%s: %+v, want redacted %v", c.name, c.got, c.want)
		}
	}
}

func TestUnknownStaysUnknown(t *testing.T) {
	v := report.Value{State: report.StateOptimizedOut, Kind: report.KindString, Type: "string", Note: "no location"}
	if got := one(t, "password", v); !reflect.DeepEqual(got, v) {
		t.Errorf("%+v: nothing was there to remove", got)
	}
}

func TestSensitiveTypes(t *testing.T) {
	rules := newTypeRules()
	for _, typ := range []string{"crypto/rsa.PrivateKey", "*crypto/rsa.PrivateKey", "**crypto/ecdsa.PrivateKey", "crypto/ed25519.PrivateKey",
		"net/url.Userinfo", "golang.org/x/oauth2.Token", "main.Secret", "main.DBPassword", "main.userCredentials", "k8s.io/api/core/v1.Secret",
		"crypto/aes.Block", "crypto/internal/fips140/hmac.HMAC", "main.Secret[int]",
		"main.APIToken", "*auth.AccessTokens", "main.PrivateKey", "main.Sensitive[string]", "*log.RedactedString"} {
		if rules.judge(typ) == "" {
			t.Errorf("%s: not taken for secret", typ)
		}
	}
	for _, typ := range []string{"string", "[]uint8", "crypto/rsa.PublicKey", "crypto/tls.Certificate", "net/http.Cookie", "net/url.URL",
		"main.Secretary", "secrets.Manager", "func(main.Secret)", "map[string]main.Secret", "[]main.Secret", "hash/crc32.digest",
		"go/token.Token", "main.APIKeyStore", "main.Key", "main.CaseSensitive", "main.Redaction"} {
		if w := rules.judge(typ); w != "" {
			t.Errorf("%s: taken for secret by %s", typ, w)
		}
	}
	key := structOf("crypto/rsa.PrivateKey", "D", ptr(structOf("math/big.Int", "abs", sliceOf("math/big.nat", num("81985529216486895")))))
	for name, v := range map[string]report.Value{"k": ptr(key), "v": key, "a": iface(ptr(key))} {
		got := one(t, name, v)
		for got.Kind == report.KindInterface {
			got = got.Children[0].Value
		}
		if got.State != report.StateRedacted || got.Target != 0 {
			t.Errorf("%s: %+v", v.Type, got)
		}
	}
	c := one(t, "c", structOf("net/http.Cookie", "Name", str("lang"), "Value", str("a b"), "Path", str("/")))
	if c.Children[1].Value.State != report.StateRedacted || c.Children[2].Value.Text != "/" {
		t.Errorf("cookie: %+v", c)
	}
}
