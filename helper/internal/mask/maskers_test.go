package mask

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestMaskers(t *testing.T) {
	for _, test := range []struct {
		spec   Spec
		column Column
		value  string
		want   string // a regular expression
	}{
		{Spec{Name: "null"}, Column{Kind: Text, Nullable: true}, "x", "NULL"},
		{Spec{Name: "empty"}, Column{Kind: Text}, "x", ""},
		{Spec{Name: "empty"}, Column{Kind: Integer}, "7", "0"},
		{Spec{Name: "fixed", Value: "Ü"}, Column{Kind: Text, Characters: 1}, "x", "Ü"},
		{Spec{Name: "hash"}, Column{Kind: Text}, "x", "[a-z2-7]{26}"},
		{Spec{Name: "hash"}, Column{Kind: Text, Characters: 8}, "x", "[a-z2-7]{8}"},
		{Spec{Name: "hash"}, Column{Kind: UUID}, "f47ac10b-58cc-4372-a567-0e02b2c3d479", "[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"},
		{Spec{Name: "email"}, Column{Kind: Text}, "Anna@b.c", "[a-z2-7]{26}@example.com"},
		{Spec{Name: "email", Domain: "test.invalid"}, Column{Kind: Text, Characters: 20}, "Anna@b.c", "[a-z2-7]{7}@test.invalid"},
		{Spec{Name: "email"}, Column{Kind: Text}, "", ""},
		{Spec{Name: "name", Locale: "de"}, Column{Kind: Text}, "Anna Berg", `\pL+ \pL+`},
		{Spec{Name: "name", Part: "first"}, Column{Kind: Text}, "Anna", `\pL+`},
		{Spec{Name: "name"}, Column{Kind: Text, Characters: 40, Unique: true}, "anna", `\pL+ \pL+-[a-z2-7]{16}`},
		{Spec{Name: "phone"}, Column{Kind: Text}, "+43 664 1234567", `\+43 000 \d{7}`},
		{Spec{Name: "phone"}, Column{Kind: Text}, "0664/123 45 67 (Anna)", `0000/\d{3} \d\d \d\d \([A-Z][a-z]{3}\)`},
		{Spec{Name: "phone"}, Column{Kind: Text}, "0043 664 123456", `0043 000 \d{6}`},
		{Spec{Name: "phone"}, Column{Kind: Text}, "+1 (202) 555-0143", `\+1 \(000\) \d{3}-\d{4}`},
		{Spec{Name: "phone"}, Column{Kind: Text}, "1234", `\d{4}`},
		{Spec{Name: "text"}, Column{Kind: Text}, "Anna Berg-Müller, 27 (WIEN)\n", `[A-Z][a-z]{3} [A-Z][a-z]{3}-[A-Z][a-z]{5}, \d\d \([A-Z]{4}\)` + "\n"},
		{Spec{Name: "text"}, Column{Kind: Text}, "张伟 🙂 É", "[a-z]{2} 🙂 [A-Z]"},
		{Spec{Name: "text"}, Column{Kind: Text, ASCII: true}, "M\xfcller", "[A-Z][a-z]{5}"},
		{Spec{Name: "digits"}, Column{Kind: Text}, "AT-123/45", `AT-\d{3}/\d\d`},
		{Spec{Name: "digits"}, Column{Kind: Decimal}, "-12.50", `-[1-9]\d\.\d\d`},
		{Spec{Name: "digits"}, Column{Kind: Decimal}, "0.05", `0\.0[1-9]`},
		{Spec{Name: "date"}, Column{Kind: Date}, "2024-02-29", `2024-0[1-4]-\d\d`},
		{Spec{Name: "date"}, Column{Kind: DateTime}, "2024-02-29 10:00:00.123456+01", `2024-0[1-4]-\d\d \d\d:\d\d:\d\d\.123456\+01`},
		{Spec{Name: "date"}, Column{Kind: Text}, "2024-02-29T10:00:00Z", `2024-0[1-4]-\d\dT\d\d:\d\d:\d\dZ`},
		{Spec{Name: "date"}, Column{Kind: Date}, "0000-00-00", "0000-00-00"},
		{Spec{Name: "date"}, Column{Kind: Date}, "1990-00-00", "1990-00-00"},
		{Spec{Name: "date"}, Column{Kind: Date}, "1990-02-31", "1970-01-01"},
		{Spec{Name: "date"}, Column{Kind: Text}, "29.2.2024", `\d\d\.\d\.\d{4}`},
		{Spec{Name: "date"}, Column{Kind: Integer}, "0", "0"},
		{Spec{Name: "ip"}, Column{Kind: Text}, "192.168.1.7", `10\.\d+\.\d+\.\d+`},
		{Spec{Name: "ip"}, Column{Kind: Text}, "1.2.3.4, 5.6.7.8", `10\.\d+\.\d+\.\d+, 10\.\d+\.\d+\.\d+`},
		{Spec{Name: "ip"}, Column{Kind: Text}, "2a02:8388::1", `2001:db8:[0-9a-f:]+`},
		{Spec{Name: "ip"}, Column{Kind: Text, Characters: 15}, "2a02:8388::1", `2001:db8::[0-9a-f]{1,4}`},
		{Spec{Name: "ip"}, Column{Kind: Text}, "127.0.0.1", `127\.0\.0\.1`},
		{Spec{Name: "ip"}, Column{Kind: Text}, "host7", `[a-z]{4}\d`},
		{Spec{Name: "ip"}, Column{Kind: Inet}, "192.168.1.7/24", `10\.\d+\.\d+\.\d+/24`},
		{Spec{Name: "ip"}, Column{Kind: Network}, "192.168.1.0/24", `10\.\d+\.\d+\.0/24`},
		{Spec{Name: "ip"}, Column{Kind: Integer}, "3232235783", `1[67]\d{7}|18\d{7}`},
		{Spec{Name: "ip"}, Column{Kind: Binary}, "\x01\x02\x03\x04", "(?s)\n..."},
		{Spec{Name: "password", Format: "wordpress"}, Column{Kind: Text}, "x", `\$P\$B.{30}`},
		{Spec{Name: "password", Format: "wordpress"}, Column{Kind: Text}, "", ""},
		{Spec{Name: "filename"}, Column{Kind: Text}, "public://cv/2024/Anna Berg.PDF", `public://cv/2024/[a-z2-7]{26}\.PDF`},
		{Spec{Name: "filename"}, Column{Kind: Text}, "anna.berg.resume", `[a-z2-7]{26}`},
		{Spec{Name: "filename"}, Column{Kind: Text, Characters: 32}, "a/long/path/to/anna.pdf", `[a-z2-7]{26}\.pdf`},
		{Spec{Name: "html"}, Column{Kind: Text}, `<p class="Anna" title="Anna">Anna &amp; M&uuml;ller<br/><a href="mailto:a@b.cd">x</a></p>`,
			`<p class="Anna" title="[A-Z][a-z]{3}">[A-Z][a-z]{3} &amp; [A-Z][a-z]{5}<br/><a href="mailto:[a-z]@[a-z]\.[a-z]{2}">[a-z]</a></p>`},
		{Spec{Name: "json"}, Column{Kind: JSON}, `{"name": "Anna", "n": 5, "list":["Berg",null,true]}`, `{"name": "[A-Z][a-z]{3}", "n": 5, "list":\["[A-Z][a-z]{3}",null,true\]}`},
		{Spec{Name: "json"}, Column{Kind: Text}, `broken: Anna`, `[a-z]{6}: [A-Z][a-z]{3}`},
		{Spec{Name: "json", Paths: []Path{{"*.mail", Spec{Name: "email"}}, {"n", Spec{Name: "digits"}}, {"gone", Spec{Name: "null"}}}}, Column{Kind: JSON},
			`{"a":{"mail":"x","n":"Anna"},"n":17,"gone":"x"}`, `{"a":{"mail":"[a-z2-7]{26}@example.com","n":"Anna"},"n":\d\d,"gone":null}`},
		{Spec{Name: "serialized"}, Column{Kind: Text}, `a:2:{s:4:"name";s:7:"Müller";i:0;O:1:"X":1:{s:4:"` + "\x00X\x00" + `p";s:4:"Anna";}}`,
			`a:2:{s:4:"name";s:6:"[A-Z][a-z]{5}";i:0;O:1:"X":1:{s:4:"` + "\x00X\x00" + `p";s:4:"[A-Z][a-z]{3}";}}`},
		{Spec{Name: "serialized", Paths: []Path{{"p.q.mail", Spec{Name: "email"}}}}, Column{Kind: Text},
			`a:1:{s:1:"p";s:27:"{"q":{"mail":"a","b":"Abc"}";}`, `a:1:{s:1:"p";s:27:"{"[a-z]":{"[a-z]{4}":"[a-z]","[a-z]":"[A-Z][a-z]{2}"}";}`},
	} {
		made := masked(masker(t, test.spec, test.column), test.value)
		if !regexp.MustCompile(`^(?:` + test.want + `)$`).MatchString(made) {
			t.Errorf("%+v of %q: %q does not match %s", test.spec, test.value, made, test.want)
		}
	}
}

