package main

import (
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// site is a PHP program in PHP's built-in web server, and a client for it.
type site struct {
	base    string
	server  *exec.Cmd
	browser *http.Client
}

// serve starts the PHP program in a folder. The caller must close it.
func (m *maker) serve(folder string, settings ...string) (*site, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	_ = listener.Close()
	jar, _ := cookiejar.New(nil)
	s := &site{base: "http://" + address, browser: &http.Client{Jar: jar, Timeout: time.Minute}}
	words := []string{"-S", address, "-t", folder, "-d", "display_errors=0", "-d", "session.save_path=" + m.work}
	s.server = exec.Command("php", append(words, settings...)...)
	log, err := os.Create(filepath.Join(m.work, filepath.Base(folder)+".log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	s.server.Stdout, s.server.Stderr = log, log
	if err := s.server.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			return s, connection.Close()
		}
		if time.Now().After(deadline) {
			s.close()
			return nil, err
		}
	}
}

func (s *site) close() {
	_ = s.server.Process.Kill()
	_ = s.server.Wait()
}

// get reads a page; post sends a form.
func (s *site) get(path string) (string, error) { return s.send(path, nil) }

func (s *site) post(path string, form url.Values) (string, error) { return s.send(path, form) }

func (s *site) send(path string, form url.Values) (string, error) {
	request, err := http.NewRequest(http.MethodGet, s.base+path, nil)
	if form != nil {
		request, err = http.NewRequest(http.MethodPost, s.base+path, strings.NewReader(form.Encode()))
	}
	if err != nil {
		return "", err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := s.browser.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %.300s", response.Request.URL, response.Status, body)
	}
	return string(body), err
}

var (
	inputs     = regexp.MustCompile(`(?s)<input\b[^>]*>`)
	selects    = regexp.MustCompile(`(?s)<select\b([^>]*)>(.*?)</select>`)
	options    = regexp.MustCompile(`(?s)<option\b([^>]*)>([^<]*)`)
	attributes = regexp.MustCompile(`(?s)([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s">]+)))?`)
)

// form returns the fields of the form that has a field with this name.
func form(page, name string) (url.Values, error) {
	for _, part := range strings.Split(page, "<form")[1:] {
		part, _, _ = strings.Cut(part, "</form>")
		if found := fields(part); found.Has(name) {
			return found, nil
		}
	}
	return nil, fmt.Errorf("there is no form with a field %s: %.300s", name, page)
}

// fields returns the fields of a form with their preset values.
func fields(page string) url.Values {
	form := url.Values{}
	for _, tag := range inputs.FindAllString(page, -1) {
		a := attributesOf(strings.TrimPrefix(tag, "<input"))
		_, checked := a["checked"]
		_, disabled := a["disabled"]
		switch a["type"] {
		case "submit", "button", "reset", "image", "file":
			continue
		case "checkbox", "radio":
			if !checked {
				continue
			}
			if _, has := a["value"]; !has {
				a["value"] = "on"
			}
		}
		if a["name"] != "" && !disabled {
			form.Add(a["name"], a["value"])
		}
	}
	for _, found := range selects.FindAllStringSubmatch(page, -1) {
		name := attributesOf(found[1])["name"]
		for _, option := range options.FindAllStringSubmatch(found[2], -1) {
			a := attributesOf(option[1])
			if _, selected := a["selected"]; !selected || name == "" {
				continue
			}
			value, has := a["value"]
			if !has {
				value = strings.TrimSpace(option[2])
			}
			form.Add(name, value)
		}
	}
	return form
}

func attributesOf(tag string) map[string]string {
	found := map[string]string{}
	for _, a := range attributes.FindAllStringSubmatch(tag, -1) {
		found[strings.ToLower(a[1])] = html.UnescapeString(a[2] + a[3] + a[4])
	}
	return found
}
