package main

import (
	"fmt"
	"html"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// phpMyAdmin exports the database with phpMyAdmin's page Export, in quick mode and with various settings.
func (m *maker) phpMyAdmin() error {
	s, err := m.openPHPMyAdmin(m.mysql, "phpmyadmin")
	if err != nil {
		return err
	}
	defer s.close()
	defaults, err := s.phpMyAdminForm(database)
	if err != nil {
		return err
	}
	// The page's script ticks the checkboxes of the tables.
	tables := []string{"customer", "item", "log", "spent", "zone"}
	for _, list := range []string{"table_select[]", "table_structure[]", "table_data[]"} {
		defaults[list] = tables
	}
	custom := func(change func(url.Values)) url.Values {
		form := maps.Clone(defaults)
		form.Set("quick_or_custom", "custom")
		form.Set("what", "sql")
		form.Set("output_format", "sendit")
		change(form)
		return form
	}
	quick := custom(func(form url.Values) { form.Set("quick_or_custom", "quick") })
	none := func(form url.Values) {
		form.Del("sql_use_transaction")
		form.Del("sql_disable_fk")
	}
	for name, form := range map[string]url.Values{
		"phpmyadmin-quick.sql": quick,
		"phpmyadmin-custom.sql": custom(func(form url.Values) {
			form.Set("sql_disable_fk", "something")
			form.Set("sql_drop_table", "something")
		}),
		"phpmyadmin-no-transaction.sql": custom(none),
		"phpmyadmin-no-comments.sql":    custom(func(form url.Values) { none(form); form.Del("sql_include_comments") }),
		"phpmyadmin-disable-fk.sql":     custom(func(form url.Values) { none(form); form.Set("sql_disable_fk", "something") }),
		"phpmyadmin-iso.sql":            custom(func(form url.Values) { none(form); form.Set("charset", "iso-8859-1") }),
		"phpmyadmin-two-tables.sql": custom(func(form url.Values) {
			for _, list := range []string{"table_select[]", "table_structure[]", "table_data[]"} {
				form[list] = []string{"customer", "item"}
			}
			form.Set("sql_create_database", "something")
		}),
		"phpmyadmin-text.sql":      custom(func(form url.Values) { none(form); form.Set("output_format", "astext") }),
		"phpmyadmin-structure.sql": custom(func(form url.Values) { form.Set("sql_structure_or_data", "structure") }),
	} {
		dump, err := s.post("/index.php?route=/export", form)
		if form.Get("output_format") == "astext" { // part of a page
			_, dump, _ = strings.Cut(dump, "<textarea")
			_, dump, _ = strings.Cut(dump, ">")
			dump, _, _ = strings.Cut(dump, "</textarea>")
			dump = strings.TrimLeft(html.UnescapeString(dump), "\n")
		}
		if err == nil && !strings.HasPrefix(dump, "-- phpMyAdmin") && !strings.Contains(dump, "CREATE TABLE") {
			err = fmt.Errorf("phpMyAdmin answers %.500s", dump)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := m.write(name, []byte(dump)); err != nil {
			return err
		}
	}
	return nil
}

// openPHPMyAdmin serves phpMyAdmin for a server, in a folder of that name, and logs in. The caller must close it.
func (m *maker) openPHPMyAdmin(server *testserver.MySQL, name string) (*site, error) {
	folder := filepath.Join(m.work, name)
	if out, err := exec.Command("cp", "-r", "/usr/share/phpmyadmin", folder).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy phpMyAdmin: %w: %s", err, out)
	}
	// By default it would use the machine's settings and temporary files.
	vendor := filepath.Join(folder, "libraries", "vendor_config.php")
	text, err := os.ReadFile(vendor)
	if err != nil {
		return nil, err
	}
	changed := strings.NewReplacer("/etc/phpmyadmin/config.inc.php", filepath.Join(folder, "config.inc.php"),
		"/var/lib/phpmyadmin/tmp/", filepath.Join(folder, "tmp")+"/").Replace(string(text))
	settings := fmt.Sprintf(`<?php
$cfg['blowfish_secret'] = '%s';
$cfg['Servers'][1] = ['host' => '127.0.0.1', 'port' => '%d', 'auth_type' => 'cookie', 'AllowNoPassword' => true];
`, strings.Repeat("x", 32), server.Port)
	for path, content := range map[string]string{vendor: changed, filepath.Join(folder, "config.inc.php"): settings} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Join(folder, "tmp"), 0o777); err != nil {
		return nil, err
	}
	s, err := m.serve(folder)
	if err != nil {
		return nil, err
	}
	if err := s.logInToPHPMyAdmin(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *site) logInToPHPMyAdmin() error {
	page, err := s.get("/index.php?route=/")
	if err != nil {
		return err
	}
	login, err := form(page, "set_session")
	if err != nil {
		return err
	}
	login.Set("pma_username", "root")
	login.Set("pma_password", "")
	if _, err := s.post("/index.php?route=/", login); err != nil {
		return fmt.Errorf("log in to phpMyAdmin: %w", err)
	}
	return nil
}

// phpMyAdminForm returns the form of the page Export for a database.
func (s *site) phpMyAdminForm(database string) (url.Values, error) {
	page, err := s.get("/index.php?route=/database/export&db=" + database)
	if err != nil {
		return nil, err
	}
	return form(page, "quick_or_custom")
}
