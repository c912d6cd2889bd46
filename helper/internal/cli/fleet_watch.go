package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

// fleetWatcher shows a run on a board: events as lines, and running tries as lanes.
type fleetWatcher struct {
	board  *ui.Board
	labels map[string]string

	mutex            sync.Mutex
	running, waiting int
	counts           map[fleet.State]int
}

func newFleetWatcher(out *ui.Output, f *openedFleet) *fleetWatcher {
	w := &fleetWatcher{board: out.Board(), labels: f.labels, counts: map[fleet.State]int{}}
	for _, item := range f.items {
		if item.Action == fleet.Refresh {
			w.waiting++
		}
	}
	return w
}

func (w *fleetWatcher) close() { w.board.Close() }

// TakeOver prints that a project of another shard is refreshed, too.
func (w *fleetWatcher) TakeOver(project *fleet.Project) {
	w.count(0, 1)
	w.Note(project, "is still due in another shard")
}

// Begin opens a lane.
func (w *fleetWatcher) Begin(project *fleet.Project, try int) fleet.Lane {
	w.count(1, -1)
	label := w.labels[project.Slot]
	text := label + ": begins"
	if try > 1 {
		text = fmt.Sprintf("%s: starting again, try %d of %d", label, try, project.Retries+1)
	}
	w.board.Say(text)
	return &fleetLane{w.board.Lane(label), w}
}

type fleetLane struct {
	*ui.Lane
	watcher *fleetWatcher
}

// Close closes the lane.
func (l *fleetLane) Close() {
	l.Lane.Close()
	l.watcher.count(-1, 1)
}

// Retry prints why a project is tried again.
func (w *fleetWatcher) Retry(project *fleet.Project, err error, after time.Duration) {
	w.Note(project, fmt.Sprintf("%s; again in %s", oneLine(err.Error()), ui.Duration(after)))
}

// Note prints one line about a project.
func (w *fleetWatcher) Note(project *fleet.Project, line string) {
	w.board.Say(w.labels[project.Slot] + ": " + line)
}

// End prints the result of a project. Projects that needed nothing appear only in the summary.
func (w *fleetWatcher) End(result fleet.Result) {
	w.mutex.Lock()
	w.counts[result.State]++
	w.mutex.Unlock()
	if result.Tries > 0 {
		w.count(0, -1)
	}
	label := w.labels[result.Slot]
	switch {
	case result.State == fleet.Published:
		w.board.Say(fmt.Sprintf("%s: published %s, %s in %s", label, result.Key, ui.Bytes(result.ObjectBytes), seconds(result.Seconds)))
	case result.State == fleet.Failed:
		w.board.Say(label + ": failed: " + oneLine(result.Error))
	case result.Tries > 0:
		w.board.Say(fmt.Sprintf("%s: %s", label, result.State))
	}
}

// Bake opens a lane for a bake.
func (w *fleetWatcher) Bake(project *fleet.Project) fleet.Lane {
	label := w.labels[project.Slot]
	w.board.Say(label + ": bakes")
	return w.board.Lane(label)
}

// Baked prints the result of a bake.
func (w *fleetWatcher) Baked(project *fleet.Project, baking fleet.Baking) {
	label := w.labels[project.Slot]
	if baking.Error != "" {
		w.board.Say(label + ": not baked: " + oneLine(baking.Error))
		return
	}
	w.board.Say(fmt.Sprintf("%s: baked for %s in %s", label, cmp.Or(strings.Join(baking.Series, ", "), "no server: no table is large enough"), seconds(baking.Seconds)))
}

// count updates the status line.
func (w *fleetWatcher) count(running, waiting int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.running, w.waiting = w.running+running, w.waiting+waiting
	w.board.Status(tally(w.counts) + fmt.Sprintf("%d running, %d waiting", w.running, w.waiting))
}

// states are in the order in which the summary counts them.
var states = []fleet.State{fleet.Published, fleet.Unchanged, fleet.Fresh, fleet.Paused, fleet.Failed, fleet.NotRun}

// tally returns a text such as "12 published, 3 fresh, ".
func tally(counts map[fleet.State]int) string {
	var text strings.Builder
	for _, state := range states {
		if counts[state] > 0 {
			fmt.Fprintf(&text, "%d %s, ", counts[state], state)
		}
	}
	return text.String()
}

// summary prints the result of each project, and what to do about those that failed.
func (f *openedFleet) summary(out *ui.Output, report fleet.RunReport) {
	results := slices.Clone(report.Projects)
	slices.SortFunc(results, func(a, b fleet.Result) int { return strings.Compare(f.labels[a.Slot], f.labels[b.Slot]) })
	rows := [][]string{{"PROJECT", "STATE", "AGE", "SIZE", "TIME"}}
	var problems strings.Builder
	for _, result := range results {
		label, age, size, took := f.labels[result.Slot], "-", "-", "-"
		if result.Key != "" {
			age, size = ui.Duration(clock.Age(result.SnapshotTime, time.Now())), ui.Bytes(result.ObjectBytes)
		}
		if result.Tries > 0 {
			took = seconds(result.Seconds)
		}
		rows = append(rows, []string{label, string(result.State), age, size, took})
		if result.Error != "" {
			writeProblem(&problems, "\n"+label, result.Error, result.Hint)
		}
		knownText(&problems, label, result.KnownUntil())
		if result.Bake != nil {
			notBakedText(&problems, label, result.Bake.Error, result.Bake.Hint)
		}
	}
	out.Print("%s%s\n%s in %s\n", ui.Table(rows), problems.String(), strings.TrimSuffix(tally(report.Counts), ", "), seconds(report.Seconds))
}

// knownText says that nobody is told of a failure, and for how long.
func knownText(text *strings.Builder, label, known string) {
	if known != "" {
		fmt.Fprintf(text, "\n%s: %s\n", label, known)
	}
}

// notBakedText adds the reason why a dump is not baked, if there is one.
func notBakedText(text *strings.Builder, label, reason, hint string) {
	if reason == "" {
		return
	}
	writeProblem(text, "\n"+label+": not baked", reason, hint)
}

func seconds(n float64) string { return ui.Duration(time.Duration(n * float64(time.Second))) }

// oneLine joins several lines into one.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
