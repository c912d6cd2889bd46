package html

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func upper(dst, text []byte) []byte { return append(dst, bytes.ToUpper(text)...) }

func TestRewrite(t *testing.T) {
	var r Rewriter
	for value, want := range map[string]string{
		"":            "",
		"plain":       "PLAIN",
		"a < b > c":   "A < B > C",
		"<p>Anna</p>": "<p>ANNA</p>",
		`<a href="x?a=b" title="Anna" data-id="n">x</a>`:       `<a href="x?a=b" title="ANNA" data-id="n">X</a>`,
		`<a href='mailto:a@b.c'>x`:                             `<a href='mailto:A@B.C'>X`,
		`<a href=tel:+43x>x`:                                   `<a href=tel:+43X>X`,
		`<img alt=Anna src="anna.png"/>`:                       `<img alt=ANNA src="anna.png"/>`,
		`<img alt = "a > b" title='it"s'>x`:                    `<img alt = "A > B" title='IT"S'>X`,
		"M&uuml;ller &amp; S&ouml;hne&nbsp;&#x41;&#65; &x; &":  "MÜLLER &amp; SÖHNE&nbsp;AA &X; &",
		"<script>var a = 'anna';</script>x":                    "<script>var a = 'anna';</script>X",
		"<STYLE>p{}</style>x<br>y":                             "<STYLE>p{}</style>X<br>Y",
		"<!-- note --><!-- wp:p {\"a\":1} --><!doctype html>x": "<!-- NOTE --><!-- wp:p {\"a\":1} --><!doctype html>X",
		"<p class=\"x":                                         "<P CLASS=\"X",
		"<!-- open":                                            "<!-- OPEN",
		"x <3 y <a":                                            "X <3 Y <A",
		"<?php echo 1?>":                                       "<?php echo 1?>",
	} {
		if got := string(r.Rewrite(nil, []byte(value), upper)); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", value, got, want)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	for _, value := range []string{"<p>x</p>", "<a title='&amp;", "<!--", "<script", `<a b="c" d=e f>`, "&uuml;&#0;&;", "<<<>>>", "<a =\"'>"} {
		f.Add([]byte(value))
	}
	var r Rewriter
	f.Fuzz(func(t *testing.T, value []byte) {
		if made := r.Rewrite(nil, value, func(dst, text []byte) []byte { return append(dst, text...) }); len(made) > len(value) {
			t.Fatalf("%q became %q", value, made)
		} else if !bytes.Contains(value, []byte("&")) && !bytes.Equal(made, value) {
			t.Fatalf("%q became %q", value, made)
		}
	})
}

// Markup that is not closed must not be searched again and again.
func TestTimeIsLinear(t *testing.T) {
	var r Rewriter
	for _, part := range []string{`<a "`, "<a '", "<", "<a ", "<!--", "<script>", "&", "<a title=", `<a title="`} {
		began := time.Now()
		r.Rewrite(nil, []byte(strings.Repeat(part, 200000)), upper)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("200,000 times %s took %v", part, took)
		}
	}
}
