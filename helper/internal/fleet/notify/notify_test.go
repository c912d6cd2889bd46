package notify

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// quick is a pace for tests.
var quick = pace{tries: 3, pause: time.Millisecond, limit: 5 * time.Second}

// receiver is a webhook's server. It sends its answers in order, and repeats the last one.
type receiver struct {
	*httptest.Server
	mutex   sync.Mutex
	got     []string
	types   []string
	answers []func(http.ResponseWriter)
}

func newReceiver(t *testing.T, answers ...func(http.ResponseWriter)) *receiver {
	t.Helper()
	r := &receiver{answers: answers}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mutex.Lock()
		defer r.mutex.Unlock()
		r.got = append(r.got, request.Method+" "+request.URL.Path+" "+string(body))
		r.types = append(r.types, request.Header.Get("Content-Type"))
		if len(r.answers) > 0 {
			r.answers[min(len(r.got), len(r.answers))-1](w)
		}
	}))
	t.Cleanup(r.Close)
	t.Setenv("TEST_WEBHOOK", r.URL+"/services/T0/B0/s3cr3t")
	return r
}

func status(code int, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { http.Error(w, text, code) }
}

func config(template string) Config {
	return Config{Contacts: fleet.Contacts{Webhook: "env:TEST_WEBHOOK", WebhookTemplate: template, Heartbeat: "env:TEST_WEBHOOK"}}
}

var three = []fleet.News{
	{Event: fleet.Failing, Project: fleet.ProjectStatus{
		Name: "shop <b>", Verdict: fleet.VerdictFailing, Key: "shop/x.sql.zst", Age: 26 * 3600, MaxAge: 86400,
		Error: "connect to staging:\n access & denied", Hint: "check the password",
	}},
	{Event: fleet.Stale, Project: fleet.ProjectStatus{Name: "radio", Verdict: fleet.VerdictStale, Key: "r", Age: 90000, MaxAge: 86400}},
	{Event: fleet.Recovered, Project: fleet.ProjectStatus{Name: "opera", Slot: "/srv/opera", Verdict: fleet.VerdictFresh, Key: "o", Age: 600, MaxAge: 86400}},
}

func TestSlackMessage(t *testing.T) {
	r := newReceiver(t)
	if err := config("").send(t.Context(), quick, three); err != nil {
		t.Fatal(err)
	}
	body, found := strings.CutPrefix(r.got[0], "POST /services/T0/B0/s3cr3t ")
	var message map[string]string
	if err := json.Unmarshal([]byte(body), &message); err != nil || !found {
		t.Fatalf("%v: %s", err, r.got[0])
	}
	want := map[string]string{"text": `Dumps: 1 project is failing, 1 is stale, 1 has recovered
✗ shop &lt;b&gt; is failing: connect to staging: access &amp; denied
    hint: check the password
    the newest dump is 26h old, the limit is 24h
• radio is stale: the newest dump is 25h old, the limit is 24h
✓ opera has recovered: the newest dump is 10m old` + ", the limit is 24h"}
	if diff := cmp.Diff(want, message); diff != "" {
		t.Error(diff)
	}
	if r.types[0] != "application/json" {
		t.Errorf("Content-Type is %s", r.types[0])
	}
}

func TestMessageNamesNotMoreThanPeopleRead(t *testing.T) {
	var many []fleet.News
	for range 60 {
		many = append(many, fleet.News{Event: fleet.Failing, Project: fleet.ProjectStatus{Name: "shop", Error: strings.Repeat("long ", 200)}})
	}
	text := message(many).Text
	lines := strings.Split(text, "\n")
	if lines[0] != "Dumps: 60 projects are failing" || lines[len(lines)-1] != "and 40 more" || len(lines) != 22 {
		t.Errorf("%d lines, the first is %q, the last is %q", len(lines), lines[0], lines[len(lines)-1])
	}
	if longest := len([]rune(lines[1])); longest > 450 {
		t.Errorf("a line has %d characters", longest)
	}
}

func TestTemplate(t *testing.T) {
	r := newReceiver(t)
	for template, want := range map[string]string{
		`{"summary": {{json .Text}}, "down": [{{range $i, $n := .News}}{{if $i}}, {{end}}{{json $n.Project}}{{end}}]}`: "application/json",
		`{{range .News}}{{.Event}} {{.Project}} {{.Place}} {{.Age}} of {{.MaxAge}};{{end}}`:                            "text/plain; charset=utf-8",
	} {
		r.got, r.types = nil, nil
		if err := config(template).send(t.Context(), quick, three); err != nil {
			t.Fatal(err)
		}
		if r.types[0] != want {
			t.Errorf("%s is sent as %s", r.got[0], r.types[0])
		}
		if want != "application/json" && !strings.HasSuffix(r.got[0], "failing shop <b>  26h of 24h;stale radio  25h of 24h;recovered opera /srv/opera 10m of 24h;") {
			t.Errorf("got %s", r.got[0])
		}
	}
	if err := config("{{.Nothing}").Check(); err == nil {
		t.Error("a template that is none is not refused")
	}
}

