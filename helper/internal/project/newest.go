package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// newestVariable is shown by `ddev describe`, because docker-compose.dump.yaml refers to it. DDEV reads it from newestFile
// whenever it renders that file, and shows what is in renderedFile, which it writes at each start.
const (
	newestVariable = "DUMP_NEWEST"
	newestFile     = ".env.dump-newest"
	renderedFile   = ".ddev-docker-compose-full.yaml"
)

var (
	newestLine = regexp.MustCompile(`(?m)^( +newest dump: ).*$`)
	unsafeText = regexp.MustCompile(`[^A-Za-z0-9 .,:_-]`)
)

// RememberNewest has `ddev describe` show the newest known dump, in one line. It does nothing if the add-on is not installed.
func (p *Project) RememberNewest(text string) error {
	folder := filepath.Join(p.Root, ".ddev")
	if !isFile(filepath.Join(folder, "docker-compose.dump.yaml")) {
		return nil
	}
	// The names of other tools' dumps may contain any character. Neither file has to quote the text.
	text = unsafeText.ReplaceAllString(text, "_")
	// Because of the first line, DDEV does not report the file as a custom one.
	if err := replaceFile(filepath.Join(folder, newestFile), []byte("#ddev-silent-no-warn\n"+newestVariable+`="`+text+"\"\n")); err != nil {
		return fmt.Errorf("remember the newest dump: %w", err)
	}
	rendered := filepath.Join(folder, renderedFile)
	now, err := os.ReadFile(rendered)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = replaceFile(rendered, newestLine.ReplaceAll(now, []byte("${1}"+text)))
	}
	if err != nil {
		return fmt.Errorf("show the newest dump: %w", err)
	}
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// replaceFile writes a file in one step, unless it has that content already.
func replaceFile(path string, text []byte) error {
	if now, err := os.ReadFile(path); err == nil && string(now) == string(text) {
		return nil
	}
	beside, err := os.CreateTemp(filepath.Dir(path), ".dump-refresh-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(beside.Name()) }()
	_, err = beside.Write(text)
	if err := errors.Join(err, beside.Chmod(0o644), beside.Close()); err != nil {
		return err
	}
	return os.Rename(beside.Name(), path)
}
