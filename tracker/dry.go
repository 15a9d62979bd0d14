package tracker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// shownCredential stands in a dry run where the credential would.
const shownCredential = "[the credential]"

// newID stands in a dry run for what the tracker would call a new issue.
const newID = "NEW"

// print shows a request as it would be sent.
func (c *Client) print(k call) error {
	r, err := c.request(context.Background(), k)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL)
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := r.Header.Get(name)
		for _, secret := range c.secrets {
			if secret != "" && strings.Contains(value, secret) {
				value = shownCredential
			}
		}
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	fmt.Fprintf(&b, "Content-Length: %d\n\n%s\n\n", len(k.body), visible(k.body))
	if _, err := c.o.DryRun.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("write the dry run: %w", err)
	}
	return nil
}

// visible is a body as a terminal may get it: what does not show stands in a string of
// JSON, where an escape says the same.
func visible(body []byte) string {
	var b strings.Builder
	for _, r := range string(body) {
		switch {
		case unicode.IsPrint(r) || r == '\n' || r == '\t':
			b.WriteRune(r)
		case r != '\r': // of a form
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
