package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

// How docs/fleet-report.png is made:
//
//	go test ./helper/internal/fleet/report -run TestDemo -args -screenshot $PWD/docs/fleet-report.png
var (
	demoPage   = flag.String("page", "", "write the page of an invented fleet into `FILE`")
	screenshot = flag.String("screenshot", "", "write a picture of it into `FILE`")
	scheme     = flag.String("scheme", "light", "light or dark")
	width      = flag.Int("width", 1280, "of the window")
	height     = flag.Int("height", 1360, "of the window")
)

// TestDemo makes a page, and a picture of it, for people; what it makes is tested by the others.
func TestDemo(t *testing.T) {
	path := *demoPage
	if path == "" {
		path = filepath.Join(t.TempDir(), "fleet.html")
	}
	write(t, path, invented())
	if *screenshot == "" {
		return
	}
	b := newBrowser(t)
	b.look(*scheme, *width, *height)
	b.open(path)
	b.screenshot(*screenshot)
}

func write(t *testing.T, path string, projects []fleet.ProjectStatus) {
	t.Helper()
	var page bytes.Buffer
	if err := (Page{Projects: projects, Made: morning}).Write(&page); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// names are the visible projects, in their order.
const names = `[...document.querySelectorAll("tbody:not([hidden]) .name")].map((name) => name.textContent)`

func TestPageInABrowser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.html")
	write(t, path, invented())
	b := newBrowser(t)
	b.look("light", 1280, 900)
	b.open(path)

	first := b.texts(names)
	if len(first) != 60 {
		t.Fatalf("%d projects are shown", len(first))
	}
	if diff := cmp.Diff([]string{"extranet", "hostel", "clinic", "shop", "opera", "parking"}, first[:6]); diff != "" {
		t.Errorf("the worst first:\n%s", diff)
	}

	// Sorting, by mouse and by keyboard.
	b.eval(`document.querySelector('[data-key="name"] button').click()`, nil)
	wantSorted(t, b, "name", "ascending", "academy", "weather")
	b.eval(`document.querySelector('[data-key="name"] button').click()`, nil)
	wantSorted(t, b, "name", "descending", "weather", "academy")
	b.eval(`document.querySelector('[data-key="verdict"] button').focus()`, nil)
	b.press("Tab", "Enter")
	wantSorted(t, b, "age", "descending", "shop", "clinic")
	b.press("Space")
	wantSorted(t, b, "age", "ascending", "extranet", "shop")
	b.press("Tab")
	if !b.is(`document.activeElement.closest("th").dataset.key === "size" && document.activeElement.matches(":focus-visible")`) {
		t.Error("Tab does not lead from one head to the next, or does not show where it is")
	}
	var sizes []float64
	b.press("Enter")
	b.eval(`[...document.querySelectorAll("tbody")].map((project) => Number(project.dataset.size))`, &sizes)
	for i := 1; i < len(sizes); i++ {
		if sizes[i] > sizes[i-1] {
			t.Fatalf("not the largest first: %v", sizes)
		}
	}

	// Filtering.
	b.press("/")
	if !b.is(`document.activeElement.id === "search"`) {
		t.Fatal("/ does not lead to the text box")
	}
	b.press("D", "E", "N", "I", "E", "D", "Space", "s", "h", "o", "p")
	if got := b.texts(names); len(got) != 1 || got[0] != "shop" {
		t.Errorf("filtered by two words: %q", got)
	}
	if !b.is(`document.getElementById("shown").textContent === "1 of 60 projects"`) {
		t.Error("what is shown is not counted")
	}
	b.press("x")
	if !b.is(`!document.getElementById("nothing").hidden`) {
		t.Error("nobody says that nothing matches")
	}
	b.press("Escape")
	if got := b.texts(names); len(got) != 60 {
		t.Errorf("Escape leaves %d projects", len(got))
	}
	b.eval(`document.querySelector('.chip[data-verdict="failing"]').focus()`, nil)
	b.press("Space")
	if diff := cmp.Diff([]string{"opera", "shop"}, b.texts(names+".sort()")); diff != "" {
		t.Errorf("only those that fail:\n%s", diff)
	}
	b.press("Tab", "Enter")
	if diff := cmp.Diff([]string{"opera", "parking", "shop"}, b.texts(names+".sort()")); diff != "" {
		t.Errorf("and those that are stale:\n%s", diff)
	}
	if !b.is(`document.querySelectorAll('.chip[aria-pressed="true"]').length === 2`) {
		t.Error("a screen reader is not told which filters are in force")
	}
	b.quiet(path)
}

