package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// findRoot returns the folder of the project around dir: the nearest one, from dir upwards, that has a .ddev/config.yaml. Such a folder
// can also be a part of another project, like a package that comes with its own .ddev. If DDEV knows the project around it, but not
// the folder, the folder is no project, as in DDEV since v1.25.4. only looks at dir alone.
func findRoot(dir, globalFolder string, only bool) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the DDEV project: %w", err)
	}
	if _, err := os.Stat(start); err != nil {
		text := "cannot be read"
		if errors.Is(err, fs.ErrNotExist) {
			text = "no such folder"
		}
		return "", &ConfigError{Kind: ErrNoProject, Origin: start, Text: text, Cause: err}
	}
	var nearest string
	if only {
		if _, err := os.Lstat(filepath.Join(start, ".ddev", "config.yaml")); err != nil {
			return "", &ConfigError{Kind: ErrNoProject, Origin: start, Text: "no .ddev/config.yaml in this folder", Cause: err}
		}
		return start, nil
	}
	known := knownRoots(globalFolder)
	for folder := start; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, ".ddev", "config.yaml")); err == nil {
			if isKnown(known, folder) {
				return folder, nil
			}
			if nearest == "" {
				nearest = folder
			}
		}
		if folder == filepath.Dir(folder) {
			break
		}
	}
	if nearest == "" {
		return "", &ConfigError{Kind: ErrNoProject, Origin: start, Text: "no DDEV project here or above (no folder with .ddev/config.yaml)"}
	}
	return nearest, nil
}

// knownRoots returns the folders of the projects that DDEV knows on this machine; none if there is no DDEV.
func knownRoots(globalFolder string) []string {
	text, err := (&reader{left: mostBytes}).read(filepath.Join(globalFolder, "project_list.yaml"))
	var projects map[string]struct {
		Root string `yaml:"approot"`
	}
	if err != nil || yaml.Unmarshal(text, &projects) != nil {
		return nil
	}
	var roots []string
	for _, project := range projects {
		roots = append(roots, project.Root)
	}
	return roots
}

func isKnown(roots []string, folder string) bool {
	for _, root := range roots {
		if isSameFolder(root, folder) {
			return true
		}
	}
	return false
}

// globalFolder returns DDEV's folder for what belongs to all projects of a user.
func globalFolder(env map[string]string) string {
	home := env["HOME"]
	if folder := env["DDEV_GLOBAL_DIR"]; folder != "" {
		return folder
	}
	if base := env["DDEV_XDG_CONFIG_HOME"]; base != "" {
		if rest, ok := strings.CutPrefix(base, "~"); ok {
			base = home + rest
		}
		return filepath.Join(base, "ddev")
	}
	if home == "" {
		return ""
	}
	folder, other := filepath.Join(home, ".ddev"), filepath.Join(home, ".config", "ddev")
	if !isFolder(folder) && isFolder(other) {
		return other
	}
	return folder
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
