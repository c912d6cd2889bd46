package fleet

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/jobiqo/dump-refresh/helper/internal/spelling"
	"github.com/jobiqo/dump-refresh/helper/internal/units"
)

// fields maps the keys that a mapping may have to the functions that read their values.
type fields map[string]func(*yaml.Node)

// configReader reads a fleet.yaml and collects its mistakes.
type configReader struct {
	file, folder string
	problems     ConfigErrors
}

// withPassword matches the URL of a database that has a password.
var withPassword = regexp.MustCompile(`://[^\s:/@]*:[^\s@]+@`)

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

func parseConfig(file, folder string, text []byte) (Config, error) {
	r := &configReader{file: file, folder: folder}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		message, line := err.Error(), 0
		if match := yamlLine.FindStringSubmatch(message); match != nil {
			line, _ = strconv.Atoi(match[1])
			message = message[len(match[0]):]
		}
		return Config{}, ConfigErrors{{File: file, Line: line, Text: "not valid YAML: " + strings.TrimPrefix(message, "yaml: ")}}
	}
	config := Config{Defaults: defaultEntry, WatchInterval: time.Minute, File: file, Dir: folder}
	if len(document.Content) == 0 {
		return Config{}, ConfigErrors{{File: file, Text: "the file is empty; list projects under projects, or folders to search under scan"}}
	}
	root := document.Content[0]
	// Read the defaults first, wherever they are in the file.
	r.mapping(root, fields{"defaults": func(node *yaml.Node) { r.mapping(node, r.entry(&config.Defaults), true) }}, false)
	r.mapping(root, fields{
		"defaults":   func(*yaml.Node) {},
		"parallel":   r.number(&config.Parallel, 1),
		"per_host":   r.number(&config.PerHost, 1),
		"memory":     r.bytes(&config.Memory, leastMemory),
		"limit_rate": r.bytes(&config.LimitRate, LeastRate),
		"jitter":     r.duration(&config.Jitter),

		"watch_interval": r.duration(&config.WatchInterval),

		"storage_price": r.price(&config.StoragePrice),

		"webhook":          r.reference("webhook", &config.Webhook),
		"webhook_template": r.text("webhook_template", func(text string) { config.WebhookTemplate = text }),
		"heartbeat":        r.reference("heartbeat", &config.Heartbeat),
		"heartbeat_ran":    r.reference("heartbeat_ran", &config.HeartbeatRan),
		"heartbeat_failed": r.reference("heartbeat_failed", &config.HeartbeatFailed),

		"scan": func(node *yaml.Node) {
			for _, item := range r.list(node) {
				if entry, ok := r.scanned(item, config.Defaults); ok {
					config.Scan = append(config.Scan, entry)
				}
			}
		},
		"projects": func(node *yaml.Node) {
			for _, item := range r.list(node) {
				config.Projects = append(config.Projects, r.project(item, config.Defaults))
			}
		},
	}, true)
	if len(r.problems) == 0 && len(config.Projects)+len(config.Scan) == 0 {
		r.add(root, "the file names no project; list projects under projects, or folders to search under scan")
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b *ConfigError) int { return cmp.Compare(a.Line, b.Line) })
		return Config{}, r.problems
	}
	return config, nil
}

func (r *configReader) add(node *yaml.Node, text string) {
	r.problems = append(r.problems, &ConfigError{File: r.file, Line: node.Line, Text: text})
}

// mapping reads the values of a mapping. If strict, an unknown key is an error.
func (r *configReader) mapping(node *yaml.Node, known fields, strict bool) {
	if node = resolved(node); node.Kind != yaml.MappingNode {
		if strict {
			r.add(node, "keys and values are expected here")
		}
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolved(node.Content[i+1])
		read, ok := known[key.Value]
		switch {
		case ok && seen[key.Value]:
			r.add(key, key.Value+" is given twice")
		case ok:
			read(value)
		case strict:
			nearest, _ := spelling.Nearest(key.Value, slices.Sorted(maps.Keys(known)))
			r.add(key, "unknown key "+key.Value+", did you mean "+nearest+"?")
			r.problems[len(r.problems)-1].Nearest = nearest
		}
		seen[key.Value] = true
	}
}

