package json

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/leaf"
)

func keep(dst []byte, _ leaf.Leaf) ([]byte, leaf.Verdict) { return dst, leaf.Keep }

// same replaces everything by itself.
func same(dst []byte, found leaf.Leaf) ([]byte, leaf.Verdict) {
	return append(dst, found.Text...), leaf.Replace
}

func TestPathsAndVerdicts(t *testing.T) {
	const value = ` {"a" : {"b\u00fc": "x\ud83d\ude42y", "n":1.50e3} , "l":["s", true, null, [7]], "l": "\/"} `
	var seen []string
	var r Rewriter
	made, ok := r.Rewrite([]byte("dst"), []byte(value), func(dst []byte, found leaf.Leaf) ([]byte, leaf.Verdict) {
		path := string(bytes.Join(found.Path, []byte("/")))
		seen = append(seen, path+"="+string(found.Text))
		switch path {
		case "a/n":
			return append(dst, "42"...), leaf.Replace
		case "l/3/0":
			return append(dst, "07"...), leaf.Replace
		case "l":
			return dst, leaf.Keep
		case "l/0":
			return dst, leaf.Null
		}
		return append(dst, "say \"ü\"\n\x01"...), leaf.Replace
	})
	want := `dst {"a" : {"b\u00fc": "say \"ü\"\n\u0001", "n":42} , "l":[null, true, null, ["07"]], "l": "\/"} `
	if !ok || string(made) != want {
		t.Errorf("got  %s\nwant %s", made, want)
	}
	if got := strings.Join(seen, " "); got != "a/bü=x🙂y a/n=1.50e3 l/0=s l/3/0=7 l=/" {
		t.Errorf("seen: %s", got)
	}
}

func TestWhatIsNotJSON(t *testing.T) {
	var r Rewriter
	for _, value := range []string{"", "{", "{]", "[1,]", `{"a"}`, "Anna", "'a'", strings.Repeat("[", 600) + strings.Repeat("]", 600)} {
		if made, ok := r.Rewrite([]byte("dst"), []byte(value), same); ok || string(made) != "dst" {
			t.Errorf("%.40q became %q", value, made)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	for _, value := range []string{`{"a":[1,"b",{"c":null}]}`, `"\ud800\u0000\b\f"`, ` [ ] `, `{}`, `-1.5e-3`, "\"\xff\"", `[[],{"":""}]`} {
		f.Add([]byte(value))
	}
	var r Rewriter
	f.Fuzz(func(t *testing.T, value []byte) {
		kept, ok := r.Rewrite(nil, value, keep)
		if ok && !bytes.Equal(kept, value) {
			t.Fatalf("%q was to be kept: %q", value, kept)
		}
		made, _ := r.Rewrite(nil, value, same)
		if !ok {
			return
		}
		var before, after any
		if json.Unmarshal(value, &before) != nil {
			return // too large a number
		}
		if err := json.Unmarshal(made, &after); err != nil {
			t.Fatalf("%q became %q: %v", value, made, err)
		}
		one, _ := json.Marshal(before)
		two, _ := json.Marshal(after)
		if !bytes.Equal(one, two) {
			t.Fatalf("%q became %q", value, made)
		}
		if len(made) > len(value) && bytes.IndexFunc(value, func(r rune) bool { return r == 0x7F }) < 0 {
			t.Fatalf("%q got longer: %q", value, made)
		}
	})
}
