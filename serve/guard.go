package serve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of a request.
const (
	maxBody     = 8 << 10
	maxAnswer   = 2 * time.Minute // until it is written
	maxQuestion = 2048            // bytes of path and query
)

// hostNames are the values of Host that requests may have: the address, and for
// loopback its three names. Any other name is a page of somebody else's that has
// been pointed at this machine (DNS rebinding).
func hostNames(addr string, more []string) (map[string]bool, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("serve: address %q: %w", addr, err)
	}
	names := map[string]bool{}
	add := func(name, port string) {
		names[strings.ToLower(net.JoinHostPort(name, port))] = true
		if port == "80" { // browsers leave it out
			names[strings.ToLower(strings.TrimSuffix(net.JoinHostPort(name, port), ":80"))] = true
		}
	}
	add(host, port)
	if Loopback(host) {
		for _, name := range []string{"127.0.0.1", "localhost", "::1"} {
			add(name, port)
		}
	}
	for _, name := range more {
		if name == "" || strings.ContainsAny(name, "/@ \\?#*") {
			return nil, fmt.Errorf("serve: %q is not the name of a host", name)
		}
		names[strings.ToLower(name)] = true
		if _, _, err := net.SplitHostPort(name); err != nil {
			add(name, port) // of a proxy that says where it was sent to
		}
	}
	return names, nil
}

// Loopback reports whether only this machine can connect to a host's name.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// policy is the Content-Security-Policy of the pages that have no style and no
// script. Others add theirs, by hash.
const policy = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// protect sets what every answer says to a browser.
func protect(h http.Header) {
	for name, value := range map[string]string{
		"Content-Security-Policy":      policy,
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cache-Control":                "no-store",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
	} {
		h.Set(name, value)
	}
}

// guard lets through what may be asked at all, whoever asks. Nothing of the
// request is said back.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header())
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				// What it says may hold contents of a report.
				s.refuse(w, &trouble{status: http.StatusInternalServerError, what: "This page has failed.", why: "It is a bug of sdcore."})
			}
		}()
		if t := s.wrong(r); t != nil {
			s.refuse(w, t)
			return
		}
		if r.URL.Path == "/favicon.ico" { // browsers ask for it by themselves
			w.WriteHeader(http.StatusNoContent)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), maxAnswer)
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// wrong is why a request is refused, nil when it is not.
func (s *Server) wrong(r *http.Request) *trouble {
	switch {
	case !s.hosts[strings.ToLower(r.Host)]:
		return &trouble{status: http.StatusMisdirectedRequest, what: "This server does not go by that name.",
			why: "The Host of the request is none of its own.", remedy: "Use the address that sdcore serve printed, or name a proxy's with --allow-host."}
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		return &trouble{status: http.StatusMethodNotAllowed, what: "Only GET, HEAD and POST are understood."}
	case len(r.URL.Path)+len(r.URL.RawQuery) > maxQuestion:
		return &trouble{status: http.StatusRequestURITooLong, what: "The address is too long."}
	case r.Method != http.MethodPost && (r.ContentLength != 0):
		return &trouble{status: http.StatusBadRequest, what: "A question has no body."}
	case !s.fromHere(r):
		return &trouble{status: http.StatusForbidden, what: "Another site has asked for this.", why: "Pages and reports are for requests from this server's own pages.",
			remedy: "If it was a link that you followed: type or paste the address instead."}
	}
	return nil
}

// fromHere reports whether a request can be this server's own page's, or a
// person's. Browsers say where a request comes from in headers that no page can
// change; programs send none of them.
func (s *Server) fromHere(r *http.Request) bool {
	if origins := r.Header.Values("Origin"); len(origins) > 0 && !s.ownOrigin(r, origins) {
		return false
	}
	sites := r.Header.Values("Sec-Fetch-Site")
	if len(sites) > 1 {
		return false
	}
	site := strings.Join(sites, "")
	switch dest := r.Header.Get("Sec-Fetch-Dest"); {
	case dest == "", dest == "document", dest == "empty":
	case dest == "image" && r.URL.Path == "/favicon.ico":
	default: // frames, images, scripts, styles: pages have none of their own
		return false
	}
	switch site {
	case "", "same-origin":
		return true
	case "none":
		return r.Method != http.MethodPost
	}
	// A mail or a file of ours may have the link that opens the pages: it
	// says itself who may use it.
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && strings.HasPrefix(r.URL.Path, loginPath)
}

// ownOrigin reports whether Origin names this server. It is "null" for a form of
// our own pages, which tell nobody where they are; Sec-Fetch-Site says then whose
// the form is.
func (s *Server) ownOrigin(r *http.Request, origins []string) bool {
	if len(origins) != 1 {
		return false
	}
	if origins[0] == "null" {
		return r.Header.Get("Sec-Fetch-Site") == "same-origin"
	}
	u, err := url.Parse(origins[0])
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Opaque == "" && u.Path == "" && strings.EqualFold(u.Host, r.Host)
}