func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// entry returns the keys that projects and defaults have in common.
func (r *configReader) entry(entry *Entry) fields {
	return fields{
		"max_age":      r.duration(&entry.MaxAge),
		"renew_after":  r.duration(&entry.RenewAfter),
		"min_interval": r.duration(&entry.MinInterval),
		"time_limit":   r.duration(&entry.TimeLimit),
		"retries":      r.number(&entry.Retries, 0),
		"remind": func(node *yaml.Node) {
			if entry.Remind = 0; node.Value != "never" {
				r.duration(&entry.Remind)(node)
			}
		},
		"skip_broken": r.truth(&entry.SkipBroken),
		"trust":       r.trust(&entry.Trust),
		"prefix":      r.text("prefix", func(text string) { entry.Prefix = text }),
		"bounds": func(node *yaml.Node) {
			r.mapping(node, fields{"DUMP_KEEP": r.within(&entry.Keep), "DUMP_KEEP_DAYS": r.within(&entry.KeepDays)}, true)
		},
		"environment": func(node *yaml.Node) {
			entry.Environment = []string{}
			for _, item := range r.list(node) {
				r.text("environment", func(name string) { entry.Environment = append(entry.Environment, name) })(item)
			}
		},
		"set": func(node *yaml.Node) {
			set := maps.Clone(entry.Set)
			if set == nil {
				set = map[string]string{}
			}
			if node.Kind != yaml.MappingNode {
				r.add(node, "set: settings with their values are expected, such as DUMP_KEEP: \"14\"")
				return
			}
			for i := 0; i+1 < len(node.Content); i += 2 {
				name := node.Content[i]
				r.text(name.Value, func(text string) {
					set[name.Value] = text
					if name.Value == "DUMP_MASK_KEY" {
						r.add(name, "set: DUMP_MASK_KEY: a key must not be in this file; write where it is, such as DUMP_MASK_KEY_FROM: file:PATH")
					}
					if name.Value == "DUMP_SOURCE_PASSWORD" || name.Value == "DUMP_SOURCE" && withPassword.MatchString(text) {
						r.add(name, "set: "+name.Value+": a password must not be in this file; write where it is, such as DUMP_SOURCE_PASSWORD_FROM: file:PATH")
					}
				})(resolved(node.Content[i+1]))
			}
			entry.Set = set
		},
	}
}

// scanned reads a folder to search for projects: its path, or a mapping with what holds for all of them.
func (r *configReader) scanned(node *yaml.Node, defaults Entry) (Entry, bool) {
	entry := defaults
	var paths []string
	if node.Kind == yaml.MappingNode {
		entry.Allow = r.allow(node, "trust: full")
		known := r.entry(&entry)
		known["path"] = r.path(&paths)
		before := len(r.problems)
		if r.mapping(node, known, true); len(paths) == 0 && len(r.problems) == before {
			r.add(node, "scan needs path, a folder to search")
		}
	} else {
		entry.Allow = r.allow(node, "{path: "+node.Value+", trust: full}")
		r.path(&paths)(node)
	}
	if len(paths) == 0 {
		return entry, false
	}
	entry.Path = paths[0]
	return entry, true
}

func (r *configReader) project(node *yaml.Node, defaults Entry) Entry {
	entry := defaults
	entry.Allow = r.allow(node, "trust: full")
	var paths []string
	known := r.entry(&entry)
	known["name"] = r.text("name", func(text string) { entry.Name = text })
	known["known_broken_until"] = r.date("known_broken_until", &entry.KnownBroken)
	known["path"] = r.path(&paths)
	known["git"] = func(node *yaml.Node) {
		r.text("git", func(text string) { entry.Git = text })(node)
		if address, err := url.Parse(node.Value); err == nil && address.User != nil && address.Scheme != "ssh" {
			r.add(node, "git: the URL must not contain a user or a password; use git's credential helpers or ssh")
		}
	}
	known["ref"] = r.text("ref", func(text string) { entry.Ref = text })
	before := len(r.problems)
	r.mapping(node, known, true)
	switch {
	case len(r.problems) > before:
	case (len(paths) == 1) == (entry.Git != ""):
		r.add(node, "a project needs either path, a folder, or git, the URL of a repository")
	case entry.Ref != "" && entry.Git == "":
		r.add(node, "ref needs git")
	default:
		entry.Problem = r.checkRepository(node, entry)
	}
	if len(paths) == 1 {
		entry.Path = paths[0]
	}
	return entry
}

