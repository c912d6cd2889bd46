package innodb

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

const tables = `CREATE DATABASE d;
CREATE TABLE d.usual (a INT PRIMARY KEY, b TEXT) ENGINE=InnoDB;
CREATE TABLE d.old (a INT PRIMARY KEY) ENGINE=InnoDB ROW_FORMAT=REDUNDANT;
CREATE TABLE d.paged (a INT PRIMARY KEY) ENGINE=InnoDB PAGE_COMPRESSED=1;
CREATE TABLE d.parted (a INT PRIMARY KEY) ENGINE=InnoDB PARTITION BY HASH (a) PARTITIONS 2;
`

// zipped are tables that servers with pages of 64 KiB do not make.
const zipped = "CREATE TABLE d.zipped (a INT PRIMARY KEY) ENGINE=InnoDB ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=2;\n"

// Each page size that a server may have, in both layouts.
func TestFilesOfAServer(t *testing.T) {
	server, err := testserver.Program("mariadbd", "install MariaDB's server")
	if err != nil {
		t.Fatal(err)
	}
	for _, pageSize := range []int64{4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10} {
		for _, checksum := range []string{"crc32", "full_crc32"} {
			t.Run(fmt.Sprintf("%d %s", pageSize, checksum), func(t *testing.T) {
				folder, text, files := t.TempDir(), tables, 5
				if pageSize <= 16<<10 {
					text, files = text+zipped, files+1
				}
				// A server that reads SQL from its input, without any system tables.
				cmd := exec.CommandContext(t.Context(), server, "--no-defaults", "--bootstrap", "--user=root", "--datadir="+folder,
					fmt.Sprintf("--innodb-page-size=%d", pageSize), "--innodb-checksum-algorithm="+checksum,
					"--innodb-log-file-size=4M", "--innodb-buffer-pool-size=24M")
				cmd.Stdin = strings.NewReader(text)
				if said, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, said)
				}
				found, err := filepath.Glob(filepath.Join(folder, "d", "*.ibd"))
				if err != nil || len(found) != files {
					t.Fatalf("there are %q, %v", found, err)
				}
				for _, file := range found {
					checkFile(t, file, pageSize)
				}
			})
		}
	}
}

func checkFile(t *testing.T, file string, pageSize int64) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ReadHeader(content[:HeaderSize])
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(file), err)
	}
	want := pageSize
	if filepath.Base(file) == "zipped.ibd" {
		want = 2 << 10
	}
	if h.PageSize != pageSize || h.FilePageSize != want {
		t.Errorf("%s: header is %+v", filepath.Base(file), h)
	}
	size := int64(len(content))
	if err := h.Check(pageSize, size); err != nil {
		t.Errorf("%s: %v", filepath.Base(file), err)
	}
	if err := h.Check(pageSize^(12<<10), size); err == nil || !strings.HasPrefix(err.Error(), "the file has pages of ") {
		t.Errorf("%s: with another page size: %v", filepath.Base(file), err)
	}
	for _, cut := range []int64{1, size - h.Pages*h.FilePageSize + h.FilePageSize} {
		if err := h.Check(pageSize, size-cut); err == nil || !strings.Contains(err.Error(), " pages of ") {
			t.Errorf("%s: without %d of %d bytes: %v", filepath.Base(file), cut, size, err)
		}
	}
}

// What mysqld 9.7.4 wrote: the beginnings of its files, and their sizes.
func TestFilesOfMySQL(t *testing.T) {
	for _, file := range []struct {
		text                     string
		size                     int64
		pageSize, fileSize, page int64
	}{
		{"6dccbcbf000000000001625000000001000000000124bedc0008000000000000000000000002000000020000000000000007000001000000" +
			"40e1", 28672, 4096, 4096, 7},
		{"5402d7620000000000016250000000010000000001250e910008000000000000000000000003000000030000000000000007000001000000" +
			"40e5", 14336, 4096, 2048, 7},
		{"2b7258090000000000016250000000010000000001214fe40008000000000000000000000002000000020000000000000007000000400000" +
			"4021", 114688, 16384, 16384, 7},
		{"d2f02f240000000000016250000000010000000001217f0c0008000000000000000000000003000000030000000000000007000000400000" +
			"4025", 14336, 16384, 2048, 7},
		{"2633a9ad000000000001625000000001000000000185a8bc0008000000000000000000000002000000020000000000000007000000400000" +
			"41e1", 458752, 65536, 65536, 7},
	} {
		beginning, err := hex.DecodeString(file.text)
		if err != nil {
			t.Fatal(err)
		}
		h, err := ReadHeader(beginning)
		if err != nil || h != (Header{file.pageSize, file.fileSize, file.page}) {
			t.Errorf("header of %s is %+v, %v", file.text, h, err)
		}
		if err := h.Check(file.pageSize, file.size); err != nil {
			t.Errorf("%s: %v", file.text, err)
		}
	}
}

