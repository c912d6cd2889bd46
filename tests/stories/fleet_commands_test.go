package stories

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// The commands of stories about a fleet and its notifications.
func init() {
	commands["webhook"] = webhook
	commands["promtool"] = promtool
	commands["scrape"] = scrape
}

// webhook FILE puts the URL of a server into $WEBHOOK. The server writes each request that it gets into the file, as a line.
func webhook(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.Create(ts.MkAbs(args[0]))
	check(ts, err)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		fmt.Fprintf(file, "%s %s %s\n", request.Method, request.URL.Path, body)
	}))
	ts.Defer(func() { server.Close(); _ = file.Close() })
	ts.Setenv("WEBHOOK", server.URL)
}

// promtool FILE requires that Prometheus accepts the metrics in a file.
func promtool(ts *testscript.TestScript, _ bool, args []string) {
	judge := exec.Command("promtool", "check", "metrics")
	judge.Stdin = strings.NewReader(ts.ReadFile(args[0]))
	if output, err := judge.CombinedOutput(); err != nil || len(output) > 0 {
		ts.Fatalf("promtool check metrics: %v\n%s", err, output)
	}
}

// scrape LOG FILE gets the metrics of a run in the background, from the address in its log, and writes them into a file.
func scrape(ts *testscript.TestScript, _ bool, args []string) {
	match := regexp.MustCompile("metrics are at (http://.*)").FindStringSubmatch(ts.ReadFile(args[0]))
	if match == nil {
		ts.Fatalf("%s does not say where metrics are", args[0])
	}
	answer, err := http.Get(match[1])
	check(ts, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(ts, err)
	check(ts, os.WriteFile(ts.MkAbs(args[1]), text, 0o644))
}
