package main

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"
)

// markdown writes the report for people.
func (r report) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "Measured on %s: %d cores of %s, %.0f GiB of memory, %s, Linux %s; S3 is %s on the same machine.\n",
		r.Date, r.Machine.Cores, r.Machine.CPU, float64(r.Machine.Memory)/(1<<30), r.Machine.System, r.Machine.Kernel, r.S3)
	for _, result := range r.Results {
		fmt.Fprintf(&out, "\n### %s\n\n%s\n```bash\n", result.Title, result.table())
		for _, w := range result.Ways {
			fmt.Fprintf(&out, "# %s\n%s\n", w.Name, w.Command)
		}
		out.WriteString("```\n")
	}
	out.WriteString("\n### Promises\n\n")
	for _, v := range r.Verdicts {
		mark := "kept"
		if !v.Kept {
			mark = "**broken**"
		}
		fmt.Fprintf(&out, "- %s (%s)\n", v.Text, mark)
	}
	out.WriteString("\n### Programs\n\n")
	rows := [][]string{{"program", "version"}}
	for _, p := range r.Programs {
		rows = append(rows, []string{p.Name, p.Version})
	}
	out.WriteString(align(rows))
	return out.String()
}

// table has a line for each way, with the medians of its runs.
func (r result) table() string {
	stored, moved := false, false
	for _, w := range r.Ways {
		stored, moved = stored || w.Median.Stored > 0, moved || w.Median.Moved > 0
	}
	rows := [][]string{{"", "seconds", "from – to", "first ÷ this", "CPU seconds", "server's", "MiB, biggest process", "MiB, all"}}
	if stored {
		rows[0] = append(rows[0], "MB in S3")
	}
	if moved {
		rows[0] = append(rows[0], "MB over the line")
	}
	for _, w := range r.Ways {
		least, most := w.Runs[0].Wall, w.Runs[0].Wall
		for _, c := range w.Runs {
			least, most = min(least, c.Wall), max(most, c.Wall)
		}
		m := w.Median
		row := []string{
			w.Name, fmt.Sprintf("%.2f", m.Wall), fmt.Sprintf("%.2f – %.2f", least, most), fmt.Sprintf("%.2f", r.Ways[0].Median.Wall/m.Wall),
			fmt.Sprintf("%.2f", m.CPU), fmt.Sprintf("%.2f", m.ServerCPU), fmt.Sprint(m.Peak >> 20), fmt.Sprint(m.TreePeak >> 20),
		}
		if stored {
			row = append(row, fmt.Sprintf("%.1f", float64(m.Stored)/1e6))
		}
		if moved {
			row = append(row, fmt.Sprintf("%.1f", float64(m.Moved)/1e6))
		}
		rows = append(rows, row)
	}
	return align(rows)
}

// align aligns a Markdown table so that its source is readable, too. Numbers are aligned to the right.
func align(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 2)
		}
	}
	var out strings.Builder
	line := func(cells []string) {
		for i, cell := range cells {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 || len(cells) == 2 {
				cell += padding
			} else {
				cell = padding + cell
			}
			out.WriteString("| " + cell + " ")
		}
		out.WriteString("|\n")
	}
	line(rows[0])
	for i, width := range widths {
		rule := strings.Repeat("-", width)
		if i > 0 && len(widths) > 2 {
			rule = rule[1:] + ":"
		}
		out.WriteString("| " + rule + " ")
	}
	out.WriteString("|\n")
	for _, row := range rows[1:] {
		line(row)
	}
	return out.String()
}

// The figures in a document are between these lines.
const (
	figuresBegin = "<!-- Figures: `make bench-table` writes what is below. -->\n"
	figuresEnd   = "<!-- End of the figures. -->\n"
)

// writeDocument inserts the tables of a file of figures into a document.
func writeDocument(figures, document string) error {
	r, err := readReport(figures)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(text), figuresBegin)
	_, after, ends := strings.Cut(rest, figuresEnd)
	if !begins || !ends {
		return fmt.Errorf("%s has no place for figures: the lines %q and %q are expected", document, figuresBegin, figuresEnd)
	}
	return os.WriteFile(document, []byte(before+figuresBegin+"\n"+r.markdown()+"\n"+figuresEnd+after), 0o644)
}
