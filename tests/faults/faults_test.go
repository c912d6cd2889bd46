package faults_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/tests/faults"
)

func TestDamages(t *testing.T) {
	for text, want := range map[string]struct {
		text string
		err  error
	}{
		"cut=3": {"abc", faults.ErrCut}, "short=3": {"abc", nil}, "flip=1": {"acc" + "defg", nil}, "trickle=2/1ms": {"abcdefg", nil},
		"cut=100": {"abcdefg", nil}, "flip=100": {"abcdefg", nil}, "stall=3": {"abc", context.DeadlineExceeded},
	} {
		damage, err := faults.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		patience := time.Minute
		if want.err == context.DeadlineExceeded {
			patience = 50 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		got, err := io.ReadAll(damage(ctx, strings.NewReader("abcdefg")))
		cancel()
		if string(got) != want.text || !errors.Is(err, want.err) {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "cut", "cut=-1", "burn=3", "trickle=3", "trickle=0/1s"} {
		if _, err := faults.Parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	return listener.Addr().String()
}

func talk(t *testing.T, address string) (string, error) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return "", err // a refused connection may end before the client knows that it has begun
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "abcdefg"); err != nil {
		return "", err
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(conn)
	return string(got), err
}

func TestTCP(t *testing.T) {
	proxy, err := faults.NewTCP(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	if got, err := talk(t, proxy.Address()); got != "abcdefg" || err != nil {
		t.Errorf("undamaged: %q, %v", got, err)
	}
	if count := proxy.Count(); count != (faults.Count{Connections: 1, Up: 7, Down: 7}) {
		t.Errorf("counted %+v", count)
	}
	proxy.Damage(faults.Flip(1), faults.Flip(2))
	if got, err := talk(t, proxy.Address()); got != "acbdefg" || err != nil {
		t.Errorf("flipped: %q, %v", got, err)
	}
	proxy.Damage(nil, faults.Cut(3))
	if _, err := talk(t, proxy.Address()); err == nil {
		t.Error("a cut connection ends well")
	}
	proxy.Refuse(true)
	if got, err := talk(t, proxy.Address()); err == nil {
		t.Errorf("a refused connection says %q", got)
	}
}

func TestHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer server.Close()
	proxy, err := faults.NewHTTP(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	send := func() (string, int, error) {
		answer, err := http.Post(proxy.URL+"/bucket/key?uploadId=1", "text/plain", strings.NewReader("abcdefg"))
		if err != nil {
			return "", 0, err
		}
		defer answer.Body.Close()
		got, err := io.ReadAll(answer.Body)
		return string(got), answer.StatusCode, err
	}
	proxy.Rules(
		faults.Rule{Matches: faults.On("PutObject", "key"), Answer: faults.Page},
		faults.Rule{Matches: faults.On("CompleteMultipartUpload", "key"), Skip: 1, Times: 1, Answer: faults.Error(503, "SlowDown", "Slower.")},
		faults.Rule{Matches: faults.On("CompleteMultipartUpload", "key"), Skip: 1, Times: 1, Up: faults.Flip(1), Down: faults.Flip(2)},
	)
	for i, want := range []string{"abcdefg", `<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Slower.</Message></Error>`, "acbdefg", "abcdefg"} {
		if got, _, err := send(); got != want || err != nil {
			t.Errorf("%d: %q, %v", i, got, err)
		}
	}
	if proxy.Hits() != 2 || len(proxy.Requests()) != 4 || proxy.Requests()[0] != (faults.Request{Method: "POST", Path: "/bucket/key", Operation: "CompleteMultipartUpload"}) {
		t.Errorf("%d hits, requests %v", proxy.Hits(), proxy.Requests())
	}
	proxy.Rules(faults.Rule{Answer: faults.Drop})
	if _, _, err := send(); err == nil {
		t.Error("a dropped request has an answer")
	}
}
