package tracker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	firstPause = 500 * time.Millisecond
	longest    = time.Minute     // one pause
	patience   = 2 * time.Minute // all pauses of one request
	maxTries   = 6
)

// waiting counts what was waited for one request.
type waiting struct {
	tries int
	spent time.Duration
}

// next is the pause before the next try: as long as the tracker says, else twice
// as long as the last one, and a random part of it shorter, so that machines that
// failed together do not come back together. ok is false when it is enough.
func (w *waiting) next(after time.Duration) (pause time.Duration, ok bool) {
	pause = min(firstPause<<w.tries, longest)
	pause -= time.Duration(rand.Int64N(int64(pause)/2 + 1))
	if after > 0 {
		pause = after
	}
	w.tries++
	w.spent += pause
	return pause, w.tries < maxTries && pause <= longest && w.spent <= patience
}

// sleep waits, or less if the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// rateLimit reports whether an answer says that there were too many requests, and
// after what time the next one is welcome. Sources: GitHub, "Rate limits for the
// REST API" (403 or 429, retry-after, x-ratelimit-remaining and -reset); GitLab,
// "Rate limits" (429, RateLimit-Reset); RFC 9110, section 10.2.3.
func rateLimit(answer *http.Response, now time.Time) (after time.Duration, limited bool) {
	h := answer.Header
	after = retryAfter(h.Get("Retry-After"), now)
	switch answer.StatusCode {
	case http.StatusTooManyRequests:
		limited = true
	case http.StatusForbidden:
		limited = after > 0 || h.Get("X-RateLimit-Remaining") == "0"
	}
	if !limited || after > 0 {
		return after, limited
	}
	for _, name := range []string{"X-RateLimit-Reset", "RateLimit-Reset"} {
		if at, err := strconv.ParseInt(h.Get(name), 10, 64); err == nil && at > 0 && at < 1<<40 {
			return max(time.Unix(at, 0).Sub(now), 0) + time.Second, true
		}
	}
	return 0, true
}

// retryAfter reads seconds or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseInt(value, 10, 32); err == nil && n >= 0 {
		return max(time.Duration(n)*time.Second, firstPause)
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(t.Sub(now), firstPause)
	}
	return 0
}

// rateLimited is the error of too many requests.
func rateLimited(after time.Duration) error {
	if after <= longest {
		return fmt.Errorf("%w: ", ErrRateLimit)
	}
	return fmt.Errorf("%w, the next one is welcome in %s: ", ErrRateLimit, after.Round(time.Second))
}

// boundary separates the parts of a form: a text that does not occur in the data but
// by the worst of luck.
func boundary(data []byte) string {
	sum := sha256.Sum256(data)
	return "sdcore-" + hex.EncodeToString(sum[:12])
}
