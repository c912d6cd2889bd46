package data

import (
	_ "embed"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed words-en.txt
var english string

//go:embed words-de.txt
var german string

// vocabulary draws words with the frequency of a language: the nth most frequent word about 1/n as often as the first.
type vocabulary struct {
	words []string
	// draws has indexes of words, each as often as its frequency.
	draws [1 << 14]uint16
}

func newVocabulary(text string) *vocabulary {
	v := &vocabulary{words: strings.Fields(text)}
	total := 0.0
	for i := range v.words {
		total += frequency(i)
	}
	at, sum := 0, 0.0
	for i := range v.words {
		sum += frequency(i)
		for end := int(sum / total * float64(len(v.draws))); at < end; at++ {
			v.draws[at] = uint16(i)
		}
	}
	return v
}

func frequency(rank int) float64 { return 1 / math.Pow(float64(rank)+4, 0.9) }

var (
	englishWords = newVocabulary(english)
	germanWords  = newVocabulary(german)
	// sortedWords are the words of the search index, in the order of its primary key.
	sortedWords = func() []string {
		words := slices.DeleteFunc(strings.Fields(english), func(w string) bool { return len(w) < 4 })
		slices.Sort(words)
		return slices.Compact(words)
	}()
)

// author writes texts. They depend only on the last reseed.
type author struct {
	pcg   *rand.PCG
	rng   *rand.Rand
	seed  uint64
	words *vocabulary
	buf   []byte
}

func newAuthor(seed uint64) *author {
	pcg := rand.NewPCG(0, 0)
	return &author{pcg: pcg, rng: rand.New(pcg), seed: seed, words: englishWords}
}

// reseed starts the text number i of a subject.
func (a *author) reseed(subject string, i int) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(subject))
	a.pcg.Seed(a.seed^h.Sum64(), uint64(i))
}

func (a *author) below(n int) int { return int(a.rng.Uint64N(uint64(n))) }

// oneIn returns true in one of n cases.
func (a *author) oneIn(n int) bool { return a.below(n) == 0 }

func (a *author) word() string {
	return a.words.words[a.words.draws[a.rng.Uint64()%uint64(len(a.words.draws))]]
}

// sentence appends a sentence of typical length.
func (a *author) sentence() {
	start := len(a.buf)
	n := 5 + a.below(16)
	for i := range n {
		if i > 0 {
			a.buf = append(a.buf, ' ')
		}
		switch a.below(90) {
		case 0:
			a.buf = strconv.AppendInt(a.buf, int64(a.below(2000)), 10)
		case 1:
			a.buf = append(append(append(a.buf, "<strong>"...), a.word()...), "</strong>"...)
		case 2:
			a.buf = append(append(a.buf, `"`...), a.word()...)
			a.buf = append(append(append(a.buf, ' '), a.word()...), '"')
		case 3:
			a.buf = append(a.buf, odd[a.below(len(odd))]...)
		case 4:
			a.buf = append(a.buf, `<a href="/node/`...)
			a.buf = strconv.AppendInt(a.buf, int64(1+a.below(9000)), 10)
			a.buf = append(append(append(a.buf, `">`...), a.word()...), "</a>"...)
		default:
			a.buf = append(a.buf, a.word()...)
			if i < n-1 && a.oneIn(9) {
				a.buf = append(a.buf, ',')
			}
		}
	}
	capitalise(a.buf[start:])
	a.buf = append(a.buf, '.')
}

// odd has words that careless programs fail on.
var odd = []string{
	"don't", "it's", "we're", "O'Brien", "R&amp;D", "Café", "Größe", "naïve", "Łódź", "日本語", "Ελληνικά", "🚀", "👩‍💻", "💼",
	"🇦🇹", "50\u00a0%", `C:\Users\Public\new`, `Drupal\node\Entity\Node`, `\'quoted\'`, "a;b", "-- not a comment", "/* nor this */",
	"DROP TABLE users;", "INSERT INTO `node` VALUES (1);", "`backticks`", "tab\there", "§ 3 (1)", "“typographic”", "€ 3.500,–", `\N`,
}

