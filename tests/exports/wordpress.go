package main

import (
	_ "embed"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// blog is the database of the WordPress site.
const blog = "blog"

//go:embed wordpress.php
var wordPressContent string

// wordPress sets up a site, exports it with its page Tools, Export, as XML, and then fills it.
func (m *maker) wordPress() error {
	folder := filepath.Join(m.work, "wordpress")
	if out, err := exec.Command("cp", "-rL", "/usr/share/wordpress", folder).CombinedOutput(); err != nil {
		return fmt.Errorf("copy WordPress: %w: %s", err, out)
	}
	if err := m.mysql.Exec("CREATE DATABASE " + blog); err != nil {
		return err
	}
	settings := fmt.Sprintf(`<?php
define('DB_NAME', '%s'); define('DB_USER', 'root'); define('DB_PASSWORD', ''); define('DB_HOST', '127.0.0.1:%d');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', ''); define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISABLE_WP_CRON', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
`, blog, m.mysql.Port)
	if err := os.WriteFile(filepath.Join(folder, "wp-config.php"), []byte(settings), 0o644); err != nil {
		return err
	}
	s, err := m.serve(folder)
	if err != nil {
		return err
	}
	defer s.close()
	const password = "a-password-for-a-moment-29"
	if _, err := s.post("/wp-admin/install.php?step=2", url.Values{"weblog_title": {"Shop"}, "user_name": {"ada"}, "admin_password": {password},
		"admin_password2": {password}, "admin_email": {"ada@example.com"}, "language": {""}, "Submit": {"Install"}}); err != nil {
		return fmt.Errorf("set up WordPress: %w", err)
	}
	if _, err := s.get("/wp-login.php"); err != nil { // for its cookie
		return err
	}
	if _, err := s.post("/wp-login.php", url.Values{"log": {"ada"}, "pwd": {password}, "testcookie": {"1"}, "wp-submit": {"Log In"}}); err != nil {
		return fmt.Errorf("log in to WordPress: %w", err)
	}
	export, err := s.get("/wp-admin/export.php?download=true&content=all")
	if err == nil && !strings.Contains(export, "WordPress eXtended RSS") {
		err = fmt.Errorf("WordPress answers %.500s", export)
	}
	if err != nil {
		return err
	}
	if err := m.write("wordpress.xml", []byte(export)); err != nil {
		return err
	}
	if err := m.php(folder, wordPressContent); err != nil {
		return fmt.Errorf("fill WordPress: %w", err)
	}
	return nil
}

// php runs a program in a folder.
func (m *maker) php(folder, program string, words ...string) error {
	file := filepath.Join(folder, "content-of-the-site.php")
	if err := os.WriteFile(file, []byte(program), 0o644); err != nil {
		return err
	}
	command := exec.Command("php", append([]string{file}, words...)...)
	command.Dir = folder
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %.2000s", err, out)
	}
	return nil
}
