package ui

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinshun/vt10x"
	"github.com/rivo/uniseg"
)

// emulator is a terminal of some size. After each write it looks at the whole screen.
type emulator struct {
	mutex         sync.Mutex
	terminal      vt10x.Terminal
	width, height int
	look          func(rows []string)
	pictures      int
}

func newEmulator(width, height int, look func(rows []string)) *emulator {
	return &emulator{terminal: vt10x.New(vt10x.WithSize(width, height)), width: width, height: height, look: look}
}

func (e *emulator) Write(data []byte) (int, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	// A terminal's driver makes \r\n of \n.
	_, err := e.terminal.Write([]byte(strings.ReplaceAll(string(data), "\n", "\r\n")))
	e.pictures++
	if e.look != nil {
		e.look(e.rows())
	}
	return len(data), err
}

// rows are the screen's, without those at the end that are empty.
func (e *emulator) rows() []string {
	var rows []string
	for row := range strings.SplitSeq(strings.TrimRight(e.terminal.String(), " \n"), "\n") {
		rows = append(rows, strings.TrimRight(row, " "))
	}
	return rows
}

func (e *emulator) output(options Options) *Output {
	options.Terminal, options.Stdout, options.Stderr = true, e, e
	out := New(options)
	out.screen.size = func() (int, int) { return e.width, e.height }
	return out
}

