package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// structureOnly lists the tables that Drupal's preset publishes without rows.
var structureOnly = []string{
	"cache_bootstrap", "cache_config", "cache_data", "cache_default", "cache_discovery", "cache_dynamic_page_cache", "cache_entity",
	"cache_menu", "cache_page", "cache_render", "cachetags", "flood", "history", "key_value_expire", "queue", "semaphore", "sessions", "watchdog",
}

// show runs the demo from the first server to the last figure.
func show(ctx context.Context, s *stage, helper string, megabytes int) error {
	c := &clock{start: time.Now()}
	load := func() error { return s.fillStaging(ctx, megabytes) }
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"starting staging, a MariaDB server", s.startStaging},
		{fmt.Sprintf("filling its database with %d MB of SQL, as Drupal's", megabytes), load},
		{"starting S3, a versitygw server", s.startS3},
		{"starting the local MariaDB server, with an old copy of the site", s.startLocal},
	} {
		if err := c.step(ctx, step.what, step.do); err != nil {
			return err
		}
	}
	project, err := s.writeProject()
	if err != nil {
		return err
	}
	fmt.Println("\nthe project's .ddev/config.yaml, a real one in a temporary folder, has:")
	if err := printSettings(filepath.Join(project, ".ddev", "config.yaml")); err != nil {
		return err
	}
	h := &program{
		clock: c, path: helper, project: project,
		environ: append(slices.DeleteFunc(os.Environ(), foreign), append(s.s3.Owner().Environ(),
			"DUMP_CACHE_DIR="+filepath.Join(s.dir, "cache"), "DUMP_TARGET="+s.local.URL(localDatabase))...),
	}

	var up refreshed
	var first, second, files pulled
	if err := h.run(ctx, &up, "refresh", "--json"); err != nil {
		return err
	}
	for _, verb := range []string{"list", "inspect"} {
		if err := h.run(ctx, nil, verb); err != nil {
			return err
		}
	}
	if err := h.run(ctx, &first, "pull", "--yes", "--json"); err != nil {
		return err
	}
	fmt.Println("\nonce more, as on the next morning without a new dump:")
	if err := h.run(ctx, &second, "pull", "--yes", "--json"); err != nil {
		return err
	}
	if second.FetchedBytes != 0 || second.CachedBytes == 0 {
		return fmt.Errorf("the second pull fetched %d bytes again", second.FetchedBytes)
	}

	kind, err := s.localKind()
	if err != nil {
		return err
	}
	fmt.Println("\nthe tables as files, for servers like the local one; once fetched, and once from the cache:")
	if err := h.run(ctx, nil, "bake", "--for="+kind); err != nil {
		return err
	}
	for range 2 {
		if err := h.run(ctx, &files, "pull", "--yes", "--json"); err != nil {
			return err
		}
		if files.FileTables == 0 {
			return errors.New("no table came as files: " + files.NoFiles)
		}
	}

	var same, left int
	compare := func() (err error) {
		same, left, err = compareDatabases(s)
		return err
	}
	if err := c.step(ctx, "comparing both databases by CHECKSUM TABLE", compare); err != nil {
		return err
	}
	fmt.Printf("    %d tables are the same on both sides; %d have their structure only, as the rules for Drupal say: %s\n",
		same, left, strings.Join(structureOnly, ", "))

	c.print()
	fmt.Printf("\nSQL %s -> S3 %s (%d tables, %d rows); second pull: 0 bytes fetched, %s from the cache, %.1f s; with %d tables as files %.1f s\n",
		megabyteText(up.RawBytes), megabyteText(up.ObjectBytes), up.Tables, up.Rows, megabyteText(second.CachedBytes), second.Seconds,
		files.FileTables, files.Seconds)
	return nil
}

// refreshed and pulled are the fields of the helper's JSON that the demo reads.
type refreshed struct {
	Key         string `json:"key"`
	ObjectBytes int64  `json:"object_bytes"`
	RawBytes    int64  `json:"raw_bytes"`
	Tables      int    `json:"tables"`
	Rows        int64  `json:"rows"`
}

type pulled struct {
	Key          string  `json:"key"`
	FetchedBytes int64   `json:"fetched_bytes"`
	CachedBytes  int64   `json:"cached_bytes"`
	FileTables   int64   `json:"file_tables"`
	NoFiles      string  `json:"no_files"`
	Seconds      float64 `json:"seconds"`
}

// compareDatabases fails unless the local database has exactly staging's tables with the same rows, or without rows if
// the rules say so.
func compareDatabases(s *stage) (same, empty int, err error) {
	staging, err := s.staging.Checksums(stagingDatabase)
	if err != nil {
		return 0, 0, err
	}
	local, err := s.local.Checksums(localDatabase)
	if err != nil {
		return 0, 0, err
	}
	var wrong []string
	for table, sum := range staging {
		got, there := local[table]
		switch {
		case !there:
			wrong = append(wrong, table+" is missing")
		case slices.Contains(structureOnly, table):
			rows, err := s.local.Query("SELECT count(*) FROM " + localDatabase + "." + table)
			if err != nil {
				return 0, 0, err
			}
			if rows[0][0] != "0" {
				wrong = append(wrong, table+" has rows")
			}
			empty++
		case got != sum:
			wrong = append(wrong, table+" differs")
		default:
			same++
		}
	}
	for table := range local {
		if _, ok := staging[table]; !ok {
			wrong = append(wrong, table+" should be gone")
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return 0, 0, errors.New("the databases differ: " + strings.Join(wrong, ", "))
	}
	return same, empty, nil
}

// program is the helper in the demo's project.
type program struct {
	clock         *clock
	path, project string
	environ       []string
}

// run runs a command and decodes its JSON into result, unless that is nil.
func (p *program) run(ctx context.Context, result any, words ...string) error {
	var output bytes.Buffer
	err := p.clock.step(ctx, "dump-helper "+strings.Join(words, " "), func() error {
		cmd := exec.CommandContext(ctx, p.path, words...)
		cmd.Dir, cmd.Env = p.project, p.environ
		cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, &output), os.Stderr
		// The helper cleans up after a signal, so wait for it.
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 20 * time.Second
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("dump-helper %s: %w", words[0], err)
		}
		return nil
	})
	if err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal(output.Bytes(), result); err != nil {
		return fmt.Errorf("read what dump-helper %s printed: %w", words[0], err)
	}
	return nil
}

// foreign reports whether an environment entry would point the helper at something outside the demo.
func foreign(entry string) bool {
	return strings.HasPrefix(entry, "AWS_") || strings.HasPrefix(entry, "DUMP_")
}

// clock prints what is being done and how long each step took.
type clock struct {
	start time.Time
	took  []string
}

func (c *clock) step(ctx context.Context, what string, do func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fmt.Printf("\n==> %s\n", what)
	start := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	took := time.Since(start)
	fmt.Printf("    %.1f s\n", took.Seconds())
	c.took = append(c.took, fmt.Sprintf("%7.1f s  %s", took.Seconds(), what))
	return nil
}

func (c *clock) print() {
	fmt.Printf("\nwhat took how long:\n%s\n%7.1f s  in all\n", strings.Join(c.took, "\n"), time.Since(c.start).Seconds())
}

func megabyteText(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// printSettings prints the DUMP_ lines of a config.yaml.
func printSettings(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "DUMP_") || strings.HasPrefix(line, "type:") {
			fmt.Print("    ", line)
		}
	}
	return nil
}
