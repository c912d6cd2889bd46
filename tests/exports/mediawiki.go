package main

import (
	_ "embed"
	"fmt"
	"os/exec"
	"path/filepath"
)

// wiki is the database of the MediaWiki site.
const wiki = "wiki"

//go:embed mediawiki.php
var mediaWikiContent string

// mediaWiki sets up a wiki and fills it.
func (m *maker) mediaWiki() error {
	folder := filepath.Join(m.work, "mediawiki")
	// Debian's package has a link to the machine's own settings.
	copying := exec.Command("sh", "-c", "tar -C /usr/share --dereference --exclude=LocalSettings.php -cf - mediawiki | tar -xf -")
	copying.Dir = m.work
	if out, err := copying.CombinedOutput(); err != nil {
		return fmt.Errorf("copy MediaWiki: %w: %s", err, out)
	}
	run := func(words ...string) error {
		command := exec.Command("php", words...)
		command.Dir = folder
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("php %s: %w: %.2000s", words[0], err, out)
		}
		return nil
	}
	if err := run("maintenance/install.php", "--dbtype=mysql", fmt.Sprintf("--dbserver=127.0.0.1:%d", m.mysql.Port), "--dbname="+wiki,
		"--dbuser=root", "--dbpass=", "--scriptpath=", "--pass=a-password-for-a-moment-29", "Shop", "Ada"); err != nil {
		return err
	}
	if err := m.php(folder, mediaWikiContent); err != nil {
		return fmt.Errorf("fill MediaWiki: %w", err)
	}
	return run("maintenance/runJobs.php")
}