// capitalise capitalises the first letter of a text, if that does not change its length.
func capitalise(text []byte) {
	first, size := utf8.DecodeRune(text)
	upper := unicode.ToUpper(first)
	if utf8.RuneLen(upper) == size {
		utf8.EncodeRune(text, upper)
	}
}

// html returns a formatted text of about size bytes.
func (a *author) html(size int) string {
	a.buf = a.buf[:0]
	for len(a.buf) < size {
		switch a.below(8) {
		case 0:
			a.buf = append(append(append(a.buf, "<h3>"...), a.title()...), "</h3>\r\n\r\n"...)
		case 1:
			a.buf = append(a.buf, "<ul>\r\n"...)
			for range 3 + a.below(4) {
				a.buf = append(a.buf, "\t<li>"...)
				a.sentence()
				a.buf = append(a.buf, "</li>\r\n"...)
			}
			a.buf = append(a.buf, "</ul>\r\n\r\n"...)
		default:
			a.buf = append(a.buf, "<p>"...)
			for i := range 2 + a.below(5) {
				if i > 0 {
					a.buf = append(a.buf, ' ')
				}
				a.sentence()
			}
			a.buf = append(a.buf, "</p>\r\n\r\n"...)
		}
	}
	return string(a.buf)
}

// plain returns about size bytes of words.
func (a *author) plain(size int) string {
	a.buf = a.buf[:0]
	for len(a.buf) < size {
		a.buf = append(append(a.buf, a.word()...), ' ')
	}
	return string(a.buf[:max(0, len(a.buf)-1)])
}

// title returns a few words, the first one capitalised.
func (a *author) title() string {
	words := make([]string, 2+a.below(5))
	for i := range words {
		words[i] = a.word()
	}
	text := []byte(strings.Join(words, " "))
	capitalise(text)
	if a.oneIn(40) {
		text = append(append(text, ' '), odd[a.below(len(odd))]...)
	}
	return string(text)
}

func (a *author) sometimesGerman() { // the language of the text that was last reseeded
	if a.oneIn(5) {
		a.words = germanWords
		return
	}
	a.words = englishWords
}

func (a *author) langcode() string {
	if a.words == germanWords {
		return "de"
	}
	return "en"
}

// hex returns n hexadecimal digits.
func (a *author) hex(n int) string {
	const digits = "0123456789abcdef"
	text := make([]byte, n)
	for i := range text {
		if i%16 == 0 {
			v := a.rng.Uint64()
			for j := i; j < min(n, i+16); j++ {
				text[j] = digits[v&15]
				v >>= 4
			}
		}
	}
	return string(text)
}

func (a *author) uuid() string {
	h := a.hex(32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:]
}

// base64 returns n characters that look like a hash or token.
func (a *author) base64(n int) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	text := make([]byte, n)
	for i := range text {
		text[i] = digits[a.below(64)]
	}
	return string(text)
}

// binary returns n random bytes, like compressed cache entries and images.
func (a *author) binary(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = byte(a.rng.Uint64())
	}
	return string(text)
}

// name returns a first and a last name.
func (a *author) name() string {
	return firstNames[a.below(len(firstNames))] + " " + lastNames[a.below(len(lastNames))]
}

var (
	firstNames = strings.Fields("Anna Thomas Maria Michael Julia Andreas Lisa Stefan Katharina Martin Sarah Peter Laura Daniel Eva " +
		"Markus Sophie Christian Hannah Alexander Lena Wolfgang Johanna Florian Elif Mehmet Ayşe Ivan Zoë José Łukasz Siobhán")
	lastNames = strings.Fields("Gruber Huber Bauer Wagner Müller Pichler Steiner Moser Mayer Hofer Leitner Berger Fuchs Eder Fischer " +
		"Schmid Winkler Weber Schwarz Maier Novák Horváth O'Neill D'Angelo Yılmaz Kovačević Nguyễn Smith Jones Taylor Brown Wójcik")
)

// slug turns a title into a path.
func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == ' ':
			return '-'
		}
		return -1
	}, title)
}
