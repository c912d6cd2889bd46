package metrics

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

// prefix is the prefix of every metric's name.
const prefix = "dump_refresh_"

// text is Prometheus' text format, version 0.0.4.
type text struct {
	written bytes.Buffer
	name    string
}

// family begins the samples of one metric. All metrics are gauges.
func (t *text) family(name, help string) {
	t.name = prefix + name
	t.written.WriteString("# HELP " + t.name + " " + help + "\n# TYPE " + t.name + " gauge\n")
}

var escaped = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// label is the name and the value of a label.
type label struct{ name, value string }

// sample adds a value of the current metric.
func (t *text) sample(value float64, labels ...label) {
	var list []string
	for _, l := range labels {
		list = append(list, l.name+`="`+escaped.Replace(strings.ToValidUTF8(l.value, "\uFFFD"))+`"`)
	}
	t.written.WriteString(t.name)
	if len(list) > 0 {
		t.written.WriteString("{" + strings.Join(list, ",") + "}")
	}
	t.written.WriteString(" " + strconv.FormatFloat(value, 'f', -1, 64) + "\n")
}

// of returns the labels of a project's samples.
func of(p fleet.ProjectStatus) []label { return []label{{"project", p.Name}, {"slot", p.Slot}} }

func byName(x, y fleet.ProjectStatus) int {
	return cmp.Or(strings.Compare(x.Name, y.Name), strings.Compare(x.Slot, y.Slot))
}
