package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// report has everything that was measured. The file that BENCH_JSON names contains it.
type report struct {
	Date     string    `json:"date"`
	S3       string    `json:"s3"`
	Machine  machine   `json:"machine"`
	Programs []program `json:"programs"`
	Results  []result  `json:"results"`
	Verdicts []verdict `json:"promises"`
}

// result is one direction of a contest.
type result struct {
	Name  string      `json:"name"`
	Title string      `json:"title"`
	Ways  []wayResult `json:"ways"`
}

// wayResult is the result of one way.
type wayResult struct {
	Key     string `json:"key"`
	Name    string `json:"name"`
	Command string `json:"command"`
	Median  cost   `json:"median"`
	Runs    []cost `json:"runs"`
}

// way returns the result of a key.
func (r result) way(key string) wayResult {
	for _, w := range r.Ways {
		if w.Key == key {
			return w
		}
	}
	return wayResult{}
}

func (r report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func readReport(path string) (r report, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}
