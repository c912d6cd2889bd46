package project

import "regexp"

// passwords matches what looks like a password in a URL or a shell command; $1 is the text to keep. A value that begins with a
// dollar sign is left alone, because a shell variable is no secret.
var passwords = []*regexp.Regexp{
	// In a URL, up to the last @: a password that was not percent-encoded may contain one.
	regexp.MustCompile(`(://[^\s:/@]*:)\S+@`),
	// mysqldump --password=…, MYSQL_PWD=…, PGPASSWORD='…', and the like.
	regexp.MustCompile(`(?i)((?:password|passwd|pwd)=)(?:"[^"$][^"]*"|'[^']+'|[^\s"'$]\S*)`),
	// -pSECRET of the MySQL clients. For other programs, -p means something else, such as a port.
	regexp.MustCompile(`(\b(?:mysqldump|mariadb-dump|mysql|mariadb)\b[^|;&]*?\s-p)[^\s$]\S*`),
}

// redact replaces what looks like a password with ***.
func redact(text string) string {
	for i, pattern := range passwords {
		replacement := "${1}***"
		if i == 0 {
			replacement += "@"
		}
		text = pattern.ReplaceAllString(text, replacement)
	}
	return text
}

// holdsPassword reports whether redact would replace anything.
func holdsPassword(text string) bool { return redact(text) != text }
