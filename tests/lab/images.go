package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const imageSource = "tests/lab/images"

// image is an image that the lab builds: a stage of tests/lab/images/Dockerfile, and the name under which DDEV looks
// for it.
type image struct{ stage, name string }

// images lists the images that DDEV needs for a project, and the base of the dump service's image. VERSION stands for
// DDEV's version.
var images = []image{
	{"utilities", "ddev/ddev-utilities:latest"},
	{"utilities", "ddev/ddev-xhgui:VERSION"}, // never started, but DDEV warns if it is missing
	{"webserver", "ddev/ddev-webserver:VERSION"},
	{"mariadb", "ddev/ddev-dbserver-mariadb-11.8:VERSION"},
	{"postgres", "postgres:17"},
	{"golang", "golang:1.26-trixie"},
}

// makeImages builds the images whose sources have changed since they were built.
func makeImages(ctx context.Context, dir string) error {
	version, err := output(ctx, "tests/tools/ddev", "go", "list", "-m", "-f", "{{.Version}}", "github.com/ddev/ddev")
	if err != nil {
		return err
	}
	recipe, err := hashFolder(imageSource, version)
	if err != nil {
		return err
	}
	done := filepath.Join(dir, "images")
	if made, _ := os.ReadFile(done); string(made) == recipe && haveImages(ctx, version) {
		return nil
	}
	fmt.Fprintln(os.Stderr, "lab: making images (once)")
	if err := makeBase(ctx); err != nil {
		return err
	}
	source, err := output(ctx, "tests/tools/ddev", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/ddev/ddev")
	if err != nil {
		return err
	}
	goroot, err := output(ctx, ".", "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	for _, i := range images {
		err := do(ctx, exec.CommandContext(ctx, "docker", "buildx", "build", "--target", i.stage, "--tag", i.tag(version),
			"--build-context", "ddev="+filepath.Join(source, "containers"), "--build-context", "go="+goroot,
			"--build-context", "certificates=/etc/ssl/certs", imageSource))
		if err != nil {
			return err
		}
	}
	return os.WriteFile(done, []byte(recipe), 0o644)
}

func (i image) tag(version string) string { return strings.Replace(i.name, "VERSION", version, 1) }

func haveImages(ctx context.Context, version string) bool {
	for _, i := range images {
		if exec.CommandContext(ctx, "docker", "image", "inspect", i.tag(version)).Run() != nil {
			return false
		}
	}
	return true
}

// baseImage is the base of all others, under the name that registries use.
const baseImage = "debian:trixie-slim"

func makeBase(ctx context.Context) error {
	if exec.CommandContext(ctx, "docker", "image", "inspect", baseImage).Run() == nil {
		return nil
	}
	return do(ctx, exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", `
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | head -n 1)
		mmdebstrap --quiet --variant=minbase --include=ca-certificates trixie - "$mirror" | docker import - "$1"`, "bash", baseImage))
}

// hashFolder returns a text that changes with any file in a folder.
func hashFolder(folder, salt string) (string, error) {
	sum := sha256.New()
	_, _ = io.WriteString(sum, salt)
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(folder, path))
		fmt.Fprintf(sum, "%s %d\n", path, len(text))
		sum.Write(text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
