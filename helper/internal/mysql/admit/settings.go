package admit

import (
	"fmt"
	"slices"
	"strings"
)

// variables are the settings of their session that dumps change, in capitals. None of them reaches outside the session.
var variables = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`
		ALTER_ALGORITHM AUTOCOMMIT AUTO_INCREMENT_INCREMENT AUTO_INCREMENT_OFFSET BIG_TABLES BLOCK_ENCRYPTION_MODE
		BULK_INSERT_BUFFER_SIZE CHARACTER_SET_CLIENT CHARACTER_SET_COLLATIONS CHARACTER_SET_CONNECTION CHARACTER_SET_DATABASE CHARACTER_SET_RESULTS
		CHARACTER_SET_SERVER CHECK_CONSTRAINT_CHECKS COLLATION_CONNECTION COLLATION_DATABASE COLLATION_SERVER COLUMN_COMPRESSION_THRESHOLD COMPLETION_TYPE
		DEFAULT_COLLATION_FOR_UTF8MB4 DEFAULT_STORAGE_ENGINE DEFAULT_TABLE_TYPE DEFAULT_TMP_STORAGE_ENGINE DEFAULT_WEEK_FORMAT DIV_PRECISION_INCREMENT
		EXPLICIT_DEFAULTS_FOR_TIMESTAMP FOREIGN_KEY_CHECKS FOREIGN_KEY_CHECK GROUP_CONCAT_MAX_LEN
		IDENTITY INFORMATION_SCHEMA_STATS_EXPIRY INNODB_LOCK_WAIT_TIMEOUT INNODB_STRICT_MODE INNODB_TABLE_LOCKS INNODB_COMPRESSION_DEFAULT
		INSERT_ID INTERACTIVE_TIMEOUT JOIN_BUFFER_SIZE LAST_INSERT_ID LC_MESSAGES LC_TIME_NAMES LOCK_WAIT_TIMEOUT LONG_QUERY_TIME
		LOW_PRIORITY_UPDATES MAX_ALLOWED_PACKET MAX_ERROR_COUNT MAX_EXECUTION_TIME MAX_HEAP_TABLE_SIZE MAX_JOIN_SIZE MAX_LENGTH_FOR_SORT_DATA
		MAX_RECURSIVE_ITERATIONS MAX_SORT_LENGTH MAX_SP_RECURSION_DEPTH MAX_STATEMENT_TIME MYISAM_SORT_BUFFER_SIZE NET_BUFFER_LENGTH NET_READ_TIMEOUT
		NET_RETRY_COUNT NET_WRITE_TIMEOUT NEW NOTE_VERBOSITY OLD OLD_ALTER_TABLE OLD_MODE OLD_PASSWORDS OPTIMIZER_SWITCH QUERY_CACHE_TYPE RAND_SEED1 RAND_SEED2
		READ_BUFFER_SIZE READ_RND_BUFFER_SIZE RESTRICT_FK_ON_NON_STANDARD_KEY ROCKSDB_BULK_LOAD SHOW_CREATE_TABLE_VERBOSITY SORT_BUFFER_SIZE SQL_AUTO_IS_NULL SQL_BIG_SELECTS
		SQL_BIG_RESULT SQL_BUFFER_RESULT SQL_GENERATE_INVISIBLE_PRIMARY_KEY SQL_IF_EXISTS SQL_LOG_OFF SQL_LOW_PRIORITY_UPDATES SQL_MODE SQL_NOTES SQL_QUOTE_SHOW_CREATE
		SQL_REQUIRE_PRIMARY_KEY SQL_SAFE_UPDATES SQL_SELECT_LIMIT SQL_WARNINGS STORAGE_ENGINE SYSTEM_VERSIONING_ALTER_HISTORY
		SYSTEM_VERSIONING_ASOF SYSTEM_VERSIONING_INSERT_HISTORY TABLE_TYPE TIME_ZONE TIMESTAMP TMP_MEMORY_TABLE_SIZE TMP_TABLE_SIZE
		TRANSACTION_ISOLATION TRANSACTION_READ_ONLY TX_ISOLATION TX_READ_ONLY UNIQUE_CHECKS UPDATABLE_VIEWS_WITH_LIMIT USE_SECONDARY_ENGINE WAIT_TIMEOUT
		XML_STORAGE_ENGINE`) {
		variables[name] = true
	}
	delete(variables, "XML_STORAGE_ENGINE")
	delete(variables, "SQL_LOG_OFF") // for administrators, and about the server's log
}

