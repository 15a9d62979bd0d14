package redact

import (
	"encoding/base64"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// The credentials of these tests are put together at run time, so that no
// scanner of repositories takes them for real ones.
func rep(s string, n int) string { return strings.Repeat(s, n)[:n] }

func textAt(t *testing.T, tier int, m mode, s string) judged {
	t.Helper()
	x, err := New(Policy{Tier: tier})
	if err != nil {
		t.Fatal(err)
	}
	u := newRun(x)
	j := u.text(s, u.tiered(m))
	if again := u.text(j.out, u.tiered(m)); again.hit {
		t.Errorf("%q became %q, and that %q", s, j.out, again.out)
	}
	return j
}

func TestTexts(t *testing.T) {
	const R = Placeholder
	mixed := rep("aB3xK9", 64)
	hexes := rep("0a1b2c3d", 64)
	random, randomHex := rep("aB3xK9pQ7mZ2cD4yL8rS6nW1eF5zM0tU", 64), rep("0a1b2c3d4e5f6978", 64)
	basic := base64.StdEncoding.EncodeToString([]byte("bob:hunter2"))
	pem := "-----BEGIN RSA PRIVATE KEY-----\n" + rep("MIIEow", 60) + "\n-----END RSA PRIVATE KEY-----"
	for _, c := range []struct{ in, want string }{
		{"nothing to see: 42 of 17 = 3", ""},
		{"password=hunter2", "password=" + R},
		{"row $2a$10$" + mixed[:53] + " of bob", "row " + R + " of bob"},
		{"row $argon2id$v=19$m=65536,t=3,p=4$" + mixed[:22] + "$" + mixed[:43], "row " + R},
		{"costs $2a$10 or $6$7", ""},
		{"login failed: password=hunter2, user=bob", "login failed: password=" + R + ", user=bob"},
		{"password = hunter2 for bob", "password = " + R + " for bob"},
		{"db_password: hunter2\nuser: bob", "db_password: " + R + "\nuser: bob"},
		{`{"user":"bob","password":"hun\"ter2","n":1}`, `{"user":"bob","password":"` + R + `","n":1}`},
		{`{\"password\":\"hunter2\",\"n\":1}`, `{\"password\":\"` + R + `\",\"n\":1}`},
		{`{"pin": 1234, "n": 5}`, `{"pin": ` + R + `, "n": 5}`},
		{`{"token": {"a": "b", "c": ["d"]}, "n": 5}`, `{"token": {` + R + `}, "n": 5}`},
		{"{Password:hunter2 Tier:gold}", "{Password:" + R + " Tier:gold}"},
		{`main.Config{Password:"hunter2", Tier:"gold"}`, `main.Config{Password:"` + R + `", Tier:"gold"}`},
		{"map[password:hunter2 user:bob]", "map[password:" + R + " user:bob]"},
		{`m["api_key"] = "abc"`, `m["api_key"] = "` + R + `"`},
		{"https://h/p?access_token=abc&x=1", "https://h/p?access_token=" + R + "&x=1"},
		{"--password=hunter2 --tier gold", "--password=" + R + " --tier gold"},
		{"run --token abc --tier gold", "run --token " + R + " --tier gold"},
		{"export API_KEY='abc def'", "export API_KEY='" + R + "'"},
		{"password=p@ss,word&3", "password=" + R},
		{"<password>hunter2</password>", "<password>" + R + "</password>"},
		{"password => hunter2", "password => " + R},
		{"Password := hunter2", "Password := " + R},
		{"Authorization: Bearer abc.def\nAccept: */*", "Authorization: Bearer " + R + "\nAccept: */*"},
		{"map[Accept:[*/*] Authorization:[Bearer abc.def]]", "map[Accept:[*/*] Authorization:[" + R + "]]"},
		{`curl -H "Authorization: token abc def" https://h`, `curl -H "Authorization: token ` + R + `" https://h`},
		{"Cookie: a=b; c=d\r\nX: y", "Cookie: " + R + "\r\nX: y"},
		{"X-Api-Key: abc", "X-Api-Key: " + R},
		{"got Bearer a1b2c3d4 from bob", "got Bearer " + R + " from bob"},
		{"bearer of news", ""},
		{"token_type: bearer expires_in=3600", ""},
		{"Basic " + basic, "Basic " + R},
		{"basic training", ""},
		{"postgres://u:p4ss@h:5432/db?x=1", "postgres://u:" + R + "@h:5432/db?x=1"},
		{"postgres://u:p@ss/w0rd@h/db", "postgres://u:" + R + "@h/db"},
		{"https://h:8080/a@b", ""},
		{"https://h/x?to=1", ""},
		{"git clone https://" + mixed[:20] + "@h/x.git", "git clone https://" + R + "@h/x.git"},
		{"root:hunter2@tcp(db:3306)/x", "root:" + R + "@tcp(db:3306)/x"},
		{"redis at user:hunter2@db:6379", "redis at user:" + R + "@db:6379"},
		{"host=db user=u password=hunter2 dbname=x", "host=db user=u password=" + R + " dbname=x"},
		{"Server=db;User=u;Password=hunter2;Port=1", "Server=db;User=u;Password=" + R + ";Port=1"},
		{"github_pat_" + mixed[:40], R},
		{"see glpat-" + mixed[:20] + ".", "see " + R},
		{"x ghs_" + mixed[:36] + " y", "x " + R + " y"},
		{"x xoxb-" + mixed[:24] + " y", "x " + R + " y"},
		{"x AIza" + mixed[:35] + " y", "x " + R + " y"},
		{"x sk-proj-" + mixed[:40] + " y", "x " + R + " y"},
		{"task-" + mixed[:40], ""},
		{"x SG." + mixed[:22] + "." + mixed[:43] + " y", "x " + R + " y"},
		{"x key-" + hexes[:32] + " y", "x " + R + " y"},
		{"https://hooks.slack.com/services/T0/B0/" + mixed[:24], "https://hooks.slack.com/services/" + R},
		{"a " + pem + " b", "a " + R + " b"},
		{"a " + pem[:60], "a " + R},
		{rep("MIIEow", 40) + "\n-----END PRIVATE KEY-----", R + "-----END PRIVATE KEY-----"},
		{"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", ""},
		{"card 4111 1111 1111 1111 ok", "card " + R + " ok"},
		{"card 4111111111111112 no", ""},
		{"at 1763800000000000000 ns", ""},
		{"id 4111111111111111x", ""},
		{"Password: (string) (len=7) \"hunter2\",", "Password: (string) (len=7) \"" + R + "\","},
		{`Password:sql.NullString{String:"hunter2", Valid:true}`, `Password:` + R + `, Valid:true}`},
		{"secret: |\n  abc\n  def\nuser: bob", "secret: " + R + "\nuser: bob"},
		{"ALTER USER bob WITH PASSWORD 'hunter2' LOGIN", "ALTER USER bob WITH PASSWORD '" + R + "' LOGIN"},
		{"CREATE USER bob IDENTIFIED BY 'hunter2';", "CREATE USER bob IDENTIFIED BY '" + R + "';"},
		{`unexpected token "}" by "x"`, ""},
		{"https://x.example/c?sv=2020&sig=abc%3D&se=1", "https://x.example/c?sv=2020&sig=" + R + "&se=1"},
		{"AWS_SECRET_ACCESS_KEY=wJalr/K7MD+ENG", "AWS_SECRET_ACCESS_KEY=" + R},
		{"auth.password=hunter2 level=info", "auth.password=" + R + " level=info"},
		{"password=", ""},
		{"password=%s token=${TOKEN} secret=<nil> pwd=true", ""},
		{"password=" + R + " again", ""},
		{"Authorization: Bearer " + R, ""},
		{"goroutine 7 [running]:", ""},
		{"x-functions-key: " + random[:24], "x-functions-key: " + R}, {"key = \"" + random[:24] + "\"", "key = \"" + R + "\""}, {"_auth=" + random[:20], "_auth=" + R},
		{"key=" + randomHex[:32], "key=" + R}, {"PGPASSWORD=hunter2 psql", "PGPASSWORD=" + R + " psql"}, {"pw: hunter2", "pw: " + R},
		{"curl -u bob:hunter2 https://h", "curl -u bob:" + R + " https://h"}, {"curl --user 'bob:hunter2' h", "curl --user 'bob:" + R + "' h"},
		{"sqlplus bob/hunter2@//h:1521/x", "sqlplus bob/" + R + "@//h:1521/x"},
		{"https://discord.com/api/webhooks/1234567890/" + mixed[:40], "https://discord.com/api/webhooks/" + R},
		{"https://a.webhook.office.com/webhookb2/" + hexes[:32] + "@b/IncomingWebhook/" + hexes[:32], "https://a.webhook.office.com/webhookb2/" + R},
		{"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nabc\n---- END SSH2 ENCRYPTED PRIVATE KEY ---- b", R + " b"},
		{"Private-Lines: 2\n" + mixed[:40] + "\n" + mixed[:40] + "\n", "Private-Lines: " + R},
		{"Server=x;AccountKey=" + mixed[:40] + "==;EndpointSuffix=y", "Server=x;AccountKey=" + R + ";EndpointSuffix=y"},
		{"http.Header{\"Authorization\":[]string{\"Bearer abc\"}}", "http.Header{\"Authorization\":[]string{" + R + "}}"},
		{"docker run -u 1000:1000 x", ""}, {"WWW-Authenticate: Bearer realm=\"x\"", ""}, {"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", ""},
		{"key=user-42 sort_key=" + random[:24] + " key: left at the door, cache-key=" + randomHex[:32], ""},
		{"key=0a1b2c3d-4e5f-6978-8a9b-001122334455 tokenizer=bpe monkey=42 secretary=bob", ""},
		{"password: must be at least 8 bytes; token: string; secret: not found", ""},
		{"password=$PASSWORD token=os.Getenv(\"TOKEN\") secret=process.env.SECRET pwd=%PWD% pass=<password> x", ""},
		{"x@v1.2.3-rc.beta and mod@v0.1.2", ""},
	} {
		checkText(t, c.in, c.want)
	}
}

// checkText checks what becomes of a text; an empty want stands for the text itself.
func checkText(t *testing.T, in, want string) {
	t.Helper()
	if want == "" {
		want = in
	}
	if got := textAt(t, 4, modeText, in); got.out != want || got.hit != (want != in) {
		t.Errorf("%q:\n got %q (hit %v)\nwant %q", in, got.out, got.hit, want)
	}
}

func TestCutTexts(t *testing.T) {
	for _, s := range []string{"x ghp_abcd", "x AKIAIOSF", "x github_pat_0aB3", "x eyJhbGci", "x sk_live_ab12", "-----BEGIN PRIVATE KEY-----\nMII", `{"password":"hunt`} {
		if got := textAt(t, 4, modeText|modeCut, s); !got.hit {
			t.Errorf("%q, cut, is shown", s)
		}
	}
	if got := textAt(t, 4, modeText, "x ghp_abcd"); got.hit {
		t.Errorf("a whole text is taken for a cut one: %q", got.out)
	}
}

func TestPersonalDataByTier(t *testing.T) {
	const s = "mail bob.smith+x@mail.example.org now"
	for tier := 0; tier <= 4; tier++ {
		want := "mail " + Placeholder + " now"
		if tier > personalTier {
			want = s
		}
		if got := textAt(t, tier, modeText, s); got.out != want {
			t.Errorf("tier %d: %q", tier, got.out)
		}
	}
}

func TestSourceLines(t *testing.T) {
	const R = Placeholder
	for in, want := range map[string]string{
		`password := os.Getenv("PASSWORD")`:         `password := os.Getenv("PASSWORD")`,
		`const apiKey = "abc"`:                      `const apiKey = "` + R + `"`,
		`var dbPassword string = "abc"`:             `var dbPassword string = "` + R + `"`,
		`	Token: "abc",`:                            `	Token: "` + R + `",`,
		`secret := []byte("abc")`:                   `secret := []byte("` + R + `")`,
		"	Password string `json:\"password\"`":      "	Password string `json:\"password\"`",
		`if token == "" {`:                          `if token == "" {`,
		`db, err := sql.Open("x", "u:pw@tcp(h)/d")`: `db, err := sql.Open("x", "u:` + R + `@tcp(h)/d")`,
		`s := "user=x password=abc host=h"`:         `s := "user=x password=` + R + ` host=h"`,
		"h := `token: abc`":                         "h := `token: " + R + "`",
		`log.Print("token: " + tok, '"', x)`:        `log.Print("token: " + tok, '"', x)`,
		`fmt.Errorf("password=%s: %w", p, err)`:     `fmt.Errorf("password=%s: %w", p, err)`,
		`x := y // secret: a word on "it"`:          `x := y // secret: a word on "it"`,
	} {
		if got := textAt(t, 4, modeText|modeSource, in); got.out != want {
			t.Errorf("%s: %s", in, got.out)
		}
	}
	r := reportWith()
	r.Goroutines[0].Frames[0].Source = &report.Source{First: 1, Lines: []string{
		"const k = `-----BEGIN EC PRIVATE KEY-----", rep("MHcCAQEEI", 64), "-----END EC PRIVATE KEY-----`", "x := 1"}}
	got := applied(t, r, Policy{Tier: 4}).Goroutines[0].Frames[0].Source.Lines
	if got[0] != "const k = `"+PlaceholderOf(3) || got[1] != PlaceholderOf(1) || got[3] != "x := 1" || strings.Contains(strings.Join(got, ""), "MHcC") {
		t.Errorf("lines %q", got)
	}
}

func TestArguments(t *testing.T) {
	const R = Placeholder
	for in, want := range map[string]string{
		"svc --password hunter2":              "svc --password " + R,
		"svc -token abc -v":                   "svc -token " + R + " -v",
		"svc --password=hunter2":              "svc --password=" + R,
		"svc --token -v":                      "svc --token -v",
		"curl -u bob:hunter2 http://h":        "curl -u bob:" + R + " http://h",
		"mysql -phunter2 -h db":               "mysql -p" + R + " -h db",
		"svc --config /etc/x.yml -p 8080":     "svc --config /etc/x.yml -p 8080",
		"svc --max-tokens 512 --tier premium": "svc --max-tokens 512 --tier premium",
		"svc AKIAIOSFODNN7EXAMPLE":            "svc " + PlaceholderOf(1),
	} {
		r := &report.Report{Process: report.Process{Args: strings.Fields(in)}}
		if got := strings.Join(applied(t, r, Policy{Tier: 4}).Process.Args, " "); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// TestHostileTexts checks that no text makes the scan much slower than its length.
func TestHostileTexts(t *testing.T) {
	for _, piece := range []string{"pwd=", "pwd=[", "eyJ", "eyJ-", "://", "x://a:", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----",
		"-----BEGIN ", "@", "a@b.cc", "11 ", "--token ", "authorization:", "bearer ", "basic ", `password="`, `\"pwd\":\"`, "a:b@c:1", "AKIA", "sk-", "<pwd>",
		"password '", "pwd=(a", `pwd=("`, "pwd: |\n "} {
		textAt(t, 0, modeText, strings.Repeat(piece, 1<<17/len(piece)))
	}
}

// TestNearPlaceholders: looking only around placeholders, after the first
// round, finds what looking at all of a long text does.
func TestNearPlaceholders(t *testing.T) {
	x, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	u := newRun(x)
	rnd := rand.New(rand.NewSource(5))
	pieces := []string{
		"password=hunter2hunter2 ", `token: "`, "Authorization: Bearer a1b2c3d4e5f6", "\n", " ", `"`, "://app:", "@db/x", "secret=", "connect(", ")", "'", "<password>",
		"-----BEGIN " + "PRIVATE KEY-----\nabc\n-----END " + "PRIVATE KEY-----\n", "-----END " + "PRIVATE KEY-----\n", "PASSWORD '", "4111 1111 1111 1111", "bob@mail.example.org", "npm_", "gl" + "pat-", "a/b=c:d", "${", "}", "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA2bC4",
	}
	part := 0
	for range 60 {
		var b strings.Builder
		for b.Len() < 2*minNear+rnd.Intn(6*minNear) {
			switch rnd.Intn(8) {
			case 0, 1:
				b.WriteString(benchText(rnd.Intn(60_000), false))
			case 2:
				b.WriteString(strings.Repeat("x7/", rnd.Intn(3000)))
			default:
				for range rnd.Intn(12) {
					b.WriteString(pieces[rnd.Intn(len(pieces))])
				}
			}
		}
		s, m := b.String(), u.tiered(modeText)
		want := s
		for round := 0; round <= maxRounds; round++ {
			u.providers.quiet = false
			spans := u.scan(want, m, false, nil)
			if len(spans) == 0 {
				break
			}
			if slices.ContainsFunc(spans, func(sp span) bool { return sp.whole }) || round == maxRounds {
				want = Placeholder
				break
			}
			want, _ = u.replaceSpans(want, nil, spans, m)
		}
		looked := 0
		for _, w := range u.partsToScan(want, m, true) {
			looked += w.end - w.start
		}
		if looked > 0 && 4*looked < 3*len(want) {
			part++
		}
		if got := u.text(s, m); got.out != want {
			t.Fatalf("it differs: %s", difference(want, got.out))
		}
	}
	if part < 15 {
		t.Errorf("only %d texts were looked at in parts", part)
	}
}
