// Package report makes the page that people look at in the morning: how the dumps of all projects stand. It is one file
// that needs nothing else, asks nobody for anything, and is a plain table where scripts do not run.
package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	style string
	//go:embed page.js
	script string

	page = template.Must(template.New("page").Parse(pageText))
)

// Write writes the page; made is when the projects were looked at.
func Write(w io.Writer, projects []fleet.ProjectStatus, made time.Time) error {
	if err := page.Execute(w, newView(projects, made)); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// policy lets the page's own style and script run, and nothing else, whatever a project's name or error may hold.
func policy() string {
	return "default-src 'none'; script-src " + hash(script) + "; style-src " + hash(style) +
		"; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
