package export

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/swap"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/tablespace"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestMySQLFilesRefused(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "staging62", append(targettest.Site("new"), padded...)...)
		good := bake(t, server, "staging62", 64<<10, "only_new")
		targettest.Fresh(t, server, "site62", targettest.Site("old")...)
		old := targettest.Content(t, server, "site62")
		db, _ := targettest.Open(t, server.URL("site62"))
		var size int64
		for _, file := range good.Files[slices.IndexFunc(good.Files, func(f dump.FileTable) bool { return f.Name == "parent" })].Files {
			if tablespace.IsTablespace(file) {
				size = file.Size
			}
		}
		// The size of pages stands in other bits in MySQL: see innodb.ReadHeader.
		large := func(text []byte) { text[57] = text[57]&^15 | 7 }
		if targettest.IsOracle(t, server) {
			large = func(text []byte) { text[56], text[57] = text[56]|1, text[57]|0xc0 }
		}
		edit := func(change func(b *targettest.Baked)) *targettest.Baked {
			b := good.Clone()
			change(b)
			return b
		}
		table := func(b *targettest.Baked, name string) *dump.FileTable {
			for i := range b.Files {
				if b.Files[i].Name == name {
					return &b.Files[i]
				}
			}
			t.Fatalf("no table %s", name)
			return nil
		}
		for name, test := range map[string]struct {
			chunks *targettest.Baked
			want   string
		}{
			"another definition": {edit(func(b *targettest.Baked) { table(b, "child").Definition[0]++ }),
				"table child: this server makes another table of its definition"},
			"no definition": {edit(func(b *targettest.Baked) {
				b.Texts[0] = []byte(strings.ReplaceAll(string(b.Texts[0]), "`child`", "`kid`"))
			}),
				"table child: the dump does not make it"},
			"another page size": {good.Change("parent", ".ibd", large),
				"table parent: the file has pages of 65536 bytes instead of 16384"},
			"cut off": {good.Change("parent", ".ibd", func(text []byte) { binary.BigEndian.PutUint32(text[46:], 1<<20) }),
				fmt.Sprintf("table parent: the file has %d bytes instead of 1048576 pages of 16384 bytes", size)},
			"no tablespace": {good.Change("parent", ".ibd", func(text []byte) { clear(text) }),
				"table parent: the file does not begin as one of an InnoDB table"},
			"a page is wrong": {good.Change("parent", ".ibd", func(text []byte) { text[3*16<<10+200] ^= 1 }),
				"table parent: the server refuses its files: "},
			"settings are wrong": {good.Change("parent", ".cfg", func(text []byte) { clear(text[4:]) }),
				"table parent: the server refuses its files: "},
			"a chunk lacks": {edit(func(b *targettest.Baked) {
				i := b.Chunk("parent", ".ibd")
				b.Chunks, b.Texts = append(b.Chunks[:i:i], b.Chunks[i+1:]...), append(b.Texts[:i:i], b.Texts[i+1:]...)
			}), fmt.Sprintf("table parent: of %d bytes of its file there are %d", size, size-64<<10)},
			"fewer rows": {edit(func(b *targettest.Baked) { table(b, "parent").Rows++ }),
				"table parent: its files have 2904 rows, the dump has 2905"},
		} {
			t.Run(name, func(t *testing.T) {
				err := pullBaked(t, db, test.chunks)
				var refused *target.FilesError
				if !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), test.want) {
					t.Errorf("got  %v\nwant %s", err, test.want)
				}
				targettest.WantMySQL(t, server, "site62", old)
				noStrays(t, server, "site62")
			})
		}
		broken := errors.New("the network is gone")
		for name, want := range map[string]error{"source fails": broken, "Ctrl-C": context.Canceled} {
			t.Run(name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				chunks := good.Clone()
				chunks.OnRead = func(_ context.Context, i int) error {
					switch {
					case i < len(chunks.Chunks)/2:
					case want == broken:
						return broken
					default:
						cancel()
					}
					return nil
				}
				load, err := db.Begin(ctx)
				targettest.Must(t, err)
				if _, err = load.RunChunks(ctx, chunks, nil); !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
				targettest.Must(t, load.Discard())
				targettest.WantMySQL(t, server, "site62", old)
				noStrays(t, server, "site62")
			})
		}
	})
}

func TestMySQLReadsPastCache(t *testing.T) {
	for _, test := range []struct {
		method, buffering string
		want              bool
	}{
		{"fsync", "", false}, {"O_DSYNC", "", false}, {"O_DIRECT", "", true}, {"O_DIRECT_NO_FSYNC", "", true},
		{"O_DIRECT", "OFF", true}, {"O_DIRECT", "ON", false}, {"fsync", "OFF", true}, {"", "", false},
	} {
		settings := map[string]string{"innodb_flush_method": test.method, "innodb_data_file_buffering": test.buffering}
		if got := tablespace.ReadsPastCache(settings); got != test.want {
			t.Errorf("innodb_flush_method %q, innodb_data_file_buffering %q: got %t", test.method, test.buffering, got)
		}
	}
}