// JSON in a serialized value in JSON: paths lead through all of them, and all lengths are right.
func TestStructuresInOneAnother(t *testing.T) {
	const value = `{"data":"a:1:{s:4:\"user\";s:37:\"{\"mail\":\"anna@b.c\",\"keep\":\"as it is\"}\";}"}`
	m := masker(t, Spec{Name: "json", Paths: []Path{{"data.user.mail", Spec{Name: "email", Domain: "x.yz"}}}}, Column{Kind: JSON})
	want := regexp.MustCompile(`^{"data":"a:1:{s:4:\\"user\\";s:60:\\"{\\"mail\\":\\"[a-z2-7]{26}@x.yz\\",\\"keep\\":\\"as it is\\"}\\";}"}$`)
	if made := masked(m, value); !want.MatchString(made) {
		t.Errorf("got %s", made)
	}
	all := masked(masker(t, Spec{Name: "json"}, Column{Kind: JSON}), value)
	if strings.Contains(all, "anna") || strings.Contains(all, "as it is") || !strings.Contains(all, `s:4:\"user\";s:37:\"{\"mail\":\"`) {
		t.Errorf("got %s", all)
	}
}

// What grows beyond its column is made of the same length instead.
func TestStructuresStayWithinTheirColumn(t *testing.T) {
	m := masker(t, Spec{Name: "json", Paths: []Path{{"mail", Spec{Name: "email"}}, {"n", Spec{Name: "fixed", Value: "123456"}}}}, Column{Kind: Text, Characters: 24})
	if made := masked(m, `{"mail":"anna@b.c","n":7}`); len(made) > 25 || strings.Contains(made, "anna") || !validJSON([]byte(made)) {
		t.Errorf("got %s", made)
	}
}

func TestDatesKeepTheirOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, days := range []int{1, 30, 3650} {
		m := masker(t, Spec{Name: "date", Days: days}, Column{Kind: DateTime})
		at := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
		before, moves := "", 0
		for range 6000 {
			at = at.Add(time.Duration(random.Int64N(int64(6 * 24 * time.Hour))))
			text := at.Format("2006-01-02 15:04:05")
			made := masked(m, text)
			if made < before {
				t.Fatalf("%d days: %s became %s, an earlier one %s", days, text, made, before)
			}
			before = made
			moved, err := time.Parse("2006-01-02 15:04:05", made)
			if err != nil {
				t.Fatal(err)
			}
			if by := moved.Sub(at.Truncate(time.Second)).Abs(); by > time.Duration(days)*24*time.Hour {
				t.Fatalf("%d days: %s became %s", days, text, made)
			} else if by > time.Hour {
				moves++
			}
		}
		if moves < 4500 {
			t.Errorf("%d days: only %d dates of 6000 moved", days, moves)
		}
	}
}

func TestTimestampsKeepTheirOrder(t *testing.T) {
	m := masker(t, Spec{Name: "date"}, Column{Kind: Integer, Least: "-9223372036854775808", Most: "9223372036854775807"})
	before := int64(-1 << 62)
	for _, at := range []int64{-1 << 40, -1 << 31, -100, -1, 0, 1, leastTimestamp, 1700000000, 1700000001, 1800000000, mostTimestamp, 1 << 31, 1 << 33, firstMillisecond, 1700000000000} {
		made, err := strconv.ParseInt(masked(m, strconv.FormatInt(at, 10)), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if made < before {
			t.Errorf("%d became %d, an earlier one %d", at, made, before)
		}
		before = made
	}
}

func benchmark(b *testing.B, spec Spec, column Column, value string) {
	m := masker(b, spec, column)
	var dst []byte
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = m.Mask(dst[:0], []byte(value))
	}
}

