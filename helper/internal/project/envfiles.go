package project

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// envFile is an env file of DDEV's: .env[.SERVICE[.LABEL…]][.local].
type envFile struct {
	// service is the one whose container gets the variables; "" stands for all.
	service   string
	variables []assigned
}

// serviceName is the add-on's service. What its container gets is what counts for the program.
const serviceName = "dump"

func (f envFile) reachesUs() bool { return f.service == "" || f.service == serviceName }

// globalFilesVariable holds the env files of the global folder where the program runs in a container, which does not have that folder. Each
// file follows a line that begins with globalFileLine and has its path.
const (
	globalFilesVariable = "DUMP_REFRESH_GLOBAL_ENV"
	globalFileLine      = "# dump-refresh reads "
)

// readEnvFiles reads DDEV's env files, in the order in which DDEV v1.25.4 applies them: those of the global folder, then those of the
// project. In both, they are sorted by name, and a .local file comes right after the one that it overrides. Earlier versions of DDEV do
// not know about the global folder, labels and .local files.
func readEnvFiles(root string, env map[string]string, ours *reader) (files []envFile, problems ConfigErrors) {
	type source struct{ path, text string }
	var sources []source
	read := func(folder string, r *reader) {
		for _, name := range envFileNames(folder) {
			path := filepath.Join(folder, name)
			text, err := r.read(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				if (envFile{service: envFileService(name)}).reachesUs() {
					problems = append(problems, unreadable(err, envOrigin(root, env["HOME"], path, 0)))
				}
				continue
			}
			sources = append(sources, source{path, string(text)})
		}
	}
	if forwarded, inService := env[globalFilesVariable]; inService {
		for _, part := range strings.Split("\n"+forwarded, "\n"+globalFileLine)[1:] {
			path, text, _ := strings.Cut(part, "\n")
			sources = append(sources, source{path, text})
		}
	} else if folder := globalFolder(env); folder != "" {
		read(folder, &reader{left: mostBytes})
	}
	read(filepath.Join(root, ".ddev"), ours)

	for rank, source := range sources {
		from := envOrigin(root, env["HOME"], source.path, rank)
		file := envFile{service: envFileService(filepath.Base(source.path))}
		variables, broken := parseDotenv(source.text)
		for _, v := range variables {
			file.variables = append(file.variables, assigned{name: v.name, text: v.value, unset: v.unset, from: from.at(v.line)})
		}
		files = append(files, file)
		for _, b := range broken {
			if file.reachesUs() {
				problems.add(ErrSyntax, from.at(b.line), "", b.text)
			}
		}
	}
	return files, problems
}

// envFileNames returns the names of the env files in a folder, in the order in which they count.
func envFileNames(folder string) []string {
	entries, _ := os.ReadDir(folder)
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if (name == ".env" || strings.HasPrefix(name, ".env.")) && !strings.HasSuffix(name, ".example") {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(strings.Compare(withoutLocal(a), withoutLocal(b)), cmp.Compare(len(a), len(b)))
	})
	return names
}

func withoutLocal(name string) string { return strings.TrimSuffix(name, ".local") }

// envFileService returns the service that an env file is for. What follows the service in the name is a label, which only keeps files apart.
func envFileService(name string) string {
	service, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(withoutLocal(name), ".env"), "."), ".")
	return service
}

// envOrigin is the origin of an env file. A path outside of the project is shown in full, with ~ for the home folder.
func envOrigin(root, home, path string, rank int) origin {
	from := inFile(envFiles, root, path)
	if strings.HasPrefix(from.file, "../") {
		from.file, from.repository = path, false
		if rest, ok := strings.CutPrefix(path, home+"/"); ok && home != "" {
			from.file = "~/" + rest
		}
	}
	from.rank = rank
	return from
}
