package rewrite

import (
	"context"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Collations finds replacements for character sets and collations that the server lacks.
type Collations struct {
	Ask  *session.Session
	Once *target.Once
	// Nearest keeps the answers so far: the server's name for each name that was asked for.
	Nearest map[string]string
}

// charset returns a character set that the server has: the given one, or the same under its other name.
func (c *Collations) charset(ctx context.Context, name string) (string, error) {
	return c.choose(ctx, "character set", name, charsetsNear(name), func(name string) string {
		return "SELECT CONVERT('' USING " + name + ")"
	})
}

// collation returns a collation that the server has: the given one, or the nearest.
func (c *Collations) collation(ctx context.Context, name string) (string, error) {
	return c.choose(ctx, "collation", name, collationsNear(name), func(name string) string {
		charset, _, _ := strings.Cut(name, "_")
		return "SELECT CONVERT('' USING " + charset + ") COLLATE " + name
	})
}

func (c *Collations) choose(ctx context.Context, what, name string, near []string, probe func(string) string) (string, error) {
	name = strings.ToLower(name)
	key := what + name
	if nearest, ok := c.Nearest[key]; ok {
		return nearest, nil
	}
	c.Nearest[key] = name // if the server knows none, let it report the error
	for _, candidate := range append([]string{name}, near...) {
		rows, err := c.Ask.Table(ctx, probe(candidate))
		if err != nil && mysql.Errno(err) == 0 {
			return "", err
		}
		if err == nil && len(rows) > 0 {
			c.Nearest[key] = candidate
			if candidate != name {
				c.Once.Lose(key, what+" "+name+" is unknown here: "+candidate+" takes its place")
			}
			break
		}
	}
	return c.Nearest[key], nil
}

func charsetsNear(name string) []string {
	switch strings.ToLower(name) {
	case "utf8mb3":
		return []string{"utf8"}
	case "utf8":
		return []string{"utf8mb3"}
	case "gb18030": // MariaDB does not have it; it is another form of all of Unicode
		return []string{"utf8mb4"}
	}
	return nil
}

// languages are the languages of collations: MySQL's codes, as in utf8mb4_sv_0900_ai_ci, and the words that MariaDB's
// collations and all older ones have, as in utf8mb4_uca1400_swedish_ai_ci and utf8mb4_swedish_ci.
var languages = [][2]string{
	{"cs", "czech"}, {"da", "danish"}, {"de_pb", "german2"}, {"eo", "esperanto"}, {"es", "spanish"}, {"es_trad", "spanish2"},
	{"et", "estonian"}, {"hr", "croatian"}, {"hu", "hungarian"}, {"is", "icelandic"}, {"la", "roman"}, {"lt", "lithuanian"},
	{"lv", "latvian"}, {"pl", "polish"}, {"ro", "romanian"}, {"sk", "slovak"}, {"sl", "slovenian"}, {"sv", "swedish"},
	{"tr", "turkish"}, {"vi", "vietnamese"},
}

// collationsNear lists replacements for a collation, the nearest first. In MySQL's collations of 0900, and in those with
// nopad in their name, trailing spaces count: a unique key may hold both of 'a' and 'a '.
func collationsNear(name string) []string {
	charset, rest, _ := strings.Cut(strings.ToLower(name), "_")
	rest = strings.TrimSuffix(rest, "_ks") // kana
	noPad := strings.Contains(rest, "nopad") || strings.Contains(rest, "0900")
	plain := strings.Replace(rest, "_nopad", "", 1)
	sensitivity := "ai_ci"
	for _, known := range []string{"as_cs", "as_ci", "ai_cs"} {
		if strings.HasSuffix(rest, "_"+known) {
			sensitivity = known
		}
	}
	var code, word string
	for _, language := range languages {
		if strings.HasPrefix(rest, language[0]+"_0900_") || strings.HasPrefix(rest, "uca1400_"+language[1]+"_") {
			code, word = language[0], language[1]
		}
	}
	rules := []string{plain}
	add := func(more ...string) { rules = append(rules, more...) }
	if word != "" {
		if noPad {
			add("uca1400_" + word + "_nopad_" + sensitivity)
		}
		add("uca1400_"+word+"_"+sensitivity, code+"_0900_"+sensitivity)
		if strings.HasSuffix(sensitivity, "ci") {
			add(word + "_ci")
		}
	}
	switch {
	case strings.HasSuffix(rest, "bin"):
		if noPad {
			add("nopad_bin", "0900_bin")
		}
		add("bin")
	default:
		if noPad {
			add("uca1400_nopad_" + sensitivity)
		}
		add("uca1400_"+sensitivity, "0900_"+sensitivity)
		switch {
		case strings.HasSuffix(sensitivity, "cs") && noPad:
			add("nopad_bin", "bin")
		case strings.HasSuffix(sensitivity, "cs"):
			add("bin")
		case noPad:
			add("unicode_520_nopad_ci", "unicode_520_ci", "unicode_ci", "general_ci")
		default:
			add("unicode_520_ci", "unicode_ci", "general_ci")
		}
	}
	var near []string
	for _, charset := range append([]string{charset}, charsetsNear(charset)...) {
		for _, rule := range rules {
			if candidate := charset + "_" + rule; candidate != name && !slices.Contains(near, candidate) {
				near = append(near, candidate)
			}
		}
	}
	return near
}

// looksLikeCollation says whether a bare word can only be a collation in which servers differ: one of Unicode, or of a
// character set that not all of them have.
func looksLikeCollation(word string) bool {
	word = strings.ToLower(word)
	charset, rest, _ := strings.Cut(word, "_")
	if charset != "utf8mb4" && charset != "utf8mb3" && charset != "utf8" && charset != "gb18030" {
		return false
	}
	rest = strings.TrimSuffix(rest, "_ks")
	return rest == "bin" || strings.HasSuffix(rest, "_bin") || strings.HasSuffix(rest, "_ci") || strings.HasSuffix(rest, "_cs")
}
