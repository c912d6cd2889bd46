package project

import "regexp"

// passwords finds what looks like a password in a URL or a shell command; the text to keep is in $1.
// A shell variable in a command is no secret, so a value that begins with a dollar sign is left alone.
var passwords = []*regexp.Regexp{
	// In a URL, up to the last @: a password that was not percent-encoded may hold one itself.
	regexp.MustCompile(`(://[^\s:/@]*:)\S+@`),
	// mysqldump --password=…, MYSQL_PWD=…, PGPASSWORD='…', and the like.
	regexp.MustCompile(`(?i)((?:password|passwd|pwd)=)(?:"[^"$][^"]*"|'[^']+'|[^\s"'$]\S*)`),
	// The MySQL clients' -pSECRET. Other programs mean other things by -p, ports for instance.
	regexp.MustCompile(`(\b(?:mysqldump|mariadb-dump|mysql|mariadb)\b[^|;&]*?\s-p)[^\s$]\S*`),
}

// redact replaces what looks like a password by ***.
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

// holdsPassword says whether redact would take something away.
func holdsPassword(text string) bool { return redact(text) != text }