// settings judges a SET, assignment by assignment.
func (r *reader) settings() error {
	switch {
	case r.word(1) == "TRANSACTION", (r.word(1) == "SESSION" || r.word(1) == "LOCAL") && r.word(2) == "TRANSACTION":
		for i := 1; i < len(r.tokens); i++ {
			if !r.symbol(i, ',') && !slices.Contains([]string{"SESSION", "LOCAL", "TRANSACTION", "ISOLATION", "LEVEL", "READ", "WRITE", "ONLY", "COMMITTED",
				"UNCOMMITTED", "REPEATABLE", "SERIALIZABLE"}, r.word(i)) {
				return r.unknown()
			}
		}
		return nil
	}
	for {
		end := r.at
		for depth := 0; end < len(r.tokens) && (depth > 0 || !r.symbol(end, ',')); end++ {
			switch {
			case r.symbol(end, '('):
				depth++
			case r.symbol(end, ')'):
				depth--
			}
		}
		if err := (&reader{judge: r.judge, tokens: r.tokens[r.at:end]}).assignment(); err != nil {
			return err
		}
		if end == len(r.tokens) {
			return nil
		}
		r.at = end + 1
	}
}

// assignment judges one assignment of a SET.
func (r *reader) assignment() error {
	switch {
	case r.word(0) == "NAMES", r.word(0) == "CHARSET", r.word(0) == "CHARACTER" && r.word(1) == "SET":
		r.judge.ModeChanged = true
		return r.charset()
	case r.symbol(0, '@') && !r.symbol(1, '@'):
		if t := r.peek(1); !t.isName() && t.kind != text && t.kind != number {
			return r.unknownSetting()
		}
		for r.at = 2; r.symbol(r.at, '.') || r.symbol(r.at-1, '.') && r.peek(r.at).kind == word; {
			r.at++ // such a name may have dots
		}
		return r.value()
	case r.symbol(0, '@'):
		r.at = 2
	}
	if scope := r.word(r.at); scope == "SESSION" || scope == "LOCAL" {
		if r.at++; r.symbol(r.at, '.') {
			r.at++
		} else if r.symbol(0, '@') {
			return r.unknownSetting()
		}
	}
	name := strings.ToUpper(r.peek(r.at).name())
	if !r.peek(r.at).isName() {
		return r.unknownSetting()
	}
	if next := r.peek(r.at + 1); !next.isSymbol('=') && !(next.isSymbol(':') && r.symbol(r.at+2, '=')) {
		return r.unknownSetting()
	}
	if r.at++; !variables[name] {
		if err := r.value(); err != nil {
			return err
		}
		return &SettingError{name}
	}
	r.judge.ModeChanged = r.judge.ModeChanged || name == "SQL_MODE" || name == "CHARACTER_SET_CLIENT"
	return r.value()
}

// value judges what is assigned.
func (r *reader) value() error {
	if r.symbol(r.at, ':') {
		r.at++
	}
	if !r.symbol(r.at, '=') || r.at+1 >= len(r.tokens) {
		return r.unknownSetting()
	}
	r.at++
	return r.expression(r.at, len(r.tokens))
}

// charset judges the names behind SET NAMES and SET CHARACTER SET.
func (r *reader) charset() error {
	if r.at = 1; r.word(0) == "CHARACTER" {
		r.at = 2
	}
	for first := true; !r.ended(); first = false {
		if !first && !r.pass("COLLATE") {
			return r.unknownSetting()
		}
		if t := r.peek(r.at); t.kind != text && !t.isName() {
			return r.unknownSetting()
		}
		r.at++
	}
	return nil
}

func (r *reader) unknownSetting() error {
	if found := r.word(0); found != "" {
		return fmt.Errorf("dumps do not SET %s", found)
	}
	return fmt.Errorf("dumps have no SET of this form")
}
