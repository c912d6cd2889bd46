package rewrite

import (
	"context"
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
				c.Once.About(key, what+" "+name+" is unknown here: "+candidate+" takes its place")
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
	}
	return nil
}

// collationsNear lists replacements for a collation, the nearest first.
func collationsNear(name string) []string {
	charset, rest, _ := strings.Cut(strings.ToLower(name), "_")
	rest = strings.Replace(rest, "_nopad", "", 1)
	var rules []string
	switch {
	case strings.HasSuffix(rest, "bin"):
		rules = []string{"bin"}
	case strings.HasSuffix(rest, "_as_cs") || strings.HasSuffix(rest, "_ai_cs"):
		rules = []string{"uca1400_as_cs", "0900_as_cs", "bin"}
	case strings.HasSuffix(rest, "_as_ci"):
		rules = []string{"uca1400_as_ci", "0900_as_ci", "unicode_520_ci", "unicode_ci", "general_ci"}
	default:
		rules = []string{"uca1400_ai_ci", "0900_ai_ci", "unicode_520_ci", "unicode_ci", "general_ci"}
	}
	var near []string
	for _, charset := range append([]string{charset}, charsetsNear(charset)...) {
		for _, rule := range append([]string{rest}, rules...) {
			if candidate := charset + "_" + rule; candidate != name {
				near = append(near, candidate)
			}
		}
	}
	return near
}

// looksLikeCollation says whether a bare word can only be a Unicode collation. Servers differ only in these.
func looksLikeCollation(word string) bool {
	word = strings.ToLower(word)
	charset, rest, _ := strings.Cut(word, "_")
	if charset != "utf8mb4" && charset != "utf8mb3" && charset != "utf8" {
		return false
	}
	return rest == "bin" || strings.HasSuffix(rest, "_bin") || strings.HasSuffix(rest, "_ci") || strings.HasSuffix(rest, "_cs")
}
