package project

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// TaskKind is a kind of task, as config.yaml names it.
type TaskKind string

// The kinds of tasks. DDEV does not understand an invalid one, and ends whatever the hook belongs to.
const (
	TaskInvalid  TaskKind = ""
	TaskExec     TaskKind = "exec"      // Command, in a shell in a container
	TaskExecRaw  TaskKind = "exec_raw"  // Arguments, a program and its arguments in a container
	TaskExecHost TaskKind = "exec-host" // Command, in a shell on this machine
	TaskComposer TaskKind = "composer"  // Arguments for Composer in the web container
)

// Task is one command of a hook.
type Task struct {
	Kind      TaskKind
	Command   string
	Arguments []string
	// Service names the container, and User the account in it; empty for the container's default.
	Service, User string
	// Origin is the file and line of the task; the path is relative to the project's root.
	Origin string
}

// String describes the task in one line, without passwords.
func (t Task) String() string {
	if t.Kind == TaskInvalid {
		return "invalid task"
	}
	what := t.Command
	if t.Command == "" {
		what = strings.Join(t.Arguments, " ")
	}
	first, _, more := strings.Cut(strings.TrimSpace(redact(what)), "\n")
	if more {
		first += " …"
	}
	return string(t.Kind) + " " + first
}

// Hooks returns the tasks of a hook, such as "pre-import-db".
func (p *Project) Hooks(name string) []Task { return p.hooks[name] }

// mergeHooks adds the tasks of one config file to those of earlier files, or replaces them.
func (c *ddevConfig) mergeHooks(node *yaml.Node, replace bool, from origin) {
	var hooks map[string][]yaml.Node
	_ = node.Decode(&hooks) // DDEV reports what does not fit
	for name, items := range hooks {
		if items == nil {
			continue
		}
		name = strings.ToLower(name)
		if c.hooks == nil {
			c.hooks = map[string][]Task{}
		}
		if replace {
			c.hooks[name] = nil
		}
		for _, item := range items {
			task := newTask(&item)
			task.Origin = from.at(item.Line).String()
			c.hooks[name] = append(c.hooks[name], task)
		}
	}
}

// newTask turns an entry of a hook into a task, as DDEV's NewTask does: exec-host takes precedence over composer, and composer
// over exec. exec_raw counts if one of the latter two has no text.
func newTask(node *yaml.Node) Task {
	var entry map[string]any
	_ = node.Decode(&entry)
	fields := map[string]any{}
	for key, value := range entry {
		fields[strings.ToLower(key)] = value
	}
	if value, ok := fields["exec-host"]; ok {
		if command, isText := value.(string); isText {
			return Task{Kind: TaskExecHost, Command: command}
		}
		return Task{}
	}
	raw, isRaw := texts(fields["exec_raw"])
	if value, ok := fields["composer"]; ok {
		if words, isText := value.(string); isText {
			raw, isRaw = strings.Split(words, " "), true
		}
		if isRaw {
			return Task{Kind: TaskComposer, Arguments: raw}
		}
		return Task{}
	}
	value, ok := fields["exec"]
	command, isText := value.(string)
	task := Task{Service: serviceOf(fields["service"]), User: userOf(fields["user"])}
	switch {
	case ok && isText:
		task.Kind, task.Command = TaskExec, command
	case ok && isRaw:
		task.Kind, task.Arguments = TaskExecRaw, raw
	default:
		return Task{}
	}
	return task
}

// texts converts a list of texts. It fails if anything else is in the list.
func texts(value any) (result []string, ok bool) {
	list, ok := value.([]any)
	for _, item := range list {
		text, isText := item.(string)
		ok = ok && isText
		result = append(result, text)
	}
	return result, ok
}

func serviceOf(value any) string {
	if name, _ := value.(string); name != "" {
		return name
	}
	return "web"
}

func userOf(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case int:
		return strconv.Itoa(value)
	}
	return ""
}
