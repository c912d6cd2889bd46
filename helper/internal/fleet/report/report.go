// Package report makes an HTML page of the state of all projects' dumps. The page is a single file that makes no requests.
// Without scripts it is a plain table.
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

// Page is what a page shows.
type Page struct {
	Projects []fleet.ProjectStatus
	// Made is when the projects were checked.
	Made time.Time
	// Price is what keeping dumps costs.
	Price fleet.Price
	// Abandoned are dumps of projects that the fleet does not have.
	Abandoned []fleet.Abandoned
}

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	if err := page.Execute(w, newView(p)); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// policy allows the page's own style and script and nothing else, whatever a project's name or error contains.
func policy() string {
	return "default-src 'none'; script-src " + hash(script) + "; style-src " + hash(style) +
		"; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
