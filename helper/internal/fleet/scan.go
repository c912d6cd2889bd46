package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// scan returns the folders, at and below a folder, that contain a .ddev/config.yaml, in lexical order. It does not search
// projects that it has found, nor hidden folders, installed packages or symbolic links.
func scan(folder string) (found []string, err error) {
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path == folder:
			return err
		case err != nil: // a folder that this user may not read is none of his projects
			return fs.SkipDir
		case !entry.IsDir():
			return nil
		case path != folder && skipped(entry.Name()):
			return fs.SkipDir
		}
		_, err = os.Stat(filepath.Join(path, ".ddev", "config.yaml"))
		switch {
		case err == nil:
			found = append(found, path)
			return fs.SkipDir
		case errors.Is(err, fs.ErrNotExist):
			return nil
		}
		return fs.SkipDir
	})
	if err != nil {
		return nil, fmt.Errorf("search %s for projects: %w", folder, err)
	}
	return found, nil
}

func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor"
}
