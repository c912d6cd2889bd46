package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocumentShowsTheFigures compares docs/benchmarks.md with the figures from which it is made.
func TestDocumentShowsTheFigures(t *testing.T) {
	const figures, document = "../../docs/benchmarks.json", "../../docs/benchmarks.md"
	want, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	written := filepath.Join(t.TempDir(), "benchmarks.md")
	if err := os.WriteFile(written, want, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeDocument(figures, written); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/benchmarks.md (-) is not what `make bench-table` writes (+):\n%s", diff)
	}
}

// TestDocumentNamesTheKnobs looks for each part and each peer in docs/benchmarks.md.
func TestDocumentNamesTheKnobs(t *testing.T) {
	text, err := os.ReadFile("../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(peerNames(), parts...) {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/benchmarks.md does not name `%s`", name)
		}
	}
}

func TestDocumentWithoutPlaceForFigures(t *testing.T) {
	document := filepath.Join(t.TempDir(), "plain.md")
	if err := os.WriteFile(document, []byte("# Nothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := writeDocument("../../docs/benchmarks.json", document)
	if err == nil || !strings.Contains(err.Error(), "has no place for figures") {
		t.Errorf("got %v", err)
	}
}

// took makes the result of a way from the seconds of its runs and the memory of each in MiB.
func took(key string, mebibytes int64, seconds ...float64) wayResult {
	w := wayResult{Key: key, Name: "way " + key}
	for _, s := range seconds {
		w.Runs = append(w.Runs, cost{Wall: s, Peak: mebibytes << 20})
	}
	w.Median = medians(w.Runs)
	return w
}

func TestPromises(t *testing.T) {
	verdicts := func(results ...result) (lines []string) {
		for _, v := range judge(results) {
			mark := "kept: "
			if !v.Kept {
				mark = "broken: "
			}
			lines = append(lines, mark+v.Text)
		}
		return lines
	}
	for _, test := range []struct {
		name    string
		results []result
		want    []string
	}{
		{
			"refresh", []result{{Name: "mariadb up", Ways: []wayResult{
				took(ours, 149, 8, 30, 9), took("gzip", 1, 31, 31, 31), took("mydumper/tables", 1, 20), took("mydumper/rows", 1, 11), took("null", 1, 9),
			}}},
			[]string{
				"kept: mariadb up: dump-helper takes 0.29 of the time of way gzip; promised is less than 0.30",
				"broken: mariadb up: dump-helper takes 0.82 of the time of way mydumper/rows; promised is less than 0.80",
				"broken: mariadb up: dump-helper takes 1.00 of the time of way null; promised is less than 1.00",
				"kept: mariadb up: dump-helper takes 149 MiB of memory; promised is less than 150 MiB",
			},
		},
		{
			"pull, with the cache in one run above", []result{{Name: "mariadb down", Ways: []wayResult{
				took(ours, 90, 4), took(cached, 200, 3), took("gzip", 1, 10), took("mydumper/rows", 1, 7),
			}}},
			[]string{
				"kept: mariadb down: dump-helper takes 0.40 of the time of way gzip; promised is less than 0.45",
				"broken: mariadb down: dump-helper takes 0.57 of the time of way mydumper/rows; promised is less than 0.55",
				"broken: mariadb down: dump-helper takes 200 MiB of memory; promised is less than 200 MiB",
			},
		},
		{
			"a small database against the best of all", []result{{Name: "small down", Ways: []wayResult{
				took(ours, 90, 1), took(cached, 90, 0.1), took("gzip", 1, 2), took("s5cmd", 1, 0.95),
			}}},
			[]string{
				"kept: small down: dump-helper takes 1.05 of the time of way s5cmd; promised is less than 1.10",
				"kept: small down: dump-helper takes 90 MiB of memory; promised is less than 200 MiB",
			},
		},
		{
			"tables as files, and what they cost", []result{{Name: "baked down", Ways: []wayResult{
				took(ours, 90, 2), took(cached, 201, 1.4), took(asSQL, 300, 4.1), took(baked, 900, 8), took("gzip", 1, 10),
			}}},
			[]string{
				"kept: baked down: way dump-helper/cached takes 0.14 of the time of way gzip; promised is less than 0.15",
				"kept: baked down: way dump-helper/cached takes 0.34 of the time of way dump-helper/sql; promised is less than 0.35",
				"kept: baked down: way dump-helper/bake takes 1.95 of the time of way dump-helper/sql; promised is less than 2.00",
				"kept: baked down: way dump-helper takes 90 MiB of memory; promised is less than 200 MiB",
				"broken: baked down: way dump-helper/cached takes 201 MiB of memory; promised is less than 200 MiB",
			},
		},
		{
			"nothing to compare with", []result{{Name: "mariadb up", Ways: []wayResult{took(ours, 90, 1)}}},
			[]string{"kept: mariadb up: dump-helper takes 90 MiB of memory; promised is less than 150 MiB"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, verdicts(test.results...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBrokenPromisesEndTheBench(t *testing.T) {
	r := report{Verdicts: []verdict{{"up: too slow", false}, {"down: fine", true}, {"down: too big", false}}}
	err := r.broken()
	if err == nil || err.Error() != "broken promise: up: too slow\nbroken promise: down: too big" {
		t.Errorf("got %v", err)
	}
	if err := (report{Verdicts: []verdict{{"down: fine", true}}}).broken(); err != nil {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	environ := map[string]string{"RUNS": "2", "BENCH_ONLY": "up,small", "BENCH_PEERS": "mydumper"}
	o, err := readOptions(func(name string) string { return environ[name] })
	if err != nil {
		t.Fatal(err)
	}
	if o.runs != 2 || o.pullRuns != 2 || o.smallRuns != 6 || o.megabytes != 1000 || o.server != "versitygw" {
		t.Errorf("got %+v", o)
	}
	if !o.wants("up") || o.wants("down") {
		t.Errorf("only %q is wanted", o.only)
	}
	var keys []string
	for _, w := range o.chosen(mariadbWays) {
		keys = append(keys, w.key)
	}
	if diff := cmp.Diff([]string{ours, cached, "mydumper/tables", "mydumper/rows"}, keys); diff != "" {
		t.Error(diff)
	}

	environ = map[string]string{"SIZE_MB": "0", "RUNS": "many", "S3": "ceph", "BENCH_ONLY": "sideways", "BENCH_PEERS": "rsync"}
	_, err = readOptions(func(name string) string { return environ[name] })
	want := `SIZE_MB: must be a whole number from 1 (got "0")
RUNS: must be a whole number from 1 (got "many")
S3: must be versitygw or minio (got "ceph")
BENCH_ONLY: "sideways" is none of up, down, baked, connections, small, postgres, tables, values, changed
BENCH_PEERS: "rsync" is none of directory, dumpling, gzip, mydumper, null, s5cmd, zstd`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// TestMeasure runs command lines with known costs.
func TestMeasure(t *testing.T) {
	// tail keeps what it prints: 64 MiB.
	one, err := measure(t.Context(), os.Environ(), t.TempDir(), "head -c 64M /dev/zero | tail -c 64M >/dev/null; sleep 0.1")
	if err != nil {
		t.Fatal(err)
	}
	if one.Peak < 60<<20 || one.Peak > 120<<20 || one.TreePeak < one.Peak || one.Wall < 0.1 || one.CPU <= 0 {
		t.Errorf("one: %+v", one)
	}
	_, err = measure(t.Context(), os.Environ(), t.TempDir(), "echo oh no >&2; false | cat")
	if err == nil || err.Error() != "echo oh no >&2; false | cat: exit status 1\noh no" {
		t.Errorf("got %v", err)
	}
}
