package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// newestVariable is what docker-compose.dump.yaml shows in `ddev describe`. DDEV takes it from newestFile
// whenever it renders that file, and shows what it has rendered in renderedFile, which is made anew at the
// next start.
const (
	newestVariable = "DUMP_NEWEST"
	newestFile     = ".env.dump-newest"
	renderedFile   = ".ddev-docker-compose-full.yaml"
)

var (
	newestLine = regexp.MustCompile(`(?m)^( +newest dump: ).*$`)
	unsafeText = regexp.MustCompile(`[^A-Za-z0-9 .,:_-]`)
)

// RememberNewest makes `ddev describe` show the newest dump that is known, in one line. Where the add-on is
// not installed nothing is done.
func (p *Project) RememberNewest(text string) error {
	folder := filepath.Join(p.Root, ".ddev")
	if !isFile(filepath.Join(folder, "docker-compose.dump.yaml")) {
		return nil
	}
	// Names of dumps that others made may hold anything; neither file should have to quote it.
	text = unsafeText.ReplaceAllString(text, "_")
	// The first line keeps DDEV from telling of the file as somebody's own.
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

// replaceFile writes a file in one step, if it is not as it should be already.
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
