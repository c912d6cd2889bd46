package pull

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/export"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// oven has bigDump with two tables as files, as `dump-helper bake` would make them.
type oven struct {
	dump, sql []byte
	name      string // the object's
	index     dumpfile.Index
	parts     []texts
}

var ovens struct {
	once  sync.Once
	baked *oven
}

// bakeOnce makes the test server write its tables to files.
func bakeOnce(t *testing.T) *oven {
	t.Helper()
	ovens.once.Do(func() { ovens.baked = bake(t) })
	if ovens.baked == nil {
		t.Fatal("there is nothing baked")
	}
	return ovens.baked
}

func bake(t *testing.T) *oven {
	t.Helper()
	db, err := mariadb()
	if err != nil {
		t.Fatal(err)
	}
	big := bigDump()
	o := &oven{}
	o.dump, o.sql = write(t, big)
	index, err := dumpfile.ReadIndex(bytes.NewReader(o.dump), int64(len(o.dump)), dumpfile.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Exec("CREATE OR REPLACE DATABASE oven", "USE oven", string(o.sql)); err != nil {
		t.Fatal(err)
	}
	url, err := dburl.Parse(db.URL("oven"))
	if err != nil {
		t.Fatal(err)
	}
	export, err := export.OpenExport(t.Context(), url, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	defer export.Close()
	o.name, o.index = dumpName+"."+export.Server.Series()+".tables.zst", *index
	o.index.Baked = &dumpfile.Baked{
		Dump: dumpName, DumpIndex: index.Digest(), Engine: export.Server.Engine, Version: export.Server.Version, PageSize: export.Server.PageSize,
	}
	o.parts = append(o.parts, big[0])
	for _, table := range export.Tables {
		of := dumpfile.BakedTable{Name: table.Name, Definition: table.Definition, RowFormat: table.RowFormat}
		for _, file := range table.Files {
			of.Files = append(of.Files, dumpfile.BakedFile(file))
			from, err := export.Open(table, file)
			if err != nil {
				t.Fatal(err)
			}
			all, err := io.ReadAll(from)
			if err != nil {
				t.Fatal(err)
			}
			_ = from.Close()
			for part := range slices.Chunk(all, 1<<20) {
				o.parts = append(o.parts, texts{part, dumpfile.About{Section: dump.Files, Table: table.Name, File: file.Name}})
			}
		}
		o.index.Baked.Tables = append(o.index.Baked.Tables, of)
	}
	if len(o.index.Baked.Tables) != 2 {
		t.Fatalf("left are %v", export.Left)
	}
	o.parts = append(o.parts, big[len(big)-1])
	return o
}

// object returns the baked object after a change of its index.
func (o *oven) object(t *testing.T, change func(*dumpfile.Index)) []byte {
	t.Helper()
	var out buffer
	writer, err := dumpfile.NewWriter(t.Context(), &out, dumpfile.Zstd, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range o.parts {
		if _, err := writer.Add(bytes.Clone(part.sql), part.about); err != nil {
			t.Fatal(err)
		}
	}
	index, about := o.index, *o.index.Baked
	index.Baked, index.Tables = &about, slices.Clone(index.Tables)
	if change != nil {
		change(&index)
	}
	if err := writer.Close(index); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// putBaked puts the dump and a baked object into the bucket.
func (s *site) putBaked(o *oven, object []byte) {
	s.t.Helper()
	s.put(o.dump)
	if err := s.store.PutObject(s.name, "shop/"+o.name, object); err != nil {
		s.t.Fatal(err)
	}
}

// notes returns the lines about tables as files and about damage.
func (s *site) notes() (lines []string) {
	s.watch.mutex.Lock()
	defer s.watch.mutex.Unlock()
	for _, line := range s.watch.lines {
		if strings.Contains(line, "files") || strings.Contains(line, "damaged") {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestFiles pulls tables as files from the bucket, from the cache, and from a damaged cache.
func TestFiles(t *testing.T) {
	o, s := bakeOnce(t), newSite(t)
	object := o.object(t, nil)
	s.putBaked(o, object)
	pulled := func(fetched int) {
		t.Helper()
		result, err := s.pull(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !result.Files || result.FileTables != 2 || result.NoFiles != "" || result.Tables != 3 || result.Rows != 19 ||
			result.FetchedBytes != int64(fetched) || result.CachedBytes != int64(len(object)-fetched) {
			t.Errorf("it is %+v", result)
		}
		s.wantLoaded(o.sql)
		if diff := cmp.Diff([]string{o.name, o.name + ".json"}, s.cached()); diff != "" {
			t.Errorf("cache (-want +got)\n%s", diff)
		}
	}
	pulled(len(object))
	pulled(0)
	if notes := s.notes(); notes != nil {
		t.Errorf("it says %q", notes)
	}

	path := filepath.Join(filepath.Dir(s.cachePath()), o.name)
	wrong := bytes.Clone(object)
	wrong[len(wrong)/2] ^= 1
	if err := os.WriteFile(path, wrong, 0o600); err != nil {
		t.Fatal(err)
	}
	pulled(len(object))
	if diff := cmp.Diff([]string{"the cached copy of " + o.name + " is damaged, fetching it again"}, s.notes()); diff != "" {
		t.Errorf("it says (-want +got)\n%s", diff)
	}
	if s.fetched[0] == 0 {
		t.Error("nothing was fetched")
	}
}

// TestFilesAreRefused puts unusable objects beside the dump. They are recognized before anything is fetched.
func TestFilesAreRefused(t *testing.T) {
	o, s := bakeOnce(t), newSite(t)
	version, size := o.index.Baked.Version, o.index.Baked.PageSize
	says := func(change func(*dumpfile.Index)) []byte { return o.object(t, change) }
	for name, test := range map[string]struct {
		object []byte
		want   string
	}{
		"another dump's": {
			says(func(i *dumpfile.Index) { i.Baked.DumpIndex[0] ^= 1 }),
			"NAME was made from another dump",
		},
		"another version's": {
			says(func(i *dumpfile.Index) { i.Baked.Version = "10.6.22" }),
			"NAME was made by mariadb 10.6.22, the local server is mariadb " + version,
		},
		"another server's": {
			says(func(i *dumpfile.Index) { i.Baked.Engine = "mysql" }),
			"NAME was made by mysql " + version + ", the local server is mariadb " + version,
		},
		"with other pages": {
			says(func(i *dumpfile.Index) { i.Baked.PageSize = 2 * size }),
			"NAME has pages of 32768 bytes, the local server's have 16384",
		},
		"with other tables": {
			says(func(i *dumpfile.Index) { i.Tables = append(i.Tables, dumpfile.Table{Name: "d"}) }),
			"NAME does not have the dump's tables and row counts",
		},
		"a dump": {o.dump, "NAME has no tables as files"},
		"truncated": {
			says(nil)[:15<<20],
			"read NAME: the dump is truncated at byte 15728640: the index that should end here is missing",
		},
		"somebody else's": {make([]byte, 1000), "read NAME: the dump has no index"},
	} {
		s.putBaked(o, test.object)
		plan, err := Prepare(t.Context(), s.config())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Inspect(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if files := plan.Files(); files == nil || files.Key != "shop/"+o.name {
			t.Errorf("%s: found are %+v", name, files)
		} else {
			wantError(t, files.Refused, strings.ReplaceAll(test.want, "NAME", o.name))
		}
		_ = plan.Close()
	}
}

// TestFilesFail puts objects beside the dump that fail when they are loaded or before. One line says why, and the SQL is
// loaded.
func TestFilesFail(t *testing.T) {
	o := bakeOnce(t)
	object := o.object(t, nil)
	wrong := bytes.Clone(object)
	wrong[len(wrong)/2] ^= 1
	spoilt := *o
	spoilt.parts = slices.Clone(o.parts)
	for i, part := range spoilt.parts {
		if part.about.File == ".ibd" {
			spoilt.parts[i].sql = bytes.Repeat([]byte("x"), len(part.sql))
		}
	}
	for name, test := range map[string]struct {
		object []byte
		want   string // the line or its beginning
	}{
		"another dump's": {
			o.object(t, func(i *dumpfile.Index) { i.Baked.DumpIndex[0] ^= 1 }), "NAME was made from another dump",
		},
		"of another table": {
			o.object(t, func(i *dumpfile.Index) {
				i.Baked.Tables = slices.Clone(i.Baked.Tables)
				i.Baked.Tables[1].Definition[0] ^= 1
			}), "load NAME: table b: this server makes another table of its definition",
		},
		"no files of tables": {spoilt.object(t, nil), "load NAME: table "},
		"damaged":            {wrong, "load NAME: read the dump: the dump is corrupt at byte "},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.putBaked(o, test.object)
			result, err := s.pull(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := "loading tables as SQL, not as files: " + strings.ReplaceAll(test.want, "NAME", o.name)
			if notes := s.notes(); len(notes) != 1 || !strings.HasPrefix(notes[0], want) || notes[0] != "loading tables as SQL, not as files: "+result.NoFiles {
				t.Errorf("it says %q instead of %q", notes, want)
			}
			if result.Files || result.FileTables != 0 || result.Tables != 3 || result.FetchedBytes != int64(len(o.dump)) {
				t.Errorf("it is %+v", result)
			}
			s.wantLoaded(o.sql)
			if got, err := os.ReadFile(s.cachePath()); err != nil || !bytes.Equal(got, o.dump) {
				t.Errorf("the cached dump has %d bytes that are not those of the object, %v", len(got), err)
			}
		})
	}
}

// TestFilesGoMeanwhile deletes the files from the bucket when the first part has been fetched.
func TestFilesGoMeanwhile(t *testing.T) {
	o, s := bakeOnce(t), newSite(t)
	s.putBaked(o, o.object(t, nil))
	s.meddle(func(http.ResponseWriter, *http.Request) bool {
		s.onGet.Store(nil)
		if err := s.store.DeleteObject(s.name, "shop/"+o.name); err != nil {
			t.Error(err)
		}
		return false
	})
	result, err := s.pull(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"loading tables as SQL, not as files: fetch " + o.name + ": fetch s3://" + s.name + "/shop/" + o.name + ": no such object"}
	if diff := cmp.Diff(want, s.notes()); diff != "" || result.Files {
		t.Errorf("it says (-want +got)\n%s, and is %+v", diff, result)
	}
	s.wantLoaded(o.sql)
}

// TestFilesInterrupted interrupts a pull while files are fetched: it does not fall back to SQL.
func TestFilesInterrupted(t *testing.T) {
	o, s := bakeOnce(t), newSite(t)
	s.putBaked(o, o.object(t, nil))
	ctx, cancel := context.WithCancelCause(t.Context())
	release := s.hold()
	defer release()
	s.watch.advance = func() { cancel(errCtrlC) }
	if _, err := s.pull(ctx); !errors.Is(err, errCtrlC) {
		t.Errorf("the error is %v", err)
	}
	s.wantUntouched()
	if notes := s.notes(); notes != nil {
		t.Errorf("it says %q", notes)
	}
}

// TestFilesOfSomeTables fetches no more files than the selection needs.
func TestFilesOfSomeTables(t *testing.T) {
	o := bakeOnce(t)
	for name, test := range map[string]struct {
		selection Selection
		files     int64
		rows      int64
		change    string // turns the dump's contents into those that the local database should have afterwards
	}{
		"one":                       {Selection{Tables: []string{"b"}}, 1, 9, "DROP TABLE a, c; CREATE TABLE mine (id INT PRIMARY KEY)"},
		"one without its rows":      {Selection{StructureOnly: []string{"a"}}, 1, 9, "DELETE FROM a"},
		"one that does not come so": {Selection{Tables: []string{"c"}}, 0, 0, "DROP TABLE a, b; CREATE TABLE mine (id INT PRIMARY KEY)"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			object := o.object(t, nil)
			s.putBaked(o, object)
			config := s.config()
			config.Selection = test.selection
			result, err := pullWith(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			if result.FileTables != test.files || result.Files != (test.files > 0) || result.Rows != test.rows || result.NoFiles != "" {
				t.Errorf("it is %+v", result)
			}
			if test.files == 1 && result.FetchedBytes > int64(len(object))-6<<20 {
				t.Errorf("%d of %d bytes are fetched", result.FetchedBytes, len(object))
			}
			s.wantLoaded(append(slices.Clone(o.sql), test.change...))
			if notes := s.notes(); notes != nil {
				t.Errorf("it says %q", notes)
			}
		})
	}
}

// TestOnlySQL ignores files.
func TestOnlySQL(t *testing.T) {
	o, s := bakeOnce(t), newSite(t)
	s.putBaked(o, o.object(t, nil))
	config := s.config()
	config.OnlySQL = true
	result, err := pullWith(t.Context(), config)
	if err != nil || result.Files || result.NoFiles != "" || s.notes() != nil {
		t.Errorf("it is %+v, %v, and says %q", result, err, s.notes())
	}
	s.wantLoaded(o.sql)

	config = s.config()
	config.Key = o.name
	_, err = pullWith(t.Context(), config)
	wantError(t, err, "the object is not an SQL dump: "+o.name+" has the tables of "+dumpName+" as files")

	// A dump that the user names is not listed.
	config.Key = dumpName
	if result, err = pullWith(t.Context(), config); err != nil || !result.Files {
		t.Errorf("with a key it is %+v, %v", result, err)
	}
	s.wantLoaded(o.sql)
}

// TestFilesWhileAnotherPulls fails as any second pull does, and does not fall back to SQL.
func TestFilesWhileAnotherPulls(t *testing.T) {
	o, s := bakeOnce(t), newSite(t)
	s.putBaked(o, o.object(t, nil))
	release := s.hold()
	defer release()
	done := s.pullAside(t.Context())
	s.firstRange()
	plan, err := Prepare(t.Context(), s.config())
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	var busy *target.BusyError
	if _, err := plan.Inspect(t.Context()); !errors.As(err, &busy) || !busy.Running {
		t.Errorf("the error is %v", err)
	}
	release()
	if got := <-done; got.err != nil || !got.Files {
		t.Errorf("the first is %+v", got)
	}
	if notes := s.notes(); notes != nil {
		t.Errorf("it says %q", notes)
	}
}