func wantSorted(t *testing.T, b *browser, key, direction, first, last string) {
	t.Helper()
	got := b.texts(names)
	if len(got) == 0 || got[0] != first || got[len(got)-1] != last {
		t.Errorf("sorted by %s, %s: from %q to %q", key, direction, got[0], got[len(got)-1])
	}
	sorted := b.texts(`[...document.querySelectorAll("th[aria-sort]")].filter((head) => head.ariaSort !== "none").map((head) => head.dataset.key + " " + head.ariaSort)`)
	if diff := cmp.Diff([]string{key + " " + direction}, sorted); diff != "" {
		t.Errorf("aria-sort:\n%s", diff)
	}
}

func TestPageLightAndDarkAndOnAPhone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.html")
	write(t, path, invented())
	b := newBrowser(t)
	b.look("light", 1280, 900)
	b.open(path)

	const ground, ink = `getComputedStyle(document.body).backgroundColor`, `getComputedStyle(document.body).color`
	for scheme, dark := range map[string]bool{"light": false, "dark": true} {
		b.look(scheme, 1280, 900)
		var groundIs, inkIs string
		b.eval(ground, &groundIs)
		b.eval(ink, &inkIs)
		if isDark := brightness(t, groundIs) < brightness(t, inkIs); isDark != dark {
			t.Errorf("%s: %s on %s", scheme, inkIs, groundIs)
		}
		for text, ratio := range contrasts(b) {
			if ratio < 4.5 {
				t.Errorf("%s: the contrast of %s is %.1f", scheme, text, ratio)
			}
		}
	}

	const (
		block = `getComputedStyle(document.querySelector("tbody")).display === "block"`
		fits  = `document.documentElement.scrollWidth <= innerWidth`
	)
	if b.is(block) || !b.is(fits) {
		t.Error("on a desk it is no table, or one that is too wide")
	}
	for _, width := range []int{320, 390, 768} {
		b.look("light", width, 800)
		if !b.is(fits) {
			t.Errorf("%d pixels are too narrow", width)
		}
	}
	b.look("light", 390, 800)
	if !b.is(block) {
		t.Error("on a phone rows are no cards")
	}
	b.eval(`(() => { const order = document.getElementById("order"); order.value = "name"; order.dispatchEvent(new Event("change")); })()`, nil)
	if got := b.texts(names); got[0] != "academy" {
		t.Errorf("sorted on a phone: %q is the first", got[0])
	}
	b.quiet(path)
}

// contrasts are the ratios of WCAG 2 of the texts that have a colour of their own.
func contrasts(b *browser) map[string]float64 {
	var ratios map[string]float64
	b.eval(`(() => {
		const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
		const paint = (colour, below) => {
			context.fillStyle = below; context.fillRect(0, 0, 1, 1);
			context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
			return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
		};
		const luminance = (rgb) => rgb.map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
			.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
		const surface = getComputedStyle(document.querySelector("table")).backgroundColor;
		const ratios = {};
		for (const selector of [".facts", ".slot", ".hint", ".count", "small", ".none", "thead button", ".chip b",
				...[...document.querySelectorAll("tbody")].map((project) => "." + project.className + " .pill")]) {
			const style = getComputedStyle(document.querySelector(selector));
			const ground = document.querySelector(selector).closest("table, button") ? surface : getComputedStyle(document.body).backgroundColor;
			const below = luminance(paint(style.backgroundColor, ground)), text = luminance(paint(style.color, ground));
			ratios[selector] = (Math.max(below, text) + 0.05) / (Math.min(below, text) + 0.05);
		}
		return ratios;
	})()`, &ratios)
	return ratios
}

