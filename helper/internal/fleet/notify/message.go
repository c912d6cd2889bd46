package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

// Message is the data of a template.
type Message struct {
	// Text is the whole message for people, in several lines without markup.
	Text string
	News []Item
}

// Item is the news of one project. Each text is a single line.
type Item struct {
	Event   fleet.Event // failing, stale or recovered
	Project string
	Slot    string
	Place   string // the former name of Slot, for templates that use it
	Verdict fleet.Verdict
	// Key, Age and MaxAge are those of the newest dump. Ages look like 26h or 3 days.
	Key, Age, MaxAge string
	Error, Hint      string
	// Since is how long ago people were first told, if this is a reminder.
	Since string
}

// mostItems limits how many projects a message names. Slack truncates long messages, and nobody reads more.
const mostItems = 20

// slack is the default template. Slack's incoming webhooks accept it, and those of Mattermost, Rocket.Chat and Discord
// (with /slack at the end of the URL).
const slack = `{"text": {{slack .Text | json}}}`

var functions = template.FuncMap{
	"json": func(value any) (string, error) {
		text, err := json.Marshal(value)
		return string(text), err
	},
	"slack": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace,
}

func parse(text string) (*template.Template, error) {
	if text == "" {
		text = slack
	}
	return template.New("webhook").Funcs(functions).Option("missingkey=error").Parse(text)
}

func (c Config) body(news []fleet.News) ([]byte, error) {
	form, err := parse(c.WebhookTemplate)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if err := form.Execute(&body, message(news)); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

func message(news []fleet.News) Message {
	var made Message
	var lines []string
	for _, one := range news {
		item := describe(one)
		made.News = append(made.News, item)
		if len(made.News) <= mostItems {
			lines = append(lines, item.lines()...)
		}
	}
	if over := len(news) - mostItems; over > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", over))
	}
	made.Text = headline(news) + "\n" + strings.Join(lines, "\n")
	return made
}

// headline counts the news: 2 projects are failing, 1 is stale, 1 has recovered.
func headline(news []fleet.News) string {
	count := map[fleet.Event]int{}
	for _, one := range news {
		count[one.Event]++
	}
	var parts []string
	for _, event := range []fleet.Event{fleet.Failing, fleet.Stale, fleet.Recovered} {
		n := count[event]
		if n == 0 {
			continue
		}
		part := fmt.Sprint(n)
		if len(parts) == 0 {
			part = ui.Count(int64(n), "project")
		}
		switch {
		case event == fleet.Recovered && n == 1:
			part += " has recovered"
		case event == fleet.Recovered:
			part += " have recovered"
		case n == 1:
			part += " is " + string(event)
		default:
			part += " are " + string(event)
		}
		parts = append(parts, part)
	}
	return "Dumps: " + strings.Join(parts, ", ")
}

func describe(news fleet.News) Item {
	p := news.Project
	item := Item{
		Event: news.Event, Project: plain(p.Name), Slot: plain(p.Slot), Place: plain(p.Slot), Verdict: p.Verdict, Key: plain(p.Key),
		Error: shortened(plain(p.Error)), Hint: shortened(plain(p.Hint)),
	}
	if !news.Since.IsZero() {
		item.Since = ui.Duration(time.Since(news.Since).Round(time.Minute))
	}
	if p.Key != "" {
		item.Age = ui.Duration(p.Age.Duration().Round(time.Minute))
	}
	if p.MaxAge > 0 {
		item.MaxAge = ui.Duration(p.MaxAge.Duration())
	}
	return item
}

func (i Item) lines() []string {
	dump := "there is no dump"
	switch {
	case i.Key != "" && i.MaxAge != "":
		dump = "the newest dump is " + i.Age + " old, the limit is " + i.MaxAge
	case i.Key != "":
		dump = "the newest dump is " + i.Age + " old"
	}
	switch {
	case i.Event == fleet.Recovered:
		return []string{"✓ " + i.Project + " has recovered: " + dump}
	case i.Event == fleet.Stale:
		return []string{"• " + i.Project + i.is() + ": " + dump}
	}
	lines := []string{"✗ " + i.Project + i.is() + ": " + i.Error}
	if i.Hint != "" {
		lines = append(lines, "    hint: "+i.Hint)
	}
	if i.Verdict == fleet.VerdictFailing || i.Verdict == fleet.VerdictNever {
		lines = append(lines, "    "+dump)
	}
	return lines
}

// is says what the project is, and if that is not new, for how long.
func (i Item) is() string {
	if i.Since == "" {
		return " is " + string(i.Event)
	}
	return " has been " + string(i.Event) + " for " + i.Since
}

// plain turns a text into a single line of printable characters.
func plain(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

// longest is the most characters of an error that a message contains.
const longest = 400

func shortened(text string) string {
	letters := []rune(text)
	if len(letters) <= longest {
		return text
	}
	return string(letters[:longest-1]) + "…"
}