func BenchmarkText(b *testing.B) {
	benchmark(b, Spec{Name: "text"}, Column{Kind: Text}, strings.Repeat("Bewerbung als Köchin in Wien, Gehalt 2400 Euro. ", 40))
}

func BenchmarkShortText(b *testing.B) {
	benchmark(b, Spec{Name: "text"}, Column{Kind: Text}, "Anna Berg")
}
func BenchmarkEmail(b *testing.B) {
	benchmark(b, Spec{Name: "email"}, Column{Kind: Text}, "anna.berg@example.org")
}
func BenchmarkName(b *testing.B) { benchmark(b, Spec{Name: "name"}, Column{Kind: Text}, "Anna Berg") }
func BenchmarkDigits(b *testing.B) {
	benchmark(b, Spec{Name: "digits"}, Column{Kind: Text}, "0664 123 45 67")
}
func BenchmarkDate(b *testing.B) {
	benchmark(b, Spec{Name: "date"}, Column{Kind: DateTime}, "2024-02-29 10:00:00")
}
func BenchmarkHTML(b *testing.B) {
	benchmark(b, Spec{Name: "html"}, Column{Kind: Text}, strings.Repeat(`<p class="x">Bewerbung als <b>K&ouml;chin</b> in Wien</p>`, 40))
}
func BenchmarkSerialized(b *testing.B) {
	benchmark(b, Spec{Name: "serialized"}, Column{Kind: Text}, "a:40:{"+strings.Repeat(`s:4:"name";s:9:"Anna Berg";`, 40)+"}")
}
func BenchmarkJSON(b *testing.B) {
	benchmark(b, Spec{Name: "json"}, Column{Kind: Text}, "["+strings.Repeat(`{"name":"Anna Berg","n":5},`, 40)+"1]")
}

// PHP's password_verify, and the code of Drupal 7, WordPress and Magento 2, took these hashes for those of that password.
func TestPasswords(t *testing.T) {
	for format, want := range map[string]string{
		"bcrypt":       "$2y$10$iSh5UNLrvzfDI/gWjYbUbu0zWN4m49Hw5n06DtEiikGhzVv4JBC5S",
		"drupal":       "$2y$10$IZRP4YWyvaoSFNM/etlgpumMZmHV0pSRulTqRABNcRRzTdQVB0asi",
		"drupal7":      "$S$DS403rBFz9689JpOTJYELApT8HKAeEMlCCmPGKq4KFh86KASLpcB",
		"magento2":     "f524eba5d247501249c3d58dcd1ee5346e5e0df02e7780b577e43321c519b99c:ddef9a95d01806c82ba0ab09c4728f58:1",
		"typo3":        "$argon2i$v=19$m=16384,t=2,p=1$C0z8BKz50CPHZO3RBEUAqQ$ZkK4+MqKYEqWTx29agaBOR8YajICf9OOWbl8W31rnrg",
		"wordpress":    "$P$Bj8MYD/91CP85bQzvSRQHC5mu2dchZ.",
		"wordpress6.8": "$wp$2y$10$H2rClNTWWJsL7K.OpXoCLeNv5dnHd3WuNrbI6UCKuSrI5yd.0ZsiK",
	} {
		m := masker(t, Spec{Name: "password", Format: format, Password: "known one"}, Column{Kind: Text})
		if got := masked(m, "any"); got != want {
			t.Errorf("%s: %s", format, got)
		}
	}
}