// isProgress reports whether a row shows progress.
func isProgress(row string) bool {
	return strings.Contains(row, "%") || strings.ContainsAny(row[:min(1, len(row))], `|/-\`)
}

func TestOneLineShowsProgress(t *testing.T) {
	for _, width := range []int{120, 80, 40, 20} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			var printed []string
			emulator := newEmulator(width, 24, func(rows []string) {
				if last := len(rows) - 1; isProgress(rows[last]) {
					if uniseg.StringWidth(rows[last]) >= width {
						t.Errorf("%q reaches the last column", rows[last])
					}
					rows = rows[:last]
				}
				if text, all := strings.Join(rows, "\n"), strings.Join(printed, "\n"); !strings.HasPrefix(all, text) {
					t.Errorf("the screen holds\n%s\ninstead of\n%s", text, all)
				}
			})
			out := emulator.output(Options{JSON: true})
			expect := func(rows ...string) {
				emulator.mutex.Lock()
				defer emulator.mutex.Unlock()
				printed = append(printed, rows...)
			}
			note := func(text string) { expect(text); out.Note(text) }
			for range 2 {
				out.Phase("starting mariadb:11.8", 0)
				out.Advance(5_000_000)
				note("the server runs")
				out.Phase("fetching shop-20261122T063000Z-4f1c2a.sql.zst", 123_456_789)
				for range 6 {
					out.Advance(20_000_000)
					emulator.wait(t, 1)
				}
				emulator.ends(t, "fetc")
				out.Phase("comparing", 0)
				emulator.wait(t, 3)
				emulator.ends(t, "comparing")
				note("all is well")
			}
			expect("12")
			if err := out.Result(12); err != nil {
				t.Error(err)
			}
			out.Finish()
			expect("error: no", "hint: yes")
			out.Fail(errors.New("no"), "yes")
			if got := strings.Join(emulator.rows(), "\n"); got != strings.Join(printed, "\n") {
				t.Errorf("in the end the screen holds\n%s", got)
			}
		})
	}
}

// wait waits until so many more pictures were drawn, which can be none where none differs.
func (e *emulator) wait(t *testing.T, pictures int) {
	t.Helper()
	count := func() int {
		e.mutex.Lock()
		defer e.mutex.Unlock()
		return e.pictures
	}
	before := count()
	for deadline := time.Now().Add(time.Second); count() < before+pictures && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// ends waits until the last row contains a text.
func (e *emulator) ends(t *testing.T, text string) {
	t.Helper()
	last := func() string {
		e.mutex.Lock()
		defer e.mutex.Unlock()
		rows := e.rows()
		return rows[len(rows)-1]
	}
	for deadline := time.Now().Add(time.Minute); !strings.Contains(last(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the last row is %q", last())
		}
	}
}

func TestBoardFitsTheTerminal(t *testing.T) {
	var rows []string
	emulator := newEmulator(60, 10, func(now []string) { rows = now })
	out := emulator.output(Options{})
	board := out.Board()
	lanes := map[string]*Lane{}
	for _, name := range []string{"shop", "blog", "wiki", "a", "b", "c", "d", "e", "f", "g"} {
		lanes[name] = board.Lane(name)
	}
	lanes["shop"].Phase("dumping", 1000)
	lanes["shop"].Advance(500)
	lanes["blog"].Phase(strings.Repeat("a long phase ", 10), 0)
	board.Status("10 running, 3 waiting")
	board.Say("old: published")
	if len(rows) != 10 || rows[0] != "old: published" || rows[8] != "and 3 more" || rows[9] != "10 running, 3 waiting" {
		t.Errorf("the screen holds %q", rows)
	}
	if !strings.HasPrefix(rows[1], "shop: dumping 50% |") || !strings.HasSuffix(rows[2], "a long phas…") {
		t.Errorf("the lanes are %q and %q", rows[1], rows[2])
	}
	for name, lane := range lanes {
		if name != "shop" {
			lane.Close()
		}
	}
	board.Say("blog: published")
	if len(rows) != 4 || rows[1] != "blog: published" || rows[3] != "10 running, 3 waiting" {
		t.Errorf("the screen holds %q", rows)
	}
	board.Close()
	if got := strings.Join(rows, "\n"); got != "old: published\nblog: published" {
		t.Errorf("the screen holds %q", got)
	}
}

// A terminal that gets narrower wraps its lines. The emulator cannot do that, so the test does.
func TestNarrowerTerminal(t *testing.T) {
	emulator := newEmulator(40, 24, nil)
	out := emulator.output(Options{})
	emulator.width = 79
	board := out.Board()
	board.Status(strings.Repeat("s", 70))
	board.Lane(strings.Repeat("l", 70))
	out.Note("said")
	out.screen.mutex.Lock()
	defer out.screen.mutex.Unlock()
	emulator.terminal = vt10x.New(vt10x.WithSize(40, 24))
	lane, status := strings.Repeat("l", 70), strings.Repeat("s", 70)
	fmt.Fprintf(emulator, "said\n%s\n%s\n%s\n%s\x1b[A\r", lane[:40], lane[40:], status[:40], status[40:])
	emulator.width = 40
	out.screen.draw("more\n")
	if got := strings.Join(emulator.rows(), "\n"); got != "said\nmore\n/ "+lane[:36]+"…\n"+status[:38]+"…" {
		t.Errorf("the screen holds\n%s", got)
	}
}

func TestQuestionStaysAlone(t *testing.T) {
	emulator := newEmulator(80, 24, nil)
	out := emulator.output(Options{})
	out.Phase("loading", 1000)
	answered := out.screen.ask("replace it? [y/N] ")
	out.Advance(100)
	time.Sleep(2 * redrawEvery) // that nothing is drawn cannot be waited for
	if got := emulator.rows(); len(got) != 1 || got[0] != "replace it? [y/N]" {
		t.Errorf("the screen holds %q", got)
	}
	answered()
	out.Finish()
}

func TestNothingControlsTheTerminal(t *testing.T) {
	emulator := newEmulator(80, 24, nil)
	out := emulator.output(Options{})
	out.Note("a\x1b[2Jb\rc")
	out.Fail(errors.New("d\x1b]0;title\ae"), "f\x1b[5Ag")
	out.Phase("h\x1b[5Ai", 0)
	rows := emulator.rows()
	if len(rows) != 4 || rows[0] != "a\ufffd[2Jb\ufffdc" || rows[1] != "error: d\ufffd]0;title\ufffde" || rows[2] != "hint: f\ufffd[5Ag" || !strings.HasSuffix(rows[3], "h\ufffd[5Ai") {
		t.Errorf("the screen holds %q", rows)
	}
	out.Finish()
}

func TestBarsLeaveOutWhatMattersLeast(t *testing.T) {
	began := time.Now()
	now := began.Add(5 * time.Second)
	for _, test := range []struct {
		columns int
		want    string
	}{
		{119, "fetching shop-20261122T063000Z.sql.zst 25% |██████████                                 | 25/100 MB, 5.0 MB/s, 15s left"},
		{79, "fetching shop-20261122T063000Z.s… 25% |██      | 25/100 MB, 5.0 MB/s, 15s left"},
		{59, "fetching sho… 25% |██      | 25/100 MB, 5.0 MB/s, 15s left"},
		{49, "fetching sho… 25% |██      | 25/100 MB, 15s left"},
		{39, "fetching shop… 25% |██      | 15s left"},
		{30, "fetching shop-20261122T06… 25%"},
		{8, "fet… 25%"},
	} {
		p := newPhase("fetching shop-20261122T063000Z.sql.zst", 100_000_000)
		p.began = began
		p.advance(25_000_000)
		if got := p.bar(test.columns, now); got != test.want || uniseg.StringWidth(got) > test.columns {
			t.Errorf("%d columns are for %q, want %q", test.columns, got, test.want)
		}
	}
}

func TestBarsDoNotTremble(t *testing.T) {
	p := newPhase("dumping", 100_000_000)
	p.advance(5_000_000)
	width := uniseg.StringWidth(drawn(p.bar(79, p.began.Add(10*time.Second))))
	p.advance(80_000_000)
	if got := uniseg.StringWidth(drawn(p.bar(79, p.began.Add(11*time.Second)))); got != width {
		t.Errorf("the bar had %d columns, and has %d", width, got)
	}
}

// drawn is the bar itself, without what is beside it.
func drawn(line string) string { return line[strings.Index(line, "|"):strings.LastIndex(line, "|")] }
