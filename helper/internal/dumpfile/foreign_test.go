package dumpfile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// compress runs a program that compresses standard input.
func compress(t testing.TB, text []byte, command ...string) []byte {
	t.Helper()
	if testing.Short() {
		t.Skip(command[0] + " is not started by short tests")
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return out
}

func decompress(object []byte, c Compression) ([]byte, error) {
	r, err := NewReader(bytes.NewReader(object), c)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestForeignDumps(t *testing.T) {
	sql := bytes.Join(statements(3<<19, 100<<10), nil)
	commands := []struct {
		c       Compression
		command string
	}{
		{Zstd, "zstd -1"}, {Zstd, "zstd --long=27 -3"}, {Zstd, "zstd --no-check"}, {Zstd, "zstd -T0 -B1M"},
		{Gzip, "gzip -6"}, {Gzip, "gzip -1n"}, {Bzip2, "bzip2 -9"}, {Bzip2, "bzip2 -1"},
		{XZ, "xz -1"}, {XZ, "xz -2 --check=sha256"}, {XZ, "xz -0 --block-size=512KiB"}, {XZ, "xz -1 --check=none"}, {None, "cat"},
	}
	for _, made := range commands {
		object := compress(t, sql, strings.Fields(made.command)...)
		// The content counts, not the name.
		for _, name := range []Compression{made.c, Zstd, None} {
			if got, err := decompress(object, name); err != nil || !bytes.Equal(got, sql) {
				t.Errorf("%s, named %s: %d bytes, %v", made.command, name, len(got), err)
			}
		}
		if made.c == None {
			continue
		}
		for _, c := range written {
			if _, err := ReadIndex(bytes.NewReader(object), int64(len(object)), c); !errors.Is(err, ErrNoIndex) {
				t.Errorf("%s: ReadIndex: %v", made.command, err)
			}
		}
		twice := append(bytes.Clone(object), object...)
		if got, err := decompress(twice, made.c); err != nil || len(got) != 2*len(sql) {
			t.Errorf("%s twice: %d bytes, %v", made.command, len(got), err)
		}
		if n, err := Verify(bytes.NewReader(object), made.c, nil); err != nil || n != int64(len(sql)) {
			t.Errorf("%s: Verify %d, %v", made.command, n, err)
		}
		for _, n := range []int{1, 3, 5, 12, 13, 20, len(object) / 2, len(object) - 9, len(object) - 1} {
			if got, err := decompress(object[:n], made.c); !errors.Is(err, ErrTruncated) {
				t.Errorf("%s, %d of %d bytes: read %d bytes, %v", made.command, n, len(object), len(got), err)
			}
		}
		// xz --check=none and zstd --no-check leave nothing by which a flipped bit could be found.
		if !strings.Contains(made.command, "no") {
			damaged := bytes.Clone(object)
			damaged[len(object)/2] ^= 4
			var found *DamagedError
			if _, err := decompress(damaged, made.c); !errors.As(err, &found) {
				t.Errorf("%s, damaged: %v", made.command, err)
			}
		}
	}
}

// Each cut of a short foreign file is found, but those between two members or frames.
func TestForeignCutAnywhere(t *testing.T) {
	sql := []byte(strings.Repeat("INSERT INTO a VALUES (1),(2),(3);\n", 40))
	for _, made := range []struct {
		c       Compression
		command string
	}{{Zstd, "zstd"}, {Gzip, "gzip"}, {Bzip2, "bzip2"}, {XZ, "xz -0"}, {XZ, "xz -0 --block-size=512"}} {
		once := compress(t, sql, strings.Fields(made.command)...)
		object := append(bytes.Clone(once), once...)
		for n := range object {
			_, err := decompress(object[:n], made.c)
			if n == len(once) {
				if err != nil {
					t.Errorf("%s: %v", made.command, err)
				}
			} else if !errors.Is(err, ErrTruncated) {
				t.Errorf("%s cut to %d of %d: %v", made.command, n, len(object), err)
			}
		}
	}
}

// bgzip writes many members, and by an empty one that there are no more.
func TestBgzipCut(t *testing.T) {
	sql := []byte("INSERT INTO a VALUES (1);\n")
	var object []byte
	ends := map[int]bool{}
	for _, block := range [][]byte{sql, sql, nil} {
		var member bytes.Buffer
		w := gzip.NewWriter(&member)
		w.Extra = []byte("BC\x02\x00\x10\x00")
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		object = append(object, member.Bytes()...)
		ends[len(object)] = true
	}
	if got, err := decompress(object, Gzip); err != nil || len(got) != 2*len(sql) {
		t.Errorf("whole: %q, %v", got, err)
	}
	for n := range object {
		_, err := decompress(object[:n], Gzip)
		if !errors.Is(err, ErrTruncated) || ends[n] && !strings.Contains(err.Error(), "the empty block by which bgzip ends a file is missing") {
			t.Errorf("cut to %d of %d: %v", n, len(object), err)
		}
	}
}

func TestPadding(t *testing.T) {
	sql := []byte("SELECT 1;\n")
	for c, n := range map[Compression]int{Gzip: 513, XZ: 2000} {
		object := append(compress(t, sql, string(c)), make([]byte, n)...)
		if got, err := decompress(object, c); err != nil || !bytes.Equal(got, sql) {
			t.Errorf("%s: %q, %v", c, got, err)
		}
	}
}

// tarOf is a tar archive with files of some bytes.
func tarOf(names ...string) []byte {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, name := range names {
		header := &tar.Header{Name: name, Size: 700, Mode: 0o600, Format: tar.FormatUSTAR}
		if strings.HasSuffix(name, "/") {
			header.Size, header.Typeflag = 0, tar.TypeDir
		}
		_ = w.WriteHeader(header) // a buffer takes everything
		_, _ = w.Write(make([]byte, header.Size))
	}
	_ = w.Close()
	return archive.Bytes()
}

func TestNotSQL(t *testing.T) {
	anyTar := append(make([]byte, 257), "ustar\x0000"...)
	copy(anyTar, "dump.sql")
	sql := []byte("SELECT 1;\n")
	cases := []struct {
		content []byte
		want    string
	}{
		{[]byte("\xFF\xFES\x00E\x00"), "the dump is not SQL text but UTF-16 text, as PowerShell's > writes it"},
		{[]byte("PK\x03\x04\x14"), "the dump is not SQL text but a zip archive"},
		{[]byte("<?xml version=\"1.0\"?>\n<mysqldump xmlns"), "the dump is not SQL text but XML of mysqldump"},
		{[]byte("\n<!DOCTYPE html>"), "the dump is not SQL text but an HTML or XML page"},
		{[]byte(`{"message":"forbidden"}`), "the dump is not SQL text but JSON"},
		{anyTar, "the dump is not SQL text but a tar archive"},
		{[]byte("a\x00b"), "the dump is not SQL text but binary data"},
		{[]byte("<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<!-- This is a WordPress eXtended RSS file generated by WordPress as an export of your site. -->\n"), "the dump is not SQL text but an export of WordPress' posts (WXR)"},
		{[]byte("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!--\n- phpMyAdmin XML Dump\n- version 5.2.1"), "the dump is not SQL text but XML of phpMyAdmin"},
		{[]byte(`[{"type":"header","version":"5.2.1","comment":"Export to JSON plugin for PHPMyAdmin"},`), "the dump is not SQL text but JSON of phpMyAdmin"},
		{[]byte("Started dump at: 2026-12-01 01:59:49\nFinished dump at: 2026-12-01 01:59:49\n"), "the dump is not SQL text but a file of mydumper"},
		{[]byte("/*!40101 SET NAMES binary*/;\n/*!40014 SET FOREIGN_KEY_CHECKS=0*/;\nCREATE TABLE `a` (`id` int);\n"), "the dump is not SQL text but a file of mydumper"},
		{[]byte("/*!40101 SET NAMES utf8mb4*/;\n/*!40014 SET FOREIGN_KEY_CHECKS=0*/;\n/*!40103 SET TIME_ZONE='+00:00' */;\nINSERT INTO `a` VALUES(1);\n"), "the dump is not SQL text but a file of mydumper"},
		{[]byte("/*!40014 SET FOREIGN_KEY_CHECKS=0*/;\n/*!40103 SET TIME_ZONE='+00:00' */;\nINSERT INTO `a` VALUES(1);\n"), "the dump is not SQL text but a file of mydumper"},
		{[]byte("XBSTCK01\x00P"), "the dump is not SQL text but a backup of mariadb-backup or xtrabackup"},
		{tarOf("export/", "export/shop.a-schema.sql"), "the dump is not SQL text but a folder of mydumper"},
		{tarOf("export/", "export/metadata"), "the dump is not SQL text but a folder of mydumper"},
		{tarOf("export/", "export/@.json"), "the dump is not SQL text but a dump of MySQL Shell"},
		{tarOf("tab/", "tab/b.txt", "tab/a.sql", "tab/b.sql"), "the dump is not SQL text but a folder of mysqldump --tab"},
		{tarOf("./", "./ibdata1"), "the dump is not SQL text but a copy of a server's files"},
		{tarOf("site/", "site/readme.txt", "site/dump.sql"), "the dump is not SQL text but a tar archive"},
		{compress(t, compress(t, sql, "gzip"), "gzip"), ""},
	}
	for _, tt := range cases {
		if tt.want == "" {
			if _, err := decompress(tt.content, Gzip); err == nil || err.Error() != "the dump is not SQL text but gzip data" {
				t.Errorf("twice compressed: %v", err)
			}
			continue
		}
		for _, object := range [][]byte{tt.content, compress(t, tt.content, "zstd"), compress(t, tt.content, "gzip")} {
			_, err := decompress(object, None)
			var found *NotSQLError
			if !errors.As(err, &found) || err.Error() != tt.want {
				t.Errorf("%q: %v", tt.content[:min(20, len(tt.content))], err)
			}
		}
	}
	// Binary data under the name of a compression is a broken file of that kind.
	_, err := decompress([]byte("\x00\x01\x02\x03"), Gzip)
	if err == nil || err.Error() != "the dump is corrupt at byte 0: it does not begin as gzip data does" {
		t.Error(err)
	}
	if _, err := decompress(nil, Zstd); err == nil || err.Error() != "the dump is truncated at byte 0: it is empty" {
		t.Error(err)
	}
	for _, text := range []string{"\xEF\xBB\xBF-- dump\n", "/*M!999999\\- enable the sandbox mode */ \n", "\n\n--\n", "-- \xE4\n", "/*!40101 SET NAMES utf8mb4 */;\n"} {
		for c := range endings {
			if got, err := decompress([]byte(text), c); err != nil || string(got) != text {
				t.Errorf("%q under the name of %s: %q, %v", text, c, got, err)
			}
		}
	}
}

// What only pg_restore reads is recognized under any name, with the command that makes SQL of it.
func TestArchive(t *testing.T) {
	member := func(name string) []byte {
		header := make([]byte, tarBlock)
		copy(header, name)
		copy(header[257:], "ustar\x0000")
		return header
	}
	for _, tt := range []struct {
		content []byte
		format  ArchiveFormat
	}{
		{[]byte("PGDMP\x01\x0e\x00"), CustomArchive},
		{member("toc.dat"), TarArchive},
		{append(member("nightly/"), member("nightly/toc.dat")...), DirectoryArchive},
		{append(member("./"), member("./3456.dat.gz")...), DirectoryArchive},
		{append(member("site/"), member("site/index.php")...), ""},
		{member("nightly.sql"), ""},
	} {
		for _, c := range []Compression{None, Gzip, Zstd} {
			object := tt.content
			if c != None {
				object = compress(t, object, string(c))
			}
			for _, named := range []Compression{None, Gzip, ""} {
				_, err := decompress(object, named)
				var found *ArchiveError
				if is := errors.As(err, &found); is != (tt.format != "") || is && (found.Format != tt.format || found.Compression != c) {
					t.Errorf("%s in %s under the name of %q: %v", tt.format, c, named, err)
				}
			}
		}
	}
	for want, archive := range map[string]*ArchiveError{
		"pg_restore -f out.sql FILE":                                                                  {CustomArchive, None},
		"gzip -dc FILE > archive && pg_restore -f out.sql archive":                                    {TarArchive, Gzip},
		"mkdir folder && tar -xf FILE -C folder --strip-components=1 && pg_restore -f out.sql folder": {DirectoryArchive, Gzip},
	} {
		if got := archive.Command(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A window that takes too much memory is refused before it is allocated.
func TestWindow(t *testing.T) {
	text := []byte(strings.Repeat("SELECT 1;\n", 100))
	header := func(long string) []byte { // zstd from a pipe: it cannot know the size and takes the whole window
		return compress(t, text, "zstd", "--ultra", "-1", long)
	}
	if _, err := decompress(header("--long=27"), Zstd); err != nil {
		t.Error(err)
	}
	large := xzWithDictionary(t, text, 37) // 1 GiB
	for c, object := range map[Compression][]byte{Zstd: header("--long=31"), XZ: large} {
		_, err := decompress(object, c)
		var window *WindowError
		if !errors.As(err, &window) || !strings.Contains(err.Error(), "the limit is 128 MiB") {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// xzWithDictionary returns an xz file whose block asks for another dictionary.
func xzWithDictionary(t *testing.T, text []byte, code byte) []byte {
	t.Helper()
	object := compress(t, text, "xz")
	filter := bytes.Index(object, []byte{0x21, 1})
	if filter < 0 || filter > 30 {
		t.Fatal("no filter found")
	}
	object[filter+2] = code
	header := object[xzStreamHeader:][:(int(object[xzStreamHeader])+1)*4]
	binary.LittleEndian.PutUint32(header[len(header)-4:], crc32.ChecksumIEEE(header[:len(header)-4]))
	return object
}
