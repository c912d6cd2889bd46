package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// options are set by the environment.
type options struct {
	// Sizes of the databases, in millions of bytes of SQL.
	megabytes, postgresMegabytes, smallMegabytes int
	// tables is the number of small tables, valueMegabytes the size of a long value.
	tables, valueMegabytes int
	// How often each way is measured: refresh, pull, and the small database, whose runs are short.
	runs, pullRuns, smallRuns int
	// server is versitygw or minio; report is the file for the figures; under is the folder for the servers' data.
	server, report, under string
	// old is another build of dump-helper, which takes part as a peer; none if empty.
	old string
	// only and peers are the names of what is compared; everything if empty.
	only, peers []string
}

// parts are the values of BENCH_ONLY.
var parts = []string{"up", "down", "baked", "connections", "small", "postgres", "tables", "values", "changed"}

func readOptions(getenv func(string) string) (options, error) {
	o := options{
		server: "versitygw", report: getenv("BENCH_JSON"), under: getenv("BENCH_DIR"), smallMegabytes: 5,
		old:  getenv("BENCH_OLD"),
		only: commaList(getenv("BENCH_ONLY")), peers: commaList(getenv("BENCH_PEERS")),
	}
	if name := getenv("S3"); name != "" {
		o.server = name
	}
	var problems []error
	number := func(name string, fallback int) int {
		text := getenv(name)
		if text == "" {
			return fallback
		}
		value, err := strconv.Atoi(text)
		if err != nil || value < 1 {
			problems = append(problems, fmt.Errorf("%s: must be a whole number from 1 (got %q)", name, text))
		}
		return value
	}
	o.megabytes, o.postgresMegabytes = number("SIZE_MB", 1000), number("PG_SIZE_MB", 500)
	o.tables, o.valueMegabytes = number("TABLES", 2000), number("VALUE_MB", 500)
	o.runs = number("RUNS", 5)
	o.pullRuns, o.smallRuns = number("PULL_RUNS", o.runs), 3*o.runs
	if o.server != "versitygw" && o.server != "minio" {
		problems = append(problems, fmt.Errorf("S3: must be versitygw or minio (got %q)", o.server))
	}
	check := func(variable string, names, known []string) {
		for _, name := range names {
			if !slices.Contains(known, name) {
				problems = append(problems, fmt.Errorf("%s: %q is none of %s", variable, name, strings.Join(known, ", ")))
			}
		}
	}
	check("BENCH_ONLY", o.only, parts)
	check("BENCH_PEERS", o.peers, peerNames())
	return o, errors.Join(problems...)
}

func commaList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// wants reports whether a part is measured.
func (o options) wants(part string) bool { return len(o.only) == 0 || slices.Contains(o.only, part) }

// chosen returns the ways that take part. Ours always do, and those of another build if there is one.
func (o options) chosen(ways []way) []way {
	return slices.DeleteFunc(slices.Clone(ways), func(w way) bool {
		switch peer := peerOf(w.key); peer {
		case ours:
			return false
		case old:
			return o.old == ""
		default:
			return len(o.peers) > 0 && !slices.Contains(o.peers, peer)
		}
	})
}
