package project

// ownDatabase gives the URL of the DDEV project's own database, which a pull replaces unless somebody
// names another one; nothing outside DDEV. Host, port and accounts are those that DDEV gives every
// project. Containers of the project know its database as db; on the machine itself DDEV says by
// DDEV_HOST_DB_PORT which of its ports leads there.
func ownDatabase(database Database, env map[string]string) string {
	if env["IS_DDEV_PROJECT"] != "true" {
		return ""
	}
	account, address, options := "mysql://root:root", "db:3306", ""
	switch database.Type {
	case "mariadb":
		// It offers TLS by itself since version 11.4. Within one machine that hides nothing from anybody, takes time on both
		// sides, and rows can only be loaded as SQL then.
		options = "?tls=off"
	case "postgres":
		account, address = "postgres://db:db", "db:5432"
	}
	if port := env["DDEV_HOST_DB_PORT"]; port != "" {
		address = "127.0.0.1:" + port
	}
	return account + "@" + address + "/db" + options
}
