package project

import (
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// assigned is a text that is assigned to a name somewhere.
type assigned struct {
	name, text string
	// raw is the text in a config file, before variables are replaced.
	raw  string
	from origin
	// unset means that the text refers to a variable that is not set.
	unset bool
	// hidden is a variable of the environment that the text refers to, and that the project's files may not see.
	hidden string
}

// values are the results. An empty text stands for a setting that was unset again.
type values map[string]assigned

// resolve lays the assignments over one another, the last one wins, and checks the names. An empty text counts as not given,
// except in files. The notes are about names that one file sets twice: DDEV sorts web_environment and takes the last line, too,
// which need not be the newest.
func resolve(assignments []assigned) (result values, notes []string, problems ConfigErrors) {
	result = values{}
	inFiles := map[[2]string]assigned{} // by file and name
	for _, a := range assignments {
		ours := strings.HasPrefix(a.name, namePrefix) || a.from.layer == flags
		if !ours || slices.Contains(addOnNames, a.name) {
			continue
		}
		row, known := lookUp(a.name)
		if !known {
			if closest, likely := nearest(a.name, knownNames()); likely || a.from.layer != environment {
				// Other programs have variables in the environment, too: only names that look misspelt are reported.
				problems.add(ErrUnknownName, a.from, a.name, "unknown setting, did you mean "+closest+"?")
				problems[len(problems)-1].Nearest = closest
			}
			continue
		}
		if a.from.file != "" {
			place := [2]string{a.from.file, a.name}
			if other, twice := inFiles[place]; twice && (other.text != a.text || other.raw != a.raw) {
				notes = append(notes, fmt.Sprintf("%s: %s: line %d sets it, too, to another value: this line counts, delete one of them", a.from, a.name, other.from.line))
			}
			inFiles[place] = a
		}
		if problem := exposed(a); problem != "" {
			problems.add(ErrPasswordExposed, a.from, a.name, problem)
			continue
		}
		if a.unset {
			problems.add(ErrInvalidValue, a.from, a.name,
				"refers to a variable that this file does not set before (put the value in single quotes if a dollar sign is meant)")
			continue
		}
		if !row.secret {
			a.text = strings.TrimSpace(a.text)
		}
		if a.text == "" && a.from.layer >= environment {
			continue
		}
		result[a.name] = a
	}
	return result, notes, problems
}

// exposed returns why a's text must not be where it is; "" if it may. Config files are committed, and DDEV writes their values
// into a compose file and the web container. Every user of the machine can read a command line.
func exposed(a assigned) string {
	isPassword := a.name == "DUMP_SOURCE_PASSWORD" || a.name == "DUMP_MASK_KEY" || a.name == "DUMP_SIGN_KEY" ||
		a.name == "DUMP_CANARY" && !strings.HasPrefix(a.text, canaryFile)
	if !isPassword && (a.name != "DUMP_SOURCE" || !holdsPassword(a.text) && !holdsPassword(a.raw)) {
		return ""
	}
	switch {
	case a.from.layer == configFiles && isPassword:
		return "must not be in a config file, which is committed and passed to the web container"
	case a.from.layer == configFiles:
		return "must not contain a password in a config file, which is committed and passed to the web container"
	case a.from.layer == flags && isPassword && a.text != "":
		return "must not be on a command line, which every user of the machine can read"
	case a.from.layer == flags && !isPassword:
		return "must not contain a password on a command line, which every user of the machine can read"
	}
	return ""
}

// complete sets the names that are not set: to the built-in default, to what DDEV gives, or to what follows from other settings.
func (v values) complete(projectName, ownDatabase string, env map[string]string) {
	preset := func(name, text string, from origin) {
		if v[name].text == "" {
			v[name] = assigned{name: name, text: text, from: from}
		}
	}
	bucket := v["DUMP_S3_BUCKET"]
	if _, prefix, ok := splitBucket(bucket.text); ok {
		if prefix = strings.Trim(prefix, "/"); prefix == "" {
			prefix = "/"
		}
		preset("DUMP_S3_PREFIX", prefix, bucket.from)
	}
	if key := v["DUMP_S3_KMS_KEY_ID"]; key.text != "" {
		preset("DUMP_S3_SSE", sseKMS, key.from)
	}
	preset("DUMP_PROJECT", projectName, origin{})
	preset("DUMP_S3_PREFIX", v["DUMP_PROJECT"].text, v["DUMP_PROJECT"].from)
	preset("DUMP_S3_PATH_STYLE", "false", origin{})
	preset("DUMP_KEEP", "0", origin{})
	preset("DUMP_KEEP_DAYS", "0", origin{})
	preset("DUMP_KEEP_LOCAL", "2", origin{})
	preset("DUMP_SOURCE_SILENCE", "30m", origin{})
	preset("DUMP_ENGINE", "native", origin{})
	preset("DUMP_PRIVACY", "off", origin{})
	preset("DUMP_COMPRESSION", "zstd", origin{})
	preset("DUMP_LIMIT_RATE", "0", origin{})
	preset("DUMP_CACHE_DIR", defaultCacheDir(env), origin{})
	if ownDatabase != "" {
		preset("DUMP_TARGET", ownDatabase, origin{layer: ddev})
	}

	cache := v["DUMP_CACHE_DIR"]
	if rest, ok := strings.CutPrefix(cache.text, "~/"); ok && env["HOME"] != "" {
		cache.text = filepath.Join(env["HOME"], rest)
		v["DUMP_CACHE_DIR"] = cache
	}
}

// settings checks every value.
func (v values) settings() (Settings, ConfigErrors) {
	var s Settings
	var problems ConfigErrors
	for _, row := range table {
		value := v[row.name]
		if value.text == "" {
			continue
		}
		if err := row.set(&s, value.text); err != nil {
			problems.add(ErrInvalidValue, value.from, row.name, err.Error())
		}
	}
	if s.KMSKeyID != "" && s.SSE == "AES256" {
		problems.add(ErrInvalidValue, v["DUMP_S3_SSE"].from, "DUMP_S3_SSE", "AES256 uses no key, but DUMP_S3_KMS_KEY_ID names one")
	}
	if engine := v["DUMP_ENGINE"]; s.Source.Command != "" && engine.from.layer != builtIn {
		problems.add(ErrInvalidValue, engine.from, "DUMP_ENGINE", "is for mysql:// and postgres://, but DUMP_SOURCE is a command")
	}
	return s, problems
}

// defaultCacheDir returns a folder in the user's cache that all projects share; "" if the user has no cache.
func defaultCacheDir(env map[string]string) string {
	base := env["XDG_CACHE_HOME"]
	if home := env["HOME"]; !filepath.IsAbs(base) && home != "" {
		base = filepath.Join(home, ".cache")
		if runtime.GOOS == "darwin" {
			base = filepath.Join(home, "Library", "Caches")
		}
	}
	if !filepath.IsAbs(base) {
		return ""
	}
	return filepath.Join(base, "dump-refresh")
}

// fromEnvironment returns the settings in the environment, in a stable order.
func fromEnvironment(env map[string]string) []assigned {
	var result []assigned
	for _, name := range slices.Sorted(maps.Keys(env)) {
		result = append(result, assigned{name: name, text: env[name], from: origin{layer: environment}})
	}
	return result
}

// fromFlags returns the settings that flags set, in a stable order. A flag can only set what is a setting.
func fromFlags(given map[string]string) []assigned {
	var result []assigned
	for _, name := range slices.Sorted(maps.Keys(given)) {
		flag := "--set"
		if row, ok := lookUp(name); ok && row.flag != "" {
			flag = row.flag
		}
		result = append(result, assigned{name: name, text: given[name], from: origin{layer: flags, flag: flag}})
	}
	return result
}