// allow names a line of the file that would trust an entry with everything.
func (r *configReader) allow(node *yaml.Node, line string) string {
	return fmt.Sprintf("`%s` at %s:%d", line, r.file, node.Line)
}

func (r *configReader) list(node *yaml.Node) []*yaml.Node {
	if node.Kind != yaml.SequenceNode {
		r.add(node, "a list is expected here")
		return nil
	}
	items := make([]*yaml.Node, len(node.Content))
	for i, item := range node.Content {
		items[i] = resolved(item)
	}
	return items
}

// text reads a string that is not empty.
func (r *configReader) text(name string, set func(string)) func(*yaml.Node) {
	return func(node *yaml.Node) {
		if node.Kind != yaml.ScalarNode || node.Tag == "!!null" || node.Value == "" {
			r.add(node, name+": a string is expected")
			return
		}
		set(node.Value)
	}
}

// path reads a folder, relative to that of the file.
func (r *configReader) path(to *[]string) func(*yaml.Node) {
	return r.text("path", func(text string) {
		if !filepath.IsAbs(text) {
			text = filepath.Join(r.folder, text)
		}
		*to = append(*to, filepath.Clean(text))
	})
}

func (r *configReader) number(to *int, least int) func(*yaml.Node) {
	return func(node *yaml.Node) {
		n, err := strconv.Atoi(node.Value)
		if err != nil || n < least {
			r.add(node, "a whole number, "+strconv.Itoa(least)+" or more, is expected (got "+strconv.Quote(node.Value)+")")
			return
		}
		*to = n
	}
}

func (r *configReader) truth(to *bool) func(*yaml.Node) {
	return func(node *yaml.Node) {
		if err := node.Decode(to); err != nil || node.Tag != "!!bool" {
			r.add(node, "true or false is expected (got "+strconv.Quote(node.Value)+")")
		}
	}
}

// bytes reads a number of bytes: 0, or at least least.
func (r *configReader) bytes(to *int64, least int64) func(*yaml.Node) {
	return func(node *yaml.Node) {
		n, err := units.Bytes(node.Value)
		if err != nil || n != 0 && n < least {
			r.add(node, fmt.Sprintf("bytes such as 500k, 50M or 2G are expected, at least %dk (got %q)", least>>10, node.Value))
			return
		}
		*to = n
	}
}

// mostKnownBroken is how far in the future a date may be: what is broken for longer does not belong to the fleet.
const mostKnownBroken = 366 * 24 * time.Hour

// date reads the last day of something, and returns its end.
func (r *configReader) date(name string, to *time.Time) func(*yaml.Node) {
	return func(node *yaml.Node) {
		day, err := time.Parse(time.DateOnly, node.Value)
		switch {
		case err != nil:
			r.add(node, name+": a date such as 2026-12-31 is expected (got "+strconv.Quote(node.Value)+")")
		case time.Until(day) > mostKnownBroken:
			r.add(node, name+": "+node.Value+" is more than a year ahead; take the project out of the fleet instead")
		default:
			*to = day.AddDate(0, 0, 1)
		}
	}
}

func (r *configReader) duration(to *time.Duration) func(*yaml.Node) {
	return func(node *yaml.Node) {
		d, err := units.Duration(node.Value)
		if err != nil {
			r.add(node, "a duration such as 30m, 12h or 2d is expected (got "+strconv.Quote(node.Value)+")")
			return
		}
		*to = d
	}
}
