package redact

import (
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// entry is an entry of a map of strings to v.
func entry(key string, v report.Value) report.Child {
	k := str(key)
	return report.Child{Key: &k, Value: v}
}

func mapWith(typ string, entries ...report.Child) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindMap, Type: typ, Len: int64(len(entries)), Children: entries}
}

func anyOf(v report.Value) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindInterface, Type: "interface {}", Children: []report.Child{{Value: v}}}
}

func namedFields(typ string, pairs ...string) report.Value {
	v := structWith(typ)
	for i := 0; i < len(pairs); i += 2 {
		v.Children = append(v.Children, report.Child{Name: pairs[i], Value: str(pairs[i+1])})
	}
	return v
}

// TestHolders: the values that hold credentials in the standard library and in
// well-known modules, with texts that no rule about contents finds. Names and
// types of fields are those of the modules.
func TestHolders(t *testing.T) {
	const gone, kept = "winter meadow", "silver harbour"
	private := func(typ string) report.Value {
		return ptr(structWith(typ, report.Child{Name: "D", Value: str(gone)}, report.Child{Name: "N", Value: str(gone)}))
	}
	number := structWith("crypto/ed25519.PrivateKey")
	number.Kind, number.Text = report.KindBytes, gone
	header := func(typ string) report.Value {
		m := mapWith(typ)
		for _, k := range []string{"Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "Proxy-Authorization", "X-Auth-Token", "authorization", "X-Amz-Security-Token", "X-Csrf-Token"} {
			m.Children = append(m.Children, entry(k, sliceOf("[]string", str(gone))))
		}
		m.Children = append(m.Children, entry("Accept", sliceOf("[]string", str(kept))))
		return m
	}
	signer := func(v report.Value) report.Value {
		s := anyOf(v)
		s.Type = "crypto.Signer"
		return s
	}
	for what, v := range map[string]report.Value{
		"http.Header":      header("net/http.Header"),
		"MIMEHeader":       header("net/textproto.MIMEHeader"),
		"map of lists":     header("map[string][]string"),
		"gRPC's metadata":  header("google.golang.org/grpc/metadata.MD"),
		"one header":       mapWith("map[string]string", entry("X-Api-Key", str(gone)), entry("Accept", str(kept))),
		"form":             mapWith("net/url.Values", entry("password", sliceOf("[]string", str(gone))), entry("q", sliceOf("[]string", str(kept)))),
		"any map":          mapWith("map[string]interface {}", entry("client_secret", anyOf(str(gone))), entry("region", anyOf(str(kept)))),
		"cookie":           ptr(namedFields("net/http.Cookie", "Name", kept, "Value", gone, "Raw", gone)),
		"userinfo":         ptr(namedFields("net/url.Userinfo", "username", gone, "password", gone)),
		"token":            ptr(namedFields("golang.org/x/oauth2.Token", "AccessToken", gone, "TokenType", gone, "RefreshToken", gone)),
		"rsa":              private("crypto/rsa.PrivateKey"),
		"ecdsa":            private("crypto/ecdsa.PrivateKey"),
		"ecdh":             private("crypto/ecdh.PrivateKey"),
		"ed25519":          number,
		"certificate":      structWith("crypto/tls.Certificate", report.Child{Name: "PrivateKey", Value: anyOf(private("example.com/hsm.key"))}, report.Child{Name: "Leaf", Value: str(kept)}),
		"SSH signer":       ptr(structWith("golang.org/x/crypto/ssh.wrappedSigner", report.Child{Name: "signer", Value: signer(private("crypto/rsa.PrivateKey"))}, report.Child{Name: "format", Value: str(kept)})),
		"age":              ptr(namedFields("filippo.io/age.X25519Identity", "secretKey", gone, "ourPublicKey", kept)),
		"nkeys":            ptr(namedFields("github.com/nats-io/nkeys.kp", "seed", gone)),
		"Postgres":         ptr(namedFields("github.com/jackc/pgx/v5/pgconn.Config", "Host", kept, "Password", gone)),
		"Postgres string":  ptr(namedFields("github.com/jackc/pgx/v5.ConnConfig", "connString", gone)),
		"pq":               ptr(structWith("github.com/lib/pq.Connector", report.Child{Name: "opts", Value: mapWith("github.com/lib/pq.values", entry("password", str(gone)), entry("host", str(kept)))})),
		"pq string":        ptr(namedFields("github.com/lib/pq.Connector", "dsn", gone)),
		"MySQL":            ptr(namedFields("github.com/go-sql-driver/mysql.Config", "User", kept, "Passwd", gone)),
		"database/sql":     ptr(structWith("database/sql.DB", report.Child{Name: "connector", Value: anyOf(namedFields("database/sql.dsnConnector", "dsn", gone))})),
		"Redis":            ptr(namedFields("github.com/redis/go-redis/v9.Options", "Addr", kept, "Password", gone, "SentinelPassword", gone)),
		"redigo":           ptr(namedFields("github.com/gomodule/redigo/redis.dialOptions", "password", gone)),
		"sarama":           ptr(structWith("github.com/IBM/sarama.Config", report.Child{Name: "Net", Value: structWith("struct { ... }", report.Child{Name: "SASL", Value: namedFields("struct { ... }", "User", kept, "Password", gone)})})),
		"kgo":              namedFields("github.com/twmb/franz-go/pkg/sasl/plain.Auth", "Zid", kept, "User", kept, "Pass", gone),
		"kgo SCRAM":        namedFields("github.com/twmb/franz-go/pkg/sasl/scram.Auth", "User", kept, "Pass", gone),
		"kgo OAuth":        namedFields("github.com/twmb/franz-go/pkg/sasl/oauth.Auth", "Token", gone),
		"mongo":            ptr(namedFields("go.mongodb.org/mongo-driver/mongo/options.Credential", "AuthSource", gone, "Password", gone)),
		"mongo URI":        ptr(namedFields("go.mongodb.org/mongo-driver/x/mongo/driver/connstring.ConnString", "Original", gone, "Password", gone)),
		"AMQP":             ptr(namedFields("github.com/rabbitmq/amqp091-go.PlainAuth", "Username", kept, "Password", gone)),
		"NATS":             ptr(namedFields("github.com/nats-io/nats.go.Options", "User", kept, "Password", gone, "Token", gone)),
		"SMTP":             ptr(namedFields("net/smtp.plainAuth", "identity", kept, "username", kept, "password", gone, "host", kept)),
		"AWS":              namedFields("github.com/aws/aws-sdk-go-v2/aws.Credentials", "AccessKeyID", gone, "SecretAccessKey", gone, "SessionToken", gone),
		"minio":            namedFields("github.com/minio/minio-go/v7/pkg/credentials.Value", "AccessKeyID", gone, "SecretAccessKey", gone),
		"Azure":            ptr(namedFields("github.com/Azure/azure-sdk-for-go/sdk/azidentity.ClientSecretCredential", "client", gone)),
		"Azure token":      namedFields("github.com/Azure/azure-sdk-for-go/sdk/azcore.AccessToken", "Token", gone),
		"Kubernetes":       ptr(namedFields("k8s.io/api/core/v1.Secret", "Type", gone)),
		"rest.Config":      ptr(namedFields("k8s.io/client-go/rest.Config", "Host", kept, "BearerToken", gone, "Password", gone)),
		"Vault":            ptr(namedFields("github.com/hashicorp/vault/api.Client", "addr", kept, "token", gone)),
		"Elastic":          namedFields("github.com/elastic/go-elasticsearch/v8.Config", "Username", kept, "Password", gone, "APIKey", gone, "ServiceToken", gone),
		"OpenAI":           namedFields("github.com/sashabaranov/go-openai.ClientConfig", "authToken", gone, "BaseURL", kept),
		"OpenPGP":          ptr(namedFields("github.com/ProtonMail/go-crypto/openpgp/packet.PrivateKey", "encryptedData", gone)),
		"named type":       namedFields("example.com/app.LoginPassword", "text", gone),
		"secret type":      namedFields("example.com/app.SecretBox", "text", gone),
		"credential type":  namedFields("example.com/app.dbCredentials", "text", gone),
		"argument of SQL":  namedFields("database/sql.NamedArg", "Name", "password", "Value", gone),
		"label":            namedFields("example.com/app.Header", "Key", "X-Api-Key", "Value", gone),
		"closure":          {State: report.StateOK, Kind: report.KindFunc, Type: "func()", Text: "main.run.func1", Children: []report.Child{{Name: "password", Value: str(gone)}, {Name: "&apiToken", Value: str(gone)}, {Name: "region", Value: str(kept)}}},
		"channel":          {State: report.StateOK, Kind: report.KindChan, Type: "chan main.login", Len: 1, Cap: 4, Children: []report.Child{{Value: namedFields("main.login", "User", kept, "Password", gone)}}},
		"channel of keys":  {State: report.StateOK, Kind: report.KindChan, Type: "chan *rsa.PrivateKey", Len: 1, Cap: 4, Children: []report.Child{{Value: private("crypto/rsa.PrivateKey")}}},
		"flags in a slice": sliceOf("[]string", str("--region"), str(kept), str("--password"), str(gone)),
	} {
		out := encode(t, applied(t, reportWith(variable("v", v)), Policy{Tier: 2}))
		if strings.Contains(out, gone) {
			t.Errorf("%s: something is left: %s", what, out[strings.Index(out, `"vars"`):])
		}
		if raw := encode(t, reportWith(variable("v", v))); strings.Contains(raw, kept) && !strings.Contains(out, kept) {
			t.Errorf("%s: what says nothing is gone", what)
		}
	}
	for _, name := range []string{"&password", "password#2", "&apiKey#3", "dbPassword", "DB_PASSWORD", "db-password", "userPasswords", "AWSSecretAccessKey", "jwt2", "oauth2Token", "HTTPAuthToken"} {
		if v := one(t, name, str(gone)); v.State != report.StateRedacted {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
