package tracker

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

const (
	defaultTimeout = 30 * time.Second
	slowest        = 64 << 10 // bytes a second that a file is sent with, at least
	maxAnswer      = 32 << 20
	maxRedirects   = 5
)

// Client sends requests to one tracker.
type Client struct {
	base    *url.URL
	header  map[string]string // of every request, the credential among them
	secrets []string
	http    *http.Client
	o       Options
}

// newClient checks the address. header goes with every request; the values that
// hold the credential are secrets.
func newClient(o Options, header map[string]string, secrets ...string) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("%w: want https://host or https://host/path", ErrURL)
	}
	if base.User != nil {
		return nil, fmt.Errorf("%w: it holds a credential, which goes into the environment or a file", ErrURL)
	}
	if base.Scheme == "http" && o.Token != "" && !o.InsecureHTTP && !loopback(base.Hostname()) {
		return nil, fmt.Errorf("%s: %w", base.Host, ErrPlainHTTP)
	}
	if o.Token == "" && o.DryRun == nil {
		return nil, ErrNoToken
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.wait == nil {
		o.wait = sleep
	}
	c := &Client{base: base, header: header, secrets: append(secrets, o.Token), o: o}
	c.http = &http.Client{Transport: o.Transport, CheckRedirect: c.redirect}
	return c, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// blind: nothing can be read.
func (c *Client) blind() bool { return c.o.DryRun != nil && c.o.Token == "" }

// redirect lets nothing go to another host, and nothing that changes something go on.
func (c *Client) redirect(r *http.Request, via []*http.Request) error {
	if r.URL.Host != c.base.Host || r.URL.Scheme != c.base.Scheme {
		return fmt.Errorf("%w, to another host", ErrRedirect)
	}
	if via[0].Method != http.MethodGet {
		return fmt.Errorf("%w: has the project a new name?", ErrRedirect)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("%w, again and again", ErrRedirect)
	}
	return nil
}

// call is a request.
type call struct {
	method string
	path   string // below the tracker's address, escaped
	query  url.Values
	body   []byte
	kind   string // of body
	header map[string]string
	// once: sent twice it would act twice.
	once bool
}

// jsonCall is a call that sends v.
func jsonCall(method, path string, v any) (call, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return call{}, err
	}
	return call{method: method, path: path, body: bytes.TrimSuffix(b.Bytes(), []byte("\n")), kind: "application/json", once: method == http.MethodPost}, nil
}

// fileCall is a call that sends a file as a form does.
func fileCall(path, field string, f File) (call, error) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	// The same for the same file, so that a dry run shows what will be sent.
	if err := m.SetBoundary(boundary(f.Data)); err != nil {
		return call{}, err
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`, field, f.Name))
	h.Set("Content-Type", "application/json")
	part, err := m.CreatePart(h)
	if err == nil {
		_, err = part.Write(f.Data)
	}
	if err := errors.Join(err, m.Close()); err != nil {
		return call{}, err
	}
	return call{method: http.MethodPost, path: path, body: b.Bytes(), kind: m.FormDataContentType(), once: true}, nil
}

func (c *Client) url(k call) string {
	u := c.base.String() + k.path
	if len(k.query) > 0 {
		u += "?" + k.query.Encode()
	}
	return u
}

// name is a call in errors: where, never with what.
func (k call) name(c *Client) string { return k.method + " " + c.base.Host + c.base.Path + k.path }

// get reads JSON into out, which stays as it is where nothing can be read.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	_, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query}, out)
	return err
}

// json sends v and reads the answer into out.
func (c *Client) json(ctx context.Context, method, path string, v, out any) error {
	k, err := jsonCall(method, path, v)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, k, out)
	return err
}

// do sends a call, again where that is of use and can do no harm, and reads the
// answer into out. In a dry run it prints what changes something and out stays
// as it is.
func (c *Client) do(ctx context.Context, k call, out any) (http.Header, error) {
	if k.method != http.MethodGet && c.o.DryRun != nil {
		return http.Header{}, c.print(k)
	}
	if c.blind() {
		return http.Header{}, nil
	}
	var waits waiting
	for {
		header, err := c.try(ctx, k, out)
		if err == nil {
			return header, nil
		}
		var again againError
		if !errors.As(err, &again) {
			return nil, err
		}
		pause, ok := waits.next(again.after)
		if !ok {
			return nil, again.err
		}
		if err := c.o.wait(ctx, pause); err != nil {
			return nil, errors.Join(err, again.err)
		}
	}
}

// againError is for a request that was not taken and may be sent again.
type againError struct {
	err   error
	after time.Duration // as the tracker says, 0 if it does not
}

func (e againError) Error() string { return e.err.Error() }
func (e againError) Unwrap() error { return e.err }

// request is the request of a call.
func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, k.method, c.url(k), bytes.NewReader(k.body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.name(c), ErrURL)
	}
	if k.body == nil {
		r.Body, r.ContentLength, r.GetBody = nil, 0, nil
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	for name, value := range k.header {
		r.Header.Set(name, value)
	}
	if c.o.UserAgent != "" {
		r.Header.Set("User-Agent", c.o.UserAgent)
	}
	if k.kind != "" {
		r.Header.Set("Content-Type", k.kind)
	}
	return r, nil
}

// try sends a call once.
func (c *Client) try(ctx context.Context, k call, out any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout+time.Duration(len(k.body)/slowest)*time.Second)
	defer cancel()
	connected := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	r, err := c.request(ctx, k)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.lost(k, err, connected)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return nil, c.lost(k, err, true)
	}
	if answer.StatusCode/100 != 2 {
		return nil, c.refused(k, answer, body)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("%s: %w: more than %d bytes", k.name(c), ErrAnswer, maxAnswer)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			return nil, fmt.Errorf("%s: %w: no JSON", k.name(c), errors.Join(ErrAnswer, unsureOf(k)))
		}
	}
	return answer.Header, nil
}

// unsureOf is the doubt that is left after a call that may have been taken.
func unsureOf(k call) error {
	if k.once {
		return errUnsure
	}
	return nil
}

// lost is the error of a call without an answer. The error of net/http names the
// address, whose query may hold words of a report.
func (c *Client) lost(k call, err error, connected bool) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, ErrRedirect) {
		return fmt.Errorf("%s: %w", k.name(c), err)
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return fmt.Errorf("%s: %w: %w", k.name(c), ErrCertificate, certificate.Err)
	}
	err = fmt.Errorf("%s: %w: %w", k.name(c), ErrUnavailable, err)
	if connected && k.once {
		return errors.Join(err, errUnsure)
	}
	return againError{err: err}
}

// refused is the error of an answer that is none of success.
func (c *Client) refused(k call, answer *http.Response, body []byte) error {
	err := failed(k.name(c), answer.StatusCode, body, c, k.body)
	after, limited := rateLimit(answer, time.Now())
	switch {
	case limited:
		return againError{fmt.Errorf("%w%w", rateLimited(after), err), after}
	case answer.StatusCode < 500 && answer.StatusCode != http.StatusRequestTimeout:
		return err
	case k.once:
		return errors.Join(err, errUnsure)
	case answer.StatusCode == http.StatusNotImplemented:
		return err
	}
	return againError{fmt.Errorf("%w: %w", ErrUnavailable, err), after}
}
