package main

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// cms are the sites, by the programs that made them, with their databases.
var cms = []struct{ program, database string }{{"wordpress", blog}, {"mediawiki", wiki}}

// sites writes the databases of WordPress and MediaWiki, as the dump client writes them, and as phpMyAdmin and Adminer export them
// from MariaDB and from MySQL.
func (m *maker) sites() (err error) {
	if err := m.mediaWiki(); err != nil {
		return err
	}
	oracle, err := testserver.Mysqld(filepath.Join(m.work, "mysql"))
	if err != nil {
		return err
	}
	defer oracle.Stop()
	for _, site := range cms {
		dump, err := m.dump(site.database)
		if err != nil {
			return err
		}
		if err := m.compress(site.program+".sql", dump); err != nil {
			return err
		}
		if err := oracle.Exec("CREATE DATABASE " + site.database); err != nil {
			return err
		}
		if err := client(oracle, dump, site.database); err != nil {
			return fmt.Errorf("load %s into MySQL: %w", site.program, err)
		}
	}
	return errors.Join(m.exportSites(m.mysql, "mariadb"), m.exportSites(oracle, "mysql"))
}

func (m *maker) exportSites(server *testserver.MySQL, name string) error {
	admin, err := m.openPHPMyAdmin(server, "phpmyadmin-"+name)
	if err != nil {
		return err
	}
	defer admin.close()
	adminer, err := m.openAdminer()
	if err != nil {
		return err
	}
	defer adminer.close()
	for _, site := range cms {
		rows, err := server.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE'", site.database)
		if err != nil {
			return err
		}
		var tables []string
		for _, row := range rows {
			tables = append(tables, row[0])
		}
		quick, err := admin.phpMyAdminForm(site.database)
		if err != nil {
			return err
		}
		for _, list := range []string{"table_select[]", "table_structure[]", "table_data[]"} {
			quick[list] = tables
		}
		quick.Set("quick_or_custom", "quick")
		quick.Set("what", "sql")
		quick.Set("output_format", "sendit")
		dump, err := admin.post("/index.php?route=/export", quick)
		if err == nil && !strings.HasPrefix(dump, "-- phpMyAdmin") {
			err = fmt.Errorf("export %s: phpMyAdmin answers %.500s", site.program, dump)
		}
		if err != nil {
			return err
		}
		if err := m.compress(site.program+"-phpmyadmin-"+name+".sql", dump); err != nil {
			return err
		}
		path, preset, err := adminer.adminerForm("server", "root", "", site.database, server.Port)
		if err != nil {
			return err
		}
		form := maps.Clone(preset)
		form.Set("table_style", "DROP+CREATE")
		form.Set("data_style", "INSERT")
		form["tables[]"], form["data[]"] = tables, tables
		if dump, err = adminer.adminerExport(path, url.Values(form)); err != nil {
			return err
		}
		if err := m.compress(site.program+"-adminer-"+name+".sql", dump); err != nil {
			return err
		}
	}
	return nil
}

// compress writes a dump of a site.
func (m *maker) compress(name, dump string) error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return err
	}
	packed := encoder.EncodeAll([]byte(dump), nil)
	fmt.Printf("%s: %d bytes, %d compressed\n", name, len(dump), len(packed))
	return os.WriteFile(filepath.Join(m.sitesFolder, name+".zst"), packed, 0o644)
}
