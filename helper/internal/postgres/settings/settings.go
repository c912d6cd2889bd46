// Package settings makes sessions of PostgreSQL servers independent of the settings of the server, the database and the role, which
// decide what is read, written and compared, and how long that may take. What each setting is set to stands in one table, in
// settings.go.
package settings

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Role is what a session is for.
type Role int

// The roles.
const (
	Reading Role = iota // of staging, in one transaction, with which the settings end
	Writing             // of the local server
)

// Setting is a setting of a session.
type Setting struct {
	Name, Value string
	// Changed is true where it had another value.
	Changed bool
	// Source is where it had its value from, in the words of pg_settings: "database user" is ALTER ROLE … IN DATABASE … SET.
	Source string
}

// Error says that a setting has a value under which not everything can be read, and that the session's role may not change it.
type Error struct {
	Name, Value string
}

func (e *Error) Error() string {
	return fmt.Sprintf("the server's setting %s is %q, and this role may not change it for itself", e.Name, e.Value)
}

// Apply gives a connection its settings, those of Reading until its transaction ends. It says which those are, and fails with *Error
// where one that matters cannot be changed.
func Apply(ctx context.Context, conn *pgconn.PgConn, role Role) (made []Setting, err error) {
	results, err := conn.Exec(ctx, statement(role)).ReadAll()
	if err != nil {
		return nil, err
	}
	refused := results[len(results)-1].Rows
	if len(refused) > 0 {
		return nil, &Error{Name: string(refused[0][0]), Value: string(refused[0][1])}
	}
	if len(results[len(results)-3].Rows) > 0 {
		made = append(made, Setting{"role", "none", true, "user"})
	}
	for _, row := range results[len(results)-2].Rows {
		made = append(made, Setting{string(row[0]), string(row[1]), string(row[3]) == "t", string(row[2])})
	}
	return made, nil
}

// Again gives the statements that make settings in a transaction that has just begun, without a look at anything: its snapshot is yet
// to be taken.
func Again(made []Setting) []string {
	statements := []string{"SET LOCAL statement_timeout = 0"}
	for _, s := range made {
		statements = append(statements, "SET LOCAL "+s.Name+" = "+quote(s.Value))
	}
	return statements
}

// Options gives the settings for programs that ask libpq to connect, as PGOPTIONS has them: of those that were changed the ones that
// somebody has meant for this role or database. "" is for none: poolers refuse connections that come with options.
func Options(made []Setting) string {
	var words []string
	for _, s := range made {
		// Every server's own configuration says which language amounts and months are in.
		own := strings.HasPrefix(s.Name, "lc_") && s.Source == "configuration file"
		if s.Changed && s.Source != "default" && !own && !clientsOwn[strings.ToLower(s.Name)] {
			words = append(words, "-c "+s.Name+"="+escapeOption.Replace(s.Value))
		}
	}
	return strings.Join(words, " ")
}

// clientsOwn are what pg_dump sets itself, at once.
var clientsOwn = map[string]bool{"search_path": true, "client_encoding": true, "datestyle": true, "intervalstyle": true, "extra_float_digits": true}

