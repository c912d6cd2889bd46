package mysql

// FlavourName is how people call each flavour.
var FlavourName = map[string]string{"mysql": "MySQL", "mariadb": "MariaDB"}
