package metrics

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

var began = time.Date(2026, 11, 26, 6, 0, 0, 0, time.UTC)

// full is a board with all that there can be on it.
func full() *Board {
	var board Board
	board.Show(
		fleet.ProjectStatus{
			Name: "shop", Slot: "/srv/shop", Verdict: fleet.VerdictFailing, Key: "shop/x.sql.zst", SnapshotTime: began,
			Checked: began.Add(time.Hour), Age: 7200.5, MaxAge: 86400, ObjectBytes: 42_000_000, Took: 12.5,
			LastResult: fleet.Failed, Failures: 2, KnownBroken: began.Add(24 * time.Hour),
		},
		fleet.ProjectStatus{
			Name: "a \"quoted\"\nname", Slot: `C:\sites` + "\xff", Verdict: fleet.VerdictBroken, MaxAge: 86400,
			Error: "no metric",
		},
	)
	board.ShowLook(began.Add(time.Minute))
	board.ShowRun(Run{
		Started: began, Ended: began.Add(90 * time.Second), PublishedBytes: 42,
		Results: map[fleet.State]int{fleet.Published: 3, fleet.Failed: 1}, Running: 2, Waiting: 5,
	})
	return &board
}

func written(t *testing.T, board *Board) string {
	t.Helper()
	var text bytes.Buffer
	if err := board.Write(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// promtool is Prometheus' own judge of the format and of names.
func promtool(t *testing.T, text string) {
	t.Helper()
	if testing.Short() {
		return
	}
	check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if output, err := check.CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("promtool (of the Debian package prometheus): %v\n%s\n%s", err, output, text)
	}
}

func TestFormat(t *testing.T) {
	content := written(t, full())
	promtool(t, content)
	for _, line := range []string{
		"# TYPE dump_refresh_age_seconds gauge",
		`dump_refresh_newest_dump_timestamp_seconds{project="shop",slot="/srv/shop"} 1795672800`,
		`dump_refresh_checked_timestamp_seconds{project="shop",slot="/srv/shop"} 1795676400`,
		`dump_refresh_age_seconds{project="shop",slot="/srv/shop"} 7200.5`,
		`dump_refresh_max_age_seconds{project="shop",slot="/srv/shop"} 86400`,
		`dump_refresh_newest_dump_size_bytes{project="shop",slot="/srv/shop"} 42000000`,
		`dump_refresh_refresh_duration_seconds{project="shop",slot="/srv/shop"} 12.5`,
		`dump_refresh_failures{project="shop",slot="/srv/shop"} 2`,
		`dump_refresh_verdict{project="shop",slot="/srv/shop",verdict="failing"} 1`,
		`dump_refresh_verdict{project="shop",slot="/srv/shop",verdict="fresh"} 0`,
		`dump_refresh_verdict{project="a \"quoted\"\nname",slot="C:\\sites�",verdict="broken settings"} 1`,
		`dump_refresh_last_result{project="shop",slot="/srv/shop",result="failed"} 1`,
		`dump_refresh_known_broken{project="shop",slot="/srv/shop"} 1`,
		`dump_refresh_looked_timestamp_seconds 1795672860`,
		`dump_refresh_run_duration_seconds 90`,
		`dump_refresh_run_projects{result="published"} 3`,
		`dump_refresh_run_projects{result="waiting"} 5`,
		`dump_refresh_run_published_bytes 42`,
	} {
		if !strings.Contains(content, line+"\n") {
			t.Errorf("no line %s in\n%s", line, content)
		}
	}
}

func TestNothingMeasuredYet(t *testing.T) {
	promtool(t, written(t, &Board{}))
}

func TestWhatIsNewTakesThePlaceOfWhatWasKnown(t *testing.T) {
	board := full()
	board.Show(fleet.ProjectStatus{Name: "shop", Slot: "/srv/shop", Verdict: fleet.VerdictFresh})
	content := written(t, board)
	if n := strings.Count(content, `dump_refresh_failures{project="shop"`); n != 1 ||
		!strings.Contains(content, `dump_refresh_verdict{project="shop",slot="/srv/shop",verdict="fresh"} 1`) {
		t.Errorf("shop is there %d times:\n%s", n, content)
	}
}

func TestFileIsWhole(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "dump_refresh.prom")
	board := full()
	if err := board.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != written(t, board) {
		t.Errorf("%v\n%s", err, content)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o044 != 0o044 {
		t.Errorf("node_exporter cannot read it: %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(folder); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := board.WriteFile(filepath.Join(folder, "none", "x.prom")); err == nil || !strings.HasPrefix(err.Error(), "write the metrics: open ") {
		t.Errorf("no such folder: %v", err)
	}
}

func TestServe(t *testing.T) {
	board := full()
	server, err := board.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get("http://" + server.Address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || string(content) != written(t, board) || answer.Header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("%v, %v\n%s", err, answer.Header, content)
	}
	if _, err := board.Serve(t.Context(), server.Address); err == nil || !strings.Contains(err.Error(), "serve metrics: listen tcp "+server.Address) {
		t.Errorf("an address that is taken: %v", err)
	}
	if err := server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if connection, err := net.Dial("tcp", server.Address); err == nil {
		connection.Close()
		t.Error("it still listens")
	}
}
