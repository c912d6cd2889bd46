package pull

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// A local server that ignores the case of names refuses a dump with names that only differ in case. It does so before
// anything is fetched, and for any part. A selection may name tables in any case there.
func TestNamesThatDifferInCase(t *testing.T) {
	folding, err := testserver.MariaDB(filepath.Join(t.TempDir(), "folding"), "--lower-case-table-names=1")
	if err != nil {
		t.Fatal(err)
	}
	defer folding.Stop()
	head := func(tables string) texts {
		return texts{[]byte("-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\n" + tables), dumpfile.About{Section: dump.Head}}
	}
	tail := texts{[]byte("-- Dump completed on 2026-11-22  6:30:00\n"), dumpfile.About{Section: dump.Tail}}
	rows := texts{[]byte("INSERT INTO `Users` (`id`) VALUES (1),(2);\n"), dumpfile.About{Section: dump.Rows, Table: "Users", Rows: 2}}

	s := newSite(t)
	s.db = folding
	if err := folding.Exec("CREATE DATABASE `"+s.name+"`", "CREATE TABLE `"+s.name+"`.mine (id INT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	object, _ := write(t, []texts{head("CREATE TABLE `Users` (`id` int(11));\nCREATE TABLE `other` (`id` int(11));\nCREATE TABLE `users` (`id` int(11));\n"), rows, tail})
	s.put(object)
	for _, selection := range []Selection{{}, {Tables: []string{"other"}}, {Skip: []string{"users"}}} {
		config := s.config()
		config.Selection = selection
		_, err := pullWith(t.Context(), config)
		var refused *target.NamesError
		if !errors.As(err, &refused) || refused.First != "Users" || refused.Second != "users" {
			t.Errorf("%v: %v", selection, err)
		}
		if cached := s.cached(); len(cached) > 0 {
			t.Errorf("%v: fetched %v", selection, cached)
		}
	}
	s.wantUntouched()

	object, _ = write(t, []texts{head("CREATE TABLE `Users` (`id` int(11));\nCREATE TABLE `other` (`id` int(11));\n"), rows, tail})
	s.put(object)
	config := s.config()
	config.Selection = Selection{Tables: []string{"uSer?"}}
	result, err := pullWith(t.Context(), config)
	if err != nil || result.Tables != 1 || result.Rows != 2 {
		t.Errorf("%+v, %v", result, err)
	}
	got, err := folding.Query("SELECT id FROM `" + s.name + "`.users ORDER BY id")
	if err != nil || len(got) != 2 {
		t.Errorf("rows %v, %v", got, err)
	}
}