var escapeOption = strings.NewReplacer(`\`, `\\`, " ", `\ `)

// statement is what makes the settings that a server has. Nothing in there is found by a search path that somebody has set. The
// account's own role comes back where it may do all that the one may that ALTER ROLE has put in its place.
func statement(role Role) string {
	local, scope := "false", "SET"
	if role == Reading {
		local, scope = "true", "SET LOCAL"
	}
	var values []string
	for _, s := range settings {
		value := s.reading
		if role == Writing {
			value = s.writing
		}
		if value == leave {
			continue
		}
		values = append(values, fmt.Sprintf("(%s, %s, %t)", quote(s.name), quote(value), s.matters))
	}
	from := " FROM (VALUES " + strings.Join(values, ", ") + ") AS w(name, value, matters) JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = w.name" +
		" WHERE "
	const may = "(s.context = 'user' OR s.context IN ('superuser', 'superuser-backend') AND (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user))"
	return strings.Join([]string{
		scope + " statement_timeout = 0",
		scope + " search_path = pg_catalog",
		"SELECT pg_catalog.set_config('role', 'none', " + local + ") WHERE current_user <> session_user AND pg_catalog.pg_has_role(session_user, current_user, 'USAGE')",
		"SELECT s.name, w.value, s.source, s.setting <> w.value, CASE WHEN s.setting <> w.value THEN pg_catalog.set_config(s.name, w.value, " + local + ") END" + from + may,
		"SELECT s.name, s.setting" + from + "w.matters AND s.setting <> w.value AND NOT " + may,
	}, ";\n")
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// setting is a setting that decides what comes of us, by its name in small letters.
type setting struct {
	name string
	// reading and writing are what sessions of the roles set it to.
	reading, writing string
	// matters says that nothing goes on where it is another value that the role may not change.
	matters bool
}

// leave is no value: the setting stays as it is.
const leave = "\x00"

// both is a setting that both roles make.
func both(name, value string) setting { return setting{name: name, reading: value, writing: value} }

// settings are those that are made. Only superusers may make some of them; others go without, but for those that matter.
var settings = []setting{
	// How long it may take. The first statement has set statement_timeout.
	// In milliseconds. Who wants a table of staging waits behind us while we wait for it.
	{name: "lock_timeout", reading: "800", writing: "0"},
	both("idle_in_transaction_session_timeout", "0"),
	both("idle_session_timeout", "0"),
	both("transaction_timeout", "0"),
	both("tcp_user_timeout", "0"), // a slow line must not look like a dead client
	both("exit_on_error", "off"),

	// Which rows are seen.
	both("row_security", "off"), // an error instead of some rows
	both("gin_fuzzy_search_limit", "0"),
	both("synchronize_seqscans", "off"), // or they come in any order
	both("restrict_nonsystem_relation_kind", ""),
	{name: "zero_damaged_pages", reading: "off", writing: "off", matters: true},
	{name: "ignore_checksum_failure", reading: "off", writing: "off", matters: true},
	both("sql_inheritance", "on"), // before version 10

	// Transactions.
	both("default_transaction_read_only", "off"), // those that read say so themselves
	both("default_transaction_isolation", "read committed"),
	both("default_transaction_deferrable", "off"),

	// How values are written and read.
	both("client_encoding", "UTF8"),
	both("datestyle", "ISO, MDY"),
	both("intervalstyle", "postgres"),
	both("extra_float_digits", "3"),
	both("bytea_output", "hex"),
	both("lc_monetary", "C"), // amounts of money are texts in it
	both("lc_numeric", "C"),
	both("lc_time", "C"),
	both("lc_messages", "C"), // some are read
	both("xmlbinary", "base64"),
	both("xmloption", "content"),
	both("array_nulls", "on"),
	both("standard_conforming_strings", "on"),
	both("escape_string_warning", "off"),
	both("backslash_quote", "safe_encoding"),
	both("quote_all_identifiers", "off"),
	both("transform_null_equals", "off"), // a view's "= NULL" would be made another one
	both("operator_precedence_warning", "off"),
	both("client_min_messages", "warning"),

	// What tables are made as. Names without a schema are of foreign dumps, which mean the server's default.
	{name: "search_path", reading: "", writing: `"$user", public`},
	{name: "default_tablespace", reading: leave, writing: ""},
	{name: "temp_tablespaces", reading: leave, writing: ""},
	{name: "default_table_access_method", reading: leave, writing: "heap"},
	{name: "default_with_oids", reading: leave, writing: "off"}, // before version 12
	{name: "check_function_bodies", reading: leave, writing: "off"},
	{name: "session_replication_role", reading: leave, writing: "origin"},

	// How staging's machine is used: these connections are as many as were promised.
	{name: "max_parallel_workers_per_gather", reading: "0", writing: leave},
}

// left are settings that are left as they are, and why.
var left = []struct{ reason, names string }{
	{"values are written with their zones", `timezone timezone_abbreviations`},
	{"it is what this very transaction is", `transaction_deferrable transaction_isolation transaction_read_only`},
	{"it decides how fast, not what", `backend_flush_after client_connection_check_interval commit_delay commit_siblings constraint_exclusion
		cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction deadlock_timeout default_statistics_target
		effective_cache_size effective_io_concurrency enable_async_append enable_bitmapscan enable_distinct_reordering
		enable_gathermerge enable_group_by_reordering enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan
		enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop enable_parallel_append enable_parallel_hash
		enable_partition_pruning enable_partitionwise_aggregate enable_partitionwise_join enable_presorted_aggregate
		enable_self_join_elimination enable_seqscan enable_sort enable_tidscan file_copy_method force_parallel_mode debug_parallel_query
		from_collapse_limit geqo geqo_effort geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold
		gin_pending_list_limit hash_mem_multiplier io_combine_limit jit jit_above_cost jit_expressions jit_inline_above_cost
		jit_optimize_above_cost jit_tuple_deforming join_collapse_limit logical_decoding_work_mem maintenance_io_concurrency
		maintenance_work_mem max_parallel_maintenance_workers max_parallel_workers min_parallel_index_scan_size
		min_parallel_table_scan_size parallel_leader_participation parallel_setup_cost parallel_tuple_cost plan_cache_mode
		random_page_cost recursive_worktable_factor scram_iterations seq_page_cost stats_fetch_consistency synchronous_commit
		tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval temp_buffers vacuum_buffer_usage_limit vacuum_cost_delay
		vacuum_cost_limit vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss vacuum_failsafe_age
		vacuum_freeze_min_age vacuum_freeze_table_age vacuum_max_eager_freeze_failure_rate vacuum_multixact_failsafe_age
		vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age vacuum_truncate wal_compression wal_init_zero wal_recycle
		wal_skip_threshold work_mem`},
	{"the server says what it is short of", `max_stack_depth temp_file_limit`},
	{"it decides what is logged or counted", `backtrace_functions compute_query_id debug_discard_caches debug_logical_replication_streaming
		debug_pretty_print debug_print_parse debug_print_plan debug_print_rewritten jit_debugging_support jit_dump_bitcode
		jit_profiling_support log_connections log_disconnections log_duration log_error_verbosity log_executor_stats log_lock_failures
		log_lock_waits log_min_duration_sample log_min_duration_statement log_min_error_statement log_min_messages
		log_parameter_max_length log_parameter_max_length_on_error log_parser_stats log_planner_stats log_replication_commands
		log_statement log_statement_sample_rate log_statement_stats log_temp_files log_transaction_sample_rate md5_password_warnings
		trace_notify trace_sort track_activities track_cost_delay_timing track_counts track_functions track_io_timing
		track_wal_io_timing update_process_title wal_consistency_checking`},
	{"the program says it itself", `application_name`},
	{"how the server keeps what it is given is its own affair", `default_toast_compression password_encryption`},
	{"no statement of ours does what it is about, or its dump says it", `allow_in_place_tablespaces allow_system_table_mods createrole_self_grant
		default_text_search_config dynamic_library_path event_triggers extension_control_path extension_destdir icu_validation_level
		lo_compat_privileges wal_sender_timeout`},
	{"a session cannot change it once it has begun", `ignore_system_indexes local_preload_libraries post_auth_delay session_preload_libraries`},
}
