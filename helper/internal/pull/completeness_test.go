package pull

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// TestCutBetweenMembers cuts compressed dumps where a valid file could end: between two members, streams or frames.
func TestCutBetweenMembers(t *testing.T) {
	text, err := os.ReadFile("../../../tests/exports/dumps/adminer-drop.sql")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(text, []byte("DROP TABLE IF EXISTS `zone`"))
	if at < 0 {
		t.Fatal("the export has another form")
	}
	for _, made := range []struct {
		as      dumpfile.Compression
		command string
	}{{dumpfile.Gzip, "gzip"}, {dumpfile.Bzip2, "bzip2"}, {dumpfile.XZ, "xz"}, {dumpfile.Zstd, "zstd"}} {
		compress := func(part []byte) []byte {
			cmd := exec.Command(made.command, "-c")
			cmd.Stdin = bytes.NewReader(part)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(made.command, err)
			}
			return out
		}
		check := func(object []byte) error {
			reader, err := dumpfile.NewReader(bytes.NewReader(object), made.as)
			if err != nil {
				return err
			}
			defer reader.Close()
			_, err = Check(reader, nil)
			return err
		}
		first, second := compress(text[:at]), compress(text[at:])
		if err := check(append(bytes.Clone(first), second...)); err != nil {
			t.Errorf("%s: whole: %v", made.command, err)
		}
		err := check(first)
		if !errors.Is(err, ErrIncomplete) || !strings.HasSuffix(err.Error(), "the line by which dumps of Adminer end is missing") {
			t.Errorf("%s: cut off: %v", made.command, err)
		}
	}
}
