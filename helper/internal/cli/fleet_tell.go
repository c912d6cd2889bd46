package cli

import (
	"context"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet/metrics"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet/notify"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

// metricsFlags are the flags for the metrics of a run.
func metricsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "metrics-file", Usage: "at the end, write metrics for Prometheus to `FILE`, for node_exporter's textfile collector"},
		&cli.StringFlag{Name: "metrics-listen", Usage: "during the run, serve metrics for Prometheus at `ADDRESS`, such as 127.0.0.1:9177"},
	}
}

// fleetTeller reports a run to monitoring and people.
type fleetTeller struct {
	out      *ui.Output
	contacts notify.Config
	hint     func(error) string
	items    map[string]*fleet.Item // those of this run, by slot
	others   map[string]*fleet.Item // those of other shards
	file     string                 // of metrics
	server   *metrics.Server        // of metrics
	board    metrics.Board

	mutex sync.Mutex
	run   metrics.Run
}

// newFleetTeller starts reporting. It fails if flags or contacts are wrong.
func newFleetTeller(c *cli.Context, out *ui.Output, f *openedFleet) (*fleetTeller, error) {
	t := &fleetTeller{
		out: out, contacts: notify.Config{Contacts: f.contacts, Dir: f.dir}, items: map[string]*fleet.Item{}, others: map[string]*fleet.Item{},
		file: c.String("metrics-file"),
		run:  metrics.Run{Results: map[fleet.State]int{}},
		hint: hints(context.WithoutCancel(c.Context)),
	}
	if err := t.contacts.Check(); err != nil {
		return nil, &fleet.ConfigError{File: f.file, Text: "webhook_template: " + err.Error()}
	}
	for _, item := range f.items {
		if item.Action == fleet.Leave {
			t.others[item.Project.Slot] = item
			continue
		}
		t.items[item.Project.Slot] = item
		t.board.Show(item.Status(nil, t.hint))
		if item.Action == fleet.Refresh {
			t.run.Waiting++
		}
	}
	address := c.String("metrics-listen")
	if address == "" {
		return t, nil
	}
	var err error
	if t.server, err = t.board.Serve(c.Context, address); err == nil {
		out.Note("metrics are at http://" + t.server.Address + "/metrics")
	}
	return t, err
}

// watch measures what a watcher sees of the run, which begins now.
func (t *fleetTeller) watch(watcher fleet.Watcher) fleet.Watcher {
	t.count(func(run *metrics.Run) { run.Started = time.Now() })
	return &measuring{watcher, t}
}

type measuring struct {
	fleet.Watcher
	teller *fleetTeller
}

func (m *measuring) TakeOver(project *fleet.Project) {
	m.teller.count(func(run *metrics.Run) {
		m.teller.items[project.Slot] = m.teller.others[project.Slot]
		run.Waiting++
	})
	m.Watcher.TakeOver(project)
}

func (m *measuring) Begin(project *fleet.Project, try int) fleet.Lane {
	m.teller.count(func(run *metrics.Run) { run.Running, run.Waiting = run.Running+1, run.Waiting-1 })
	return &measuredLane{m.Watcher.Begin(project, try), m.teller}
}

type measuredLane struct {
	fleet.Lane
	teller *fleetTeller
}

func (l *measuredLane) Close() {
	l.Lane.Close()
	l.teller.count(func(run *metrics.Run) { run.Running, run.Waiting = run.Running-1, run.Waiting+1 })
}

func (m *measuring) End(result fleet.Result) {
	m.Watcher.End(result)
	var item *fleet.Item
	m.teller.count(func(run *metrics.Run) {
		item = m.teller.items[result.Slot]
		run.Results[result.State]++
		if item.Action == fleet.Refresh {
			run.Waiting--
		}
		if result.State == fleet.Published {
			run.PublishedBytes += result.ObjectBytes
		}
	})
	m.teller.board.Show(item.Status(&result, m.teller.hint))
}

func (t *fleetTeller) count(change func(*metrics.Run)) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	change(&t.run)
	t.board.ShowRun(t.run)
}

// end reports the result of the run. Failures here are notes, because they do not affect the run. An interrupted run only
// updates the metrics and notifies nobody.
func (t *fleetTeller) end(ctx context.Context, allWell bool) {
	t.count(func(run *metrics.Run) { run.Ended = time.Now() })
	if ctx.Err() == nil && (t.contacts.Webhook != "" || t.file != "") {
		projects := make([]fleet.Project, 0, len(t.items))
		for _, item := range t.items {
			projects = append(projects, *item.Project)
		}
		if found, err := fleet.Look(ctx, projects, t.hint, t.out.Note); err == nil {
			t.board.Show(found...)
			t.board.ShowLook(time.Now())
			if t.contacts.Webhook != "" {
				fleet.Announce(ctx, projects, found, t.contacts.Send, t.out.Note)
			}
		}
	}
	if ctx.Err() == nil {
		t.note(t.contacts.Beat(ctx, allWell))
	}
	if t.file != "" {
		t.note(t.board.WriteFile(t.file))
	}
	if t.server != nil {
		t.note(t.server.Close(ctx))
	}
}

func (t *fleetTeller) note(err error) {
	if err != nil {
		t.out.Note(err.Error())
	}
}
