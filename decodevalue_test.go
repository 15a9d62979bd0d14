package sdcore_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/safedump/sdcore/internal/coretest"
)

// The payment fixture's types, as a program that reads its reports would have
// them.
type (
	paymentUser struct {
		ID                int64
		Name, Email, Tier string
		Tags              []string
	}
	paymentMoney struct {
		Minor    int64
		Currency string
	}
	paymentRequest struct {
		OrderID string
		User    *paymentUser
		Card    struct {
			Number, CVV string
			Expiry      [2]uint8
		}
		Amount  paymentMoney
		Headers map[string]string
		Items   []struct {
			SKU   string
			Count int
			Price paymentMoney
		}
		Coupon *string
	}
	paymentServer struct {
		Config struct {
			Listen, APIKey, DatabaseDSN string
			Timeout                     time.Duration
			MaxAttempts                 int
		}
		Gateways map[string]*struct {
			Name, URL string
			Limit     int64
			Attempts  int
		}
		Settled int `sdcore:"settled"`
	}
)

// TestDecodeRealValues fills Go values from a core and compares them with what
// the program said.
func TestDecodeRealValues(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the fixtures' cores; run without -short (make test)")
	}
	s := openFixture(t, coretest.Core(t, "payment"))
	rep, err := s.Report(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var req paymentRequest
	var srv paymentServer
	for name, dst := range map[string]any{"req": &req, "s": &srv} {
		found, err := rep.Find("main.(*Server).handle."+name, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := found.Value.Decode(dst); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if req.User == nil || len(req.User.Tags) != 2 || len(req.Items) != 2 || srv.Gateways["premium"] == nil {
		t.Fatalf("got %+v, %+v", req, srv)
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	got := map[string]string{
		"req.OrderID": strconv.Quote(req.OrderID), "req.User.ID": number(req.User.ID), "req.User.Name": strconv.Quote(req.User.Name),
		"req.User.Tier": strconv.Quote(req.User.Tier), "req.User.Tags[1]": strconv.Quote(req.User.Tags[1]),
		"req.Card.Expiry[0]": number(int64(req.Card.Expiry[0])), "req.Card.Expiry[1]": number(int64(req.Card.Expiry[1])),
		"req.Card.Number": strconv.Quote(req.Card.Number), "req.Amount.Minor": number(req.Amount.Minor),
		"req.Amount.Currency": strconv.Quote(req.Amount.Currency), `req.Headers["X-Request-Id"]`: strconv.Quote(req.Headers["X-Request-Id"]),
		"len(req.Headers)": number(int64(len(req.Headers))), "req.Items[0].SKU": strconv.Quote(req.Items[0].SKU),
		"req.Items[1].Count": number(int64(req.Items[1].Count)), "s.config.Timeout": number(int64(srv.Config.Timeout)),
		"s.config.APIKey": strconv.Quote(srv.Config.APIKey), "s.config.MaxAttempts": number(int64(srv.Config.MaxAttempts)),
		"s.settled": number(int64(srv.Settled)), `s.gateways["premium"].Limit`: number(srv.Gateways["premium"].Limit),
	}
	if req.Coupon == nil {
		got["req.Coupon"] = "nil"
	}
	compared := 0
	for _, tr := range coretest.Truths(t, "payment") {
		if text, ok := got[tr.Path]; ok && tr.Func == "main.(*Server).handle" {
			compared++
			if text != tr.Want {
				t.Errorf("%s is %s, the program said %s", tr.Path, text, tr.Want)
			}
		}
	}
	if compared < len(got) {
		t.Errorf("compared %d of %d values", compared, len(got))
	}
}