func brightness(t *testing.T, colour string) int {
	t.Helper()
	sum := 0
	for _, digits := range regexp.MustCompile(`\d+`).FindAllString(colour, 3) {
		n := 0
		for _, digit := range digits {
			n = 10*n + int(digit-'0')
		}
		sum += n
	}
	return sum
}

// Names and errors come from people's files and from servers, and may hold anything.
func TestPageShowsTextAsText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.html")
	hostile := nasty()
	write(t, path, []fleet.ProjectStatus{hostile})
	b := newBrowser(t)
	b.look("light", 1280, 900)
	b.open(path)
	for selector, want := range map[string]string{".name": hostile.Name, ".slot": hostile.Slot, ".error": hostile.Error, ".hint": hostile.Hint} {
		var got string
		b.eval(`document.querySelector("`+selector+`").textContent`, &got)
		if got != want {
			t.Errorf("%s shows %q, not %q", selector, got, want)
		}
	}
	if !b.is(`document.title === "The project is not fresh" && document.images.length === 0 && document.scripts.length === 1`) {
		t.Error("a text has become a part of the page")
	}
	b.quiet(path)

	// Were one to become a part of the page all the same, the page's policy would keep it from doing anything.
	b.eval(`document.body.append(Object.assign(document.createElement("img"), { src: "https://example.com/x.png" }))`, nil)
	b.eval(`fetch("https://example.com/x.json").catch(() => {}); 0`, nil)
	if !b.is(`(() => { try { document.body.innerHTML = "<p>"; } catch { return true; } })()`) {
		t.Error("the policy lets text become a part of the page")
	}
	output := func() string {
		b.mutex.Lock()
		defer b.mutex.Unlock()
		return strings.Join(b.talk, "\n")
	}
	kept := regexp.MustCompile(`(?s)x\.png' violates.*img-src data:.*x\.json' violates.*default-src 'none'`)
	for deadline := time.Now().Add(patience); !kept.MatchString(output()); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the browser does not say that it was kept from two requests:\n%s", output())
		}
	}
	b.mutex.Lock()
	b.talk = nil
	b.mutex.Unlock()
	b.quiet(path)
}

// Without scripts it is a table, with all that it has to say.
func TestPageWithoutScripts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.html")
	write(t, path, invented())
	b := newBrowser(t)
	b.look("light", 1280, 900)
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	b.open(path)
	if got := b.texts(names); len(got) != 60 || got[0] != "extranet" {
		t.Errorf("%d projects", len(got))
	}
	if !b.is(`document.getElementById("controls").hidden && document.querySelectorAll("thead button").length === 0`) {
		t.Error("there are buttons that do nothing")
	}
	b.quiet(path)
}

// The page says of what is known to be broken until when it is, and of what is no longer known nothing.
func TestPageShowsWhatIsKnown(t *testing.T) {
	for _, known := range []time.Time{{}, time.Date(2026, 12, 25, 0, 0, 0, 0, time.UTC)} {
		path := filepath.Join(t.TempDir(), "fleet.html")
		status := fleet.ProjectStatus{Name: "shop", Slot: "/srv/shop", Verdict: fleet.VerdictFailing, KnownBroken: known}
		write(t, path, []fleet.ProjectStatus{status})
		page, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(page), "known to be broken until 2026-12-24") == known.IsZero() {
			t.Errorf("known until %s: %v\n%s", known, err, page)
		}
	}
}