func TestWhatIsNoFile(t *testing.T) {
	// good has pages of 16 KiB, in the newer layout.
	good := func(change func(file []byte)) []byte {
		file := make([]byte, HeaderSize)
		file[pageTypeAt+1] = spaceHeader
		binary.BigEndian.PutUint32(file[pagesAt:], 4)
		binary.BigEndian.PutUint32(file[flagsAt:], 0x15)
		change(file)
		return file
	}
	flags := func(flags uint32) []byte {
		return good(func(file []byte) { binary.BigEndian.PutUint32(file[flagsAt:], flags) })
	}
	const other = "the file does not begin as one of an InnoDB table"
	for name, file := range map[string]struct {
		file []byte
		want string
	}{
		"good":             {good(func([]byte) {}), ""},
		"empty":            {nil, "0 bytes are no file of an InnoDB table"},
		"short":            {make([]byte, HeaderSize-1), "57 bytes are no file of an InnoDB table"},
		"zeros":            {make([]byte, HeaderSize), other},
		"another page":     {good(func(file []byte) { file[pageNumberAt+3] = 1 }), other},
		"another space":    {good(func(file []byte) { file[spaceAt] = 1 }), other},
		"another type":     {good(func(file []byte) { file[pageTypeAt] = 69 }), other},
		"pages of 2 KiB":   {flags(0x12), "the file is of an InnoDB table with flags 0x12, which nobody knows here"},
		"pages of 128 KiB": {flags(0x18), "the file is of an InnoDB table with flags 0x18, which nobody knows here"},
		"older, 1 KiB":     {flags(1 << olderPageShift), "the file is of an InnoDB table with flags 0x40, which nobody knows here"},
		"older, 16 MiB":    {flags(15 << olderPageShift), "the file is of an InnoDB table with flags 0x3c0, which nobody knows here"},
		"zipped to more":   {flags(3<<olderPageShift | 4<<olderZipShift), "the file is of an InnoDB table with flags 0xc8, which nobody knows here"},
		"zipped to 32 KiB": {flags(7<<olderPageShift | 6<<olderZipShift), "the file is of an InnoDB table with flags 0x1cc, which nobody knows here"},
	} {
		_, err := ReadHeader(file.file)
		if got := fmt.Sprint(err); got != file.want && (err != nil || file.want != "") {
			t.Errorf("%s: error is %q", name, got)
		}
	}
	for _, check := range []struct {
		h                  Header
		pageSize, fileSize int64
		want               string
	}{
		{Header{16384, 16384, 4}, 16384, 65536, ""},
		{Header{16384, 16384, 4}, 16384, 65536 + 16384, ""}, // it grows before it says so
		{Header{16384, 16384, 4}, 4096, 65536, "the file has pages of 16384 bytes instead of 4096"},
		{Header{16384, 16384, 4}, 16384, 49152, "the file has 49152 bytes instead of 4 pages of 16384 bytes"},
		{Header{16384, 16384, 4}, 16384, 65537, "the file has 65537 bytes instead of 4 pages of 16384 bytes"},
		{Header{16384, 2048, 4}, 16384, 6144, "the file has 6144 bytes instead of 4 pages of 2048 bytes"},
		{Header{16384, 16384, 0}, 16384, 65536, "the file has no pages"},
	} {
		err := check.h.Check(check.pageSize, check.fileSize)
		if got := fmt.Sprint(err); got != check.want && (err != nil || check.want != "") {
			t.Errorf("%+v: error is %q", check, got)
		}
	}
}