func TestMySQLRefusesFiles(t *testing.T) {
	settings := func(but ...string) map[string]string {
		all := map[string]string{
			"innodb_page_size": "16384", "innodb_file_per_table": "ON", "innodb_force_recovery": "0", "innodb_read_only": "OFF",
			"innodb_encrypt_tables": "OFF", "innodb_compression_default": "OFF", "lower_case_table_names": "0",
			"innodb_log_checkpoint_now": "OFF",
		}
		for i := 0; i < len(but); i += 2 {
			all[but[i]] = but[i+1]
		}
		return all
	}
	mariadb, mysql := target.FileServer{Engine: "mariadb", Version: "10.11.19"}, target.FileServer{Engine: "mysql", Version: "8.0.46"}
	for _, test := range []struct {
		server   target.FileServer
		settings map[string]string
		want     string
	}{
		{mariadb, settings(), ""},
		{mariadb, settings("innodb_log_checkpoint_now", ""), "cannot make the server write a checkpoint (innodb_log_checkpoint_now)"},
		{mysql, settings("innodb_log_checkpoint_now", ""), ""},
		{target.FileServer{Engine: "mysql", Version: "5.7.44"}, settings("innodb_log_checkpoint_now", ""), "servers of MySQL before 8.0 are not trusted with files"},
		{mysql, settings("default_table_encryption", "ON"), "the server encrypts its tables"},
		{mariadb, map[string]string{}, "the server has no InnoDB"},
		{mariadb, settings("innodb_file_per_table", "OFF"), "the server keeps all tables in one file (innodb_file_per_table is off)"},
		{mariadb, settings("innodb_force_recovery", "1"), "the server has been started to be read from only"},
		{mariadb, settings("innodb_encrypt_tables", "FORCE"), "the server encrypts its tables"},
		{mariadb, settings("innodb_compression_default", "ON"), "the server compresses the pages of its tables (innodb_compression_default is on)"},
		{mariadb, settings("lower_case_table_names", "2"), "the server's file system does not tell upper from lower case (lower_case_table_names is 2)"},
	} {
		if got := tablespace.RefusesFiles(test.server, test.settings); got != test.want {
			t.Errorf("%v, %v: got %q, want %q", test.server, test.settings, got, test.want)
		}
	}
}

// TestMySQLOtherFolder looks for the server's data in a folder that is not its own.
func TestMySQLOtherFolder(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "site63", "CREATE TABLE t (id int)")
		db, _ := targettest.Open(t, server.URL("site63"))
		s, err := db.(*swap.Database).Connect(t.Context())
		targettest.Must(t, err)
		defer s.Close()
		root, err := os.OpenRoot(t.TempDir())
		targettest.Must(t, err)
		defer root.Close()
		var refused *target.FilesError
		if err := (tablespace.Folder{Root: root}).Prove("t"); !errors.As(err, &refused) || err.Error() != "the data folder of the server cannot be reached from here" {
			t.Errorf("another folder: %v", err)
		}
		f, err := tablespace.OpenFolder(t.Context(), s, "site63")
		targettest.Must(t, err)
		targettest.Must(t, f.Close())
		tables, err := s.Tables(t.Context(), "site63")
		targettest.Must(t, err)
		if diff := cmp.Diff([]string{"t"}, tables); diff != "" {
			t.Errorf("tables (-want +got):\n%s", diff)
		}
	})
}

