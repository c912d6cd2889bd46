package serialized

import (
	"bytes"
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/leaf"
)

// golden has what PHP 8.2's serialize() wrote, and two values of the old S: form; PHP read back all that the test below makes of them.
func golden(t testing.TB) (values []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/php82.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		value, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, string(value))
	}
	return values
}

func keep(dst []byte, _ leaf.Leaf) ([]byte, leaf.Verdict) { return dst, leaf.Keep }

// longer makes every text longer, so that all lengths change.
func longer(dst []byte, found leaf.Leaf) ([]byte, leaf.Verdict) {
	if found.Number {
		return dst, leaf.Keep
	}
	return append(append(dst, found.Text...), "; longer\""...), leaf.Replace
}

func TestGoldenValues(t *testing.T) {
	var r Rewriter
	var made bytes.Buffer
	for _, value := range golden(t) {
		if kept, ok := r.Rewrite(nil, []byte(value), keep); !ok || string(kept) != value {
			t.Errorf("%q became %q, %v", value, kept, ok)
		}
		changed, ok := r.Rewrite([]byte("before"), []byte(value), longer)
		if !ok || !bytes.HasPrefix(changed, []byte("before")) {
			t.Errorf("%q: %q, %v", value, changed, ok)
		}
		changed = changed[len("before"):]
		if _, ok := r.Rewrite(nil, changed, keep); !ok {
			t.Errorf("%q became %q, which nobody can read", value, changed)
		}
		made.WriteString(base64.StdEncoding.EncodeToString(changed) + "\n")
	}
	const path = "testdata/longer.txt"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, made.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if made.String() != string(want) {
		t.Errorf("%s is not what comes of the values: PHP must read it again", path)
	}
}

func TestPathsAndVerdicts(t *testing.T) {
	const value = "a:3:{s:1:\"a\";O:1:\"X\":2:{s:4:\"\x00X\x00p\";s:3:\"abc\";s:4:\"\x00*\x00q\";i:5;}i:7;a:1:{i:0;d:1.5;}s:1:\"n\";s:1:\"x\";}"
	var seen []string
	var r Rewriter
	made, ok := r.Rewrite(nil, []byte(value), func(dst []byte, found leaf.Leaf) ([]byte, leaf.Verdict) {
		path := string(bytes.Join(found.Path, []byte("/")))
		seen = append(seen, path+"="+string(found.Text))
		switch path {
		case "a/p":
			return append(dst, "Müller"...), leaf.Replace
		case "a/q":
			return append(dst, "17"...), leaf.Replace
		case "7/0":
			return append(dst, "no number"...), leaf.Replace
		}
		return dst, leaf.Null
	})
	want := "a:3:{s:1:\"a\";O:1:\"X\":2:{s:4:\"\x00X\x00p\";s:7:\"Müller\";s:4:\"\x00*\x00q\";i:17;}i:7;a:1:{i:0;s:9:\"no number\";}s:1:\"n\";N;}"
	if !ok || string(made) != want {
		t.Errorf("got  %q\nwant %q", made, want)
	}
	if got := strings.Join(seen, " "); got != "a/p=abc a/q=5 7/0=1.5 n=x" {
		t.Errorf("seen: %s", got)
	}
}

func TestWhatIsNotSerialized(t *testing.T) {
	var r Rewriter
	for _, value := range []string{"", "N", "x", "s:3:\"ab\";", "s:99999999999999999999:\"a\";", "s:2:\"abc\";", "a:1:{}", "a:2:{i:0;i:1;}", "a:1:{i:0;i:1;", "i:;", "i:1",
		"b:2;", "d:abc;", "O:8:\"stdClass\":1:{}", "C:1:\"X\":5:{abc}", "r:;", "s:1:\"a\";trailing", "S:1:\"\\4\";", "a:1:{d:1;i:1;}", "E:3:\"a:b\"", "i:99999999999999999999;",
		"a:99999999:{", "a:-1:{}", "s:-1:\"\";", strings.Repeat("a:1:{i:0;", 600) + "N;" + strings.Repeat("}", 600)} {
		if made, ok := r.Rewrite([]byte("dst"), []byte(value), longer); ok || string(made) != "dst" {
			t.Errorf("%.40q became %q", value, made)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	for _, value := range golden(f) {
		f.Add([]byte(value))
	}
	var r Rewriter
	f.Fuzz(func(t *testing.T, value []byte) {
		kept, ok := r.Rewrite(nil, value, keep)
		if ok && !bytes.Equal(kept, value) {
			t.Fatalf("%q was to be kept: %q", value, kept)
		}
		made, again := r.Rewrite(nil, value, longer)
		if again != ok {
			t.Fatalf("%q: %v, then %v", value, ok, again)
		}
		if _, valid := r.Rewrite(nil, made, keep); ok && !valid && !bytes.Contains(value, []byte("C:")) {
			t.Fatalf("%q became %q", value, made)
		}
	})
}
