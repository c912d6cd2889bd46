package throwaway

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// inImage are the programs' names in images of different age.
func inImage(engine string) programs {
	if engine == "mysql" {
		return programs{engine: engine, server: `"$(command -v mysqld)"`}
	}
	return programs{
		engine:  engine,
		install: `"$(command -v mariadb-install-db || command -v mysql_install_db)"`,
		server:  `"$(command -v mariadbd || command -v mysqld)"`,
	}
}

// findImage looks for Docker, and pulls the kind's image if it is missing. The reason says why a container is impossible.
func findImage(ctx context.Context, kind Kind, note func(string)) (found origin, reason string) {
	docker, err := exec.LookPath("docker")
	switch {
	case err != nil:
		return origin{}, "there is no docker for a container of " + kind.image()
	case runtime.GOOS != "linux":
		return origin{}, "a container's socket cannot be reached from here, Docker runs in a machine of its own"
	}
	options, err := exec.CommandContext(ctx, docker, "info", "--format", "{{.SecurityOptions}}").Output()
	if err != nil {
		return origin{}, "docker: " + complaint(err)
	}
	image := kind.image()
	if exec.CommandContext(ctx, docker, "image", "inspect", image).Run() != nil {
		note("fetching the image " + image)
		if _, err := exec.CommandContext(ctx, docker, "pull", "--quiet", image).Output(); err != nil {
			return origin{}, "docker pull " + image + ": " + complaint(err)
		}
	}
	user, root := fmt.Sprintf("%d:%d", os.Geteuid(), os.Getegid()), os.Geteuid() == 0
	if strings.Contains(string(options), "rootless") {
		user, root = "0:0", true // root in the container is this user outside
	}
	var name string
	return origin{
		name: "a container of " + image,
		command: func(folder string) []string {
			name = "dump-bake-" + strings.ToLower(rand.Text()) // a new name, because the last container may still be being removed
			return []string{
				docker, "run", "--rm", "--interactive", "--pull=never", "--name=" + name, "--network=none", "--user=" + user,
				"--security-opt=label=disable", "--log-driver=none", "--volume=" + folder + ":" + folder, "--entrypoint=/bin/sh", image,
				"-c", supervised(script(inImage(kind.Engine), folder, root)),
			}
		},
		remove: func(ctx context.Context) {
			_ = exec.CommandContext(ctx, docker, "rm", "--force", "--volumes", name).Run()
		},
	}, ""
}
