package sqltext

// insertedRows reads the head of an INSERT or REPLACE: the table, and how many rows it will add; -1 if the text does not tell.
func insertedRows(text []byte, groups rowGroups, dialect Dialect) (table string, rows int64) {
	token := NextToken(text, 0, dialect)
	exact := token.Is(text, "INSERT")
	for {
		token = NextToken(text, token.End, dialect)
		if token.Is(text, "INTO") {
			break
		}
		if token.Kind != Word {
			return "", -1
		}
		exact = exact && !token.Is(text, "IGNORE")
	}
	parts, _, end := QualifiedName(text, token.End, dialect)
	if len(parts) == 0 {
		return "", -1
	}
	table = tableName(parts, dialect)
	count, breaks := groups.count, 0
	token = NextToken(text, end, dialect)
	if token.IsSymbol(text, '(') { // the list of columns
		count, breaks = count-1, 1
	} else if !token.Is(text, "VALUES") && !token.Is(text, "VALUE") && !token.Is(text, "OVERRIDING") {
		return table, -1
	}
	if !exact || groups.breaks != breaks || count < 1 {
		return table, -1
	}
	return table, int64(count)
}

// copyTarget reads a COPY statement: its table, and whether the following lines fill it.
func copyTarget(text []byte) (table string, fromStdin bool) {
	parts, _, end := QualifiedName(text, len("COPY"), Postgres)
	if len(parts) == 0 {
		return "", false
	}
	for token := NextToken(text, end, Postgres); token.Kind != End; token = NextToken(text, token.End, Postgres) {
		if token.Is(text, "FROM") {
			return tableName(parts, Postgres), NextToken(text, token.End, Postgres).Is(text, "STDIN")
		}
	}
	return "", false
}

// tableName is the name of a table in statistics.
func tableName(parts []string, dialect Dialect) string {
	if dialect == MySQL {
		return parts[len(parts)-1]
	}
	return JoinName(parts)
}

// createdTable returns the table that a statement creates; dropped is the one that it drops. Temporary tables do not count.
func createdTable(text []byte, dialect Dialect) (created, dropped string) {
	token := NextToken(text, 0, dialect)
	creates, drops := token.Is(text, "CREATE"), token.Is(text, "DROP")
	if !creates && !drops {
		return "", ""
	}
	for {
		token = NextToken(text, token.End, dialect)
		switch {
		case token.Is(text, "TABLE"):
			for {
				next := NextToken(text, token.End, dialect)
				if !next.Is(text, "IF") && !next.Is(text, "NOT") && !next.Is(text, "EXISTS") {
					break
				}
				token = next
			}
			parts, _, _ := QualifiedName(text, token.End, dialect)
			if len(parts) == 0 {
				return "", ""
			}
			if drops {
				return "", tableName(parts, dialect)
			}
			return tableName(parts, dialect), ""
		case token.Is(text, "OR"), token.Is(text, "REPLACE"), token.Is(text, "UNLOGGED"):
		default:
			return "", ""
		}
	}
}

// body is the body of a PostgreSQL function that is written as BEGIN ATOMIC … END. It is read as far as the statement is.
type body struct {
	known, is bool // whether the statement makes a function
	at        int  // up to where it has been read
	depth     int  // of BEGIN and CASE
}

// contains reports whether a statement's text, cut at a semicolon, ends within the body. The rule is psql's.
func (b *body) contains(text []byte) bool {
	if !b.known {
		b.known, b.is = true, makesFunction(text)
	}
	if !b.is {
		return false
	}
	for {
		token := NextToken(text, b.at, Postgres)
		switch {
		case token.Kind == End:
			return b.depth > 0
		case token.Is(text, "BEGIN"), b.depth > 0 && token.Is(text, "CASE"):
			b.depth++
		case b.depth > 0 && token.Is(text, "END"):
			b.depth--
		}
		b.at = token.End
	}
}

// makesFunction reports whether a statement creates a function or a procedure of PostgreSQL.
func makesFunction(text []byte) bool {
	token := NextToken(text, 0, Postgres)
	if !token.Is(text, "CREATE") {
		return false
	}
	token = NextToken(text, token.End, Postgres)
	if token.Is(text, "OR") {
		token = NextToken(text, NextToken(text, token.End, Postgres).End, Postgres)
	}
	return token.Is(text, "FUNCTION") || token.Is(text, "PROCEDURE")
}
