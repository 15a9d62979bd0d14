package main

import (
	"runtime"
	"time"
)

// What `sdcore demo` crashes: a payment service on a Friday night. A customer
// of a tier that is in no map reaches a gateway that is not there. Its values
// hold secrets, made up ones, to show that they do not reach the report.

type demoUser struct {
	ID       int64
	Name     string
	Email    string
	Tier     string
	Password string
}

type demoRequest struct {
	OrderID string
	User    *demoUser
	Amount  float64
	Items   []string
	Headers map[string]string
}

type demoGateway struct {
	URL   string
	Limit float64
}

type demoServer struct {
	Name     string
	DSN      string
	gateways map[string]*demoGateway
}

// serveFridayNight dies of a nil pointer dereference.
func serveFridayNight() {
	s := &demoServer{
		Name: "payments",
		DSN:  "postgres://payments:Fr1day-n1ght@db.internal/ledger",
		gateways: map[string]*demoGateway{
			"basic":   {URL: "https://pay.example/basic", Limit: 100},
			"premium": {URL: "https://pay.example/premium", Limit: 5000},
		},
	}
	idle := make(chan struct{})
	for range 3 {
		go s.wait(idle)
	}
	time.Sleep(10 * time.Millisecond) // let them block, so that the report shows it
	s.handle(&demoRequest{
		OrderID: "ord-7731",
		User:    &demoUser{ID: 41, Name: "Ada", Email: "ada@example.com", Tier: "premium_plus", Password: "correct horse"},
		Amount:  2999.90,
		Items:   []string{"keyboard", "monkey wrench"},
		Headers: map[string]string{"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MSJ9.c2lnbmF0dXJl", "Accept": "application/json"},
	})
}

//go:noinline
func (s *demoServer) wait(idle chan struct{}) { <-idle }

//go:noinline
func (s *demoServer) handle(req *demoRequest) {
	started := time.Now()
	ok := s.charge(req, 1)
	runtime.KeepAlive(started)
	runtime.KeepAlive(ok)
	runtime.KeepAlive(req)
}

//go:noinline
func (s *demoServer) charge(req *demoRequest, attempt int) bool {
	user := req.User
	total := req.Amount * 1.19
	gateway := s.gateways[user.Tier]
	ok := total <= gateway.Limit // nil: nobody knows this tier
	runtime.KeepAlive(user)
	runtime.KeepAlive(attempt)
	runtime.KeepAlive(req)
	runtime.KeepAlive(s)
	return ok
}
