package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// codePath matches a Go file as architecture.md names it.
var codePath = regexp.MustCompile("`([a-z0-9_/]+\\.go)`")

// Every file that architecture.md names exists.
func TestArchitectureNamesFilesThatExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := codePath.FindAllStringSubmatch(string(text), -1)
	if len(found) < 20 {
		t.Fatalf("architecture.md names %d files", len(found))
	}
	for _, match := range found {
		if _, err := os.Stat(filepath.Join("..", "..", "helper", "internal", match[1])); err != nil {
			t.Errorf("docs/architecture.md names %s, which is not in helper/internal", match[1])
		}
	}
	for _, word := range []string{"| room |", "way up", "way down"} {
		if strings.Contains(string(text), word) {
			t.Errorf("docs/architecture.md says %q", word)
		}
	}
}

// packagePath matches a package in a command of a document.
var packagePath = regexp.MustCompile(`\./(helper/[a-z0-9_/-]+|tests/[a-z0-9_/-]+)`)

// Every package in a command of a document exists.
func TestDocumentsNamePackagesThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(documents) == 0 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	for _, document := range append(documents, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range packagePath.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(root, strings.TrimSuffix(match[1], "/"))); err != nil {
				t.Errorf("%s names %s, which does not exist", filepath.Base(document), match[0])
			}
		}
	}
}