func TestTriesAgainWhereThatHelps(t *testing.T) {
	r := newReceiver(t, status(503, ""), status(429, ""), status(200, "ok"))
	if err := config("").send(t.Context(), quick, three); err != nil || len(r.got) != 3 {
		t.Errorf("%d requests, %v", len(r.got), err)
	}
	r = newReceiver(t, status(404, "no_service"))
	err := config("").Send(t.Context(), three)
	if err == nil || err.Error() != "tell the webhook: the server answered 404 Not Found: no_service" || len(r.got) != 1 {
		t.Errorf("%d requests, %v", len(r.got), err)
	}
	r = newReceiver(t, status(500, "<html>"))
	if err := config("").send(t.Context(), quick, three); err == nil || err.Error() != "the server answered 500 Internal Server Error" || len(r.got) != 3 {
		t.Errorf("%d requests, %v", len(r.got), err)
	}
}

func TestSaysNothingOfTheURL(t *testing.T) {
	r := newReceiver(t,
		func(w http.ResponseWriter) { http.Error(w, "nothing at /services/T0/B0/s3cr3t", http.StatusNotFound) },
		func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
	var errs []error
	errs = append(errs, config("").send(t.Context(), quick, three), config("").send(t.Context(), quick, three))
	r.Close()
	errs = append(errs, config("").send(t.Context(), quick, three), config("").beat(t.Context(), quick, true))
	for _, url := range []string{"s3cr3t", "ftp://example.com/s3cr3t", "http://[s3cr3t", "http://no host.invalid/s3cr3t", "https://nowhere.invalid/s3cr3t"} {
		t.Setenv("TEST_WEBHOOK", url)
		errs = append(errs, config("").send(t.Context(), quick, three))
	}
	for i, err := range errs {
		if err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%d: %v", i, err)
		}
	}
	if len(r.got) != 2 {
		t.Errorf("%d requests: a redirection is followed", len(r.got))
	}
}

func TestEndsInTime(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	newReceiver(t, func(http.ResponseWriter) { <-hold })
	began := time.Now()
	err := config("").send(t.Context(), pace{tries: 3, pause: time.Millisecond, limit: 100 * time.Millisecond}, three)
	if !errors.Is(err, errSlow) || time.Since(began) > time.Minute {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestHeartbeat(t *testing.T) {
	r := newReceiver(t)
	if err := config("").Beat(t.Context(), true); err != nil || len(r.got) != 1 || r.got[0] != "GET /services/T0/B0/s3cr3t " {
		t.Errorf("%q, %v", r.got, err)
	}
	quiet := Config{Contacts: fleet.Contacts{Heartbeat: secret.Reference("")}}
	if quiet.Beat(t.Context(), true) != nil || quiet.Send(t.Context(), three) != nil {
		t.Error("nobody is to be told, and somebody is")
	}
	missing := Config{Contacts: fleet.Contacts{Heartbeat: "env:NOT_SET"}}
	if err := missing.Beat(t.Context(), true); err == nil || err.Error() != "request the URL of heartbeat: the environment variable NOT_SET is not set" {
		t.Error(err)
	}
}

// There is a heartbeat for each outcome, and one for both. One that fails does not keep back the other.
func TestHeartbeats(t *testing.T) {
	r := newReceiver(t)
	for _, name := range []string{"well", "failed", "ran"} {
		t.Setenv("TEST_"+name, r.URL+"/"+name)
	}
	all := Config{Contacts: fleet.Contacts{Heartbeat: "env:TEST_well", HeartbeatFailed: "env:TEST_failed", HeartbeatRan: "env:TEST_ran"}}
	for _, well := range []bool{true, false} {
		if err := all.Beat(t.Context(), well); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"GET /well ", "GET /ran ", "GET /failed ", "GET /ran "}, r.got); diff != "" {
		t.Error(diff)
	}
	all.HeartbeatFailed = "env:NOT_SET"
	err := all.Beat(t.Context(), false)
	if err == nil || err.Error() != "request the URL of heartbeat_failed: the environment variable NOT_SET is not set" || len(r.got) != 5 {
		t.Errorf("%v, %q", err, r.got)
	}
}

func TestReminder(t *testing.T) {
	since := time.Now().Add(-26 * time.Hour)
	text := message([]fleet.News{
		{Event: fleet.Failing, Project: fleet.ProjectStatus{Name: "shop", Error: "access denied"}, Since: since},
		{Event: fleet.Stale, Project: fleet.ProjectStatus{Name: "radio"}, Since: since},
	}).Text
	if want := "Dumps: 1 project is failing, 1 is stale\n✗ shop has been failing for 26h: access denied\n• radio has been stale for 26h: there is no dump"; text != want {
		t.Errorf("%q", text)
	}
}
