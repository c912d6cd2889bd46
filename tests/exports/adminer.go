package main

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// adminer exports the databases of both servers with Adminer's page Export.
func (m *maker) adminer() error {
	s, err := m.openAdminer()
	if err != nil {
		return err
	}
	defer s.close()
	for _, server := range []struct {
		driver, user, name, place string
		port                      int
	}{{"server", "root", "adminer", "", m.mysql.Port}, {"pgsql", "postgres", "adminer-postgres", "&ns=public", m.postgres.Port}} {
		path, defaults, err := s.adminerForm(server.driver, server.user, server.place, database, server.port)
		if err != nil {
			return err
		}
		with := func(tables, data string) url.Values {
			form := maps.Clone(defaults)
			form.Set("table_style", tables)
			form.Set("data_style", data)
			return form
		}
		for name, form := range map[string]url.Values{
			"-drop":     with("DROP+CREATE", "INSERT"),
			"-truncate": with("CREATE", "TRUNCATE+INSERT"),
		} {
			dump, err := s.adminerExport(path, form)
			if err != nil {
				return err
			}
			if err := m.write(server.name+name+".sql", []byte(dump)); err != nil {
				return err
			}
		}
	}
	return nil
}

// openAdminer serves Adminer. The caller must close it.
func (m *maker) openAdminer() (*site, error) {
	folder := filepath.Join(m.work, "adminer")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	if out, err := exec.Command("cp", "/usr/share/adminer/adminer.php", filepath.Join(folder, "adminer.php")).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy Adminer: %w: %s", err, out)
	}
	// Without a plugin, Adminer refuses accounts that have no password.
	index := "<?php function adminer_object() { class Open extends Adminer { function login($login, $password) { return true; } } return new Open; }\n" +
		"include './adminer.php';\n"
	if err := os.WriteFile(filepath.Join(folder, "index.php"), []byte(index), 0o644); err != nil {
		return nil, err
	}
	return m.serve(folder)
}

// adminerForm logs in to a server, and returns the path of the page Export for one of its databases, with the preset form.
func (s *site) adminerForm(driver, user, place, database string, port int) (path string, defaults url.Values, err error) {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	login := url.Values{"auth[driver]": {driver}, "auth[server]": {address}, "auth[username]": {user}, "auth[password]": {""}, "auth[db]": {database}}
	if _, err := s.post("/index.php", login); err != nil {
		return "", nil, fmt.Errorf("log in to Adminer: %w", err)
	}
	path = "/index.php?" + driver + "=" + url.QueryEscape(address) + "&username=" + user + "&db=" + database + place + "&dump="
	page, err := s.get(path)
	if err != nil {
		return "", nil, err
	}
	if defaults, err = form(page, "table_style"); err != nil {
		return "", nil, err
	}
	defaults.Set("output", "text")
	defaults.Set("format", "sql")
	return path, defaults, nil
}

func (s *site) adminerExport(path string, form url.Values) (string, error) {
	dump, err := s.post(path, form)
	if err == nil && !strings.HasPrefix(dump, "-- Adminer") {
		err = fmt.Errorf("export by Adminer: it answers %.500s", dump)
	}
	return dump, err
}
