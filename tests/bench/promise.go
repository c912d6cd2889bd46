package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// promise must hold in every run of the bench. It is about two medians, or about memory.
type promise struct {
	result string // the name of a result, such as "mariadb up"
	way    string // the key of the way of ours that it is about; if empty, the first for time, all for memory
	// peers are keys. The fastest of them is compared with. None means all.
	peers []string
	most  float64 // the limit of the ratio of the times; 0 if it is about memory
	peak  int64   // in bytes
}

var promises = []promise{
	{result: "mariadb up", peers: []string{"gzip"}, most: 0.30},
	{result: "mariadb up", peers: []string{"dumpling"}, most: 0.80},
	{result: "mariadb up", peers: []string{"mydumper/tables", "mydumper/rows"}, most: 0.80},
	{result: "mariadb up", peers: []string{"null"}, most: 1},
	{result: "mariadb down", peers: []string{"gzip"}, most: 0.45},
	{result: "mariadb down", peers: []string{"mydumper/tables", "mydumper/rows"}, most: 0.55},
	{result: "baked down", way: cached, peers: []string{"gzip"}, most: 0.15},
	{result: "baked down", way: cached, peers: []string{asSQL}, most: 0.35},
	// It loads the dump, as a pull does. What it does beyond that takes less time than another pull.
	{result: "baked down", way: baked, peers: []string{asSQL}, most: 2},
	{result: "small up", most: 1.1},
	{result: "small down", most: 1.1},
	{result: "tables up", most: 1},
	{result: "tables down", most: 1},
	{result: "postgres tables up", most: 1},
	{result: "postgres tables down", most: 1},
	{result: "changed up", way: onlyNew, peers: []string{everything}, most: 0.5},
	{result: "changed up", way: nothingNew, peers: []string{everything}, most: 0.1},
	{result: "changed down", way: onlyNew, peers: []string{everything}, most: 0.25},
	{result: "changed down", way: nothingNew, peers: []string{everything}, most: 0.05},
	{result: "values up", peak: 150 << 20},
	{result: "values down", peak: 200 << 20},
	{result: "postgres values up", peak: 150 << 20},
	{result: "postgres values down", peak: 200 << 20},
	{result: "mariadb up", peak: 150 << 20},
	{result: "small up", peak: 150 << 20},
	{result: "postgres up", peak: 150 << 20},
	{result: "mariadb down", peak: 200 << 20},
	{result: "baked down", way: ours, peak: 200 << 20},
	{result: "baked down", way: cached, peak: 200 << 20},
	{result: "small down", peak: 200 << 20},
	{result: "postgres down", peak: 200 << 20},
}

// verdict is the result for a promise.
type verdict struct {
	Text string `json:"text"`
	Kept bool   `json:"kept"`
}

// judge checks the promises for which there are figures.
func judge(results []result) []verdict {
	var verdicts []verdict
	for _, p := range promises {
		i := slices.IndexFunc(results, func(r result) bool { return r.Name == p.result })
		if i < 0 {
			continue
		}
		v, found := p.judgeTime(results[i])
		if p.peak > 0 {
			v, found = p.judgeMemory(results[i])
		}
		if found {
			verdicts = append(verdicts, v)
		}
	}
	return verdicts
}

// judgeTime compares ours with the fastest of the peers. Without a peer the promise is neither kept nor broken.
func (p promise) judgeTime(r result) (v verdict, found bool) {
	us, best := r.way(cmp.Or(p.way, ours)), wayResult{}
	for _, w := range r.Ways {
		if len(p.peers) > 0 && !slices.Contains(p.peers, w.Key) || len(p.peers) == 0 && (peerOf(w.Key) == ours || peerOf(w.Key) == old) {
			continue
		}
		if best.Key == "" || w.Median.Wall < best.Median.Wall {
			best = w
		}
	}
	if best.Key == "" {
		return verdict{}, false
	}
	ratio := us.Median.Wall / best.Median.Wall
	return verdict{
		Text: fmt.Sprintf("%s: %s takes %.2f of the time of %s; promised is less than %.2f", r.Name, p.who(us), ratio, best.Name, p.most),
		Kept: ratio < p.most,
	}, true
}

// who returns the way of ours that a promise is about.
func (p promise) who(w wayResult) string {
	if p.way == "" {
		return "dump-helper"
	}
	return w.Name
}

// judgeMemory checks every run of ours: memory is bounded, not on average.
func (p promise) judgeMemory(r result) (v verdict, found bool) {
	most := int64(0)
	for _, w := range r.Ways {
		if peerOf(w.Key) == ours && (p.way == "" || p.way == w.Key) {
			for _, c := range w.Runs {
				most = max(most, c.Peak)
			}
		}
	}
	return verdict{
		Text: fmt.Sprintf("%s: %s takes %d MiB of memory; promised is less than %d MiB", r.Name, p.who(r.way(p.way)), most>>20, p.peak>>20),
		Kept: most < p.peak,
	}, true
}

// broken returns an error with a line for each broken promise.
func (r report) broken() error {
	var lines []string
	for _, v := range r.Verdicts {
		if !v.Kept {
			lines = append(lines, "broken promise: "+v.Text)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}
