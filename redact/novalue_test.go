package redact

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestWhatIsAValue holds pairs of which one side is told from a secret by its
// form, and those that only look so.
func TestWhatIsAValue(t *testing.T) {
	const R = Placeholder
	random := rep("aB3xK9pQ7mZ2cD4yL8rS6nW1eF5zM0tU", 64)
	basic := base64.StdEncoding.EncodeToString([]byte("bob:hunter2"))
	for _, c := range []struct{ in, want string }{
		// Names that tell something about a secret, and keys that are none.
		{"token_url=https://h/oauth2/token token_type: mac, password_file=/run/secrets/db secretName: db-main", ""},
		{"access_token_expires_in: 14400 max_tokens: 4096 passwordField: \"pw\" tokens: 128000", ""},
		{"publicKeyToken=b77a5c561934e089 urn:ietf:wg:oauth:2.0:oob UserSecret::find arn:aws:secretsmanager:eu:1:secret:db-x", ""},
		{"tesla.auth.sid=" + random[:24], "tesla.auth.sid=" + R}, {"repotoken: " + random[:20], "repotoken: " + R},
		{"mail_password_reset_state=x signing_key_id=" + random[:20], ""},
		// Places for a value, masks, paths.
		{"token: ${{ secrets.TOKEN }} password: {{ .Values.db.password | quote }} secret=#{token} pwd: ((db-password))", ""},
		{"token=xxxxxxxx password=******** secret: ... api_key=sk-xxxxxxxx jwt=<your jwt> token: [token]", ""},
		{"api_key=your-api-key token=YOUR_TOKEN_HERE password: \"<password>\" pwd=$1 pass=$(cat file)", ""},
		{"Authorization: Bearer ${TOKEN}\nX-Api-Key: YOUR_API_KEY", ""},
		{"token=/var/run/token password: ./secret.key secret=~/.aws/credentials", ""},
		{"xoxb-xxxxxxxxxxxx-xxxxxxxxxxxx glpat-XXXXXXXXXXXXXXXXXXXX https://hooks.slack.com/services/T00000000/B00000000/" + rep("X", 24), ""},
		{"password=hunter... password=hunter2...", "password=" + R + " password=" + R},
		{"token: some-token api_key=\"foobar\" access_token=access_token", ""},
		{"password: some-password secret=foobar", "password: " + R + " secret=" + R},
		{"client_secret: client_secret, password=password", "client_secret: client_secret, password=" + R},
		// Code, and what only looks a little like it.
		{"user.password = req.body.password;", ""}, {"const token = await getToken(id);", ""}, {"secret := cfg.Database.Secret", ""},
		{"if password != confirmPassword {", ""}, {"password: ENV[\"DB_PASSWORD\"],", ""}, {"return &auth{User: name, Password: hash}, nil", ""},
		{"token = new Credential(\"hunter2\")", "token = new Credential(\"" + R + "\")"},
		{"otp = ROTP::TOTP.new('" + random[:16] + "')", "otp = ROTP::TOTP.new('" + R + "')"},
		{"$p = ConvertTo-SecureString 'hunter2' -Force; $pass = ConvertTo-SecureString 'hunter2' -Force", "$p = ConvertTo-SecureString 'hunter2' -Force; $pass = ConvertTo-SecureString '" + R + "' -Force"},
		{"secret = getenv(\"API_SECRET\", \"hunter2\")", "secret = getenv(\"API_SECRET\", \"" + R + "\")"},
		{"login failed (attempt 3): password=sunshine", "login failed (attempt 3): password=" + R},
		{"main.(*Server).login: password=sunshine; retry", "main.(*Server).login: password=" + R + "; retry"},
		{"User(name=bob, password=sunshine)", "User(name=bob, password=" + R + ")"}, {"password=Summer[2024] x", "password=" + R + "] x"},
		{"password=$unshine pwd=@dmin secret: john.doe", "password=" + R + " pwd=" + R + " secret: " + R},
		{"password=1t'sB1g", "password=" + R}, {"**password**: hunter2", "**password**: " + R}, {"password             = \"hunter2\"", "password             = \"" + R + "\""},
		// Other places of a value.
		{"x.setAppSecret(\"hunter2\")", "x.setAppSecret(\"" + R + "\")"}, {"b.oauth_verifier(\"" + random[:32] + "\")", "b.oauth_verifier(\"" + R + "\")"},
		{"x.getToken(\"name\").password(\"hint\")", ""}, {"svc -token hunter2 -v", "svc -token " + R + " -v"}, {"see -token for details", ""},
		{"password = &quot;hunter2&quot;, x", "password = &quot;" + R + "&quot;, x"}, {"token: b'hunter2'", "token: b'" + R + "'"},
		{"seed SU" + rep("ABCDEFG234567", 56) + " x", "seed " + R + " x"}, {"SUM" + rep("ABCDEFG", 54), ""},
		{"<token>abc</token> <token> is an element", "<token>" + R + "</token> <token> is an element"},
		{"nkey: U" + rep("ABZ3K4QW7", 55), "nkey: " + R}, {"\"auth\": \"" + basic + "\"", "\"auth\": \"" + R + "\""}, {"\"monkey\": \"" + random[:24] + "\"", ""},
	} {
		checkText(t, c.in, c.want)
	}
}

func TestRandomTokens(t *testing.T) {
	for _, s := range []string{"q7d2m9x4k1v8r5w3t6b0z7n2", "HXDMVJECJJWSRB3HWIZR4IFUGFTMXBOZ", "3gHdORO5k5ziZcWMBxnd9LrMZaJs8m9x5", "dK3_xQ9-vB7nW2zR5tY8mP4cL6hJ"} {
		if !random(s, 4.5) {
			t.Errorf("%s looks like no token", s)
		}
	}
	for _, s := range []string{
		"", "short1A", "4f5c9d3e-8f6b-4c1a-9a55-0d9b8f3a7c21", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"requiredCharacteristicTypesForDisplayMetadata", "DefaultAWSCredentialsProviderChain", "north-harbour-lantern-ox-and-more", "api-conventions-2023-11-04-final",
		"20231122140512345678901234", rep("x", 40), "/srv/data/users/profile/picture1.png",
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("a sentence, in base64, that says nothing")), "="),
	} {
		if random(s, 4.5) {
			t.Errorf("%s is taken for a token", s)
		}
	}
}

// TestEntropyPolicy checks that tokens in texts go only where the policy asks for
// it, and that what it allows stays.
func TestEntropyPolicy(t *testing.T) {
	token := "q7d2m9x4k1v8" + "r5w3t6b0z7n2"
	text := strings.Repeat("seen ", 40) + token + " in requiredCharacteristicTypes"
	for _, c := range []struct {
		policy Policy
		want   string
	}{
		{Policy{Tier: 2}, text},
		{Policy{Tier: 2, Entropy: 4.5}, strings.Replace(text, token, Placeholder, 1)},
		{Policy{Tier: 2, Entropy: 4.5, AllowPatterns: []string{"q7[a-z0-9]+"}}, text},
		{Policy{Tier: 2, Entropy: 8}, text},
	} {
		got := applied(t, reportWith(variable("v", str(text))), c.policy).Goroutines[0].Frames[0].Vars[0].Value
		if s, _ := got.Contents(); Unnumbered(s) != c.want {
			t.Errorf("%+v: %q", c.policy, s)
		}
	}
}
