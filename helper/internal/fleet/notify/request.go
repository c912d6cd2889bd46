package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// pace says how often and how long a request is tried.
type pace struct {
	tries int
	pause time.Duration // before the second try, twice as long before the third
	limit time.Duration // of all tries together
}

var usual = pace{tries: 3, pause: 2 * time.Second, limit: 30 * time.Second}

// errSlow is the error when the time limit is reached.
var errSlow = errors.New("no answer in time")

// client follows no redirects: a message meant for one server must not reach another.
var client = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// request sends a body with POST, or a GET if there is none, and tries again if that may help. Its errors contain no part
// of the address.
func request(ctx context.Context, pace pace, address secret.String, contentType string, body []byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, pace.limit, errSlow)
	defer cancel()
	pause := pace.pause
	for try := 1; ; try++ {
		wait, err := once(ctx, address, contentType, body)
		if err == nil || wait < 0 || try == pace.tries {
			return err
		}
		select {
		case <-time.After(max(wait, pause)):
		case <-ctx.Done():
			return err
		}
		pause *= 2
	}
}

// final is the wait after a failure that another try cannot fix.
const final = -1

// once tries once. After a failure it returns how long the server asks to wait.
func once(ctx context.Context, address secret.String, contentType string, body []byte) (wait time.Duration, err error) {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	asked, err := http.NewRequestWithContext(ctx, method, address.Reveal(), bytes.NewReader(body))
	if err != nil {
		return final, errors.New("its URL is not valid")
	}
	asked.Header.Set("User-Agent", "dump-refresh")
	if contentType != "" {
		asked.Header.Set("Content-Type", contentType)
	}
	answer, err := client.Do(asked)
	if err != nil {
		return 0, withoutAddress(ctx, err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 2<<10))
	if answer.StatusCode/100 == 2 {
		return 0, nil
	}
	err = fmt.Errorf("the server answered %s%s", answer.Status, firstLine(string(text), address))
	if answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode/100 != 5 {
		return final, err
	}
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	return time.Duration(seconds) * time.Second, err
}

// withoutAddress returns a request's error without its URL and host names.
func withoutAddress(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return fmt.Errorf("the server cannot be reached: %s", err.Error())
		}
		err = inner
	}
}

// firstLine returns the first line of a server's answer, after a colon, if it is short and contains nothing of the
// address.
func firstLine(text string, address secret.String) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.ToValidUTF8(plain(line), "")
	if line == "" || len(line) > 100 || strings.HasPrefix(line, "<") {
		return ""
	}
	if whole, err := url.Parse(address.Reveal()); err == nil {
		for _, part := range append(strings.Split(whole.Path, "/"), whole.RawQuery) {
			if len(part) > 3 && strings.Contains(line, part) {
				return ""
			}
		}
	}
	return ": " + line
}