// TestMySQLStrayFiles drops databases whose folders hold files that belong to no table.
func TestMySQLStrayFiles(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		const beside = "site64__dump_incoming"
		targettest.Fresh(t, server, "site64", targettest.Site("old")...)
		old := targettest.Content(t, server, "site64")
		db, _ := targettest.Open(t, server.URL("site64"))
		folder := filepath.Join(dataFolder(t, server), beside)
		// What MySQL has files of it still knows to be without.
		make := func(names ...string) {
			targettest.Must(t, server.Exec("CREATE DATABASE "+beside))
			if targettest.IsOracle(t, server) {
				targettest.Must(t, server.Exec("CREATE TABLE "+beside+".t (id int)", "ALTER TABLE "+beside+".t DISCARD TABLESPACE",
					"CREATE TABLE "+beside+".u (id int) PARTITION BY HASH (id)", "ALTER TABLE "+beside+".u DISCARD TABLESPACE", "CREATE TABLE "+beside+".v (id int)"))
			}
			for _, name := range names {
				targettest.Must(t, os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600))
			}
		}
		names := []string{"t.ibd", "t.cfg", "u#p#p0.ibd", "u#p#p0.cfg"}
		if !targettest.IsOracle(t, server) {
			names = append(names, "t.TRG~", "v.frm~") // of a server that died when it made a trigger and a view
		}
		make(names...)
		targettest.Must(t, db.Recover(t.Context()))
		targettest.WantMySQL(t, server, "site64", old)
		noStrays(t, server, "site64")

		// What is not ours stays, and so does the database.
		make("t.ibd", "notes.txt")
		err := begin(t, db)
		var stray *target.StrayFilesError
		if !errors.As(err, &stray) || stray.Database != beside {
			t.Errorf("got %v", err)
		}
		targettest.Must(t, os.Remove(filepath.Join(folder, "notes.txt")))
		targettest.Must(t, db.Recover(t.Context()))
		targettest.WantMySQL(t, server, "site64", old)
	})
}

// begin begins a pull, which needs the incoming database's name.
func begin(t *testing.T, db target.Database) error {
	load, err := db.Begin(t.Context())
	if err == nil {
		err = load.Discard()
	}
	return err
}

// TestMySQLFolderLeft finds the folder of a database that MySQL does not know any more.
func TestMySQLFolderLeft(t *testing.T) {
	server, err := targettest.Mysqld()
	targettest.Must(t, err)
	targettest.Fresh(t, server, "site68", targettest.Site("old")...)
	targettest.Must(t, server.Exec("CREATE DATABASE site68__dump_incoming"))
	folder := filepath.Join(dataFolder(t, server), "site68__dump_incoming")
	targettest.Must(t, os.WriteFile(filepath.Join(folder, "t.ibd"), []byte("x"), 0o600))
	db, _ := targettest.Open(t, server.URL("site68"))
	for _, want := range []string{"Problem while dropping database.", "Error 3681 (HY000): Schema 'site68__dump_incoming' does not exist, but"} {
		err := begin(t, db)
		var stray *target.StrayFilesError
		if want = "drop database site68__dump_incoming: files are left in its folder that belong to no table: " + want; !errors.As(err, &stray) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	targettest.Must(t, os.RemoveAll(folder))
	targettest.Must(t, db.Recover(t.Context()))
}

// TestMySQLFilesDiskFull has no room for the files.
func TestMySQLFilesDiskFull(t *testing.T) {
	server, dir := targettest.SmallDisk(t)
	targettest.Must(t, server.Exec("CREATE DATABASE site", "CREATE TABLE site.t (id int)", "INSERT INTO site.t VALUES (1)", "CREATE DATABASE staging", "USE staging",
		"CREATE TABLE staging.t (id int PRIMARY KEY, v varchar(1000))", "INSERT INTO staging.t SELECT seq, REPEAT('x', 1000) FROM seq_1_to_20000"))
	old := targettest.Content(t, server, "site")
	chunks := bake(t, server, "staging", 1<<20)
	// As much room is left as half of the file needs.
	var room syscall.Statfs_t
	targettest.Must(t, syscall.Statfs(dir, &room))
	ballast := int64(room.Bavail)*int64(room.Bsize) - chunks.Files[0].Files[1].Size/2
	targettest.Must(t, os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, ballast), 0o600))
	db, _ := targettest.Open(t, server.URL("site"))
	_, err := db.TakesFiles(t.Context())
	targettest.Must(t, err)
	err = pullBaked(t, db, chunks)
	var full *target.NoSpaceError
	if !errors.As(err, &full) {
		t.Errorf("got %v", err)
	}
	targettest.WantMySQL(t, server, "site", old)
	noStrays(t, server, "site")
}

// kills is how often the tests kill at random moments, unless EXPORT_KILLS says otherwise.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("EXPORT_KILLS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	targettest.Must(t, err)
	return n
}

// survivor is a database that is killed while files come into it.
type survivor struct {
	server   *testserver.MySQL
	name     string
	old, new string
	chunks   *targettest.Baked
	dump     string // path of the chunks
}

func newSurvivor(t *testing.T, server *testserver.MySQL, name string) *survivor {
	t.Helper()
	v := &survivor{server: server, name: name, dump: filepath.Join(t.TempDir(), "d.baked")}
	targettest.Fresh(t, server, "staging"+name, append(targettest.Site("new"), padded[:1]...)...)
	v.new = targettest.Content(t, server, "staging"+name)
	v.chunks = bake(t, server, "staging"+name, 4<<20, "only_new")
	text, err := json.Marshal(v.chunks)
	targettest.Must(t, err)
	targettest.Must(t, os.WriteFile(v.dump, text, 0o600))
	v.reset(t)
	v.old = targettest.Content(t, server, name)
	return v
}

