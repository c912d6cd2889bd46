// Package project reads what one DDEV project asks for: .ddev/config.yaml and the files that override
// it, DDEV's env files, .ddev/dump-refresh/rules.yaml, the environment and flags.
//
// Everything is read and checked once, without DDEV and without running anything; what is wrong is
// reported together, each with its file and line. Every value knows where it came from.
package project

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Options say which project to read, and what overrides its files.
type Options struct {
	// Dir is where the search for .ddev/config.yaml begins; it goes upwards. Empty is the working directory.
	Dir string
	// Environ is the environment as os.Environ gives it.
	Environ []string
	// Flags are settings given by flags: a setting's name and its value. An empty value counts as not given.
	Flags map[string]string
}

// Project is what a DDEV project asks for.
type Project struct {
	// Root is the absolute path of the folder that holds .ddev.
	Root string
	// Name is the project's name, the folder's name unless config.yaml gives one.
	Name string
	// Type is DDEV's word for the application, such as drupal7; it may be empty.
	Type string
	// Database is the database of the DDEV project itself.
	Database Database
	Settings
	Rules Rules
	// FailOnHookFail says that a task of a hook that fails ends whatever the hook belongs to. DDEV can be
	// told so for all projects as well, which no file of the project shows.
	FailOnHookFail bool
	// AWS holds the AWS_* variables of DDEV's env files that the environment does not override.
	AWS map[string]string

	hooks  map[string][]Task
	own    ownDatabase
	values values
	lookup func(name string) (string, bool) // of the environment, else of the env files
	home   string
}

// Database names a database server as DDEV does: mariadb, mysql or postgres, and a version. The
// version is empty where no file gives one: then it is the default of whichever DDEV is installed.
type Database struct{ Type, Version string }

// Load reads the project around options.Dir. Its error is a *ConfigError if there is no project, and
// ConfigErrors if something in it is wrong.
func Load(options Options) (*Project, error) {
	env := environMap(options.Environ)
	root, err := findRoot(options.Dir, globalFolder(env))
	if err != nil {
		return nil, err
	}
	config, problems := readConfig(root)
	files, found := readEnvFiles(root, env)
	problems = append(problems, found...)
	ours := slices.DeleteFunc(slices.Clone(files), func(file envFile) bool { return !file.reachesUs() })
	var dotenv []assigned
	for _, file := range ours {
		dotenv = append(dotenv, file.variables...)
	}

	p := &Project{
		Root: root, Name: config.name, Type: config.projectType, Database: config.database,
		FailOnHookFail: config.failOnHookFail, hooks: config.hooks, home: env["HOME"],
	}
	lookup := func(files []envFile) func(string) (string, bool) {
		return func(name string) (string, bool) {
			if text, ok := env[name]; ok {
				return text, true
			}
			return findVariable(files, name)
		}
	}
	p.lookup = lookup(ours)
	interpolated := lookup(files) // DDEV has Docker Compose read the files of all services
	for i, a := range config.environment {
		config.environment[i].text = interpolate(a.raw, interpolated)
	}

	assignments := append(config.environment, dotenv...)
	assignments = append(assignments, fromEnvironment(env)...)
	assignments = append(assignments, fromFlags(options.Flags)...)
	p.values, found = resolve(assignments)
	problems = append(problems, found...)
	p.own = findOwnDatabase(p, slices.Contains(config.omitted, "db"), env)
	p.values.complete(p.Name, p.own.url, env)
	p.Settings, found = p.values.settings()
	problems = append(problems, found...)
	p.own.claim(p.Target, p.values["DUMP_TARGET"].from.layer == ddev)
	if p.SSH == "" { // elsewhere such a name means another server
		p.own.claim(p.Source.URL, false)
	}
	p.Rules, found = readRules(root, p.Type)
	problems = append(problems, found...)
	p.AWS = awsVariables(dotenv, env)
	if err := problems.err(); err != nil {
		return nil, err
	}
	return p, nil
}

func environMap(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, pair := range environ {
		if name, text, ok := strings.Cut(pair, "="); ok {
			env[name] = text
		}
	}
	return env
}

// Value is one setting as it is in the end, for people to read.
type Value struct {
	Name string
	// Value is the text, empty if the setting is not set. Secrets show as ***.
	Value string
	// Secret says that the value is one, or that a part of it is.
	Secret bool
	// Origin is where it came from: a file below the project's root with its line, "environment",
	// a flag, "DDEV" for what every DDEV project has, or "built-in".
	Origin string
}

// Values gives every setting in the order of the documentation.
func (p *Project) Values() []Value {
	result := make([]Value, 0, len(table))
	for _, row := range table {
		value := p.values[row.name]
		shown := Value{Name: row.name, Value: redact(value.text), Secret: row.secret, Origin: value.from.String()}
		shown.Secret = row.secret || shown.Value != value.text
		if row.secret {
			shown.Value = secret.New(value.text).String()
		}
		result = append(result, shown)
	}
	return result
}

// RequireBucket gives a ConfigError of kind ErrMissing if no bucket is set.
func (p *Project) RequireBucket() error { return p.require("DUMP_S3_BUCKET", p.Bucket != "") }

// RequireSource gives a ConfigError of kind ErrMissing if no source is set, and a *OwnDatabaseError if the source is the project's own
// database and that is not there.
func (p *Project) RequireSource() error {
	if err := p.own.require(p.Source.URL); err != nil {
		return err
	}
	return p.require("DUMP_SOURCE", p.Source.IsSet())
}

// RequireTarget gives a ConfigError of kind ErrMissing if no target is set, and a *OwnDatabaseError if it is the project's own database
// and that is not there.
func (p *Project) RequireTarget() error {
	if err := p.own.require(p.Target); err != nil {
		return err
	}
	if p.Target == nil && p.own.problem != nil {
		return p.own.problem
	}
	return p.require("DUMP_TARGET", p.Target != nil)
}

// RequireBake gives a ConfigError of kind ErrMissing if no server is named that dumps are baked for.
func (p *Project) RequireBake() error { return p.require("DUMP_BAKE", len(p.Bake) > 0) }

func (p *Project) require(name string, set bool) error {
	if set {
		return nil
	}
	problem := &ConfigError{Kind: ErrMissing, Name: name, Text: "not set for project " + p.Name}
	if value, touched := p.values[name]; touched {
		problem.Origin, problem.Text = value.from.String(), "set to nothing here, for project "+p.Name
	}
	return problem
}
