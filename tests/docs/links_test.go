package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// link matches a Markdown link or picture to something in this repository, with the heading that it leads to.
var link = regexp.MustCompile(`\]\(([^)#:\s]*)(#[^)\s]*)?\)`)

// ours matches the address of a file of this repository, in a message or in a configuration file.
var ours = regexp.MustCompile(`github\.com/jobiqo/dump-refresh/blob/main/([A-Za-z0-9_./-]+)(#[a-z0-9-]+)?`)

// mention matches the name of a document in a text.
var mention = regexp.MustCompile(`\bdocs/[a-z0-9-]+\.md\b`)

// fenced matches blocks of code, where nothing is a link or a heading.
var fenced = regexp.MustCompile("(?ms)^ *```.*?^ *```$")

// TestLinksLead follows all links in all documents, and names of documents anywhere.
func TestLinksLead(t *testing.T) {
	documents := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bin", "dist"}, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(content)
		if filepath.Ext(path) == ".md" {
			documents++
			for _, match := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
				target := path
				if match[1] != "" {
					target = filepath.Join(filepath.Dir(path), match[1])
				}
				if err := leads(target, match[2]); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
		for _, match := range ours.FindAllStringSubmatch(text, -1) {
			if err := leads(filepath.Join(root, match[1]), match[2]); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		if filepath.Ext(path) != ".go" || !strings.HasSuffix(path, "links_test.go") {
			for _, name := range mention.FindAllString(text, -1) {
				if err := leads(filepath.Join(root, name), ""); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if documents < 15 {
		t.Errorf("only %d documents found", documents)
	}
}

// leads returns what is wrong with a link to a heading of a file.
func leads(file, heading string) error {
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("link to %s: %w", file, err)
	}
	if heading == "" {
		return nil
	}
	if info.IsDir() {
		return fmt.Errorf("link to %s: a folder has no headings", file+heading)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("link to %s: %w", file, err)
	}
	if !slices.Contains(anchors(string(text)), strings.TrimPrefix(heading, "#")) {
		return fmt.Errorf("link to %s: there is no such heading", file+heading)
	}
	return nil
}

// anchors returns GitHub's anchors for the headings of a document.
func anchors(text string) []string {
	var found []string
	seen := map[string]int{}
	for _, match := range regexp.MustCompile(`(?m)^#+ +(.*?) *$`).FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		words := regexp.MustCompile(`[^a-z0-9_ -]`).ReplaceAllString(strings.ToLower(match[1]), "")
		anchor := strings.ReplaceAll(words, " ", "-")
		if n := seen[anchor]; n > 0 {
			found = append(found, fmt.Sprintf("%s-%d", anchor, n))
		} else {
			found = append(found, anchor)
		}
		seen[anchor]++
	}
	return found
}