func (v *survivor) reset(t *testing.T) {
	t.Helper()
	targettest.Fresh(t, v.server, v.name, targettest.Site("old")...)
}

// whole recovers, and fails the test where the database is neither the old one nor the new one, a table is damaged or something is
// left. It says whether it is the new one.
func (v *survivor) whole(t *testing.T) bool {
	t.Helper()
	db, _ := targettest.Open(t, v.server.URL(v.name))
	targettest.Must(t, db.Recover(t.Context()))
	got := targettest.Content(t, v.server, v.name)
	if got != v.old && got != v.new {
		t.Errorf("neither the old nor the new database, but %d bytes:\n%.2000s", len(got), got)
	}
	checks, err := v.server.Query("CHECK TABLE " + v.name + ".parent, " + v.name + ".child, " + v.name + ".log")
	targettest.Must(t, err)
	for _, check := range checks {
		if check[3] != "OK" {
			t.Errorf("damaged: %v", check)
		}
	}
	targettest.NoGarbage(t, v.server, v.name)
	noStrays(t, v.server, v.name)
	return got == v.new
}

// TestMySQLFilesKilled kills a helper on its way until the swap. From there on it does nothing that others do not.
func TestMySQLFilesKilled(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		v := newSurvivor(t, server, "site65")
		for step := range targettest.KillSteps(t) {
			if targettest.RunChild(t, v.server.URL(v.name), v.dump, step) || v.whole(t) {
				if step < 15 {
					t.Errorf("the new database is there at step %d", step)
				}
				break
			}
		}
	})
}

// TestMySQLFilesKilledAnywhere kills a helper at random moments.
func TestMySQLFilesKilledAnywhere(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		v := newSurvivor(t, server, "site66")
		begun := time.Now()
		if !targettest.RunChild(t, v.server.URL(v.name), v.dump, 0) || !v.whole(t) {
			t.Fatal("without being killed it does not come to its end")
		}
		most := time.Since(begun)
		var olds, news int
		for range kills(t) {
			v.reset(t)
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), targettest.ChildURL+"="+v.server.URL(v.name), targettest.ChildDump+"="+v.dump, targettest.ChildStep+"=0")
			targettest.Must(t, child.Start())
			time.Sleep(rand.N(most))
			_ = child.Process.Kill()
			_ = child.Wait()
			if v.whole(t) {
				news++
			} else {
				olds++
			}
		}
		t.Logf("%d kills left the old database and %d the new one", olds, news)
	})
}

// TestMySQLFilesServerKilled kills the server at random moments.
func TestMySQLFilesServerKilled(t *testing.T) {
	for name, start := range map[string]func(string, ...string) (*testserver.MySQL, error){"mariadb": testserver.MariaDB, "mysql": testserver.Mysqld} {
		t.Run(name, func(t *testing.T) {
			// Tables of MyISAM do not survive by themselves.
			server, err := start(t.TempDir(), "--myisam-recover-options=BACKUP,QUICK")
			targettest.Must(t, err)
			defer server.Stop()
			killServer(t, server)
		})
	}
}

func killServer(t *testing.T, server *testserver.MySQL) {
	t.Helper()
	v := newSurvivor(t, server, "site67")
	most := time.Duration(0)
	var olds, news int
	for range 1 + kills(t) {
		v.reset(t)
		db, _ := targettest.Open(t, server.URL(v.name))
		begun := time.Now()
		timer := &time.Timer{}
		if most > 0 {
			timer = time.AfterFunc(rand.N(most+most/4), server.Kill)
		}
		err := v.pull(t, db)
		if most == 0 {
			targettest.Must(t, err)
			most = time.Since(begun)
			server.Kill()
			targettest.Must(t, server.Restart())
			if !v.whole(t) {
				t.Fatal("killed after it has ended the new database is not there")
			}
			continue
		}
		timer.Stop()
		server.Kill() // it may have been faster
		targettest.Must(t, server.Restart())
		if v.whole(t) {
			news++
		} else {
			olds++
		}
	}
	t.Logf("%d kills left the old database and %d the new one", olds, news)
}

// pull pulls, whatever comes of it.
func (v *survivor) pull(t *testing.T, db target.Database) error {
	load, err := db.Begin(t.Context())
	if err != nil {
		return err
	}
	defer func() { _ = load.Discard() }()
	stats, err := load.RunChunks(t.Context(), v.chunks, nil)
	if err == nil {
		err = load.Compare(t.Context(), stats)
	}
	if err == nil {
		err = load.Swap(t.Context(), targettest.DumpOf("baked"))
	}
	return err
}
